//! Cells that a router cannot have, each with the words of its documentation.

use super::feature::Feature;
use crate::router::Kind;

/// Why there is nothing to test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Absent {
    /// What the router's own documentation or source says.
    pub quote: &'static str,
    /// Where.
    pub link: &'static str,
}

/// Whether a router has a feature.
#[must_use]
pub fn can(kind: Kind, feature: Feature) -> bool {
    absent(kind, feature).is_none()
}

/// Why a router has not got a feature, if so.
#[must_use]
pub fn absent(kind: Kind, feature: Feature) -> Option<Absent> {
    match kind {
        Kind::Frr | Kind::Bird => None,
        Kind::Gobgp => gobgp(feature),
        Kind::Exabgp => exabgp(feature),
    }
}

fn gobgp(feature: Feature) -> Option<Absent> {
    let (quote, link) = match feature {
        Feature::RouteRefresh | Feature::EnhancedRefresh => ("TODO", "TODO"),
        Feature::Roles => ("TODO", "TODO"),
        Feature::ExtendedMessages => ("TODO", "TODO"),
        _ => return None,
    };
    Some(Absent { quote, link })
}

fn exabgp(feature: Feature) -> Option<Absent> {
    let (quote, link) = match feature {
        Feature::GracefulRestart => ("TODO", "TODO"),
        Feature::Roles => ("TODO", "TODO"),
        _ => return None,
    };
    Some(Absent { quote, link })
}
