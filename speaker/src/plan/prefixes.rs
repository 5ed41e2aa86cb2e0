//! Wanted prefixes, each counted by the objects that want it.

use std::collections::{HashMap, HashSet};

use ipnet::IpNet;

use super::store::Id;

/// Nearly every prefix is wanted by one object: that case costs no allocation.
#[derive(Debug)]
enum Reasons {
    One(Id),
    #[expect(clippy::box_collection, reason = "a Vec inline would double the size of the common case")]
    Many(Box<Vec<Id>>),
}

impl Reasons {
    fn as_slice(&self) -> &[Id] {
        match self {
            Self::One(id) => std::slice::from_ref(id),
            Self::Many(ids) => ids,
        }
    }

    fn add(&mut self, id: Id) {
        match self {
            Self::One(first) => *self = Self::Many(Box::new(vec![*first, id])),
            Self::Many(ids) => ids.push(id),
        }
    }

    /// Returns whether none is left.
    fn remove(&mut self, id: Id) -> bool {
        match self {
            Self::One(_) => true,
            Self::Many(ids) => {
                ids.retain(|one| *one != id);
                if let [last] = ids[..] {
                    *self = Self::One(last);
                }
                false
            }
        }
    }
}

/// Prefix → who wants it, and which prefixes flipped since last asked.
#[derive(Debug, Default)]
pub(super) struct Prefixes {
    wanted: HashMap<IpNet, Reasons>,
    flipped: HashSet<IpNet>,
}

impl Prefixes {
    /// The object wanted `before` and wants `after` now, both sorted and without duplicates.
    pub(super) fn update(&mut self, id: Id, before: &[IpNet], after: &[IpNet]) {
        for prefix in after.iter().filter(|prefix| before.binary_search(prefix).is_err()) {
            self.add(*prefix, id);
        }
        for prefix in before.iter().filter(|prefix| after.binary_search(prefix).is_err()) {
            self.remove(*prefix, id);
        }
    }

    fn add(&mut self, prefix: IpNet, id: Id) {
        match self.wanted.get_mut(&prefix) {
            Some(reasons) => reasons.add(id),
            None => {
                self.wanted.insert(prefix, Reasons::One(id));
                self.flip(prefix);
            }
        }
    }

    fn remove(&mut self, prefix: IpNet, id: Id) {
        if self.wanted.get_mut(&prefix).is_some_and(|reasons| reasons.remove(id)) {
            self.wanted.remove(&prefix);
            self.flip(prefix);
        }
    }

    /// Twice is back to where it was.
    fn flip(&mut self, prefix: IpNet) {
        if !self.flipped.remove(&prefix) {
            self.flipped.insert(prefix);
        }
    }

    /// The net effect since last asked: (announce, withdraw), each sorted.
    pub(super) fn take_flipped(&mut self) -> (Vec<IpNet>, Vec<IpNet>) {
        // Not drain(): the table of a first listing would stay allocated for ever.
        let flipped = std::mem::take(&mut self.flipped);
        let (mut announce, mut withdraw): (Vec<_>, Vec<_>) =
            flipped.into_iter().partition(|prefix| self.wanted.contains_key(prefix));
        announce.sort_unstable();
        withdraw.sort_unstable();
        (announce, withdraw)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = IpNet> {
        self.wanted.keys().copied()
    }

    pub(super) fn reasons(&self, prefix: &IpNet) -> &[Id] {
        self.wanted.get(prefix).map(Reasons::as_slice).unwrap_or_default()
    }
}
