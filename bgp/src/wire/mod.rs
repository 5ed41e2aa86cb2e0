//! The BGP-4 codec: octets to values and back, nothing remembered in between (RFC 4271 §4).
//!
//! Total on any input: a byte string is a message, a request for more, or a [`Fault`] that names the octet and
//! the RFC section and maps to its NOTIFICATION. What two speakers agreed on comes in as [`Context`].

mod attr;
mod capability;
pub mod ext_community;
mod fault;
mod frame;
mod mp;
mod nlri;
pub mod notification;
mod open;
mod reader;
mod update;

pub use attr::{Attr, AttrCause, AttrFault, Origin, Reaction, Segment, attr_code};
pub use capability::{Capability, GracefulRestart, Role};
pub use fault::{Fault, HeaderFault, OpenFault, UpdateFault};
pub use frame::{HEADER_LEN, MAX_EXTENDED_MESSAGE, MAX_MESSAGE, next_frame};
pub use mp::{MpNextHop, MpReach, MpUnreach, Prefixes};
pub(crate) use nlri::Decode;
pub use nlri::Nlri;
pub use notification::Notification;
pub use open::Open;
pub use update::Update;
pub(crate) use update::stored_attrs;

use crate::types::Family;
use reader::Reader;

/// Message type octets.
pub(crate) mod kind {
    pub(crate) const OPEN: u8 = 1;
    pub(crate) const UPDATE: u8 = 2;
    pub(crate) const NOTIFICATION: u8 = 3;
    pub(crate) const KEEPALIVE: u8 = 4;
    pub(crate) const ROUTE_REFRESH: u8 = 5;
}

/// What a ROUTE-REFRESH is for: its subtype (RFC 7313 §3.2).
pub mod refresh {
    /// Asks for a family's routes again.
    pub const REQUEST: u8 = 0;
    /// A family's routes are about to be repeated.
    pub const BEGINS: u8 = 1;
    /// All of them were.
    pub const ENDS: u8 = 2;
}

/// What of a message a NOTIFICATION of any session has room for beside header, code and subcode.
const MAX_ECHO: usize = MAX_MESSAGE as usize - HEADER_LEN - 2;

/// What the OPENs settled about the form of later messages. The default is what holds before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// `AS_PATH` carries four-octet numbers (RFC 6793).
    pub four_octet_as: bool,
    /// The longest message either side may send.
    pub max_message: u16,
    /// Both are in one AS: `LOCAL_PREF`, reflection and confederation attributes have a meaning.
    pub internal: bool,
}

impl Default for Context {
    fn default() -> Self {
        Self { four_octet_as: false, max_message: MAX_MESSAGE, internal: false }
    }
}

/// Any BGP message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Type 1.
    Open(Open),
    /// Type 2.
    Update(Update),
    /// Type 3.
    Notification(Notification),
    /// Type 4.
    Keepalive,
    /// Type 5 (RFC 2918 §3).
    RouteRefresh {
        /// The family asked for.
        family: Family,
        /// One of [`refresh`], or a value to be ignored.
        subtype: u8,
    },
}

impl Message {
    /// The message's type octet.
    #[must_use]
    pub fn kind(&self) -> u8 {
        match self {
            Self::Open(_) => kind::OPEN,
            Self::Update(_) => kind::UPDATE,
            Self::Notification(_) => kind::NOTIFICATION,
            Self::Keepalive => kind::KEEPALIVE,
            Self::RouteRefresh { .. } => kind::ROUTE_REFRESH,
        }
    }

    /// The whole message with its header; `None` if its content is longer than `context` or a field allows.
    #[must_use]
    pub fn encode(&self, context: Context) -> Option<Vec<u8>> {
        let mut out = vec![0xff; 16];
        out.extend_from_slice(&[0, 0, self.kind()]);
        match self {
            Self::Open(open) => open.encode_body(&mut out)?,
            Self::Update(update) => update.encode_body(context, &mut out)?,
            Self::Notification(Notification { code, subcode, data }) => {
                out.extend_from_slice(&[*code, *subcode]);
                out.extend_from_slice(data);
            }
            Self::Keepalive => {}
            Self::RouteRefresh { family, subtype } => {
                out.extend_from_slice(&family.afi.to_be_bytes());
                out.extend_from_slice(&[*subtype, family.safi]);
            }
        }
        let len = u16::try_from(out.len()).ok().filter(|len| *len <= context.max_message)?;
        out.get_mut(16..18)?.copy_from_slice(&len.to_be_bytes());
        Some(out)
    }

    /// Decodes one frame as cut by [`next_frame`].
    ///
    /// # Errors
    /// A [`Fault`] that ends the session; its [`Notification`] is to be sent, unless the frame was one itself.
    pub fn decode(frame: &[u8], context: Context) -> Result<Self, Fault> {
        let mut reader = Reader::new(frame, 0);
        let bad_length =
            HeaderFault::BadLength { kind: 0, len: u16::try_from(frame.len()).unwrap_or(u16::MAX) };
        reader.take(HEADER_LEN - 1).map_err(|_| bad_length)?;
        let kind = reader.u8().map_err(|_| bad_length)?;
        Ok(match kind {
            kind::OPEN => Self::Open(Open::decode_body(reader)?),
            kind::UPDATE => Self::Update(Update::decode_body(reader, context)?),
            kind::NOTIFICATION => Self::Notification(Notification {
                code: reader.u8().map_err(|_| bad_length)?,
                subcode: reader.u8().map_err(|_| bad_length)?,
                data: reader.remaining().to_vec(),
            }),
            kind::KEEPALIVE => Self::Keepalive,
            kind::ROUTE_REFRESH => {
                let len = reader.peek().len();
                let fields = |reader: &mut Reader<'_>| Ok((reader.u16()?, reader.u8()?, reader.u8()?));
                let parsed: Result<_, reader::Short> = fields(&mut reader);
                match parsed {
                    Ok((afi, subtype, safi)) if reader.is_empty() => {
                        Self::RouteRefresh { family: Family { afi, safi }, subtype }
                    }
                    _ => {
                        let message = frame.iter().copied().take(MAX_ECHO).collect();
                        return Err(Fault::RefreshLength { len, message });
                    }
                }
            }
            kind => return Err(HeaderFault::BadType { kind }.into()),
        })
    }
}
