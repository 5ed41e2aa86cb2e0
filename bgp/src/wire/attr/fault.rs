//! Attribute faults that do not cost the session, each with the reaction of RFC 7606.

use std::fmt;

/// A broken attribute that does not cost the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("octet {at}: attribute {code} {cause}, {reaction}")]
pub struct AttrFault {
    /// Offset of the attribute in its message; zero for one that is missing.
    pub at: usize,
    /// Type code; zero for octets at the end of the list that hold none.
    pub code: u8,
    /// What is wrong with it.
    pub cause: AttrCause,
    /// What RFC 7606 asks for.
    pub reaction: Reaction,
}

/// What can be wrong with an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AttrCause {
    /// Optional and Transitive are not what its type asks for.
    Flags,
    /// Its length is not one its type can have, zero included.
    Length,
    /// Its length is right and its content is not.
    Value,
    /// It is mandatory and not there.
    Missing,
    /// It stands a second time.
    Repeated,
    /// It, or what is left of it, does not end before the list does.
    Overrun,
    /// A peer of this kind has no business sending it.
    Unwanted,
}

impl fmt::Display for AttrCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flags => "has flags its type forbids (RFC 7606 §3c)",
            Self::Length => "has a length its type forbids (RFC 7606 §4, §7)",
            Self::Value => "has a value that means nothing (RFC 7606 §7)",
            Self::Missing => "is missing (RFC 7606 §3d)",
            Self::Repeated => "stands twice (RFC 7606 §3g)",
            Self::Overrun => "overruns the attribute list (RFC 7606 §4)",
            Self::Unwanted => "is not for this kind of session (RFC 7606 §7.5, §7.9, §7.10, RFC 6793 §4.1)",
        })
    }
}

/// Reactions of RFC 7606 §2 milder than a session reset, mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reaction {
    /// The attribute is ignored, the routes stay.
    Discard,
    /// Every route of the UPDATE is withdrawn.
    TreatAsWithdraw,
}

impl fmt::Display for Reaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Discard => "it is ignored",
            Self::TreatAsWithdraw => "the routes of its UPDATE count as withdrawn",
        })
    }
}
