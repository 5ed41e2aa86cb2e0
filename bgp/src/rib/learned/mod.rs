//! What one peer announced (its Adj-RIB-In): to be looked at, never exported, never installed.
//!
//! Bounded against any peer: the first [`Learned::MAX_PATHS`] paths are kept with their attributes in wire form,
//! equal ones once, [`Learned::MAX_OCTETS`] of them at most. Of prefixes beyond that a fingerprint remains, so that
//! the counts stay exact up to [`Learned::MAX_COUNTED`] more; from there on they are a lower bound.
//!
//! Stale is what was announced before a mark, a session that was lost (RFC 4724 §4.2) or the beginning of a refresh
//! (RFC 7313 §4), and not again since.

mod table;

use std::sync::Arc;
use std::time::Instant;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::types::{Asn, Family};
use crate::wire::{Attr, Context, MpReach, MpUnreach, Prefixes, Update, stored_attrs};
use table::{AttrSets, NewPath, Table};

/// The form attributes are kept in, whatever the session negotiated.
const STORED: Context = Context { four_octet_as: true, max_message: u16::MAX, internal: true };

/// How many prefixes of a family the peer announces at present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LearnedCounts {
    /// All of them.
    pub received: u64,
    /// Those whose `AS_PATH` has not our own AS in it (RFC 4271 §9.1.2).
    pub accepted: u64,
    /// Those that are stale, as far as they are kept.
    pub stale: u64,
}

/// One path of a peer.
#[derive(Clone, Debug)]
pub struct LearnedPath {
    /// The prefix.
    pub prefix: IpNet,
    /// When it was announced last.
    pub since: Instant,
    /// Whether it counts as accepted.
    pub accepted: bool,
    /// Whether it was announced before the last mark only.
    pub stale: bool,
    attrs: Arc<[u8]>,
}

impl LearnedPath {
    /// Its attributes in the order sent; a next hop of `MP_REACH_NLRI` stands in one without prefixes.
    #[must_use]
    pub fn attrs(&self) -> Vec<Attr> {
        stored_attrs(&self.attrs, STORED)
    }
}

/// The paths of one session.
#[derive(Debug)]
pub struct Learned {
    local_as: Asn,
    families: Vec<Family>,
    begun: Instant,
    v4: Table<Ipv4Net>,
    v6: Table<Ipv6Net>,
    sets: AttrSets,
    spilled: bool,
}

impl Learned {
    /// The most paths kept.
    pub const MAX_PATHS: usize = 65_536;
    /// The most octets of different attribute sets kept.
    pub const MAX_OCTETS: usize = 4 << 20;
    /// The most prefixes of a family counted beyond those kept.
    pub const MAX_COUNTED: usize = 1 << 20;

    /// Nothing learned yet in these families; others are ignored (RFC 4760 §8).
    #[must_use]
    pub fn new(local_as: Asn, families: Vec<Family>, now: Instant) -> Self {
        let (v4, v6, sets) = (Table::default(), Table::default(), AttrSets::default());
        Self { local_as, families, begun: now, v4, v6, sets, spilled: false }
    }

    /// Takes an UPDATE in. Returns whether it is the first with a path that is not kept.
    pub fn update(&mut self, now: Instant, update: &Update) -> bool {
        self.withdraw(Withdrawn::V4(&update.withdrawn));
        for attr in &update.attrs {
            match attr {
                Attr::MpUnreach(MpUnreach { prefixes: Prefixes::V4(nets) }) => {
                    self.withdraw(Withdrawn::V4(nets))
                }
                Attr::MpUnreach(MpUnreach { prefixes: Prefixes::V6(nets) }) => {
                    self.withdraw(Withdrawn::V6(nets))
                }
                _ => {}
            }
        }
        let mut spilled = !update.nlri.is_empty() && self.announce_v4(now, &update.nlri, update, None);
        for attr in &update.attrs {
            let Attr::MpReach(reach) = attr else { continue };
            spilled |= match &reach.prefixes {
                Prefixes::V4(nets) => self.announce_v4(now, nets, update, Some(reach)),
                Prefixes::V6(nets) => self.announce_v6(now, nets, update, reach),
                Prefixes::Other(..) => false,
            };
        }
        spilled && !std::mem::replace(&mut self.spilled, true)
    }

    /// The session is lost and the peer is to come back: all it announced is stale (RFC 4724 §4.2).
    pub fn retain_stale(&mut self) {
        self.v4.mark();
        self.v6.mark();
    }

