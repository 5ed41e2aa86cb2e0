//! NOTIFICATION (RFC 4271 §4.5): an open code space, and the shutdown text of RFC 9003.

use std::fmt;

/// Error codes (RFC 4271 §4.5, RFC 7313 §5).
pub mod code {
    /// Message header error.
    pub const HEADER: u8 = 1;
    /// OPEN message error.
    pub const OPEN: u8 = 2;
    /// UPDATE message error.
    pub const UPDATE: u8 = 3;
    /// Hold timer expired.
    pub const HOLD_TIMER: u8 = 4;
    /// Finite state machine error.
    pub const FSM: u8 = 5;
    /// Cease.
    pub const CEASE: u8 = 6;
    /// ROUTE-REFRESH message error.
    pub const REFRESH: u8 = 7;
}

/// Subcodes of [`code::HEADER`].
pub mod header {
    /// Connection not synchronized.
    pub const NOT_SYNCHRONIZED: u8 = 1;
    /// Bad message length.
    pub const BAD_LENGTH: u8 = 2;
    /// Bad message type.
    pub const BAD_TYPE: u8 = 3;
}

/// Subcodes of [`code::OPEN`].
pub mod open {
    /// Unsupported version number.
    pub const UNSUPPORTED_VERSION: u8 = 1;
    /// Bad peer AS.
    pub const BAD_PEER_AS: u8 = 2;
    /// Bad BGP identifier.
    pub const BAD_IDENTIFIER: u8 = 3;
    /// Unsupported optional parameter.
    pub const UNSUPPORTED_PARAMETER: u8 = 4;
    /// Unacceptable hold time.
    pub const UNACCEPTABLE_HOLD_TIME: u8 = 6;
    /// Unsupported capability (RFC 5492 §5).
    pub const UNSUPPORTED_CAPABILITY: u8 = 7;
}

/// Subcodes of [`code::UPDATE`].
pub mod update {
    /// Malformed attribute list.
    pub const MALFORMED_LIST: u8 = 1;
    /// Optional attribute error.
    pub const OPTIONAL_ATTRIBUTE: u8 = 9;
    /// Invalid network field.
    pub const INVALID_NETWORK_FIELD: u8 = 10;
}

/// Subcodes of [`code::FSM`] (RFC 6608 §3).
pub mod fsm {
    /// Unexpected message in `OpenSent`.
    pub const IN_OPEN_SENT: u8 = 1;
    /// Unexpected message in `OpenConfirm`.
    pub const IN_OPEN_CONFIRM: u8 = 2;
    /// Unexpected message in Established.
    pub const IN_ESTABLISHED: u8 = 3;
}

/// Subcodes of [`code::CEASE`] (RFC 4486 §3).
pub mod cease {
    /// Administrative shutdown: may carry a text.
    pub const ADMIN_SHUTDOWN: u8 = 2;
    /// Peer de-configured.
    pub const DECONFIGURED: u8 = 3;
    /// Administrative reset: may carry a text.
    pub const ADMIN_RESET: u8 = 4;
    /// Connection collision resolution.
    pub const COLLISION: u8 = 7;
}

/// Why a peer, or we, ended a session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Notification {
    /// Error code; any octet is possible.
    pub code: u8,
    /// Error subcode; its meaning depends on the code.
    pub subcode: u8,
    /// What the code says this is; diagnostic only.
    pub data: Vec<u8>,
}

impl Notification {
    /// A notification with these codes and data.
    #[must_use]
    pub fn new(code: u8, subcode: u8, data: &[u8]) -> Self {
        Self { code, subcode, data: data.to_vec() }
    }

    /// Hold timer expired (RFC 4271 §6.5).
    #[must_use]
    pub fn hold_timer_expired() -> Self {
        Self::new(code::HOLD_TIMER, 0, &[])
    }

    /// Administrative shutdown with a text for the other operator, cut at 255 octets (RFC 9003 §2).
    #[must_use]
    pub fn shutdown(text: &str) -> Self {
        Self::cease(cease::ADMIN_SHUTDOWN, text)
    }

    /// A Cease; `text` is sent only where RFC 9003 §2 has a place for it and where there is one.
    #[must_use]
    pub fn cease(subcode: u8, text: &str) -> Self {
        let carries_text = matches!(subcode, cease::ADMIN_SHUTDOWN | cease::ADMIN_RESET);
        if !carries_text || text.is_empty() {
            return Self::new(code::CEASE, subcode, &[]);
        }
        let mut end = text.len().min(255);
        while !text.is_char_boundary(end) {
            end = end.saturating_sub(1);
        }
        let mut data = vec![u8::try_from(end).unwrap_or(u8::MAX)];
        data.extend_from_slice(text.get(..end).unwrap_or_default().as_bytes());
        Self { code: code::CEASE, subcode, data }
    }

    /// The text of an administrative shutdown or reset, if it carries a readable one (RFC 9003 §2).
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        let (code::CEASE, cease::ADMIN_SHUTDOWN | cease::ADMIN_RESET) = (self.code, self.subcode) else {
            return None;
        };
        let (len, rest) = self.data.split_first()?;
        std::str::from_utf8(rest.get(..usize::from(*len))?).ok().filter(|text| !text.is_empty())
    }

    /// The registered name of code and subcode, as a log line wants it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match (self.code, self.subcode) {
            (code::HEADER, header::NOT_SYNCHRONIZED) => "connection not synchronized",
            (code::HEADER, header::BAD_LENGTH) => "bad message length",
            (code::HEADER, header::BAD_TYPE) => "bad message type",
            (code::HEADER, _) => "message header error",
            (code::OPEN, open::UNSUPPORTED_VERSION) => "unsupported version number",
            (code::OPEN, open::BAD_PEER_AS) => "bad peer AS",
            (code::OPEN, open::BAD_IDENTIFIER) => "bad BGP identifier",
            (code::OPEN, open::UNSUPPORTED_PARAMETER) => "unsupported optional parameter",
            (code::OPEN, open::UNACCEPTABLE_HOLD_TIME) => "unacceptable hold time",
            (code::OPEN, open::UNSUPPORTED_CAPABILITY) => "unsupported capability",
            (code::OPEN, _) => "OPEN message error",
            (code::UPDATE, _) => "UPDATE message error",
            (code::HOLD_TIMER, _) => "hold timer expired",
            (code::FSM, _) => "finite state machine error",
            (code::CEASE, 1) => "maximum number of prefixes reached",
            (code::CEASE, cease::ADMIN_SHUTDOWN) => "administrative shutdown",
            (code::CEASE, cease::DECONFIGURED) => "peer de-configured",
            (code::CEASE, cease::ADMIN_RESET) => "administrative reset",
            (code::CEASE, 5) => "connection rejected",
            (code::CEASE, 6) => "other configuration change",
            (code::CEASE, cease::COLLISION) => "connection collision resolution",
            (code::CEASE, 8) => "out of resources",
            (code::CEASE, 9) => "hard reset",
            (code::CEASE, 10) => "BFD down",
            (code::CEASE, _) => "cease",
            (code::REFRESH, _) => "ROUTE-REFRESH message error",
            _ => "unassigned error code",
        }
    }
}

impl fmt::Display for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}/{})", self.name(), self.code, self.subcode)?;
        // A peer's text goes to terminals and logs: control characters stay out of them.
        self.text().map_or(Ok(()), |text| write!(f, ": {}", text.escape_debug()))
    }
}
