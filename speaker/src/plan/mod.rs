//! The plan: which prefixes are wanted and by whom, and for everything else a named reason why not.
//!
//! Pure and synchronous: a change of the view goes in, flipped prefixes and notices come out as data. An event costs
//! what it touches: an object contributes the prefixes that the rules ([`Verdict`]) give it, prefixes are counted by
//! the objects wanting them, and a Subnet that changes asks only its own Pods again. Refusals are not stored but
//! derived when asked for. [`full`] plans a whole view at once; a property test holds the two equal.

mod full;
mod judge;
mod notice;
mod prefixes;
mod refusal;
mod store;

use std::sync::Arc;

use ipnet::IpNet;

pub use full::{Full, full};
pub use judge::Verdict;
pub use notice::Notice;
pub use refusal::Refusal;

use crate::view::{Change, Key, Kind, Object, Subnet};
use judge::judge;
use prefixes::Prefixes;
use store::{Id, Store};

/// What the rules need to know about this speaker.
#[derive(Clone, Debug)]
pub enum Settings {
    /// It runs on a node and announces Subnets, Pods and Services.
    Node {
        /// Name of this node, lower case, to be compared with `spec.nodeName`.
        name: Arc<str>,
        /// Whether Services are announced.
        announce_cluster_ip: bool,
        /// Whether only the Pods of this node are this speaker's: one whose policy is `cluster` is announced as if it
        /// were `local`. No other Pod need be seen.
        local_only: bool,
    },
    /// It runs beside a VPC NAT gateway and announces its EIPs.
    NatGateway {
        /// Name of the gateway; without one nothing is announced.
        name: Option<Arc<str>>,
    },
}

impl Settings {
    /// The kinds of objects that the rules look at: nothing may be announced before each has been listed.
    #[must_use]
    pub fn kinds(&self) -> &'static [Kind] {
        match self {
            Self::Node { announce_cluster_ip: true, .. } => &[Kind::Subnet, Kind::Pod, Kind::Service],
            Self::Node { announce_cluster_ip: false, .. } => &[Kind::Subnet, Kind::Pod],
            Self::NatGateway { .. } => &[Kind::Eip],
        }
    }
}

/// What changes of the view led to, taken together: no prefix is in both lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Not wanted before, wanted now; sorted.
    pub announce: Vec<IpNet>,
    /// Wanted before, not wanted now; sorted.
    pub withdraw: Vec<IpNet>,
    /// What an operator should be told, in the order of the changes.
    pub notices: Vec<Notice>,
}

/// The incremental plan.
#[derive(Debug)]
pub struct Plan {
    settings: Settings,
    store: Store,
    prefixes: Prefixes,
}

impl Plan {
    /// A plan of an empty view.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, store: Store::default(), prefixes: Prefixes::default() }
    }

    /// Applies one change.
    pub fn apply(&mut self, change: Change) -> Outcome {
        self.apply_batch([change])
    }

    /// Applies changes in order and gives their net effect.
    pub fn apply_batch(&mut self, changes: impl IntoIterator<Item = Change>) -> Outcome {
        let mut notices = Vec::new();
        for change in changes {
            match change {
                Change::Put(object) => self.put(object, &mut notices),
                Change::Remove(key) => self.remove(&key),
                Change::Keep(key) => self.store.keep(&key),
                Change::ListBegun(kind) => self.store.begin_list(kind),
                Change::ListDone(kind) => {
                    self.store.not_listed(kind).iter().for_each(|key| self.remove(key));
                }
            }
        }
        let (announce, withdraw) = self.prefixes.take_flipped();
        Outcome { announce, withdraw, notices }
    }

    fn put(&mut self, object: Object, notices: &mut Vec<Notice>) {
        let (id, old) = self.store.put(object);
        if let Some(new) = self.store.get(id) {
            notices.extend(Notice::new_ones(old.as_ref(), new, &self.settings));
        }
        self.settle(id, old.as_ref());
    }

    fn remove(&mut self, key: &Key) {
        if let Some((id, old)) = self.store.remove(key) {
            self.settle(id, Some(&old));
        }
    }

    /// Brings the prefixes up to date after object `id` was `old` and is now what the store says.
    fn settle(&mut self, id: Id, old: Option<&Object>) {
        let Self { settings, store, prefixes } = self;
        let new = store.get(id);
        if new == old {
            return;
        }
        // No object wants anything that depends on itself as a Subnet, so today's Subnets do for both sides.
        let wants = |object: &Object| judge(object, settings, |name| store.subnet(name)).wants;
        prefixes.update(id, &old.map(wants).unwrap_or_default(), &new.map(wants).unwrap_or_default());
        let (was, is) = (old.and_then(as_subnet), new.and_then(as_subnet));
        let Some(Subnet { name, .. }) = was.or(is) else { return };
        if was.map(for_pods) == is.map(for_pods) {
            return;
        }
        let subnet_before = |asked: &str| if asked == &**name { was } else { store.subnet(asked) };
        for (pod_id, pod) in store.pods_in(name) {
            let before = judge(pod, settings, subnet_before).wants;
            prefixes.update(pod_id, &before, &wants(pod));
        }
    }

    /// Every wanted prefix, in no order.
    pub fn prefixes(&self) -> impl Iterator<Item = IpNet> {
        self.prefixes.iter()
    }

    /// The objects that want the prefix, in no order; none if it is not wanted.
    pub fn reasons(&self, prefix: &IpNet) -> impl Iterator<Item = Key> {
        self.prefixes.reasons(prefix).iter().filter_map(|id| self.store.get(*id)).map(Object::key)
    }

    /// Every reason why something is not announced, in no order; an object may have several.
    pub fn refusals(&self) -> impl Iterator<Item = (Key, Refusal)> {
        self.store.objects().flat_map(|object| {
            let key = object.key();
            self.judge(object).refusals.into_iter().map(move |refusal| (key.clone(), refusal))
        })
    }

    /// What the object contributes and why not more; `None` if there is no such object.
    #[must_use]
    pub fn explain(&self, key: &Key) -> Option<Verdict> {
        self.store.find(key).map(|object| self.judge(object))
    }

    fn judge(&self, object: &Object) -> Verdict {
        judge(object, &self.settings, |name| self.store.subnet(name))
    }
}

fn as_subnet(object: &Object) -> Option<&Subnet> {
    match object {
        Object::Subnet(subnet) => Some(subnet),
        Object::Pod(_) | Object::Service(_) | Object::Eip(_) => None,
    }
}

/// What of a Subnet decides about its Pods.
fn for_pods(subnet: &Subnet) -> (bool, &crate::policy::Policy) {
    (subnet.ready, &subnet.policy)
}
