//! What can be wrong with a received message, and the NOTIFICATION each fault asks for.
//!
//! Every fault names the octet, the value and the RFC section, so that a log line is enough to find it in a
//! capture. UPDATE faults that do not cost the session (RFC 7606) are [`super::attr::AttrFault`].

use super::attr::{AttrCause, AttrFault, attr_code};
use super::capability::Role;
use super::notification::{Notification, code, header, open, refresh, update};

/// A message that ends the session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The fixed header.
    #[error("header: {0}")]
    Header(#[from] HeaderFault),
    /// The OPEN message.
    #[error("OPEN: {0}")]
    Open(#[from] OpenFault),
    /// The UPDATE message, where RFC 7606 leaves no milder reaction.
    #[error("UPDATE: {0}")]
    Update(#[from] UpdateFault),
    /// The ROUTE-REFRESH message.
    #[error("ROUTE-REFRESH: length {len} is not 4 (RFC 7313 §5)")]
    RefreshLength {
        /// Octets after the header.
        len: usize,
        /// The message, as much of it as a NOTIFICATION can carry back.
        message: Vec<u8>,
    },
}

/// Faults of the fixed header (RFC 4271 §6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderFault {
    /// The marker is not sixteen octets of ones.
    #[error("octet 0: the marker is not all ones (RFC 4271 §6.1)")]
    NotSynchronized,
    /// The length does not fit the message type, or what was negotiated.
    #[error("octet 16: length {len} is not possible for message type {kind} (RFC 4271 §6.1)")]
    BadLength {
        /// Message type.
        kind: u8,
        /// The length field.
        len: u16,
    },
    /// Not a message type.
    #[error("octet 18: message type {kind} is not known (RFC 4271 §6.1)")]
    BadType {
        /// Message type.
        kind: u8,
    },
}

/// Faults of the OPEN (RFC 4271 §6.2).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenFault {
    /// Not version 4.
    #[error("octet 19: version {got} is not 4 (RFC 4271 §6.2)")]
    Version {
        /// The version field.
        got: u8,
    },
    /// The peer is not in the AS it was configured with, or claims AS 0.
    #[error("peer AS {got} is not the configured {want} (RFC 4271 §6.2)")]
    PeerAs {
        /// What the peer said.
        got: u32,
        /// What we were told.
        want: u32,
    },
    /// The identifier is zero, or our own within one AS.
    #[error("BGP identifier {got} is zero or our own (RFC 6286 §2.2)")]
    Identifier {
        /// What the peer said.
        got: std::net::Ipv4Addr,
    },
    /// One or two seconds.
    #[error("octet 22: hold time {got} s is neither 0 nor at least 3 (RFC 4271 §6.2)")]
    HoldTime {
        /// What the peer said, seconds.
        got: u16,
    },
    /// An optional parameter that is not Capabilities.
    #[error("octet {at}: optional parameter {kind} is not known (RFC 4271 §6.2)")]
    Parameter {
        /// Offset in the message.
        at: usize,
        /// Parameter type.
        kind: u8,
    },
    /// Lengths inside the OPEN contradict each other.
    #[error("octet {at}: the field does not fit the message (RFC 4271 §6.2)")]
    Malformed {
        /// Offset in the message.
        at: usize,
    },
    /// The peer shares no address family with us.
    #[error("the peer offers none of the address families configured here (RFC 5492 §3)")]
    NoCommonFamily {
        /// The capabilities we would have needed, encoded.
        wanted: Vec<u8>,
    },
    /// The peer's role is not the counterpart of ours.
    #[error("the peer's role {theirs} does not go with our role {} (RFC 9234 §4.2)", ours.name())]
    RoleMismatch {
        /// What we are to the peer.
        ours: Role,
        /// What the peer says it is to us: the octet of its capability, a [`Role`] or not.
        theirs: u8,
    },
    /// Role capabilities of different values.
    #[error("the peer tells several roles that differ (RFC 9234 §4.2)")]
    RolesDiffer,
    /// The peer tells no role, and here it must.
    #[error("the peer tells no role, strict mode asks for one (RFC 9234 §4.2)")]
    RoleMissing,
}

