//! Routes added by hand through the API, apart from the plan's: a prefix wanted by both survives the removal of one.

use std::collections::BTreeMap;
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
}

/// The routes.
#[derive(Debug, Default)]
pub struct ByHand {
    routes: BTreeMap<IpNet, (RouteAttrs, Handle)>,
    added: u64,
    seed: RandomState,
}

impl ByHand {
    /// The most routes.
    pub const MAX: usize = 65_536;

    /// Adds one or gives it other attributes.
    ///
    /// # Errors
    /// [`ByHandError`].
    pub fn add(&mut self, prefix: IpNet, attrs: RouteAttrs) -> Result<Handle, ByHandError> {
        if self.routes.len() >= Self::MAX && !self.routes.contains_key(&prefix) {
            return Err(ByHandError::Full);
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