    /// The peer is back, with these families: what it announced in others is gone.
    pub fn resume(&mut self, families: Vec<Family>) {
        for gone in [Family::IPV4_UNICAST, Family::IPV6_UNICAST] {
            if !families.contains(&gone) {
                self.end_refresh(gone);
            }
        }
        self.families = families;
    }

    /// The peer begins to repeat a family: what it has announced so far is stale.
    pub fn begin_refresh(&mut self, family: Family) {
        match family {
            Family::IPV4_UNICAST => self.v4.mark(),
            Family::IPV6_UNICAST => self.v6.mark(),
            _ => {}
        }
    }

    /// The peer has repeated a family, or what is stale in it must go for another reason.
    pub fn end_refresh(&mut self, family: Family) {
        match family {
            Family::IPV4_UNICAST => self.v4.purge(&mut self.sets),
            Family::IPV6_UNICAST => self.v6.purge(&mut self.sets),
            _ => {}
        }
    }

    /// What is stale goes, of one family or of all.
    pub fn purge_stale(&mut self, family: Option<Family>) {
        let all = [Family::IPV4_UNICAST, Family::IPV6_UNICAST];
        all.into_iter().filter(|one| family.is_none_or(|of| of == *one)).for_each(|of| self.end_refresh(of));
    }

    /// How many prefixes of a family there are, kept or not.
    #[must_use]
    pub fn counts(&self, family: Family) -> LearnedCounts {
        match family {
            Family::IPV4_UNICAST => self.v4.counts,
            Family::IPV6_UNICAST => self.v6.counts,
            _ => LearnedCounts::default(),
        }
    }

    /// The paths kept of a family, in no order.
    #[must_use]
    pub fn paths(&self, family: Family) -> Vec<LearnedPath> {
        match family {
            Family::IPV4_UNICAST => self.v4.paths(self.begun),
            Family::IPV6_UNICAST => self.v6.paths(self.begun),
            _ => Vec::new(),
        }
    }

    fn withdraw(&mut self, nets: Withdrawn<'_>) {
        match nets {
            Withdrawn::V4(nets) => nets.iter().for_each(|net| self.v4.remove(net, &mut self.sets)),
            Withdrawn::V6(nets) => nets.iter().for_each(|net| self.v6.remove(net, &mut self.sets)),
        }
    }

    fn announce_v4(
        &mut self,
        now: Instant,
        nets: &[Ipv4Net],
        with: &Update,
        through: Option<&MpReach>,
    ) -> bool {
        if !self.families.contains(&Family::IPV4_UNICAST) {
            return false;
        }
        let path = self.new_path(now, with, through);
        let room = Self::MAX_PATHS.saturating_sub(self.v6.kept.len());
        self.v4.announce(nets, &path, room, &mut self.sets)
    }

    fn announce_v6(&mut self, now: Instant, nets: &[Ipv6Net], with: &Update, through: &MpReach) -> bool {
        if !self.families.contains(&Family::IPV6_UNICAST) {
            return false;
        }
        let path = self.new_path(now, with, Some(through));
        let room = Self::MAX_PATHS.saturating_sub(self.v4.kept.len());
        self.v6.announce(nets, &path, room, &mut self.sets)
    }

    fn new_path(&self, now: Instant, with: &Update, through: Option<&MpReach>) -> NewPath {
        let mut attrs = Vec::new();
        for attr in &with.attrs {
            // Cannot fail to encode: it was decoded from as many octets.
            let _ = match (attr, through) {
                (Attr::MpUnreach(_), _) | (Attr::MpReach(_), None) | (Attr::NextHop(_), Some(_)) => None,
                (Attr::MpReach(_), Some(reach)) => {
                    let prefixes = match reach.prefixes {
                        Prefixes::V4(_) => Prefixes::V4(Vec::new()),
                        _ => Prefixes::V6(Vec::new()),
                    };
                    let next_hop = reach.next_hop.clone();
                    Attr::MpReach(MpReach { next_hop, prefixes }).encode(STORED, &mut attrs)
                }
                _ => attr.encode(STORED, &mut attrs),
            };
        }
        let path = with.path().unwrap_or_default();
        let accepted = !path.iter().any(|segment| segment.asns.contains(&self.local_as.get()));
        let seconds = now.saturating_duration_since(self.begun).as_secs();
        NewPath { attrs, accepted, at: u32::try_from(seconds).unwrap_or(u32::MAX) }
    }
}

enum Withdrawn<'a> {
    V4(&'a [Ipv4Net]),
    V6(&'a [Ipv6Net]),
}