/// Faults of an UPDATE after which nothing in the session can be trusted (RFC 7606 §3).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdateFault {
    /// Withdrawn-routes or attribute lengths do not fit the message.
    #[error("octet {at}: a length does not fit the message (RFC 7606 §3b)")]
    Lengths {
        /// Offset in the message.
        at: usize,
    },
    /// A prefix field that cannot be parsed: where the next one starts is unknown.
    #[error("octet {at}: prefix length {bits} does not fit the family or the field (RFC 7606 §5.3)")]
    Prefix {
        /// Offset in the message.
        at: usize,
        /// The length octet.
        bits: u8,
    },
    /// `MP_REACH_NLRI` or `MP_UNREACH_NLRI` that cannot be parsed, or not to its end.
    #[error("octet {at}: attribute {code} cannot be parsed (RFC 7606 §5.3, §7.11, §7.12)")]
    Multiprotocol {
        /// Offset in the message.
        at: usize,
        /// 14 or 15.
        code: u8,
    },
    /// `MP_REACH_NLRI` or `MP_UNREACH_NLRI` a second time.
    #[error("octet {at}: attribute {code} stands twice (RFC 7606 §3g)")]
    MultiprotocolTwice {
        /// Offset in the message.
        at: usize,
        /// 14 or 15.
        code: u8,
    },
    /// An attribute of no known type that claims to be known to all; RFC 7606 leaves this one as it was.
    #[error("octet {at}: attribute {code} is flagged as well-known and is not (RFC 4271 §6.3)")]
    UnknownWellKnown {
        /// Offset in the message.
        at: usize,
        /// Type code.
        code: u8,
        /// The attribute, as much of it as a NOTIFICATION can carry back.
        attribute: Vec<u8>,
    },
    /// A fault that would withdraw the routes of an UPDATE, in one that has none: some may be what is broken.
    #[error("{fault}, but no route can be found in it (RFC 7606 §5.2)")]
    NoRoutes {
        /// The first such fault.
        fault: AttrFault,
        /// The attribute, as much of it as a NOTIFICATION can carry back.
        attribute: Vec<u8>,
    },
}

impl From<&Fault> for Notification {
    fn from(fault: &Fault) -> Self {
        match fault {
            Fault::Header(HeaderFault::NotSynchronized) => {
                Self::new(code::HEADER, header::NOT_SYNCHRONIZED, &[])
            }
            Fault::Header(HeaderFault::BadLength { len, .. }) => {
                Self::new(code::HEADER, header::BAD_LENGTH, &len.to_be_bytes())
            }
            Fault::Header(HeaderFault::BadType { kind }) => {
                Self::new(code::HEADER, header::BAD_TYPE, &[*kind])
            }
            Fault::Open(fault) => fault.into(),
            Fault::Update(fault) => fault.into(),
            Fault::RefreshLength { message, .. } => {
                Self::new(code::REFRESH, refresh::INVALID_LENGTH, message) // RFC 7313 §5
            }
        }
    }
}

impl From<&UpdateFault> for Notification {
    fn from(fault: &UpdateFault) -> Self {
        let (subcode, data): (u8, &[u8]) = match fault {
            UpdateFault::Lengths { .. } | UpdateFault::MultiprotocolTwice { .. } => {
                (update::MALFORMED_LIST, &[])
            }
            UpdateFault::Prefix { .. } => (update::INVALID_NETWORK_FIELD, &[]),
            UpdateFault::Multiprotocol { .. } => (update::OPTIONAL_ATTRIBUTE, &[]), // RFC 4760 §7
            UpdateFault::UnknownWellKnown { attribute, .. } => (update::UNKNOWN_WELL_KNOWN, attribute),
            UpdateFault::NoRoutes { fault, attribute } => without_routes(fault, attribute),
        };
        Self::new(code::UPDATE, subcode, data)
    }
}

/// What RFC 4271 §6.3 says of this fault, for RFC 7606 has nothing milder here.
fn without_routes<'a>(fault: &AttrFault, attribute: &'a [u8]) -> (u8, &'a [u8]) {
    match (fault.cause, fault.code) {
        (AttrCause::Flags, _) => (update::ATTRIBUTE_FLAGS, attribute),
        (AttrCause::Length, _) => (update::ATTRIBUTE_LENGTH, attribute),
        (AttrCause::Value, attr_code::ORIGIN) => (update::INVALID_ORIGIN, attribute),
        (AttrCause::Value, attr_code::AS_PATH) => (update::MALFORMED_AS_PATH, &[]),
        (AttrCause::Value | AttrCause::Unwanted, _) => (update::OPTIONAL_ATTRIBUTE, attribute),
        (AttrCause::Missing, _) => (update::MISSING_WELL_KNOWN, attribute),
        (AttrCause::Repeated | AttrCause::Overrun, _) => (update::MALFORMED_LIST, &[]),
    }
}

impl From<&OpenFault> for Notification {
    fn from(fault: &OpenFault) -> Self {
        let (subcode, data): (u8, &[u8]) = match fault {
            OpenFault::Version { .. } => (open::UNSUPPORTED_VERSION, &[0, 4]), // the largest we speak
            OpenFault::PeerAs { .. } => (open::BAD_PEER_AS, &[]),
            OpenFault::Identifier { .. } => (open::BAD_IDENTIFIER, &[]),
            OpenFault::HoldTime { .. } => (open::UNACCEPTABLE_HOLD_TIME, &[]),
            OpenFault::Parameter { .. } => (open::UNSUPPORTED_PARAMETER, &[]),
            OpenFault::Malformed { .. } => (0, &[]), // RFC 4271 §6.2: unspecific
            OpenFault::NoCommonFamily { wanted } => (open::UNSUPPORTED_CAPABILITY, wanted),
            OpenFault::RoleMismatch { .. } | OpenFault::RolesDiffer | OpenFault::RoleMissing => {
                (open::ROLE_MISMATCH, &[])
            }
        };
        Self::new(code::OPEN, subcode, data)
    }
}
