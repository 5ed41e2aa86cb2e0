//! The Kubernetes API as a source: each needed kind is listed, then watched, by a task of its own.
//!
//! `access` is the way to the server, `connect` makes it, `listed` is what one object looks like to the client, `reflector` lists and watches one kind for ever, `trouble`
//! says what went wrong and how long to wait. Only list and watch are used, and only of the kinds the mode needs.

mod access;
mod connect;
mod listed;
mod reflector;
mod trouble;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::mpsc::Sender;
use tokio::task::JoinSet;

use crate::object::{self, GATEWAY_LABEL};
use crate::plan::Settings;
use crate::stages::Stages;
use crate::view::{Batch, Change, Kind};
pub use access::{Access, AccessError};
use listed::Listable;
use reflector::Reflector;
pub(crate) use trouble::brief;

/// Which objects of a kind are needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The kind.
    pub kind: Kind,
    /// A field selector.
    pub fields: Option<String>,
    /// A label selector.
    pub labels: Option<String>,
}

/// What the mode needs to know: nothing else is asked for, so nothing else need be granted.
#[must_use]
pub fn selections(settings: &Settings) -> Vec<Selection> {
    let all = |kind| Selection { kind, fields: None, labels: None };
    match settings {
        Settings::Node { name, announce_cluster_ip, local_only } => {
            let here = local_only.then(|| format!("spec.nodeName={name},")).unwrap_or_default();
            let pods = Selection { fields: Some(format!("{here}spec.hostNetwork=false")), ..all(Kind::Pod) };
            let services = announce_cluster_ip.then(|| all(Kind::Service));
            [all(Kind::Subnet), pods].into_iter().chain(services).collect()
        }
        Settings::NatGateway { name: Some(name) } => {
            vec![Selection { labels: Some(format!("{GATEWAY_LABEL}={name}")), ..all(Kind::Eip) }]
        }
        Settings::NatGateway { name: None } => Vec::new(),
    }
}

/// Lists and watches until the receiver is dropped. The first batch that says `synced` follows the first list of the
/// last kind; with nothing to select it comes at once.
pub async fn watch(access: Access, selections: Vec<Selection>, to: Sender<Batch>, stages: Arc<Stages>) {
    let outlet = Outlet { to: to.clone(), unlisted: Arc::new(AtomicUsize::new(selections.len())) };
    if selections.is_empty() {
        outlet.send(Vec::new(), Instant::now()).await;
    }
    let mut tasks = JoinSet::new(); // dropped with this future, which ends them
    let followed = access.clone();
    tasks.spawn(async move { followed.follow().await });
    for selection in selections {
        let parts = (access.clone(), outlet.clone(), Arc::clone(&stages));
        match selection.kind {
            Kind::Subnet => tasks.spawn(follow::<object::Subnet>(selection, parts)),
            Kind::Pod => tasks.spawn(follow::<object::Pod>(selection, parts)),
            Kind::Service => tasks.spawn(follow::<object::Service>(selection, parts)),
            Kind::Eip => tasks.spawn(follow::<object::Eip>(selection, parts)),
        };
    }
    tokio::select! {
        Some(_) = tasks.join_next() => {} // it panicked: the others go with it, and the speaker is told
        () = to.closed() => {}
    }
}

async fn follow<T: Listable>(selection: Selection, (access, outlet, stages): (Access, Outlet, Arc<Stages>)) {
    Reflector::<T>::new(access, selection, outlet, stages).run().await;
}

/// Where the tasks send what they see.
#[derive(Clone)]
struct Outlet {
    to: Sender<Batch>,
    /// Kinds that were not listed to the end yet.
    unlisted: Arc<AtomicUsize>,
}

impl Outlet {
    /// Waits while the announcer is behind, which slows the server down instead of filling memory.
    async fn send(&self, changes: Vec<Change>, noticed: Instant) {
        let synced = self.unlisted.load(Ordering::Acquire) == 0;
        let _ = self.to.send(Batch { changes, noticed, synced }).await; // a closed channel ends everything above
    }

    /// The kind was listed to its end for the first time, and all of that was sent: only then may a batch, of this
    /// or another kind, say that everything is known.
    async fn listed(&self) {
        if self.unlisted.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.send(Vec::new(), Instant::now()).await;
        }
    }
}
