//! Two OPENs into what the session will speak, or the fault that ends it (RFC 4271 §6.2, RFC 5492).

use crate::types::{Asn, Family, HoldTime, RouterId};
use crate::wire::{Capability, Context, MAX_EXTENDED_MESSAGE, MAX_MESSAGE, Open, OpenFault, Role};

/// One peer as the operator wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Our AS.
    pub local_as: Asn,
    /// The AS the peer must be in.
    pub peer_as: Asn,
    /// Our BGP identifier.
    pub router_id: RouterId,
    /// The hold time we propose.
    pub hold_time: HoldTime,
    /// The families we exchange.
    pub families: Vec<Family>,
    /// Whether we open connections.
    pub dial: bool,
    /// Whether we take connections.
    pub listen: bool,
    /// Host name told to the peer, for its operator's eyes only.
    pub hostname: Option<String>,
    /// Graceful restart, if it is spoken with this peer.
    pub restart: Option<Restart>,
    /// Offer to announce IPv4 prefixes with an IPv6 next hop (RFC 8950).
    pub extended_next_hop: bool,
    /// Our role towards the peer (RFC 9234), and whether it must tell its own.
    pub role: Option<LocalRole>,
}

/// Graceful restart as we offer it to one peer (RFC 4724).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restart {
    /// Seconds the peer is to keep our routes while we are away: 1 to 4095.
    pub time: u16,
    /// We took over from a process that had a session with this peer: R until the first session is up.
    pub restarted: bool,
    /// What was announced before could be reached all the time: F.
    pub forwarding: bool,
    /// Sessions that end with a NOTIFICATION restart gracefully, too: N (RFC 8538).
    pub notification: bool,
    /// Seconds the peer may keep our routes as a last resort after that (RFC 9494), 24 bits.
    pub long_lived: Option<u32>,
}

/// Our role towards a peer (RFC 9234 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalRole {
    /// Ours.
    pub role: Role,
    /// A peer that tells none is refused.
    pub strict: bool,
}

impl Config {
    /// A peer that is dialed, with nothing on that has to be asked for.
    #[must_use]
    pub fn new(
        (local_as, router_id): (Asn, RouterId),
        peer_as: Asn,
        hold_time: HoldTime,
        families: Vec<Family>,
    ) -> Self {
        let (dial, listen, hostname) = (true, false, None);
        let (restart, extended_next_hop, role) = (None, false, None);
        Self {
            local_as,
            peer_as,
            router_id,
            hold_time,
            families,
            dial,
            listen,
            hostname,
            restart,
            extended_next_hop,
            role,
        }
    }

    /// The OPEN this configuration sends.
    #[must_use]
    pub fn open(&self) -> Open {
        let mut open = Open::new(self.local_as, self.hold_time, self.router_id)
            .with(Capability::RouteRefresh)
            .with(Capability::ExtendedMessage);
        for family in &self.families {
            open = open.with(Capability::Multiprotocol(*family));
        }
        match &self.hostname {
            Some(name) => {
                let host = name.bytes().take(64).collect();
                open.with(Capability::Fqdn { host, domain: Vec::new() })
            }
            None => open,
        }
    }

    /// Same AS on both sides: iBGP rules hold.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        self.local_as == self.peer_as
    }
}

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
    let has = |wanted: &Capability| theirs.capabilities.contains(wanted);
    let four_octet_as = theirs.capabilities.iter().any(|one| matches!(one, Capability::FourOctetAs(_)));
    let max_message = if has(&Capability::ExtendedMessage) { MAX_EXTENDED_MESSAGE } else { MAX_MESSAGE };
    Ok(Negotiated {
        peer_as,
        peer_id: theirs.router_id,
        hold_time: ours.hold_time.min(theirs.hold_time),
        families,
        context: Context { four_octet_as, max_message, internal: ours.is_internal() },
        route_refresh: has(&Capability::RouteRefresh),
        enhanced_refresh: false,
        extended_next_hop: false,
        restart: None,
        peer_role: None,
        peer_hostname: theirs.capabilities.iter().find_map(|one| match one {
            Capability::Fqdn { host, .. } => Some(String::from_utf8_lossy(host).into_owned()),
            _ => None,
        }),
        capabilities: theirs.capabilities.clone(),
    })
}

/// Of two connections to one peer, whether the one we dialed lives (RFC 4271 §6.8, RFC 6286 §2.3).
#[must_use]
pub fn dialed_connection_wins(ours: &Config, theirs: &Negotiated) -> bool {
    (ours.router_id, ours.local_as) > (theirs.peer_id, theirs.peer_as)
}
