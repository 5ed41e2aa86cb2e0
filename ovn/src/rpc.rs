//! JSON-RPC 1.0 over a stream (RFC 7047 §4): octets in, messages out, and the other way.
//!
//! Messages follow each other without any mark between them. Length and depth are bounded before anything is parsed.

use serde_json::{Value as Json, json};

/// Why a stream of messages cannot go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Something other than an object where a message should begin.
    #[error("octet {0:#04x} where a message should begin")]
    Begin(u8),
    /// A message longer than the bound (octets).
    #[error("a message of more than {0} octets")]
    Length(usize),
    /// Nested deeper than anything OVSDB says.
    #[error("a message nested deeper than {MAX_DEPTH}")]
    Depth,
    /// Not JSON (RFC 8259).
    #[error("not JSON: {0}")]
    Json(String),
    /// JSON, but not a message.
    #[error("neither a request, a reply nor a notification")]
    Message,
}

/// How deep a message may be nested. A reply to `get_schema` needs ten.
pub const MAX_DEPTH: usize = 64;

/// What arrives.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// Wants a reply with the same identity.
    Request {
        /// Repeated in the reply.
        id: Json,
        /// What is wanted.
        method: String,
        /// Of what.
        params: Json,
    },
    /// Wants no reply.
    Notification {
        /// What happened.
        method: String,
        /// To what.
        params: Json,
    },
    /// The answer to one of our requests.
    Reply {
        /// Of the request.
        id: Json,
        /// Null if it failed.
        result: Json,
        /// Null if it did not fail.
        error: Json,
    },
}

/// Cuts a stream into messages.
#[derive(Debug)]
pub struct Reader {
    buffer: Vec<u8>,
    scanned: usize,
    depth: usize,
    text: Text,
    max: usize,
}

/// Where in a text of JSON the scan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    Outside,
    Inside,
    Escaped,
}

impl Reader {
    /// A reader of messages of at most `max` octets.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { buffer: Vec::new(), scanned: 0, depth: 0, text: Text::Outside, max }
    }

    /// Adds what arrived. Drain [`Self::message`] before adding more.
    pub fn push(&mut self, octets: &[u8]) {
        self.buffer.extend_from_slice(octets);
    }

    /// The next whole message.
    ///
    /// # Errors
    /// [`Fault`]: what follows on this stream cannot be understood, it has to be closed.
    pub fn message(&mut self) -> Result<Option<Message>, Fault> {
        let Some(len) = self.frame()? else { return Ok(None) };
        let message = parse(&self.buffer[..len]);
        self.buffer.drain(..len);
        if self.buffer.is_empty() && self.buffer.capacity() > KEPT {
            self.buffer = Vec::new();
        }
        self.scanned = 0;
        message.map(Some)
    }

    /// Octets that wait for the rest of their message.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.buffer.len()
    }

    /// The length of the first message, if all of it is there. Octets are looked at once.
    fn frame(&mut self) -> Result<Option<usize>, Fault> {
        if self.depth == 0 {
            let blank = self.buffer.iter().take_while(|octet| octet.is_ascii_whitespace()).count();
            self.buffer.drain(..blank);
        }
        while let Some(octet) = self.buffer.get(self.scanned).copied() {
            if self.depth == 0 && octet != b'{' {
                return Err(Fault::Begin(octet));
            }
            self.scanned += 1;
            if self.scanned > self.max {
                return Err(Fault::Length(self.max));
            }
            if self.step(octet)? {
                return Ok(Some(self.scanned));
            }
        }
        Ok(None)
    }

    /// Whether this octet ends the message.
    fn step(&mut self, octet: u8) -> Result<bool, Fault> {
        match (self.text, octet) {
            (Text::Escaped, _) => self.text = Text::Inside,
            (Text::Inside, b'\\') => self.text = Text::Escaped,
            (Text::Inside, b'"') => self.text = Text::Outside,
            (Text::Outside, b'"') => self.text = Text::Inside,
            (Text::Outside, b'{' | b'[') => {
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return Err(Fault::Depth);
                }
            }
            (Text::Outside, b'}' | b']') => {
                self.depth -= 1;
                return Ok(self.depth == 0);
            }
            _ => {}
        }
        Ok(false)
    }
}

/// A buffer larger than this is given back once it is empty.
const KEPT: usize = 1 << 20;

/// Reads one message.
///
/// # Errors
/// [`Fault::Json`] or [`Fault::Message`].
pub fn parse(octets: &[u8]) -> Result<Message, Fault> {
    let json: Json = serde_json::from_slice(octets).map_err(|error| Fault::Json(error.to_string()))?;
    let Json::Object(mut members) = json else { return Err(Fault::Message) };
    let mut take = |member: &str| members.remove(member).unwrap_or(Json::Null);
    let (id, method) = (take("id"), take("method"));
    match method {
        Json::String(method) if id.is_null() => Ok(Message::Notification { method, params: take("params") }),
        Json::String(method) => Ok(Message::Request { id, method, params: take("params") }),
        Json::Null if !id.is_null() => {
            Ok(Message::Reply { id, result: take("result"), error: take("error") })
        }
        _ => Err(Fault::Message),
    }
}

/// A request on the wire.
#[must_use]
pub fn request(id: u64, method: &str, params: &Json) -> Vec<u8> {
    json!({"id": id, "method": method, "params": params}).to_string().into_bytes()
}

/// A reply on the wire.
#[must_use]
pub fn reply(id: &Json, result: &Json) -> Vec<u8> {
    json!({"id": id, "result": result, "error": null}).to_string().into_bytes()
}

/// The reply to a request that is not understood.
#[must_use]
pub fn refusal(id: &Json, error: &str) -> Vec<u8> {
    json!({"id": id, "result": null, "error": error}).to_string().into_bytes()
}
