//! Planning from nothing: the whole view at once, with no state that could be wrong.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ipnet::IpNet;

use super::judge::judge;
use super::{Refusal, Settings, as_subnet};
use crate::view::{Key, Object};

/// A plan of a whole view.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Full {
    /// Wanted prefixes and the objects that want them.
    pub prefixes: BTreeMap<IpNet, BTreeSet<Key>>,
    /// Why the rest is not announced, by object.
    pub refusals: BTreeMap<Key, Vec<Refusal>>,
}

/// Plans the whole view. Of objects with the same key the last counts.
#[must_use]
pub fn full(view: &[Object], settings: &Settings) -> Full {
    let objects: BTreeMap<Key, &Object> = view.iter().map(|object| (object.key(), object)).collect();
    let subnets: HashMap<&str, _> = objects
        .values()
        .filter_map(|object| as_subnet(object))
        .map(|subnet| (&*subnet.name, subnet))
        .collect();
    let mut plan = Full::default();
    for (key, object) in objects {
        let verdict = judge(object, settings, |name| subnets.get(name).copied());
        for prefix in verdict.wants {
            plan.prefixes.entry(prefix).or_default().insert(key.clone());
        }
        if !verdict.refusals.is_empty() {
            plan.refusals.insert(key, verdict.refusals);
        }
    }
    plan
}
