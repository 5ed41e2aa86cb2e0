//! Kubernetes Events: what is wrong with an object is told where `kubectl describe` shows it.
//!
//! `event` is what an Event says, `bucket` how many may be written, `teller` writes them. A [`Recorder`] only puts what
//! there is to tell into a short queue: nobody ever waits for it. What does not fit is counted and stays in the log.
//!
//! One Event for a cluster of speakers: of a Pod only the speaker on its node tells, of the rest all do, under a name
//! that follows from what is told, so that the API server keeps the first. Told again within the life of the Event (an
//! hour, unless the API server is told otherwise) it is still that one.

mod bucket;
mod event;
mod teller;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc::{self, Sender};

use crate::plan::Notice;
use crate::pod::OwnPod;
use crate::source::kubernetes::Access;
use event::Telling;
use teller::Teller;

/// Events that may wait for their turn: the last of them is five minutes late then, and an Event about what was put
/// right long ago helps nobody.
const WAITING: usize = 32;

/// What became of what there was to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It was written.
    Sent,
    /// It was there: another speaker was faster, or it was told before.
    Existed,
    /// Too much at once, the object was gone, or we may not write Events.
    Dropped,
    /// The API server did not take it.
    Failed,
}

impl Told {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; 4] = [Self::Sent, Self::Existed, Self::Dropped, Self::Failed];

    /// A word out of a closed set, for metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Existed => "existed",
            Self::Dropped => "dropped",
            Self::Failed => "failed",
        }
    }
}

/// How often each came to be.
#[derive(Debug, Default)]
struct Counts([AtomicU64; Told::ALL.len()]);

impl Counts {
    fn add(&self, what: Told) {
        self.0.get(what as usize).into_iter().for_each(|count| {
            count.fetch_add(1, Ordering::Relaxed);
        });
    }
}

/// Takes what is to be told, and never holds anybody up.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    /// `None`: nobody is told.
    to: Option<Sender<Telling>>,
    node: Arc<str>,
    counts: Arc<Counts>,
}

impl Recorder {
    /// Tells nobody.
    #[must_use]
    pub fn silent() -> Self {
        Self::default()
    }

    /// Tells the API server, as this node's speaker (without a node's name, as this Pod's); the future does it, and
    /// never ends.
    pub fn new(
        access: Access,
        node: String,
        pod: Option<OwnPod>,
    ) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let (to, waiting) = mpsc::channel(WAITING);
        let counts: Arc<Counts> = Arc::default();
        let names = [Some(node.clone()), pod.map(|pod| pod.name), Some("speaker".to_owned())];
        let instance = names.into_iter().flatten().find(|name| !name.is_empty()).unwrap_or_default();
        let teller = Teller::new(access, instance, Arc::clone(&counts));
        (Self { to: Some(to), node: node.into(), counts }, teller.run(waiting))
    }

    /// One notice about one object. Of a Pod only the speaker on its node tells, and of one without a node nobody does yet.
    pub fn tell(&self, notice: &Notice) {
        let Some(to) = &self.to else { return };
        if notice.key().kind == crate::view::Kind::Pod && notice.node() != Some(&self.node) {
            return;
        }
        if to.try_send(notice.into()).is_err() {
            self.counts.add(Told::Dropped);
        }
    }

    /// How often each of [`Told::ALL`] came to be.
    #[must_use]
    pub fn counts(&self) -> [(Told, u64); Told::ALL.len()] {
        let count =
            |what: Told| self.counts.0.get(what as usize).map_or(0, |count| count.load(Ordering::Relaxed));
        Told::ALL.map(|what| (what, count(what)))
    }
}
