//! The beacon: a driver, what it is wanted to do, and the commands that change it.
//!
//! Everything that touches sessions runs on the driver's thread, one thing after the other ([`Beacon::ask`]); what
//! needs the kernel (routes, sockets) is found out before, off that thread.

mod execute;
mod registry;
mod snapshot;

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bfd::engine::{Action, Engine, Limits};
use bfd::net::{Driver, Listen, Notice, Options, SocketCounters};
use tokio::sync::Notify;
use tracing::{info, warn};

pub use registry::{Registry, Sources};
pub use snapshot::{Expected, Snapshot};

use crate::address::{Address, link_name, source_towards};
use crate::command::{self, Command, LogCommand};
use crate::config::Config;
use crate::control::server::Answer;
use crate::logging::{Level, SELECTION, Type};

/// What the driver's thread may take to answer.
const PATIENCE: Duration = Duration::from_secs(4);

/// The driver's thread is gone or does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the BFD thread does not answer")]
pub struct Silent;

/// See the module.
pub struct Beacon {
    driver: Mutex<Option<Driver>>,
    registry: Arc<Mutex<Registry>>,
    /// Listen addresses the machine does not have yet.
    awaited: Mutex<Vec<Listen>>,
    stop: Notify,
}

impl Beacon {
    /// Starts the driver on every listen address. `tell` must not block.
    ///
    /// # Errors
    /// What the system says of a socket, with its address.
    pub fn start(config: &Config, tell: impl FnMut(Notice) + Send + 'static) -> io::Result<Self> {
        let options = Options { listen: Vec::new(), real_time: config.real_time, limits: Limits::default() };
        let driver = Driver::start(options, tell)?;
        let mut awaited = Vec::new();
        for address in &config.listen {
            let device = link_name(address.interface);
            let listen = Listen { hops: config.hops, address: address.ip, device };
            match driver.listen(&listen) {
                Ok(()) => info!(%address, port = config.hops.port(), "listening for BFD"),
                Err(error) if config.patient && error.kind() == io::ErrorKind::AddrNotAvailable => {
                    warn!(%address, "the address is not there yet; waiting for it");
                    awaited.push(listen);
                }
                Err(error) => return Err(error), // it names the address
            }
        }
        Ok(Self {
            driver: Mutex::new(Some(driver)),
            registry: Arc::new(Mutex::new(Registry::new(config))),
            awaited: Mutex::new(awaited),
            stop: Notify::new(),
        })
    }

