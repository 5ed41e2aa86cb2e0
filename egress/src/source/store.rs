//! What is known of the API server, and what a change of it touches.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use super::kinds::Kind;
use super::parse::Object;
use super::state::State;
use super::{affected, change};
use crate::lease::{Beat, Pulse};
use crate::subject::Subject;
use crate::view::{Cluster, Name};

/// Objects that are to be looked at.
#[derive(Debug, Default)]
pub struct Marks {
    keys: Mutex<BTreeSet<Subject>>,
    changed: Notify,
}

impl Marks {
    /// These are to be looked at.
    pub fn add(&self, keys: impl IntoIterator<Item = Subject>) {
        let mut all = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let before = all.len();
        all.extend(keys);
        if all.len() > before {
            self.changed.notify_one();
        }
    }

    /// All there are; waits for the first. For one taker.
    pub async fn take(&self) -> BTreeSet<Subject> {
        loop {
            let keys = std::mem::take(&mut *self.keys.lock().unwrap_or_else(PoisonError::into_inner));
            if !keys.is_empty() {
                return keys;
            }
            self.changed.notified().await;
        }
    }
}

/// What is known. Clones share it.
#[derive(Clone)]
pub struct Store {
    state: Arc<Mutex<State>>,
    marks: Arc<Marks>,
}

