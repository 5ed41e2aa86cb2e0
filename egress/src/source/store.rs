//! What is known of the API server, and what a change of it touches.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use kubeovn::Vpc;
use tokio::sync::Notify;

use super::affected;
use super::kinds::Kind;
use super::parse::Object;
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

/// Behind the lock.
pub(super) struct State {
    pub(super) cluster: Cluster,
    /// VPCs as Kube-OVN has them.
    vpcs: BTreeMap<Box<str>, Arc<Vpc>>,
    /// Those of our group; `None`: Kube-OVN's are ours, too.
    own: Option<BTreeMap<Box<str>, Arc<Vpc>>>,
    listed: BTreeSet<Kind>,
    /// Since when, and why, a kind has no good answer.
    troubles: BTreeMap<Kind, (Instant, String)>,
    pulse: Pulse,
    /// Name of the default VPC.
    pub(super) default_vpc: Box<str>,
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

    /// Whether a kube-ovn-controller is alive, looked at again now: its silence is no event.
    pub fn look_at_controller(&self, now: Instant) -> bool {
        let mut state = self.state();
        let alive = state.pulse.is_alive(now);
        if std::mem::replace(&mut state.cluster.controller_alive, alive) != alive {
            self.marks.add(affected::all(&state));
        }
        alive
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
        if kind == Kind::Lease && shown.is_empty() {
            state.pulse.gone();
        }
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
        let keys = put(&mut state, name, object);
        self.marks.add(keys);
    }

    /// It is gone.
    pub(super) fn remove(&self, kind: Kind, name: &Name) {
        let mut state = self.state();
        let keys = remove(&mut state, kind, name);
        self.marks.add(keys);
    }

    fn names(&self, kind: Kind) -> Vec<Name> {
        let state = self.state();
        let cluster = &state.cluster;
        let plain = |name: &str| Name { namespace: "".into(), name: name.into() };
        match kind {
            Kind::Gateway => cluster.gateways.keys().cloned().collect(),
            Kind::Vpc => state.vpcs.keys().map(|name| plain(name)).collect(),
            Kind::OwnVpc => state.own.iter().flatten().map(|(name, _)| plain(name)).collect(),
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

fn put(state: &mut State, name: Name, object: Object) -> Vec<Subject> {
    match object {
        Object::Gateway(gateway) => {
            let old = state.cluster.gateways.insert(name.clone(), Arc::clone(&gateway));
            affected::by_gateway(state, &name, [old.as_ref(), Some(&gateway)])
        }
        Object::Vpc(vpc) => {
            state.vpcs.insert(name.name.clone(), vpc);
            merge(state, &name.name)
        }
        Object::OwnVpc(vpc) => {
            state.own.get_or_insert_default().insert(name.name.clone(), vpc);
            merge(state, &name.name)
        }
        Object::Subnet(subnet) => {
            let old = state.cluster.subnets.insert(name.name.clone(), Arc::clone(&subnet));
            affected::by_subnet(state, &name.name, [old.as_ref(), Some(&subnet)])
        }
        Object::Pod(pod) => {
            let old = state.cluster.pods.insert(name.clone(), Arc::clone(&pod));
            affected::by_pod(state, &name, [old.as_ref(), Some(&pod)])
        }
        Object::Namespace(labels) => {
            let same = state.cluster.namespaces.get(&name.name) == Some(&labels);
            state.cluster.namespaces.insert(name.name, labels);
            if same { Vec::new() } else { affected::with_selectors(state) }
        }
        Object::Node(node) => {
            let same = state.cluster.nodes.get(&name.name) == Some(&node);
            state.cluster.nodes.insert(name.name, node);
            if same { Vec::new() } else { affected::all(state) }
        }
        Object::Deployment(deployment) => {
            let same = state.cluster.deployments.insert(name.clone(), Arc::clone(&deployment))
                == Some(Arc::clone(&deployment));
            if same { Vec::new() } else { affected::by_deployment(state, &name, &deployment) }
        }
        Object::Attachment => match state.cluster.attachments.get_or_insert_default().insert(name) {
            true => affected::all(state),
            false => Vec::new(),
        },
        Object::Lease(beat) => lease(state, beat),
    }
}

fn lease(state: &mut State, beat: Beat) -> Vec<Subject> {
    let now = Instant::now();
    state.pulse.beat(beat, now);
    let alive = state.pulse.is_alive(now);
    let changed = std::mem::replace(&mut state.cluster.controller_alive, alive) != alive;
    if changed { affected::all(state) } else { Vec::new() }
}

fn remove(state: &mut State, kind: Kind, name: &Name) -> Vec<Subject> {
    let cluster = &mut state.cluster;
    match kind {
        Kind::Gateway => {
            let old = cluster.gateways.remove(name);
            affected::by_gateway(state, name, [old.as_ref(), None])
        }
        Kind::Vpc => {
            state.vpcs.remove(&name.name);
            merge(state, &name.name)
        }
        Kind::OwnVpc => {
            state.own.get_or_insert_default().remove(&name.name);
            merge(state, &name.name)
        }
        Kind::Subnet => {
            let old = cluster.subnets.remove(&name.name);
            affected::by_subnet(state, &name.name, [old.as_ref(), None])
        }
        Kind::Pod => {
            let old = cluster.pods.remove(name);
            affected::by_pod(state, name, [old.as_ref(), None])
        }
        Kind::Namespace => {
            cluster.namespaces.remove(&name.name);
            affected::with_selectors(state)
        }
        Kind::Node => {
            cluster.nodes.remove(&name.name);
            affected::all(state)
        }
        Kind::Deployment => match cluster.deployments.remove(name) {
            Some(old) => affected::by_deployment(state, name, &old),
            None => Vec::new(),
        },
        Kind::Attachment => {
            cluster.attachments.iter_mut().for_each(|all| {
                all.remove(name);
            });
            affected::all(state)
        }
        Kind::Lease => {
            state.pulse.gone();
            let was = std::mem::replace(&mut cluster.controller_alive, false);
            if was { affected::all(state) } else { Vec::new() }
        }
    }
}

/// A VPC as decisions see it: router and subnets are Kube-OVN's to say, the BFD port and what is told of it are ours.
fn merge(state: &mut State, name: &str) -> Vec<Subject> {
    let merged = state.vpcs.get(name).map(|base| match &state.own {
        None => Arc::clone(base),
        Some(own) => {
            let mut vpc = Vpc::clone(base);
            let own = own.get(name);
            vpc.spec.bfd_port = own.and_then(|own| own.spec.bfd_port.clone());
            let status = vpc.status.get_or_insert_default();
            let told = own.and_then(|own| own.status.as_ref());
            status.bfd_port = told.and_then(|told| told.bfd_port.clone());
            status.conditions = told.and_then(|told| told.conditions.clone());
            Arc::new(vpc)
        }
    });
    let old = match &merged {
        Some(vpc) => state.cluster.vpcs.insert(name.into(), Arc::clone(vpc)),
        None => state.cluster.vpcs.remove(name),
    };
    let parts = |vpc: &Arc<Vpc>| {
        (
            vpc.spec.clone(),
            vpc.status.clone(),
            vpc.metadata.deletion_timestamp.clone(),
            vpc.metadata.generation,
        )
    };
    match old.as_ref().map(parts) == merged.as_ref().map(parts) {
        true => Vec::new(),
        false => affected::by_vpc(state, name),
    }
}
