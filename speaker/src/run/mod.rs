//! A running speaker: source → plan → announce → BGP, the next-hop tracker and the services for operators beside it.

mod services;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use bgp::net::{Engine, Hops};
use bgp::rib::NextHops;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::announce::{Announcer, Identity};
use crate::config::{Config, Mode, Source};
use crate::nexthop::{Neighbor, Sources, StartError, Tracker};
use crate::plan::Settings;
use crate::source::{kubernetes, manifests};

/// Batches of a source that may wait: the first list of a large cluster must not pile up in memory.
const BATCHES: usize = 16;

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
        let mut running = Self { announcer, tasks: JoinSet::new() };
        running.start_source(&config.source, &settings).await?;
        running.start_peers(&config, &engine).await?;
        services::start(&config, &running.announcer, &mut running.tasks);
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

    async fn start_peers(&mut self, config: &Config, engine: &Arc<Engine>) -> Result<(), RunError> {
        let followed: Vec<_> = config
            .neighbors
            .iter()
            .filter(|peer| peer.next_hops == NextHops::default())
            .map(|peer| Neighbor { addr: peer.addr, on_link: peer.dialing.hops == Hops::AtMost(1) })
            .collect();
        let (to, mut changes) = mpsc::channel(64);
        let sources =
            Sources { substitution: config.substitution.clone(), allowed: config.allowed_sources.clone() };
        let (first, follow) = Tracker::start(&followed, sources.clone(), to).await?;
        listen(config, engine)?;
        for mut peer in config.neighbors.clone() {
            if let Some(next_hops) = first.get(&peer.addr) {
                peer.next_hops = *next_hops;
                peer.dialing.local = sources.local(peer.addr, *next_hops);
            }
            engine.add_peer(peer);
        }
        self.tasks.spawn(async move {
            follow.await;
            "the next-hop tracker"
        });
        let (engine, stages) = (Arc::clone(engine), Arc::clone(self.announcer.stages()));
        let mut told = first;
        self.tasks.spawn(async move {
            while let Some(change) = changes.recv().await {
                if told.insert(change.neighbor, change.next_hops) != Some(change.next_hops) {
                    stages.next_hop_changed();
                }
                if let Some(local) = sources.local(change.neighbor, change.next_hops) {
                    engine.dial_from(change.neighbor, local);
                }
                engine.path_changed(change.neighbor, change.next_hops);
            }
            std::future::pending().await // the tracker's own end is reported by the task above
        });
        Ok(())
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
        self.announcer.engine().shutdown(text).await;
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

/// Opens the wildcard socket of each family that has neighbours, if the configuration says so.
fn listen(config: &Config, engine: &Engine) -> Result<(), RunError> {
    let Some(port) = config.listen else { return Ok(()) };
    for wildcard in [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)] {
        let on = SocketAddr::new(wildcard, port);
        if config.neighbors.iter().any(|peer| peer.dialing.remote.is_ipv4() == on.is_ipv4()) {
            engine.listen(on).map_err(|cause| RunError::Listen { on, cause })?;
            info!(%on, "listening");
        }
    }
    Ok(())
}

/// `speaker run`: until SIGTERM or SIGINT.
///
/// # Errors
/// [`RunError`].
pub async fn run(config: Config) -> Result<(), RunError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(RunError::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(RunError::Signals)?;
    // Nothing can be reloaded yet, but its default action would end us without a word to the routers.
    let _hangup = signal(SignalKind::hangup()).map_err(RunError::Signals)?;
    let neighbors: Vec<String> =
        config.neighbors.iter().map(|peer| peer.dialing.remote.to_string()).collect();
    for warning in &config.warnings {
        warn!("{warning}");
    }
    info!(
        node = config.node, asn = %config.local_as, router_id = %config.router_id, neighbors = neighbors.join(","),
        mode = ?config.mode, source = ?config.source, version = env!("CARGO_PKG_VERSION"), "speaker starting"
    );
    let mut running = tokio::select! {
        running = Running::start(config) => running?,
        // What it waits for may hang; nothing was announced yet.
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    let text = tokio::select! {
        _ = terminate.recv() => "speaker stopped by SIGTERM",
        _ = interrupt.recv() => "speaker stopped by SIGINT",
        part = running.failed() => {
            running.stop("speaker failed").await;
            return Err(RunError::Ended(part));
        }
    };
    info!(reason = text, "leaving: withdrawing everything");
    running.stop(text).await;
    Ok(())
}