    /// Has the driver's thread do this.
    ///
    /// # Errors
    /// [`Silent`] if it does not within four seconds.
    pub async fn ask<T: Send + 'static>(
        &self,
        what: impl FnOnce(&mut Registry, &mut Engine, Instant, &mut Vec<Action>) -> T + Send + 'static,
    ) -> Result<T, Silent> {
        let registry = self.registry.clone();
        let answer = {
            let driver = lock(&self.driver);
            let driver = driver.as_ref().ok_or(Silent)?;
            driver.call(move |engine, now, out| what(&mut lock(&registry), engine, now, out))
        };
        let answer = tokio::time::timeout(PATIENCE, answer).await;
        answer.ok().and_then(Result::ok).ok_or(Silent)
    }

    /// Opens what is missing, ends what is out of place, listens where an address has come.
    ///
    /// # Errors
    /// [`Silent`].
    pub async fn reconcile(&self) -> Result<(), Silent> {
        self.listen_where_possible();
        let sources = self.sources();
        self.ask(move |registry, engine, now, out| {
            registry.refresh(sources);
            registry.reconcile(engine, now, out);
        })
        .await
    }

    fn listen_where_possible(&self) {
        let driver = lock(&self.driver);
        let Some(driver) = driver.as_ref() else { return };
        lock(&self.awaited).retain(|listen| match driver.listen(listen) {
            Ok(()) => {
                info!(address = %listen.address, "the address is there; listening for BFD");
                false
            }
            Err(_) => true, // not yet
        });
    }

    /// Our addresses towards the peers that are allowed, where no listen address says it.
    fn sources(&self) -> Sources {
        let unsourced = lock(&self.registry).unsourced();
        unsourced.into_iter().filter_map(|remote| Some((remote, source_towards(remote)?))).collect()
    }

    /// Everything there is to show.
    ///
    /// # Errors
    /// [`Silent`].
    pub async fn snapshot(&self) -> Result<Snapshot, Silent> {
        let sockets = self.sockets().ok_or(Silent)?;
        self.ask(move |registry, engine, now, _| registry.snapshot(engine, sockets, now)).await
    }

    fn sockets(&self) -> Option<SocketCounters> {
        Some(lock(&self.driver).as_ref()?.counters())
    }

    /// Comes back when `stop` was commanded.
    pub async fn stopped(&self) {
        self.stop.notified().await;
    }

    /// Ends the thread; with `goodbye` all sessions are taken to AdminDown and the peers told before.
    pub fn shut_down(&self, goodbye: bool) {
        let driver = lock(&self.driver).take();
        if let Some(driver) = driver.filter(|_| goodbye) {
            driver.stop();
        }
    }

    async fn execute(&self, command: Command) -> Result<String, Silent> {
        let sources = match command {
            Command::Allow(remote) if remote.ip.is_unspecified() => None,
            Command::Allow(remote) => source_towards(remote).map(|source| (remote, source)),
            // What has no address of ours as its end cannot be sent from.
            Command::Connect(pair) if !is_ours(pair.local) => return Ok(execute::not_opened(pair)),
            _ => None,
        };
        self.ask(move |registry, engine, now, out| {
            registry.learn(sources);
            registry.execute(engine, now, out, command)
        })
        .await
    }
}

impl Answer for Beacon {
    async fn answer(&self, words: Vec<String>) -> String {
        let quoted = words.join(" ");
        info!(target: "command", command = ?quoted, "command"); // a client's octets, so escaped
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let command = match command::parse(&words) {
            Ok(Command::Log(command)) => return log(command),
            Ok(command) => command,
            Err(text) => return text,
        };
        match self.execute(command).await {
            Ok(text) => text,
            Err(silent) => format!("Unable to complete request: {silent}.\n"),
        }
    }

    fn answered(&self, words: &[String]) {
        if words.first().is_some_and(|word| word.eq_ignore_ascii_case("stop")) {
            self.stop.notify_one();
        }
    }
}

/// What `log …` replies, having done it.
fn log(command: LogCommand) -> String {
    match command {
        LogCommand::Levels => {
            format!("Available log levels: {}\n", Level::ALL.map(Level::name).join(", "))
        }
        LogCommand::Level(level) => {
            SELECTION.set_level(level);
            format!("Log level set to {}.\n", level.name())
        }
        LogCommand::Types => {
            let types = Type::ALL.iter().map(|kind| format!("    {}\n", kind.name()));
            format!("Available log types:\n{}", types.collect::<String>())
        }
        LogCommand::Type(kind, on) => {
            let word = |on| if on { "yes" } else { "no" };
            let was = SELECTION.set_type(kind, on);
            format!("Log type {} set to {}, was {}\n", kind.name(), word(on), word(was))
        }
        LogCommand::Timing(on) => {
            SELECTION.set_timing(on);
            format!("Extended time logging {}.\n", if on { "enabled" } else { "disabled" })
        }
    }
}

/// Whether packets can be sent from this address.
fn is_ours(address: Address) -> bool {
    let at: SocketAddr = match address.ip {
        IpAddr::V4(ip) => (ip, 0).into(),
        IpAddr::V6(ip) => std::net::SocketAddrV6::new(ip, 0, 0, address.interface).into(),
    };
    !address.ip.is_unspecified() && UdpSocket::bind(at).is_ok()
}

/// A lock whose holder panicked is still good: every change under it is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
