//! Follows our DaemonSet while we run. Who removes a speaker for good mostly removes its rights and its ServiceAccount in
//! the same breath: by the time we are stopped nobody answers us, but the watch that began before has seen it go. Where our
//! Pod was placed is remembered, too: of a node that is deleted Kubernetes deletes the Pods before it has them stopped.

use std::pin::pin;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use http::Request;
use kube::core::WatchEvent;
use tokio::time::{Instant, sleep, timeout};
use tracing::debug;

use super::ask::Asker;
use super::facts::{DaemonSet, Fact};
use crate::pod::OwnPod;
use crate::source::kubernetes::{Access, brief};

/// How long one question may take here, where nobody waits for the answer.
const ANSWER: Duration = Duration::from_secs(30);
/// After how many seconds the server ends a watch, and after what time without an end the connection counts as dead.
const LIFETIME: (u32, Duration) = (290, Duration::from_secs(300));
/// Between two watches: the next one follows the end of a good one soon, and of a bad one late; shortened by up to half at
/// random, for many speakers lose the same API server at once.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// Whether our DaemonSet was seen to go, and not to come back.
#[derive(Debug, Default)]
pub struct Followed {
    state: Mutex<State>,
    /// The node of our Pod, which never changes.
    placed: OnceLock<String>,
}

#[derive(Debug, Default)]
struct State {
    /// Namespace and name.
    name: String,
    /// As it was last.
    set: Option<DaemonSet>,
    gone: bool,
}

impl Followed {
    pub(super) fn note(&self, name: &str, set: Option<DaemonSet>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // One whose Pods are to outlive it takes nothing with it.
        let orphans = state.set.as_ref().is_some_and(DaemonSet::is_orphaning);
        name.clone_into(&mut state.name);
        state.gone = set.is_none() && !orphans;
        state.set = set.or_else(|| state.set.take());
    }

    /// What is known though nobody answers: its name, and only that it is going, or gone.
    pub(super) fn last(&self) -> Option<(String, Fact<DaemonSet>)> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &state.set {
            _ if state.gone => Some((state.name.clone(), Fact::Gone)),
            Some(set) if set.is_going() => Some((state.name.clone(), Fact::Known(set.clone()))),
            _ => None,
        }
    }

    /// The node our Pod was placed on, as the Pod itself said when it was there.
    pub(super) fn placed(&self) -> Option<String> {
        self.placed.get().cloned()
    }

    /// Follows the DaemonSet that owns this Pod. Never ends; without the rights it tries again, and knows nothing.
    pub async fn follow(&self, access: Access, own: OwnPod) {
        let name = loop {
            match asker(&access).pod(&own.namespace, &own.name).await {
                Fact::Known(pod) => {
                    let owner = pod.owner().filter(|owner| owner.is_daemon_set()).cloned();
                    let _ = pod.spec.node_name.map(|node| self.placed.set(node)); // it is the same each time
                    match owner {
                        Some(owner) => break owner.name,
                        None => return std::future::pending().await,
                    }
                }
                Fact::Gone => debug!("our Pod is not there"),
                Fact::Unknown(why) => debug!("our DaemonSet is not known: {why}"),
            }
            rest(PAUSE.1).await;
        };
        loop {
            let begun = Instant::now();
            self.round(&access, &own.namespace, &name).await;
            rest(if begun.elapsed() > PAUSE.1 { PAUSE.0 } else { PAUSE.1 }).await;
        }
    }

    /// As it is, then each change for some minutes.
    async fn round(&self, access: &Access, namespace: &str, name: &str) {
        let label = format!("{namespace}/{name}");
        let version = match asker(access).daemon_set(namespace, name).await {
            Fact::Known(set) => {
                let version = set.metadata.resource_version.clone();
                self.note(&label, Some(set));
                version
            }
            Fact::Gone => {
                self.note(&label, None);
                String::new()
            }
            Fact::Unknown(why) => return debug!("our DaemonSet is not followed: {why}"),
        };
        // What happens from that version on is seen however long the watch takes to begin. Without one the first event
        // says how it is. The name has passed as one in the question before.
        let since = match version.is_empty() || !version.bytes().all(|octet| octet.is_ascii_digit()) {
            true => String::new(),
            false => format!("&resourceVersion={version}"),
        };
        let path = format!(
            "/apis/apps/v1/namespaces/{namespace}/daemonsets?watch=true&fieldSelector=metadata.name%3D{name}\
             &timeoutSeconds={}{since}",
            LIFETIME.0
        );
        let Ok(request) = Request::get(path).body(Vec::new()) else { return };
        let watched = async {
            let events = access.client().request_events::<DaemonSet>(request).await?;
            let mut events = pin!(events);
            while let Some(event) = events.next().await {
                match event? {
                    WatchEvent::Added(set) | WatchEvent::Modified(set) => self.note(&label, Some(set)),
                    WatchEvent::Deleted(_) => self.note(&label, None),
                    WatchEvent::Bookmark(_) => {}
                    WatchEvent::Error(_) => break,
                }
            }
            Ok::<(), kube::Error>(())
        };
        if let Ok(Err(error)) = timeout(LIFETIME.1, watched).await {
            debug!("the watch of our DaemonSet ended: {}", brief(&error));
        }
    }
}

async fn rest(pause: Duration) {
    sleep(pause.mul_f64(fastrand::f64().mul_add(0.5, 0.5))).await;
}

fn asker(access: &Access) -> Asker<'_> {
    Asker::new(access, Instant::now() + ANSWER, ANSWER)
}
