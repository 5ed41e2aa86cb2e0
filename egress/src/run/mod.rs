//! The parts put together: what is watched, who leads, one pass after the other.

mod outcome;
mod pass;
mod queue;
mod trouble;
mod write;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ovn::net::Link;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tracing::{debug, info, warn};

use crate::access::{self, AccessError};
use crate::config::Config;
use crate::events::Recorder;
use crate::http;
use crate::lease::{self, Leadership};
use crate::metrics::{Metrics, Parts};
use crate::network::Databases;
use crate::readiness::Readiness;
use crate::source::{self, Marks, Store};
use crate::subject::Subject;
use pass::Engine;
pub use queue::{Ended, Queue};
use write::Writer;

/// Passes at once: those that wait for the API server hold nobody up.
const AT_ONCE: usize = 8;
/// Between two looks at everything, whatever the events said.
const RESYNC: Duration = Duration::from_secs(600);
/// Between two looks at what is no event: a Lease that is not answered for, the length of the queue.
const LOOK: Duration = Duration::from_secs(1);
/// How long passes under way may take at the end.
const END: Duration = Duration::from_secs(5);

/// Why it did not begin.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No client for the API server.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The address for metrics cannot be had.
    #[error("--metrics-address {0}: {1}")]
    Metrics(std::net::SocketAddr, std::io::Error),
    /// A task that never ends did.
    #[error("a part of egress was lost: {0}")]
    Lost(String),
    /// Signals cannot be taken.
    #[error("signals: {0}")]
    Signals(#[source] std::io::Error),
}

/// Runs until it is told to stop.
///
/// # Errors
/// [`RunError`]: it did not begin.
pub async fn run(config: Config) -> Result<(), RunError> {
    let mut ending = signal(SignalKind::terminate()).map_err(RunError::Signals)?;
    let mut interrupted = signal(SignalKind::interrupt()).map_err(RunError::Signals)?;
    let client = access::connect(config.kubeconfig.as_deref()).await?;
    let marks = Arc::new(Marks::default());
    let store = Store::new(!config.served.is_kube_ovn(), &config.settings.default_vpc, Arc::clone(&marks));
    let databases = Databases::start(config.places.clone(), config.served.vendor());
    let leadership = config.election.as_ref().map_or_else(Leadership::always, Leadership::elected);
    let (recorder, teller) = Recorder::new(client.clone(), &config.identity);
    let readiness =
        Readiness::new(store.clone(), databases.clone(), leadership.clone(), config.served.clone());
    let parts =
        Parts { readiness: readiness.clone(), databases: databases.clone(), recorder: recorder.clone() };
    let metrics = Arc::new(Metrics::new(parts));
    let mut tasks = JoinSet::new();
    if let Some(address) = config.metrics {
        let pages =
            http::serve(address, Arc::clone(&metrics)).map_err(|error| RunError::Metrics(address, error))?;
        tasks.spawn(pages);
    }
    tasks.spawn(teller);
    tasks.spawn(databases.clone().follow(store.clone(), Arc::clone(&marks)));
    let mut watches = source::start(&client, &config.served, &store);
    if let Some(place) = &config.election {
        let ready = readiness.clone();
        tasks.spawn(lease::run(client.clone(), place.clone(), leadership.clone(), move || ready.is_fit()));
    }
    let engine = Engine {
        writer: Writer::new(client.clone(), leadership.clone()),
        store,
        databases,
        settings: config.settings.clone(),
        served: config.served.clone(),
        leadership: leadership.clone(),
        recorder,
        metrics,
        transaction: tokio::sync::Mutex::default(),
        told: std::sync::Mutex::default(),
    };
    let mut driver = Driver {
        engine: Arc::new(engine),
        readiness,
        marks,
        queue: Queue::default(),
        passes: JoinSet::new(),
    };
    let lost = tokio::select! {
        () = driver.work() => None,
        why = lost(&mut tasks, &mut watches) => Some(why),
        _ = ending.recv() => None,
        _ = interrupted.recv() => None,
    };
    driver.end().await;
    drop(watches);
    if let Some(place) = &config.election {
        tasks.shutdown().await; // nobody renews what is given up
        lease::release(client, place, &leadership).await;
    }
    lost.map_or(Ok(()), |why| Err(RunError::Lost(why)))
}

