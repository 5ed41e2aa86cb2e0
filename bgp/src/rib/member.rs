//! Members: what decides the octets a peer gets, and how far it has been brought.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Instant;

use ipnet::IpNet;

use super::{Generation, Policy};
use crate::types::{Asn, Family};
use crate::wire::{Context, MpNextHop};

/// The addresses a peer is to send traffic to, one per family. A family without one is not announced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct NextHops {
    /// For IPv4 prefixes.
    pub v4: Option<Ipv4Addr>,
    /// For IPv6 prefixes, and for IPv4 ones where the peer takes them so (RFC 8950).
    pub v6: Option<Ipv6Addr>,
    /// Our address on the link we share with the peer, told beside `v6` (RFC 2545 §3).
    pub link_local: Option<Ipv6Addr>,
}

impl NextHops {
    /// The address of a family's own kind.
    #[must_use]
    pub fn of(&self, family: Family) -> Option<IpAddr> {
        match family {
            Family::IPV4_UNICAST => self.v4.map(IpAddr::V4),
            Family::IPV6_UNICAST => self.v6.map(IpAddr::V6),
            _ => None,
        }
    }
}

/// Where the routes of one family lead, as an UPDATE says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hop {
    V4(Ipv4Addr),
    /// The address, and our link-local one beside it.
    V6(Ipv6Addr, Option<Ipv6Addr>),
}

impl Hop {
    pub(super) fn addr(self) -> IpAddr {
        match self {
            Self::V4(addr) => addr.into(),
            Self::V6(addr, _) => addr.into(),
        }
    }

    pub(super) fn encoded(self) -> MpNextHop {
        match self {
            Self::V6(addr, Some(local)) => MpNextHop::WithLinkLocal(addr, local),
            _ => MpNextHop::Addr(self.addr()),
        }
    }
}

/// All that decides the octets of a member's UPDATEs: members with equal groups get equal octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateGroup {
    /// Our AS: the whole `AS_PATH` towards another AS.
    pub local_as: Asn,
    /// iBGP: empty `AS_PATH` and a `LOCAL_PREF`.
    pub internal: bool,
    /// Negotiated message form.
    pub context: Context,
    /// Negotiated families, in the order they are sent.
    pub families: Vec<Family>,
    /// Next hops towards this peer.
    pub next_hops: NextHops,
    /// What its routes carry besides what every peer's do.
    pub policy: Policy,
    /// IPv4 prefixes go with the IPv6 next hop while there is no IPv4 one (RFC 8950).
    pub extended_next_hop: bool,
    /// A repeated table stands between ROUTE-REFRESH markers (RFC 7313).
    pub enhanced_refresh: bool,
    /// Routes are marked as not to be passed on upwards: our role asks for it (RFC 9234 §5).
    pub only_to_customer: bool,
    /// Negotiated families that have no next hop and are not about to get one: their End-of-RIB does not wait for it,
    /// for a peer that restarted waits for ours (RFC 4724 §4.1).
    pub unreachable: Vec<Family>,
}

impl UpdateGroup {
    /// Where a family's routes lead; `None`: they cannot be announced to this peer.
    pub(super) fn hop(&self, family: Family) -> Option<Hop> {
        let NextHops { v4, v6, link_local } = self.next_hops;
        // A link-local address that is the next hop itself stands alone.
        let v6 = v6.map(|addr| Hop::V6(addr, link_local.filter(|local| *local != addr)));
        match family {
            Family::IPV4_UNICAST => v4.map(Hop::V4).or(v6.filter(|_| self.extended_next_hop)),
            Family::IPV6_UNICAST => v6,
            _ => None,
        }
    }

    /// The plainest group of our AS towards a peer, internal or not.
    #[must_use]
    pub fn new(
        (local_as, internal): (Asn, bool),
        context: Context,
        families: Vec<Family>,
        next_hops: NextHops,
    ) -> Self {
        let policy = Policy::default();
        let (extended_next_hop, enhanced_refresh, only_to_customer) = (false, false, false);
        let unreachable = Vec::new();
        Self {
            local_as,
            internal,
            context,
            families,
            next_hops,
            policy,
            extended_next_hop,
            enhanced_refresh,
            only_to_customer,
            unreachable,
        }
    }
}

/// A prefix a member has been sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Advertised {
    /// The prefix.
    pub prefix: IpNet,
    /// The next hop it was sent with.
    pub next_hop: IpAddr,
}

/// When a change came to be, to measure its way to the members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// When its cause was noticed.
    pub noticed: Instant,
    /// When the RIB had it.
    pub applied: Instant,
}

