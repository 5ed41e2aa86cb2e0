//! What the annotation `ovn.kubernetes.io/bgp` asks for.

use std::sync::Arc;

/// The annotation, the same on every kind.
pub const ANNOTATION: &str = "ovn.kubernetes.io/bgp";

/// The wish of one object. What it means for a kind is for [`crate::plan`] to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// The annotation is absent or empty: a Pod follows its Subnet, the others announce nothing.
    #[default]
    Unset,
    /// `true`, `cluster`, or `yes`, which older documentation told users to write: announce from every node.
    Cluster,
    /// `local`: announce only from the node the Pod runs on.
    Local,
    /// `false` or `no`: announce nothing; on a Pod this hides what its Subnet says.
    Off,
    /// Any other text announces nothing and on a Pod hides what its Subnet says, as upstream has it.
    Invalid(Arc<str>),
}

impl Policy {
    /// Reads the annotation's value: exact and case-sensitive, nothing trimmed.
    #[must_use]
    pub fn read(value: Option<&str>) -> Self {
        match value {
            None | Some("") => Self::Unset,
            Some("true" | "yes" | "cluster") => Self::Cluster,
            Some("local") => Self::Local,
            Some("false" | "no") => Self::Off,
            Some(other) => Self::Invalid(other.into()),
        }
    }

    /// This one, or `other` where this says nothing.
    #[must_use]
    pub(crate) fn or<'a>(&'a self, other: &'a Self) -> &'a Self {
        if *self == Self::Unset { other } else { self }
    }
}
