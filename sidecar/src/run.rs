//! A beacon put together: sessions, command ports, pages, and how it ends.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bfd::net::Notice;
use bfd::session::Path;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use crate::address::Address;
use crate::beacon::Beacon;
use crate::config::Config;
use crate::control::server;
use crate::{http, probe};

/// How often what there is is held against what is wanted.
const RECONCILE: Duration = Duration::from_secs(2);
/// How often stalls are logged at most; metrics count each.
const STALLS_TOLD: Duration = Duration::from_secs(1);
/// Notices that wait to be logged. When stderr is held up, further ones are dropped, not the BFD thread delayed.
const NOTICES: usize = 1024;

/// What is served beside BFD itself.
#[derive(Debug, Default)]
pub struct Extras {
    /// The socket of `live`, `ready` and `status`.
    pub socket: Option<PathBuf>,
}

/// Everything but BFD itself runs on one thread.
///
/// # Errors
/// What the system says.
pub fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Runs until SIGTERM, SIGINT or `stop`. `started` is called once every socket is bound.
///
/// # Errors
/// A socket that cannot be bound, with its address.
pub async fn run(config: Config, extras: Extras, started: impl FnOnce()) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let (tell, notices) = mpsc::channel(NOTICES);
    let ports = command_ports(&config).await?;
    let beacon = Beacon::start(&config, move |notice| {
        // Full: the notice is not logged. Metrics and status do not depend on it.
        let _ = tell.try_send(notice);
    })?;
    let beacon = Arc::new(beacon);
    let mut tasks = JoinSet::new();
    tasks.spawn(log(notices));
    for port in ports {
        tasks.spawn(server::serve(port, beacon.clone()));
    }
    if let Some(on) = config.metrics {
        let told = |error: io::Error| at(&format!("metrics on {on:?}"), &error);
        tasks.spawn(http::serve(on, beacon.clone()).map_err(told)?);
    }
    if let Some(path) = extras.socket {
        let told = |error: io::Error| at(&path.display().to_string(), &error);
        tasks.spawn(probe::serve(&path, beacon.clone()).map_err(told)?);
    }
    info!(peers = config.peers.len(), passive = config.passive, "BFD started");
    reconcile(&beacon).await;
    started();
    tasks.spawn(keep(beacon.clone()));
    tokio::select! {
        _ = terminate.recv() => info!("SIGTERM: leaving"),
        _ = interrupt.recv() => info!("SIGINT: leaving"),
        () = beacon.stopped() => info!("stop: leaving"),
    }
    beacon.shut_down(config.goodbye);
    Ok(())
}

/// The listeners of the command ports.
async fn command_ports(config: &Config) -> io::Result<Vec<TcpListener>> {
    let mut ports = Vec::with_capacity(config.control.len());
    for address in &config.control {
        match server::listen(*address).await {
            Ok(listener) => {
                info!(%address, "listening for commands");
                ports.push(listener);
            }
            // The usual ports are privileged; who did not ask for them can do without.
            Err(error) if !config.control_required && error.kind() == io::ErrorKind::PermissionDenied => {
                warn!(%address, %error, "no commands will be taken there");
            }
            Err(error) => return Err(at(&format!("commands on {address}"), &error)),
        }
    }
    Ok(ports)
}

fn at(what: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

async fn keep(beacon: Arc<Beacon>) {
    let mut ticks = tokio::time::interval(RECONCILE);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        reconcile(&beacon).await;
    }
}

async fn reconcile(beacon: &Beacon) {
    if let Err(silent) = beacon.reconcile().await {
        error!("{silent}");
    }
}

/// Stalls since the last line about them: a starved thread must not write a line each time it is late.
#[derive(Default)]
struct Stalls {
    count: u32,
    lost: Duration,
    told: Option<Instant>,
}

impl Stalls {
    fn note(&mut self, late: Duration) {
        self.count += 1;
        self.lost += late;
        if self.told.is_none_or(|told| told.elapsed() >= STALLS_TOLD) {
            let (stalls, lost_ms) = (self.count, self.lost.as_millis());
            warn!(stalls, lost_ms, "the BFD thread was late; detection clocks stood still");
            *self = Self { told: Some(Instant::now()), ..Self::default() };
        }
    }
}

async fn log(mut notices: mpsc::Receiver<Notice>) {
    let mut stalls = Stalls::default();
    while let Some(notice) = notices.recv().await {
        match notice {
            Notice::Opened(id, path) => {
                let (local, remote) = ends(&path);
                info!(target: "session", %id, local, remote, "session opened by its peer");
            }
            Notice::Closed(id, path) => {
                let (local, remote) = ends(&path);
                info!(target: "session", %id, local, remote, "session closed");
            }
            Notice::Changed(id, path, change) => {
                let (local, remote) = ends(&path);
                let (from, to, reason) = (change.from.name(), change.to.name(), change.reason);
                let diagnostic = change.diagnostic.name();
                info!(
                    target: "session", %id, local, remote, from, to, ?reason, diagnostic, "session state changed"
                );
            }
            Notice::Stalled(late) => stalls.note(late),
        }
    }
}

fn ends(path: &Path) -> (String, String) {
    let shown = |ip| Address::on_link(ip, path.interface).to_string();
    (path.local.map_or("any".to_owned(), shown), shown(path.remote))
}
