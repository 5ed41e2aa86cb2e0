//! The registered codes and subcodes of NOTIFICATION (IANA "BGP Error Codes"), and what they are called.

/// Error codes (RFC 4271 §4.5, RFC 7313 §5, RFC 9687 §4).
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
    /// Send hold timer expired (RFC 9687 §4).
    pub const SEND_HOLD_TIMER: u8 = 8;
}

/// Subcodes of [`code::HEADER`] (RFC 4271 §6.1).
pub mod header {
    /// Connection not synchronized.
    pub const NOT_SYNCHRONIZED: u8 = 1;
    /// Bad message length.
    pub const BAD_LENGTH: u8 = 2;
    /// Bad message type.
    pub const BAD_TYPE: u8 = 3;
}

/// Subcodes of [`code::OPEN`] (RFC 4271 §6.2).
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
    /// Role mismatch (RFC 9234 §4.2).
    pub const ROLE_MISMATCH: u8 = 11;
}

/// Subcodes of [`code::UPDATE`] (RFC 4271 §6.3); after RFC 7606 few of them are sent any more.
pub mod update {
    /// Malformed attribute list.
    pub const MALFORMED_LIST: u8 = 1;
    /// Unrecognized well-known attribute.
    pub const UNKNOWN_WELL_KNOWN: u8 = 2;
    /// Missing well-known attribute.
    pub const MISSING_WELL_KNOWN: u8 = 3;
    /// Attribute flags error.
    pub const ATTRIBUTE_FLAGS: u8 = 4;
    /// Attribute length error.
    pub const ATTRIBUTE_LENGTH: u8 = 5;
    /// Invalid ORIGIN attribute.
    pub const INVALID_ORIGIN: u8 = 6;
    /// Invalid `NEXT_HOP` attribute.
    pub const INVALID_NEXT_HOP: u8 = 8;
    /// Optional attribute error.
    pub const OPTIONAL_ATTRIBUTE: u8 = 9;
    /// Invalid network field.
    pub const INVALID_NETWORK_FIELD: u8 = 10;
    /// Malformed `AS_PATH`.
    pub const MALFORMED_AS_PATH: u8 = 11;
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

/// Subcodes of [`code::CEASE`] (RFC 4486 §3, RFC 8538 §3.1, RFC 9384 §3).
pub mod cease {
    /// Maximum number of prefixes reached: may carry family and limit.
    pub const MAX_PREFIXES: u8 = 1;
    /// Administrative shutdown: may carry a text.
    pub const ADMIN_SHUTDOWN: u8 = 2;
    /// Peer de-configured.
    pub const DECONFIGURED: u8 = 3;
    /// Administrative reset: may carry a text.
    pub const ADMIN_RESET: u8 = 4;
    /// Connection rejected.
    pub const REJECTED: u8 = 5;
    /// Other configuration change.
    pub const OTHER_CONFIG: u8 = 6;
    /// Connection collision resolution.
    pub const COLLISION: u8 = 7;
    /// Out of resources.
    pub const OUT_OF_RESOURCES: u8 = 8;
    /// Hard reset (RFC 8538): carries another NOTIFICATION, nothing is to be kept.
    pub const HARD_RESET: u8 = 9;
    /// BFD down (RFC 9384).
    pub const BFD_DOWN: u8 = 10;
}

/// Subcodes of [`code::REFRESH`] (RFC 7313 §5).
pub mod refresh {
    /// Invalid message length: carries the whole message.
    pub const INVALID_LENGTH: u8 = 1;
}

/// The registered name of code and subcode, as a log line wants it.
pub(super) fn name(code: u8, subcode: u8) -> &'static str {
    match (code, subcode) {
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
        (code::OPEN, open::ROLE_MISMATCH) => "role mismatch",
        (code::OPEN, _) => "OPEN message error",
        (code::UPDATE, subcode) => update_name(subcode),
        (code::HOLD_TIMER, _) => "hold timer expired",
        (code::FSM, fsm::IN_OPEN_SENT) => "unexpected message in OpenSent",
        (code::FSM, fsm::IN_OPEN_CONFIRM) => "unexpected message in OpenConfirm",
        (code::FSM, fsm::IN_ESTABLISHED) => "unexpected message in Established",
        (code::FSM, _) => "finite state machine error",
        (code::CEASE, subcode) => cease_name(subcode),
        (code::REFRESH, refresh::INVALID_LENGTH) => "invalid ROUTE-REFRESH length",
        (code::REFRESH, _) => "ROUTE-REFRESH message error",
        (code::SEND_HOLD_TIMER, _) => "send hold timer expired",
        _ => "unassigned error code",
    }
}

fn update_name(subcode: u8) -> &'static str {
    match subcode {
        update::MALFORMED_LIST => "malformed attribute list",
        update::UNKNOWN_WELL_KNOWN => "unrecognized well-known attribute",
        update::MISSING_WELL_KNOWN => "missing well-known attribute",
        update::ATTRIBUTE_FLAGS => "attribute flags error",
        update::ATTRIBUTE_LENGTH => "attribute length error",
        update::INVALID_ORIGIN => "invalid ORIGIN",
        update::INVALID_NEXT_HOP => "invalid NEXT_HOP",
        update::OPTIONAL_ATTRIBUTE => "optional attribute error",
        update::INVALID_NETWORK_FIELD => "invalid network field",
        update::MALFORMED_AS_PATH => "malformed AS_PATH",
        _ => "UPDATE message error",
    }
}

fn cease_name(subcode: u8) -> &'static str {
    match subcode {
        cease::MAX_PREFIXES => "maximum number of prefixes reached",
        cease::ADMIN_SHUTDOWN => "administrative shutdown",
        cease::DECONFIGURED => "peer de-configured",
        cease::ADMIN_RESET => "administrative reset",
        cease::REJECTED => "connection rejected",
        cease::OTHER_CONFIG => "other configuration change",
        cease::COLLISION => "connection collision resolution",
        cease::OUT_OF_RESOURCES => "out of resources",
        cease::HARD_RESET => "hard reset",
        cease::BFD_DOWN => "BFD down",
        _ => "cease",
    }
}
