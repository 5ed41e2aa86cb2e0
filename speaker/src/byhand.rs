//! Routes added by hand through the API, apart from the plan's: a prefix wanted by both survives the removal of one.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use bgp::rib::RouteAttrs;
use ipnet::IpNet;

/// Names one route added by hand.
pub type Handle = [u8; 16];

/// Why a route was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ByHandError {
    /// The bound is reached.
    #[error("there are {} routes added by hand already, the most there may be", ByHand::MAX)]
    Full,
    /// Too many different attributes.
    #[error(
        "routes were added by hand with {} different sets of attributes since the start, the most there may be",
        ByHand::MAX_SETS
    )]
    Sets,
}

/// The routes.
#[derive(Debug, Default)]
pub struct ByHand {
    routes: BTreeMap<IpNet, (RouteAttrs, Handle)>,
    /// All sets of attributes there ever were: the engine keeps them for ever.
    sets: HashSet<RouteAttrs>,
    added: u64,
    seed: RandomState,
}

impl ByHand {
    /// The most routes.
    pub const MAX: usize = 65_536;
    /// The most different sets of attributes since the start.
    pub const MAX_SETS: usize = 1024;

    /// Adds one or gives it other attributes.
    ///
    /// # Errors
    /// [`ByHandError`].
    pub fn add(&mut self, prefix: IpNet, attrs: RouteAttrs) -> Result<Handle, ByHandError> {
        if self.routes.len() >= Self::MAX && !self.routes.contains_key(&prefix) {
            return Err(ByHandError::Full);
        }
        if !self.sets.contains(&attrs) {
            if self.sets.len() >= Self::MAX_SETS {
                return Err(ByHandError::Sets);
            }
            self.sets.insert(attrs.clone());
        }
        self.added += 1;
        let half = |which: u8| self.seed.hash_one((self.added, which));
        let handle = ((u128::from(half(0)) << 64) | u128::from(half(1))).to_be_bytes();
        self.routes.insert(prefix, (attrs, handle));
        Ok(handle)
    }

    /// Takes away those that `which` picks; returns their prefixes.
    pub fn remove(&mut self, which: impl Fn(&IpNet, &Handle) -> bool) -> Vec<IpNet> {
        let gone: Vec<IpNet> = self
            .routes
            .iter()
            .filter(|(prefix, (_, handle))| which(prefix, handle))
            .map(|(prefix, _)| *prefix)
            .collect();
        for prefix in &gone {
            self.routes.remove(prefix);
        }
        gone
    }

    /// What one carries.
    #[must_use]
    pub fn get(&self, prefix: &IpNet) -> Option<&RouteAttrs> {
        self.routes.get(prefix).map(|(attrs, _)| attrs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_attributes_are_bounded_for_what_is_kept_of_them_is_kept_for_ever() {
        let mut by_hand = ByHand::default();
        let prefix: IpNet = "10.0.0.0/24".parse().expect("a prefix");
        let attrs = |med| RouteAttrs::new(Some(med), Vec::new()).expect("attributes");
        for med in (0..1024).chain(0..1024) {
            by_hand.add(prefix, attrs(med)).expect("there is room");
        }
        assert_eq!(by_hand.add(prefix, attrs(1024)), Err(ByHandError::Sets));
        assert_eq!(by_hand.get(&prefix), Some(&attrs(1023)), "what was there stays");
    }
}