/// How far a member has been brought in one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cursor {
    /// Nothing sent: it gets the whole table and End-of-RIB.
    Fresh,
    /// It has what was wanted at this generation.
    At(Generation),
    /// It has that, and is to get the whole table once more, for it asked, or next hop or policy changed.
    Resend(Generation),
}

#[derive(Debug)]
pub(super) struct Member {
    pub(super) group: UpdateGroup,
    cursors: Vec<(Family, Cursor)>,
    /// The next hops of what it holds: behind those of the group until it has pulled.
    sent: Vec<(Family, Hop)>,
    /// The oldest change that it lacks, of those in a family it is being kept up to date in.
    pub(super) due: Option<Due>,
}

impl Member {
    pub(super) fn new(group: UpdateGroup) -> Self {
        let cursors = group.families.iter().map(|family| (*family, Cursor::Fresh)).collect();
        let group = UpdateGroup { policy: group.policy.bounded(), ..group };
        Self { group, cursors, sent: Vec::new(), due: None }
    }

    /// A change came to be; `now` tells the generation of each family since. Whoever gets a whole table is not waiting for
    /// a change.
    pub(super) fn note(&mut self, due: Due, now: impl Fn(Family) -> Generation) {
        let lacks = |(family, cursor)| matches!(cursor, Cursor::At(at) if at != now(family));
        if self.due.is_none() && self.cursors().any(lacks) {
            self.due = Some(due);
        }
    }

    /// Whether a family that cannot be sent is to be ended all the same; once.
    pub(super) fn owes_end(&mut self, family: Family) -> bool {
        let before = self.group.unreachable.len();
        self.group.unreachable.retain(|of| *of != family);
        before != self.group.unreachable.len() && self.group.hop(family).is_none()
    }

    /// The cursor of a family that may be sent: it has a next hop.
    pub(super) fn sendable(&self, family: Family) -> Option<Cursor> {
        self.group.hop(family)?;
        self.cursors().find(|(of, _)| *of == family).map(|(_, cursor)| cursor)
    }

    pub(super) fn cursors(&self) -> impl Iterator<Item = (Family, Cursor)> {
        self.cursors.iter().copied()
    }

    /// The next hop of what the member holds.
    pub(super) fn sent_next_hop(&self, family: Family) -> Option<IpAddr> {
        self.sent.iter().find(|(of, _)| *of == family).map(|(_, hop)| hop.addr())
    }

    /// The member has been sent all that is wanted at `now`.
    pub(super) fn brought_to(&mut self, now: Generation, family: Family) {
        self.set_cursor(family, Cursor::At(now));
        self.sent.retain(|(of, _)| *of != family);
        self.sent.extend(self.group.hop(family).map(|hop| (family, hop)));
    }

    fn set_cursor(&mut self, family: Family, to: Cursor) {
        self.cursors.iter_mut().filter(|(of, _)| *of == family).for_each(|(_, cursor)| *cursor = to);
    }

    /// The generation whose successors the log must keep for this member.
    pub(super) fn position(&self, family: Family) -> Option<Generation> {
        self.cursors().find(|(of, _)| *of == family).and_then(|(_, cursor)| match cursor {
            Cursor::Fresh => None,
            Cursor::At(at) | Cursor::Resend(at) => Some(at),
        })
    }

    pub(super) fn resend(&mut self, family: Family) {
        if let Some(at) = self.position(family) {
            self.set_cursor(family, Cursor::Resend(at));
        }
    }

    /// A family that loses its next hop keeps the last one, or what the member holds could not be kept right.
    pub(super) fn set_next_hops(&mut self, next_hops: NextHops) -> bool {
        let last = self.group.next_hops;
        let v6 = next_hops.v6.or(last.v6);
        let link_local = if next_hops.v6.is_some() { next_hops.link_local } else { last.link_local };
        let next_hops = NextHops { v4: next_hops.v4.or(last.v4), v6, link_local };
        let families = self.group.families.clone();
        let before: Vec<_> = families.iter().map(|family| self.group.hop(*family)).collect();
        self.group.next_hops = next_hops;
        let mut changed = false;
        for (family, before) in families.into_iter().zip(before) {
            if before != self.group.hop(family) {
                self.resend(family);
                changed = true;
            }
        }
        changed
    }

    /// Everything is to be announced again with what `policy` says, if that differs.
    pub(super) fn set_policy(&mut self, policy: &Policy) -> bool {
        let policy = policy.bounded();
        let changed = policy != self.group.policy;
        if changed {
            self.group.policy = policy;
            self.group.families.clone().into_iter().for_each(|family| self.resend(family));
        }
        changed
    }
}
