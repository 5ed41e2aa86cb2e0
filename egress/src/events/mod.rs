//! Kubernetes Events: what becomes of an object is told where `kubectl describe` shows it.
//!
//! `limit` is how many may be written, `teller` writes them. A [`Recorder`] only puts what there is to tell into a short
//! queue: nobody ever waits for it. What was told of an object is not told again for ten minutes; what does not fit is
//! counted, and stays in conditions and log.

mod limit;
mod memory;
mod teller;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Client;
use tokio::sync::mpsc::{self, Sender};

use crate::plan::Notice;
use crate::source::Served;
use memory::Memory;
use teller::Telling;

/// Events that may wait for their turn.
const WAITING: usize = 64;

/// Of whom something is told.
#[derive(Clone, Debug)]
pub struct Regarding(ObjectReference);

impl Regarding {
    /// An object of the group that is served.
    #[must_use]
    pub fn of(kind: &str, served: &Served, meta: &ObjectMeta) -> Self {
        Self(ObjectReference {
            api_version: Some(format!("{}/v1", served.group())),
            kind: Some(kind.to_owned()),
            namespace: meta.namespace.clone(),
            name: meta.name.clone(),
            uid: meta.uid.clone(),
            ..ObjectReference::default()
        })
    }

    fn uid(&self) -> &str {
        self.0.uid.as_deref().unwrap_or_default()
    }
}

/// What became of what there was to tell.
#[derive(Debug, Default)]
struct Counts {
    sent: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
}

/// Takes what is to be told. Clones share it.
#[derive(Clone)]
pub struct Recorder {
    to: Sender<Telling>,
    memory: Arc<Mutex<Memory>>,
    counts: Arc<Counts>,
}

impl Recorder {
    /// Tells the API server, in the name of this replica; the future does it, and never ends.
    pub fn new(client: Client, identity: &str) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let (to, waiting) = mpsc::channel(WAITING);
        let counts: Arc<Counts> = Arc::default();
        let teller = teller::run(client, identity.to_owned(), Arc::clone(&counts), waiting);
        (Self { to, memory: Arc::default(), counts }, teller)
    }

    /// Tells what was not told of this object before.
    pub fn tell(&self, regarding: &Regarding, notices: &[Notice]) {
        for notice in notices {
            let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
            if !memory.is_news(regarding.uid(), notice, Instant::now()) {
                continue;
            }
            drop(memory);
            let telling = Telling { regarding: regarding.0.clone(), notice: notice.clone() };
            if self.to.try_send(telling).is_err() {
                self.counts.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// How many were written, dropped for want of room, and not taken by the API server.
    #[must_use]
    pub fn counts(&self) -> [(&'static str, u64); 3] {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        [
            ("sent", count(&self.counts.sent)),
            ("dropped", count(&self.counts.dropped)),
            ("failed", count(&self.counts.failed)),
        ]
    }
}
