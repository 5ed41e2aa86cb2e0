//! One family of what a peer announced, and the attribute sets all of them share.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;
use std::time::{Duration, Instant};

use foldhash::{fast, quality};
use ipnet::IpNet;

use super::{Learned, LearnedCounts, LearnedPath};

/// What all prefixes of an UPDATE have in common.
pub(super) struct NewPath {
    pub(super) attrs: Vec<u8>,
    pub(super) accepted: bool,
    pub(super) at: u32,
}

#[derive(Debug)]
pub(super) struct Path {
    attrs: Arc<[u8]>,
    /// Seconds since the session came up.
    at: u32,
    accepted: bool,
    stale: bool,
}

/// One family.
#[derive(Debug)]
pub(super) struct Table<P> {
    pub(super) kept: HashMap<P, Path, fast::RandomState>,
    /// Fingerprints of prefixes that are not kept; the lowest bit is set where the path is accepted.
    counted: HashSet<u64, fast::RandomState>,
    /// The stale ones of those.
    counted_stale: HashSet<u64, fast::RandomState>,
    hasher: quality::RandomState,
    pub(super) counts: LearnedCounts,
}

impl<P> Default for Table<P> {
    fn default() -> Self {
        let (kept, counted, counted_stale) = (HashMap::default(), HashSet::default(), HashSet::default());
        let (hasher, counts) = (quality::RandomState::default(), LearnedCounts::default());
        Self { kept, counted, counted_stale, hasher, counts }
    }
}

impl<P: Copy + Eq + Hash + Into<IpNet>> Table<P> {
    pub(super) fn remove(&mut self, net: &P, sets: &mut AttrSets) {
        let (accepted, stale) = match self.kept.remove(net) {
            Some(path) => {
                sets.give_back(&path.attrs);
                (path.accepted, path.stale)
            }
            None => {
                let print = self.hasher.hash_one(net);
                let mut forget = |print| self.counted.remove(&print) | self.counted_stale.remove(&print);
                let (refused, accepted) = (forget(print & !1), forget(print | 1));
                if !refused && !accepted {
                    return;
                }
                (accepted, false)
            }
        };
        self.uncount(accepted, stale);
    }

    fn uncount(&mut self, accepted: bool, stale: bool) {
        self.counts.received = self.counts.received.saturating_sub(1);
        self.counts.accepted = self.counts.accepted.saturating_sub(u64::from(accepted));
        self.counts.stale = self.counts.stale.saturating_sub(u64::from(stale));
    }

    pub(super) fn mark(&mut self) {
        self.kept.values_mut().for_each(|path| path.stale = true);
        self.counts.stale = u64::try_from(self.kept.len()).unwrap_or(u64::MAX);
        self.counted_stale.extend(std::mem::take(&mut self.counted));
    }

    pub(super) fn purge(&mut self, sets: &mut AttrSets) {
        let stale: Vec<P> = self.kept.iter().filter(|(_, path)| path.stale).map(|(net, _)| *net).collect();
        stale.iter().for_each(|net| self.remove(net, sets));
        for print in std::mem::take(&mut self.counted_stale) {
            self.uncount(print & 1 == 1, false);
        }
    }

    /// Returns whether any could not be kept.
    pub(super) fn announce(&mut self, nets: &[P], path: &NewPath, room: usize, sets: &mut AttrSets) -> bool {
        let mut spilled = false;
        for net in nets {
            self.remove(net, sets);
            let set = if self.kept.len() < room { sets.take(&path.attrs) } else { None };
            match set {
                Some(attrs) => {
                    let path = Path { attrs, at: path.at, accepted: path.accepted, stale: false };
                    self.kept.insert(*net, path);
                }
                None => {
                    spilled = true;
                    if self.counted.len() + self.counted_stale.len() >= Learned::MAX_COUNTED {
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

    pub(super) fn paths(&self, begun: Instant) -> Vec<LearnedPath> {
        let path = |(net, path): (&P, &Path)| LearnedPath {
            prefix: (*net).into(),
            since: begun + Duration::from_secs(path.at.into()),
            accepted: path.accepted,
            stale: path.stale,
            attrs: Arc::clone(&path.attrs),
        };
        self.kept.iter().map(path).collect()
    }
}

/// Different attribute sets, each with how many paths use it.
#[derive(Debug, Default)]
pub(super) struct AttrSets {
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
