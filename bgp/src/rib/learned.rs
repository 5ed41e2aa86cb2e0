//! What one peer announced (its Adj-RIB-In): to be looked at, never exported, never installed.
//!
//! Bounded against any peer: the first [`Learned::MAX_PATHS`] paths are kept with their attributes in wire form,
//! equal ones once, [`Learned::MAX_OCTETS`] of them at most. Of prefixes beyond that a fingerprint remains, so that
//! the counts stay exact up to [`Learned::MAX_COUNTED`] more; from there on they are a lower bound.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;
use std::time::{Duration, Instant};

use foldhash::{fast, quality};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::types::{Asn, Family};
use crate::wire::{Attr, Context, MpReach, MpUnreach, Prefixes, Update, stored_attrs};

/// The form attributes are kept in, whatever the session negotiated.
const STORED: Context = Context { four_octet_as: true, max_message: u16::MAX, internal: true };

/// How many prefixes of a family the peer announces at present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LearnedCounts {
    /// All of them.
    pub received: u64,
    /// Those whose `AS_PATH` has not our own AS in it (RFC 4271 §9.1.2).
    pub accepted: u64,
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
        let mut accepted = true;
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
            if let Attr::AsPath(path) = attr {
                accepted &= !path.iter().any(|segment| segment.asns.contains(&self.local_as.get()));
            }
        }
        let seconds = now.saturating_duration_since(self.begun).as_secs();
        NewPath { attrs, accepted, at: u32::try_from(seconds).unwrap_or(u32::MAX) }
    }
}

enum Withdrawn<'a> {
    V4(&'a [Ipv4Net]),
    V6(&'a [Ipv6Net]),
}

/// What all prefixes of an UPDATE have in common.
struct NewPath {
    attrs: Vec<u8>,
    accepted: bool,
    at: u32,
}

#[derive(Debug)]
struct Path {
    attrs: Arc<[u8]>,
    /// Seconds since the session came up.
    at: u32,
    accepted: bool,
}

/// One family.
#[derive(Debug)]
struct Table<P> {
    kept: HashMap<P, Path, fast::RandomState>,
    /// Fingerprints of prefixes that are not kept; the lowest bit is set where the path is accepted.
    counted: HashSet<u64, fast::RandomState>,
    hasher: quality::RandomState,
    counts: LearnedCounts,
}

impl<P> Default for Table<P> {
    fn default() -> Self {
        let (kept, counted) = (HashMap::default(), HashSet::default());
        Self { kept, counted, hasher: quality::RandomState::default(), counts: LearnedCounts::default() }
    }
}

impl<P: Copy + Eq + Hash + Into<IpNet>> Table<P> {
    fn remove(&mut self, net: &P, sets: &mut AttrSets) {
        let accepted = match self.kept.remove(net) {
            Some(path) => {
                sets.give_back(&path.attrs);
                path.accepted
            }
            None => {
                let print = self.hasher.hash_one(net);
                let refused = self.counted.remove(&(print & !1));
                let accepted = self.counted.remove(&(print | 1));
                if !refused && !accepted {
                    return;
                }
                accepted
            }
        };
        self.counts.received = self.counts.received.saturating_sub(1);
        self.counts.accepted = self.counts.accepted.saturating_sub(u64::from(accepted));
    }

    /// Returns whether any could not be kept.
    fn announce(&mut self, nets: &[P], path: &NewPath, room: usize, sets: &mut AttrSets) -> bool {
        let mut spilled = false;
        for net in nets {
            self.remove(net, sets);
            let set = if self.kept.len() < room { sets.take(&path.attrs) } else { None };
            match set {
                Some(attrs) => {
                    self.kept.insert(*net, Path { attrs, at: path.at, accepted: path.accepted });
                }
                None => {
                    spilled = true;
                    if self.counted.len() >= Learned::MAX_COUNTED {
                        continue;
                    }
                    let print = self.hasher.hash_one(net);
                    self.counted.insert(if path.accepted { print | 1 } else { print & !1 });
                }
            }
            self.counts.received += 1;
            self.counts.accepted += u64::from(path.accepted);
        }
        spilled
    }

    fn paths(&self, begun: Instant) -> Vec<LearnedPath> {
        let path = |(net, path): (&P, &Path)| LearnedPath {
            prefix: (*net).into(),
            since: begun + Duration::from_secs(path.at.into()),
            accepted: path.accepted,
            attrs: Arc::clone(&path.attrs),
        };
        self.kept.iter().map(path).collect()
    }
}

/// Different attribute sets, each with how many paths use it.
#[derive(Debug, Default)]
struct AttrSets {
    uses: HashMap<Arc<[u8]>, usize, fast::RandomState>,
    octets: usize,
}

impl AttrSets {
    /// `None` where the bound leaves no room for one more.
    fn take(&mut self, attrs: &[u8]) -> Option<Arc<[u8]>> {
        if let Some((known, _)) = self.uses.get_key_value(attrs) {
            let known = Arc::clone(known);
            self.uses.entry(Arc::clone(&known)).and_modify(|uses| *uses += 1);
            return Some(known);
        }
        if self.octets.saturating_add(attrs.len()) > Learned::MAX_OCTETS {
            return None;
        }
        let new: Arc<[u8]> = attrs.into();
        self.octets += attrs.len();
        self.uses.insert(Arc::clone(&new), 1);
        Some(new)
    }

    fn give_back(&mut self, attrs: &Arc<[u8]>) {
        let Some(uses) = self.uses.get_mut(attrs) else { return };
        *uses -= 1;
        if *uses == 0 {
            self.uses.remove(attrs);
            self.octets = self.octets.saturating_sub(attrs.len());
        }
    }
}
