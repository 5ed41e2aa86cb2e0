//! A running speaker: source → plan → announce → BGP, the next-hop tracker and the services for operators beside it.

mod input;
mod paths;
mod peers;
mod services;
mod sessions;
mod stop;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bgp::net::Engine;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tracing::{debug, error, info, warn};

use crate::announce::{Announcer, Identity};
use crate::config::{Config, Problems};
use crate::files::Files;
use crate::intent;
use crate::leave::Followed;
use crate::liveness::Liveness;
use crate::nexthop::StartError;
use crate::pod::OwnPod;
use crate::roster::Roster;
use crate::source::kubernetes::{Access, AccessError};
use paths::Paths;
use peers::Peers;
use sessions::Keeper;

/// A signal so soon after the one that stops us is the same once more: some senders reach a process twice, by its own id
/// and by its group's.
const ECHO: Duration = Duration::from_millis(300);

/// Why a speaker cannot run, or stopped running.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Next hops cannot be found out.
    #[error("{0}")]
    NextHop(#[from] StartError),
    /// The API server is not known.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// No listening socket.
    #[error("cannot listen on {on}: {cause} (ports below 1024 need CAP_NET_BIND_SERVICE; see --bgp-port)")]
    Listen {
        /// The address.
        on: SocketAddr,
        /// What the system said.
        cause: io::Error,
    },
    /// The manifests cannot be read.
    #[error("--manifests {dir}: {cause}")]
    Manifests {
        /// The directory.
        dir: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// A part that must never end did.
    #[error("internal error: {0} ended")]
    Ended(&'static str),
    /// No signal handler.
    #[error("cannot handle signals: {0}")]
    Signals(io::Error),
}

/// A speaker at work. Dropping it closes its sessions without a word, as a killed process does.
pub struct Running {
    announcer: Arc<Announcer>,
    peers: Peers,
    /// The way to the API server, if objects come from there.
    access: Option<Access>,
    pod: Option<OwnPod>,
    followed: Arc<Followed>,
    /// What keeps what is wanted for a start without the API server.
    intent: Option<Arc<intent::Keeper>>,
    /// Whether somebody fills it.
    following: bool,
    tasks: JoinSet<&'static str>,
}

impl Running {
    /// Starts everything. Sessions come up at once; nothing is announced before the source has listed.
    ///
    /// # Errors
    /// [`RunError`]; a socket or port of a service that cannot be had is only warned about.
    pub async fn start(config: Config) -> Result<Self, RunError> {
        let engine = Arc::new(Engine::new());
        let identity =
            Identity { node: config.node.clone(), local_as: config.local_as, router_id: config.router_id };
        let settings = input::settings(&config);
        let announcer = Arc::new(Announcer::new(Arc::clone(&engine), identity, settings.clone()));
        let mut tasks = JoinSet::new();
        let roster: Arc<Roster> = Arc::default();
        let liveness = Liveness::new(config.bfd.clone());
        let paths = Paths::new(&config, (&engine, &roster, announcer.stages()), &liveness, &mut tasks);
        let watching = liveness.run(Arc::clone(&engine));
        tasks.spawn(async move {
            watching.await;
            "BFD"
        });
        let keeper = Arc::new(Keeper::open(&config));
        let peers = Peers { engine, roster, keeper, paths, liveness };
        let (access, pod) = (None, config.pod.clone());
        let (followed, following) = (Arc::default(), false);
        let mut running = Self { announcer, peers, access, pod, followed, following, intent: None, tasks };
        running.start_source(&config, &settings).await?;
        running.start_peers(&config).await?;
        running.follow_daemon_set();
        let peers = &running.peers;
        let shown = (&peers.roster, &peers.liveness, peers.paths.troubles());
        services::start(&config, &running.announcer, shown, &mut running.tasks);
        Ok(running)
    }

    async fn start_peers(&mut self, config: &Config) -> Result<(), RunError> {
        let changes = self.peers.engine.subscribe();
        self.peers.apply(config).await?;
        let (engine, roster) = (Arc::clone(&self.peers.engine), Arc::clone(&self.peers.roster));
        let keeper = Arc::clone(&self.peers.keeper);
        self.tasks.spawn(async move {
            sessions::follow(changes, engine, roster, keeper).await;
            "the follower of sessions"
        });
        Ok(())
    }

    /// Takes over what can change while sessions stand: the neighbours.
    ///
    /// # Errors
    /// [`RunError`]; then everything stays as it is.
    pub async fn reload(&mut self, config: &Config) -> Result<(), RunError> {
        self.peers.apply(config).await?;
        self.follow_daemon_set();
        Ok(())
    }

    /// The configured neighbours.
    #[must_use]
    pub fn roster(&self) -> &Arc<Roster> {
        &self.peers.roster
    }

    /// The announcing half, for those who want to look.
    #[must_use]
    pub fn announcer(&self) -> &Arc<Announcer> {
        &self.announcer
    }

    /// Returns the name of the first part that ended though it must not.
    pub async fn failed(&mut self) -> &'static str {
        match self.tasks.join_next().await {
            Some(Ok(part)) => part,
            Some(Err(_)) => "a task (it panicked)",
            None => std::future::pending().await,
        }
    }
}

/// Reads the configuration again.
pub type Reader = Box<dyn Fn() -> Result<Config, Problems> + Send>;

/// `speaker run`: until SIGTERM or SIGINT. SIGHUP, or a change of a configuration file, has `read` read it again.
///
/// # Errors
/// [`RunError`].
pub async fn run(config: Config, read: Reader) -> Result<(), RunError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(RunError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(RunError::Signals)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(RunError::Signals)?;
    let neighbors: Vec<String> = config.neighbors.iter().map(|one| one.addr().to_string()).collect();
    for warning in &config.warnings {
        warn!("{warning}");
    }
    info!(
        node = config.node, asn = %config.local_as, router_id = %config.router_id, neighbors = neighbors.join(","),
        mode = ?config.mode, source = ?config.source, version = env!("CARGO_PKG_VERSION"), "speaker starting"
    );
    let mut files = Files::new(config.files.clone());
    let mut running = tokio::select! {
        running = Running::start(config) => running?,
        // What it waits for may hang; nothing was announced yet.
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    let text = loop {
        tokio::select! {
            _ = terminate.recv() => break "speaker stopped by SIGTERM",
            _ = interrupt.recv() => break "speaker stopped by SIGINT",
            _ = hangup.recv() => reload(&mut running, &read, &mut files, true).await,
            () = files.changed() => reload(&mut running, &read, &mut files, false).await,
            part = running.failed() => {
                running.pause("speaker failed", "nobody asked for the end").await;
                return Err(RunError::Ended(part));
            }
        }
    };
    let stopped = Instant::now();
    let hurry = async {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if stopped.elapsed() > ECHO {
                return;
            }
        }
    };
    running.end(text, hurry).await;
    Ok(())
}

/// All of it or nothing: a configuration with a problem is told and changes nothing.
async fn reload(running: &mut Running, read: &Reader, files: &mut Files, asked: bool) {
    let stages = Arc::clone(running.announcer.stages());
    let refused = |cause: &dyn std::fmt::Display| {
        stages.reloaded(false);
        for line in cause.to_string().lines() {
            error!("configuration not taken over, nothing is changed: {line}");
        }
    };
    let config = match tokio::task::block_in_place(read) {
        Ok(config) => config,
        Err(problems) => {
            // A key may be mounted later than the file that names it.
            files.follow(problems.files());
            return refused(&problems);
        }
    };
    files.follow(config.files.clone());
    let wanted: BTreeMap<_, _> = config.neighbors.iter().map(|one| (one.addr(), one.clone())).collect();
    let same_bfd = running.peers.liveness.options() == config.bfd;
    if !asked && same_bfd && running.peers.roster.neighbors() == wanted {
        return debug!("configuration: no neighbour is changed");
    }
    for warning in &config.warnings {
        warn!("{warning}");
    }
    match running.reload(&config).await {
        Ok(()) => {
            stages.reloaded(true);
            info!(neighbors = config.neighbors.len(), "configuration taken over");
        }
        Err(cause) => refused(&cause),
    }
}
