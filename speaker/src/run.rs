//! A running speaker: source → plan → announce → BGP, the next-hop tracker and the debug socket beside it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bgp::net::Engine;
use bgp::rib::NextHops;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::announce::{Announcer, Identity};
use crate::api::server::serve;
use crate::config::{Config, Mode, Source};
use crate::gobgp;
use crate::http;
use crate::metrics::{LogCounts, Metrics};
use crate::nexthop::{Neighbor, Tracker};
use crate::plan::Settings;
use crate::source::{kubernetes, manifests};
use crate::view::Kind;

/// Batches of a source that may wait: the first list of a large cluster must not pile up in memory.
const BATCHES: usize = 16;
/// The pause before a debug socket or port in use is tried again.
const IN_USE_RETRY: Duration = Duration::from_secs(1);

/// Why a speaker cannot run, or stopped running.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No netlink: next hops cannot be found out.
    #[error("cannot ask the kernel for routes: {0}")]
    Netlink(io::Error),
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
    /// The API server is not known.
    #[error(transparent)]
    Access(#[from] kubernetes::AccessError),
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
    /// [`RunError`]; a debug socket that cannot be made is only warned about.
    pub async fn start(config: Config) -> Result<Self, RunError> {
        let engine = Arc::new(Engine::new());
        let identity =
            Identity { node: config.node.clone(), local_as: config.local_as, router_id: config.router_id };
        let settings = settings(&config);
        let announcer = Arc::new(Announcer::new(Arc::clone(&engine), identity, settings.clone()));
        let mut running = Self { announcer, tasks: JoinSet::new() };
        running.start_source(&config, &settings).await?;
        running.start_peers(&config, &engine).await?;
        running.start_socket(&config);
        running.start_http(&config);
        running.start_grpc(&config);
        Ok(running)
    }

    async fn start_source(&mut self, config: &Config, settings: &Settings) -> Result<(), RunError> {
        let (to, mut batches) = mpsc::channel(BATCHES);
        let stages = Arc::clone(self.announcer.stages());
        match &config.source {
            Source::Manifests(dir) => {
                let watch = manifests::watch(dir, to)
                    .map_err(|cause| RunError::Manifests { dir: dir.clone(), cause })?;
                Kind::ALL.into_iter().for_each(|kind| stages.watches(kind));
                self.tasks.spawn(async move {
                    watch.await;
                    "the manifests watch"
                });
            }
            Source::Cluster { kubeconfig } => {
                let client = kubernetes::connect(kubeconfig.as_deref()).await?;
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
            .map(|peer| Neighbor { addr: peer.dialing.remote.ip(), on_link: peer.dialing.ttl == Some(1) })
            .collect();
        let (to, mut changes) = mpsc::channel(64);
        let (first, follow) =
            Tracker::start(&followed, config.substitution.clone(), to).await.map_err(RunError::Netlink)?;
        listen(config, engine)?;
        for mut peer in config.neighbors.clone() {
            if let Some(next_hops) = first.get(&peer.dialing.remote.ip()) {
                peer.next_hops = *next_hops;
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
                engine.path_changed(change.neighbor, change.next_hops);
            }
            std::future::pending().await // the tracker's own end is reported by the task above
        });
        Ok(())
    }

    /// Debugging must never stop routing: without a socket the speaker runs on. While another speaker holds the
    /// socket, as one that is just being replaced does, it is tried again.
    fn start_socket(&mut self, config: &Config) {
        let (path, announcer) = (config.socket.clone(), Arc::clone(&self.announcer));
        self.tasks.spawn(async move {
            let mut warned = false;
            loop {
                match serve(&path, Arc::clone(&announcer)).await {
                    Ok(service) => service.await,
                    Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                        if !std::mem::replace(&mut warned, true) {
                            warn!(socket = %path.display(), %error, "no debug socket yet");
                        }
                    }
                    Err(error) => {
                        warn!(socket = %path.display(), %error, "no debug socket: `speaker neighbor` and `rib` will not work");
                        return std::future::pending().await;
                    }
                }
                tokio::time::sleep(IN_USE_RETRY).await;
            }
        });
    }

    /// Nor must being watched: upstream ends when the port is taken, we warn once and try again.
    fn start_http(&mut self, config: &Config) {
        let Some(port) = config.http_port else { return };
        let metrics = Arc::new(Metrics::new(Arc::clone(&self.announcer), LogCounts::default));
        self.tasks.spawn(async move {
            let mut warned = false;
            loop {
                match http::serve(port, Arc::clone(&metrics)).await {
                    Ok(service) => service.await,
                    Err(error) => {
                        if !std::mem::replace(&mut warned, true) {
                            warn!(port, %error, "no metrics and health yet, will try again");
                        }
                    }
                }
                tokio::time::sleep(IN_USE_RETRY).await;
            }
        });
    }

    /// As with the socket: without the API the speaker runs on.
    fn start_grpc(&mut self, config: &Config) {
        let (on, writable, announcer) = (config.grpc, config.grpc_writable, Arc::clone(&self.announcer));
        self.tasks.spawn(async move {
            let mut warned = false;
            loop {
                match gobgp::server::serve(on, Arc::clone(&announcer), writable).await {
                    Ok(service) => {
                        info!(%on, writable, "the GoBGP API is served");
                        service.await;
                    }
                    Err(error) => {
                        if !std::mem::replace(&mut warned, true) {
                            warn!(%on, %error, "no GoBGP API yet, trying again (--grpc-host, --grpc-port)");
                        }
                    }
                }
                tokio::time::sleep(IN_USE_RETRY).await;
            }
        });
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

fn source(source: &Source) -> String {
    match source {
        Source::Manifests(dir) => dir.display().to_string(),
        Source::Cluster { kubeconfig: Some(file) } => format!("API server of {}", file.display()),
        Source::Cluster { kubeconfig: None } => "API server of this cluster".to_owned(),
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
    info!(
        node = config.node, asn = %config.local_as, router_id = %config.router_id, neighbors = neighbors.join(","),
        source = %source(&config.source), version = env!("CARGO_PKG_VERSION"), "speaker starting"
    );
    let mut running = Running::start(config).await?;
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