/// Waits until one of the tasks ended, which none does by itself: without one of them the process would only seem to work.
async fn lost(tasks: &mut JoinSet<()>, watches: &mut JoinSet<()>) -> String {
    let ended = tokio::select! {
        Some(ended) = tasks.join_next() => ended,
        Some(ended) = watches.join_next() => ended,
        else => return std::future::pending().await,
    };
    ended.err().map_or_else(|| "a task ended".to_owned(), |error| error.to_string())
}

/// Takes objects out of the queue and has passes made of them.
struct Driver {
    engine: Arc<Engine>,
    readiness: Readiness,
    marks: Arc<Marks>,
    queue: Queue,
    passes: JoinSet<(Subject, Ended)>,
}

impl Driver {
    /// Never ends.
    async fn work(&mut self) {
        let mut leading = self.engine.leadership.changes();
        let mut look = tokio::time::interval(LOOK);
        let mut resync = tokio::time::interval(RESYNC);
        let mut idle: Option<String> = None;
        loop {
            let hindrance = self.readiness.hindrance();
            if hindrance != idle {
                match &hindrance {
                    // At the start the reason changes with every list.
                    Some(why) if self.readiness.is_starting() => debug!(%why, "nothing is written yet"),
                    Some(why) => info!(%why, "nothing is written"),
                    None => info!("at work"),
                }
                if self.readiness.is_beside() {
                    self.tell_beside();
                }
                idle = hindrance;
            }
            if idle.is_none() {
                self.begin();
            }
            let next = match idle {
                None if self.passes.len() < AT_ONCE => self.queue.next(),
                _ => None,
            };
            tokio::select! {
                subjects = self.marks.take() => {
                    let now = Instant::now();
                    subjects.into_iter().for_each(|subject| self.queue.mark(subject, now));
                }
                Some(ended) = self.passes.join_next() => self.ended(ended),
                () = until(next) => {}
                _ = look.tick() => {
                    self.engine.metrics.queue(self.queue.lengths());
                }
                _ = resync.tick() => self.everything(),
                changed = leading.changed() => {
                    if changed.is_ok() {
                        self.engine.metrics.forget_all();
                        self.everything();
                    }
                }
            }
        }
    }

    /// Begins passes of objects that are due.
    fn begin(&mut self) {
        while self.passes.len() < AT_ONCE
            && let Some(subject) = self.queue.take(Instant::now())
        {
            let engine = Arc::clone(&self.engine);
            self.passes.spawn(async move {
                // A pass that panics ends alone: its object is tried again, later.
                let inner = subject.clone();
                let mut pass = JoinSet::new(); // given up with this task
                pass.spawn(async move { engine.pass(&inner).await });
                let ended = pass.join_next().await.and_then(Result::ok).unwrap_or(Ended::Failed);
                (subject, ended)
            });
        }
    }

    fn ended(&mut self, ended: Result<(Subject, Ended), tokio::task::JoinError>) {
        match ended {
            Ok((subject, how)) => self.queue.ended(subject, how, Instant::now()),
            Err(error) => warn!(%error, "a pass was lost"),
        }
    }

    fn everything(&mut self) {
        let now = Instant::now();
        let owners = self.engine.databases.owners();
        for subject in self.engine.store.keys().into_iter().chain(owners) {
            self.queue.mark(subject, now);
        }
    }

    /// Tells each gateway that another controller serves it.
    fn tell_beside(&self) {
        let engine = &self.engine;
        let metas: Vec<_> =
            engine.store.read(|cluster| cluster.gateways.values().map(|one| one.metadata.clone()).collect());
        for meta in metas {
            let regarding = crate::events::Regarding::of("VpcEgressGateway", &engine.served, &meta);
            engine.recorder.tell(&regarding, &[crate::readiness::beside()]);
        }
    }

    /// Lets passes under way end, in bounded time.
    async fn end(mut self) {
        info!("ending");
        let ends = async { while self.passes.join_next().await.is_some() {} };
        if tokio::time::timeout(END, ends).await.is_err() {
            warn!("passes under way were given up");
        }
    }
}

/// For ever without a time.
async fn until(when: Option<Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when.into()).await,
        None => std::future::pending().await,
    }
}

/// A link in a word, or why it is down.
#[must_use]
pub fn link_text(link: &Link) -> Option<String> {
    match link {
        Link::Synced => None,
        Link::Down(why) if why.is_empty() => Some("not connected yet".to_owned()),
        Link::Down(why) => Some(why.clone()),
    }
}

/// The reasons of `egress_errors_total`.
pub(crate) fn reasons() -> [&'static str; 10] {
    trouble::Trouble::NAMES
}
