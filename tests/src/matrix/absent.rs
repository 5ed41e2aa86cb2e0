//! Cells that a router cannot have, each with its own words: documentation, source, or its issue tracker.

use super::feature::Feature;
use crate::router::Kind;

/// Why there is nothing to test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Absent {
    /// What they say.
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
        // What it does for `softresetin`: the paths it kept go through the policies again, nobody is asked.
        Feature::RouteRefresh => (
            "s.propagateUpdate(peer, peer.adjRibIn.PathList(familiesForSoftreset(peer, family), true))",
            "https://github.com/osrg/gobgp/blob/v3.10.0/pkg/server/server.go",
        ),
        // The other capabilities of the listing are both advertised and received.
        Feature::EnhancedRefresh => (
            "enhanced-route-refresh: received",
            "https://github.com/osrg/gobgp/blob/master/docs/sources/evpn.md",
        ),
        Feature::Unnumbered => (
            "More reliable method is to run radvd or zebra to periodically send router advertisement.",
            "https://github.com/osrg/gobgp/blob/master/docs/sources/unnumbered-bgp.md",
        ),
        Feature::Roles => (
            "I would like to kindly request consideration for implementing RFC 9234 - BGP Roles and the \
             Only-To-Customer (OTC) path attribute in GoBGP.",
            "https://github.com/osrg/gobgp/issues/3244",
        ),
        // Merged in June 2026, for 4.x.
        Feature::ExtendedMessages => {
            ("Implement RFC 8654 Extended Message Support for BGP", "https://github.com/osrg/gobgp/pull/3439")
        }
        _ => return None,
    };
    Some(Absent { quote, link })
}

fn exabgp(feature: Feature) -> Option<Absent> {
    let (quote, link) = match feature {
        Feature::GracefulRestart => (
            "Does NOT maintain RIB (Routing Information Base)",
            "https://github.com/exa-networks/exabgp/wiki/Architecture",
        ),
        Feature::LinkLocal | Feature::Unnumbered => (
            "Failure to bringup a Link Local IPv6 neighbor",
            "https://github.com/Exa-Networks/exabgp/pull/1419",
        ),
        Feature::Roles => (
            "I would like to kindly request consideration for implementing RFC 9234 - BGP Roles and the \
             Only-To-Customer (OTC) path attribute in exabgp.",
            "https://github.com/Exa-Networks/exabgp/issues/1346",
        ),
        _ => return None,
    };
    Some(Absent { quote, link })
}
