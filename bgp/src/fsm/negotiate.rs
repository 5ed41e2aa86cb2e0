//! Two OPENs into what the session will speak, or the fault that ends it (RFC 4271 §6.2, RFC 5492).

use super::config::{AFI_IPV6, Config, FORWARDING, LONGEST_RESTART, NOTIFICATION, RESTARTED};
use crate::types::{Asn, Family, HoldTime, RouterId};
use crate::wire::{Capability, Context, MAX_EXTENDED_MESSAGE, MAX_MESSAGE, Open, OpenFault, Role};

/// What the two OPENs settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negotiated {
    /// The peer's AS.
    pub peer_as: Asn,
    /// The peer's BGP identifier.
    pub peer_id: RouterId,
    /// The lower of the two hold times.
    pub hold_time: HoldTime,
    /// Families both sides have, in our order.
    pub families: Vec<Family>,
    /// Form of the messages from now on.
    pub context: Context,
    /// The peer may ask for a refresh and we answer.
    pub route_refresh: bool,
    /// Refreshes of a family are bracketed, in both directions (RFC 7313).
    pub enhanced_refresh: bool,
    /// IPv4 prefixes may be announced with an IPv6 next hop (RFC 8950).
    pub extended_next_hop: bool,
    /// What the peer does about our restarts and its own; `None` unless both speak graceful restart.
    pub restart: Option<PeerRestart>,
    /// The peer's role, if both told one.
    pub peer_role: Option<Role>,
    /// The peer's host name, as it told it.
    pub peer_hostname: Option<String>,
    /// Everything the peer said it can.
    pub capabilities: Vec<Capability>,
}

/// Graceful restart as the peer offers it, where we do, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerRestart {
    /// Seconds we may keep its routes while it is away.
    pub time: u16,
    /// It has restarted: R.
    pub restarted: bool,
    /// Both sides restart gracefully after a NOTIFICATION, too (RFC 8538).
    pub notification: bool,
    /// Its families, each with whether it kept forwarding: F.
    pub families: Vec<(Family, bool)>,
}

/// What both can do, or why there is no session.
///
/// # Errors
/// An [`OpenFault`] whose NOTIFICATION is to be sent.
pub fn negotiate(ours: &Config, theirs: &Open) -> Result<Negotiated, OpenFault> {
    let peer_as = theirs.asn().filter(|asn| *asn == ours.peer_as).ok_or_else(|| OpenFault::PeerAs {
        got: theirs.asn().map_or(0, Asn::get),
        want: ours.peer_as.get(),
    })?;
    // Equal identifiers are legal between different ASes (RFC 6286 §2.1).
    if ours.is_internal() && theirs.router_id == ours.router_id {
        return Err(OpenFault::Identifier { got: theirs.router_id.addr() });
    }
    let offered = theirs.families();
    let families: Vec<Family> =
        ours.families.iter().copied().filter(|family| offered.contains(family)).collect();
    if families.is_empty() {
        let wanted = ours.families.iter().filter_map(|family| Capability::Multiprotocol(*family).encode());
        return Err(OpenFault::NoCommonFamily { wanted: wanted.flatten().collect() });
    }
    let peer_role = match ours.external_role() {
        Some(role) => theirs.role_beside(role.role, role.strict)?,
        None => None,
    };
    let has = |wanted: &Capability| theirs.capabilities.contains(wanted);
    let four_octet_as = theirs.capabilities.iter().any(|one| matches!(one, Capability::FourOctetAs(_)));
    let max_message = if has(&Capability::ExtendedMessage) { MAX_EXTENDED_MESSAGE } else { MAX_MESSAGE };
    Ok(Negotiated {
        peer_as,
        peer_id: theirs.router_id,
        hold_time: ours.hold_time.min(theirs.hold_time),
        extended_next_hop: extended_next_hop(ours, theirs, &families),
        families,
        context: Context { four_octet_as, max_message, internal: ours.is_internal() },
        route_refresh: has(&Capability::RouteRefresh),
        enhanced_refresh: has(&Capability::EnhancedRouteRefresh),
        restart: ours.restart.and_then(|restart| peer_restart(restart.notification, theirs)),
        peer_role,
        peer_hostname: theirs.capabilities.iter().find_map(|one| match one {
            Capability::Fqdn { host, .. } => Some(String::from_utf8_lossy(host).into_owned()),
            _ => None,
        }),
        capabilities: theirs.capabilities.clone(),
    })
}

/// Both list IPv4 unicast with next hops of IPv6, and both exchange it (RFC 8950 §4).
fn extended_next_hop(ours: &Config, theirs: &Open, families: &[Family]) -> bool {
    let entry = (Family::IPV4_UNICAST, AFI_IPV6);
    let listed = theirs.capabilities.iter().any(|one| match one {
        Capability::ExtendedNextHop(entries) => entries.contains(&entry),
        _ => false,
    });
    listed && ours.offers_extended_next_hop() && families.contains(&Family::IPV4_UNICAST)
}

/// The peer's graceful restart: of several capabilities the last one counts (RFC 4724 §3).
fn peer_restart(our_notification: bool, theirs: &Open) -> Option<PeerRestart> {
    let offered = theirs.capabilities.iter().rev().find_map(|one| match one {
        Capability::GracefulRestart(restart) => Some(restart),
        _ => None,
    })?;
    let kept = |(family, flags): &(Family, u8)| (*family, flags & FORWARDING != 0);
    Some(PeerRestart {
        time: offered.time.min(LONGEST_RESTART),
        restarted: offered.flags & RESTARTED != 0,
        notification: our_notification && offered.flags & NOTIFICATION != 0,
        families: offered.families.iter().map(kept).collect(),
    })
}

/// Of two connections to one peer, whether the one we dialed lives (RFC 4271 §6.8, RFC 6286 §2.3).
#[must_use]
pub fn dialed_connection_wins(ours: &Config, theirs: &Negotiated) -> bool {
    (ours.router_id, ours.local_as) > (theirs.peer_id, theirs.peer_as)
}
