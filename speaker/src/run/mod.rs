//! A running speaker: source → plan → announce → BGP, the next-hop tracker and the services for operators beside it.

mod paths;
mod peers;
mod reload;
mod services;
mod sessions;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bgp::fsm::State;
use bgp::net::{Admin, Engine, PeerStatus};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::{debug, error, info, warn};

use crate::announce::{Announcer, Identity};
use crate::config::{Config, Mode, Problems, Source};
use crate::liveness::Liveness;
use crate::nexthop::StartError;
use crate::plan::Settings;
use crate::roster::Roster;
use crate::source::{kubernetes, manifests};
use paths::Paths;
use peers::Peers;
use reload::Files;
use sessions::Keeper;

/// Batches of a source that may wait: the first list of a large cluster must not pile up in memory.
const BATCHES: usize = 16;

/// How long those who are left while others are stayed with may take to hear it.
const GOODBYE: Duration = Duration::from_secs(1);

/// Why a speaker cannot run, or stopped running.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Next hops cannot be found out.
    #[error("{0}")]
    NextHop(#[from] StartError),
    /// The API server is not known.
    #[error(transparent)]
    Access(#[from] kubernetes::AccessError),
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
        let settings = settings(&config);
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
        let mut running = Self { announcer, peers, tasks };
        running.start_source(&config.source, &settings).await?;
        running.start_peers(&config).await?;
        let shown = (&running.peers.roster, &running.peers.liveness);
        services::start(&config, &running.announcer, shown, &mut running.tasks);
        Ok(running)
    }

    async fn start_source(&mut self, source: &Source, settings: &Settings) -> Result<(), RunError> {
        let (to, mut batches) = mpsc::channel(BATCHES);
        match source {
            Source::Manifests(dir) => {
                let watch = manifests::watch(dir, to)
                    .map_err(|cause| RunError::Manifests { dir: dir.clone(), cause })?;
                self.tasks.spawn(async move {
                    watch.await;
                    "the manifests watch"
                });
            }
            Source::Cluster { kubeconfig } => {
                let client = kubernetes::connect(kubeconfig.as_deref()).await?;
                let stages = Arc::clone(self.announcer.stages());
                let watch = kubernetes::watch(client, kubernetes::selections(settings), to, stages);
                self.tasks.spawn(async move {
                    watch.await;
                    "a watch of the API server"
                });
            }
        }
        let announcer = Arc::clone(&self.announcer);
        self.tasks.spawn(async move {
            while let Some(batch) = batches.recv().await {
                announcer.handle(batch);
            }
            "the announcer"
        });
        Ok(())
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
        self.peers.apply(config).await
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

    /// Leaves: Cease with this text to every router, then everything is closed.
    pub async fn stop(mut self, text: &str) {
        info!(reason = text, "leaving: withdrawing everything");
        self.peers.keeper.close(true);
        self.announcer.engine().shutdown(text).await;
        self.peers.liveness.stop().await;
        self.tasks.shutdown().await;
    }

    /// Stays, for the routers that agreed on graceful restart: their connections are dropped without a word, and they
    /// keep the routes for the next process. The others are left as by [`Running::stop`].
    pub async fn pause(mut self, text: &str) {
        let engine = Arc::clone(&self.peers.engine);
        let agreed = |peer: &PeerStatus| peer.negotiated.as_ref().is_some_and(|with| with.restart.is_some());
        // Who is not back yet may still be keeping the routes of the process before.
        if !engine.peers().iter().any(agreed) && !self.peers.keeper.has_any() {
            return self.stop(text).await;
        }
        info!(reason = text, "staying: routers that agreed on graceful restart keep the routes");
        self.peers.keeper.close(false);
        let up = |peer: &PeerStatus| !agreed(peer) && peer.state == State::Established;
        for peer in engine.peers().iter().filter(|peer| up(peer)) {
            let _ = engine.administer(peer.addr, Admin::Disable(text.to_owned())); // one that is gone needs no goodbye
        }
        let left = async {
            while engine.peers().iter().any(up) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let _ = tokio::time::timeout(GOODBYE, left).await;
        engine.abandon().await;
        self.peers.liveness.stop().await;
        self.tasks.shutdown().await;
    }
}

fn settings(config: &Config) -> Settings {
    match &config.mode {
        Mode::Node { announce_cluster_ip } => {
            Settings::Node { name: config.node.as_str().into(), announce_cluster_ip: *announce_cluster_ip }
        }
        Mode::NatGateway { gateway } => Settings::NatGateway { name: gateway.as_deref().map(Arc::from) },
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
                running.pause("speaker failed").await;
                return Err(RunError::Ended(part));
            }
        }
    };
    running.pause(text).await;
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
