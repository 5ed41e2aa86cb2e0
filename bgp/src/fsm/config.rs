//! One peer as the operator wants it, and the OPEN that says so.

use crate::types::{Asn, Family, HoldTime, RouterId};
use crate::wire::{Capability, GracefulRestart, Open, Role};

/// The graceful restart capability's flag R: has restarted (RFC 4724 §3).
pub(super) const RESTARTED: u8 = 8;
/// Its flag N: restarts gracefully after a NOTIFICATION, too (RFC 8538 §2).
pub(super) const NOTIFICATION: u8 = 4;
/// The flag F of a family, of long-lived graceful restart, too: forwarding state was kept (RFC 4724 §3, RFC 9494 §3).
pub(super) const FORWARDING: u8 = 0x80;
/// What the twelve bits of a restart time hold, in seconds (RFC 4724 §3).
pub(super) const LONGEST_RESTART: u16 = 0x0fff;
/// What the 24 bits of a long-lived stale time hold, in seconds (RFC 9494 §3).
const LONGEST_LONG_LIVED: u32 = 0x00ff_ffff;
/// The AFI of IPv6, as the family of a next hop (RFC 8950 §4).
pub(super) const AFI_IPV6: u16 = 2;

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

    /// The OPEN this configuration sends until a session of this process was up.
    #[must_use]
    pub fn open(&self) -> Open {
        let mut open = Open::new(self.local_as, self.hold_time, self.router_id)
            .with(Capability::RouteRefresh)
            .with(Capability::EnhancedRouteRefresh)
            .with(Capability::ExtendedMessage);
        for family in &self.families {
            open = open.with(Capability::Multiprotocol(*family));
        }
        if self.offers_extended_next_hop() {
            let entry = (Family::IPV4_UNICAST, AFI_IPV6);
            open = open.with(Capability::ExtendedNextHop(vec![entry]));
        }
        if let Some(role) = self.external_role() {
            open = open.with(Capability::Role(role.role));
        }
        if let Some(restart) = self.restart {
            open = self.with_restart(open, restart);
        }
        if let Some(name) = &self.hostname {
            let host = name.bytes().take(64).collect();
            open = open.with(Capability::Fqdn { host, domain: Vec::new() });
        }
        open
    }

    /// The OPEN once a session of this process was up: the process has not restarted since, and what it announced
    /// stayed reachable while the session was away (RFC 4724 §3, RFC 8538 §4.1).
    pub(super) fn later_open(&self) -> Open {
        let restart = self.restart.map(|restart| Restart { restarted: false, forwarding: true, ..restart });
        Self { restart, ..self.clone() }.open()
    }

    fn with_restart(&self, open: Open, restart: Restart) -> Open {
        let forwarding = if restart.forwarding { FORWARDING } else { 0 };
        let mut flags = 0;
        if restart.restarted {
            flags |= RESTARTED;
        }
        if restart.notification {
            flags |= NOTIFICATION;
        }
        let families = self.families.iter().map(|family| (*family, forwarding)).collect();
        let time = restart.time.min(LONGEST_RESTART);
        let open = open.with(Capability::GracefulRestart(GracefulRestart { flags, time, families }));
        let Some(seconds) = restart.long_lived else { return open };
        let seconds = seconds.min(LONGEST_LONG_LIVED);
        let families = self.families.iter().map(|family| (*family, forwarding, seconds)).collect();
        open.with(Capability::LongLivedGracefulRestart(families))
    }

    /// IPv4 prefixes with IPv6 next hops are wanted and there are IPv4 prefixes to exchange.
    pub(super) fn offers_extended_next_hop(&self) -> bool {
        self.extended_next_hop && self.families.contains(&Family::IPV4_UNICAST)
    }

    /// Our role, where roles mean something: between different ASes (RFC 9234 §4).
    pub(super) fn external_role(&self) -> Option<LocalRole> {
        self.role.filter(|_| !self.is_internal())
    }

    /// Same AS on both sides: iBGP rules hold.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        self.local_as == self.peer_as
    }
}