impl Store {
    /// Nothing yet. `separate`: the group has VPCs of its own beside Kube-OVN's.
    #[must_use]
    pub fn new(separate: bool, default_vpc: &str, marks: Arc<Marks>) -> Self {
        let mut listed = BTreeSet::new();
        if !separate {
            listed.insert(Kind::OwnVpc);
        }
        let state = State {
            cluster: Cluster::default(),
            vpcs: BTreeMap::new(),
            own: separate.then(BTreeMap::new),
            unreadable: BTreeSet::new(),
            listed,
            troubles: BTreeMap::new(),
            pulse: Pulse::default(),
            default_vpc: default_vpc.into(),
        };
        Self { state: Arc::new(Mutex::new(state)), marks }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the objects. Do not hold up: watches wait.
    pub fn read<T>(&self, read: impl FnOnce(&Cluster) -> T) -> T {
        read(&self.state().cluster)
    }

    /// Kinds that were never listed in full.
    #[must_use]
    pub fn unlisted(&self) -> Vec<Kind> {
        let state = self.state();
        Kind::ALL.into_iter().filter(|kind| !state.listed.contains(kind)).collect()
    }

    /// Kinds without a good answer: since when, and why.
    #[must_use]
    pub fn troubles(&self) -> Vec<(Kind, Instant, String)> {
        self.state().troubles.iter().map(|(kind, (since, why))| (*kind, *since, why.clone())).collect()
    }

    /// Every object there is.
    #[must_use]
    pub fn keys(&self) -> Vec<Subject> {
        affected::all(&self.state())
    }

    /// Gateways and VPCs of these routers.
    #[must_use]
    pub fn by_routers(&self, routers: &BTreeSet<&str>) -> Vec<Subject> {
        if routers.is_empty() { Vec::new() } else { affected::by_routers(&self.state(), routers) }
    }

    /// A VPC and its gateways.
    #[must_use]
    pub fn by_vpc(&self, vpc: &str) -> Vec<Subject> {
        affected::by_vpc(&self.state(), vpc)
    }

    /// Gateways that select pods.
    #[must_use]
    pub fn with_selectors(&self) -> Vec<Subject> {
        affected::with_selectors(&self.state())
    }

    /// What asking for the Lease of kube-ovn-controller gave: the Lease, none, or no answer at all.
    pub(super) fn lease(&self, answer: Option<Option<Beat>>) {
        let mut state = self.state();
        let answered = answer.is_some();
        let mut keys = change::lease(&mut state, answer, Instant::now());
        if answered {
            if state.listed.insert(Kind::Lease) {
                keys = affected::all(&state);
            }
            state.troubles.remove(&Kind::Lease);
        }
        self.marks.add(keys);
    }

    /// When the Lease of kube-ovn-controller was answered for last.
    #[must_use]
    pub fn controller_asked(&self) -> Option<Instant> {
        self.state().pulse.answered()
    }

    /// A good answer came for this kind.
    pub(super) fn well(&self, kind: Kind) {
        self.state().troubles.remove(&kind);
    }

    /// No good answer came for this kind. Whether that is news.
    pub(super) fn trouble(&self, kind: Kind, why: String) -> bool {
        let mut state = self.state();
        let known = state.troubles.get(&kind).is_some_and(|(_, told)| *told == why);
        let since = state.troubles.get(&kind).map_or_else(Instant::now, |(since, _)| *since);
        state.troubles.insert(kind, (since, why));
        !known
    }

    /// The list of this kind is complete: what it did not show is gone.
    pub(super) fn complete(&self, kind: Kind, shown: &BTreeSet<Name>) {
        let gone: Vec<Name> = self.names(kind).into_iter().filter(|name| !shown.contains(name)).collect();
        for name in gone {
            self.remove(kind, &name);
        }
        let mut state = self.state();
        if state.listed.insert(kind) {
            self.marks.add(affected::all(&state));
        }
        state.troubles.remove(&kind);
    }

    /// The cluster has the kind of attachments, and these none of them so far; or not the kind.
    pub(super) fn attachments_known(&self, known: bool) {
        let mut state = self.state();
        let changed = state.cluster.attachments.is_some() != known;
        if changed {
            state.cluster.attachments = known.then(BTreeSet::new);
        }
        if (!known && state.listed.insert(Kind::Attachment)) || changed {
            self.marks.add(affected::all(&state));
        }
    }

    /// An object as it is now.
    pub(super) fn put(&self, name: Name, object: Object) {
        let mut state = self.state();
        let keys = change::put(&mut state, name, object);
        self.marks.add(keys);
    }

    /// It is there and cannot be read.
    pub(super) fn bad(&self, kind: Kind, name: &Name) {
        change::bad(&mut self.state(), kind, name);
    }

    /// It is gone.
    pub(super) fn remove(&self, kind: Kind, name: &Name) {
        let mut state = self.state();
        let keys = change::remove(&mut state, kind, name);
        self.marks.add(keys);
    }

    fn names(&self, kind: Kind) -> Vec<Name> {
        let state = self.state();
        let cluster = &state.cluster;
        let bad = |kind| state.unreadable.iter().filter(move |one| one.0 == kind).map(|(_, name)| name);
        let plain = |name: &str| Name { namespace: "".into(), name: name.into() };
        match kind {
            Kind::Gateway => cluster.gateways.keys().chain(&cluster.unreadable_gateways).cloned().collect(),
            Kind::Vpc => state.vpcs.keys().chain(bad(kind)).map(|name| plain(name)).collect(),
            Kind::OwnVpc => {
                state.own.iter().flat_map(BTreeMap::keys).chain(bad(kind)).map(|name| plain(name)).collect()
            }
            Kind::Subnet => cluster.subnets.keys().map(|name| plain(name)).collect(),
            Kind::Pod => cluster.pods.keys().cloned().collect(),
            Kind::Namespace => cluster.namespaces.keys().map(|name| plain(name)).collect(),
            Kind::Node => cluster.nodes.keys().map(|name| plain(name)).collect(),
            Kind::Deployment => cluster.deployments.keys().cloned().collect(),
            Kind::Attachment => cluster.attachments.iter().flatten().cloned().collect(),
            Kind::Lease => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{self, Form, Settings};
    use crate::view::Network;

    fn rows(store: &Store, name: &Name) -> [Option<usize>; 2] {
        let settings = Settings {
            group: kubeovn::GROUP.into(),
            default_vpc: "ovn-cluster".into(),
            form: Form::Auto,
            image: "x".into(),
        };
        let network = Network::default();
        store.read(|cluster| {
            let gateway = plan::gateway(cluster, &network, &settings, name).rows;
            let vpc = plan::vpc(cluster, &network, &settings, &name.name).rows;
            [gateway, vpc].map(|rows| rows.map(|rows| rows.len()))
        })
    }

    #[test]
    fn what_is_there_and_cannot_be_read_is_not_gone() {
        let store = Store::new(true, "ovn-cluster", Arc::default());
        let (gateway, vpc) = (Name::new("default", "a"), Name::new("", "a"));
        store.bad(Kind::Gateway, &gateway);
        store.bad(Kind::OwnVpc, &vpc);
        store.put(vpc.clone(), Object::Vpc(Arc::new(kubeovn::Vpc::new("a", kubeovn::VpcSpec::default()))));
        store.complete(Kind::Gateway, &BTreeSet::from([gateway.clone()]));
        store.complete(Kind::OwnVpc, &BTreeSet::from([vpc.clone()]));
        assert_eq!(rows(&store, &gateway), [None, None], "rows stay");
        store.complete(Kind::Gateway, &BTreeSet::new());
        store.complete(Kind::OwnVpc, &BTreeSet::new());
        assert_eq!(rows(&store, &gateway), [Some(0), Some(0)], "gone");
        store.bad(Kind::Vpc, &vpc);
        store.remove(Kind::Vpc, &vpc);
        store.bad(Kind::Gateway, &gateway);
        store.remove(Kind::Gateway, &gateway);
        assert_eq!(rows(&store, &gateway), [Some(0), Some(0)], "deleted");
    }
}
