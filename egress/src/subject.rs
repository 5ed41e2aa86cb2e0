//! What a pass is about: one object.

use std::fmt;

use crate::view::Name;

/// An object that has rows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A VPC, for its BFD ports. VPCs sort first: what gateways want rests on them.
    Vpc(Box<str>),
    /// A gateway.
    Gateway(Name),
}

impl Subject {
    /// A word out of a closed set, for metrics and logs.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Vpc(_) => "vpc",
            Self::Gateway(_) => "veg",
        }
    }
}

/// As `egress explain` takes it: `veg/NAMESPACE/NAME`, `vpc/NAME`.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vpc(name) => write!(f, "vpc/{name}"),
            Self::Gateway(name) => write!(f, "veg/{}/{}", name.namespace, name.name),
        }
    }
}
