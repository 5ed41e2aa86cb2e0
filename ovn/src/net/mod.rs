//! The driver: sockets and a task. Decides nothing that the core can decide.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tokio::sync::{mpsc, oneshot, watch};

use crate::op::Operation;
use crate::replica::Replica;
use crate::session::{Config, Counters, Session};

mod driver;
mod remote;
mod tls;
mod wire;

pub use crate::outcome::{Outcome, TransactError};
pub use crate::session::{Link, Timing, Watched};
pub use remote::{BadRemote, Remote};
pub use tls::Tls;

/// Where a database is, and what of it is wanted.
#[derive(Clone, Debug)]
pub struct Options {
    /// `unix:PATH`, `tcp:HOST:PORT`, `ssl:HOST:PORT` ([`Remote`]), tried in turn; several for a cluster.
    pub remotes: Vec<Box<str>>,
    /// `OVN_Northbound` or `OVN_Southbound`.
    pub database: Box<str>,
    /// Which tables and columns, each table once.
    pub monitor: Vec<Watched>,
    /// Talk to the leader of a cluster only.
    pub leader_only: bool,
    /// Certificates for `ssl:`.
    pub tls: Option<Tls>,
}

/// A connection that is kept. Clones share it; dropping the last ends it.
#[derive(Clone, Debug)]
pub struct Client {
    shared: Arc<Shared>,
    commands: mpsc::Sender<Command>,
}

/// A transaction to be carried out, and who waits for it.
struct Command {
    operations: Vec<Operation>,
    done: oneshot::Sender<Result<Outcome, TransactError>>,
}

/// What the task and the clients share.
struct Shared {
    replica: RwLock<Replica>,
    status: Mutex<(Link, Counters)>,
    changes: watch::Sender<u64>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("status", &*self.status()).finish_non_exhaustive()
    }
}

impl Shared {
    fn status(&self) -> MutexGuard<'_, (Link, Counters)> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    /// Starts connecting. Needs a tokio runtime.
    #[must_use]
    pub fn start(options: Options) -> Self {
        Self::with_timing(options, Timing::default())
    }

    /// Starts connecting, with other bounds of time.
    #[must_use]
    pub fn with_timing(options: Options, timing: Timing) -> Self {
        let session = Session::new(Config {
            database: options.database,
            monitor: options.monitor,
            leader_only: options.leader_only,
            remotes: options.remotes.len(),
            seed: fastrand::u64(..),
            timing,
        });
        let shared = Arc::new(Shared {
            replica: RwLock::default(),
            status: Mutex::new((session.link().clone(), session.counters())),
            changes: watch::Sender::new(0),
        });
        let (commands, queue) = mpsc::channel(64);
        let driver = driver::Driver {
            session,
            shared: Arc::clone(&shared),
            remotes: options.remotes,
            tls: options.tls,
            wire: wire::Wire::None,
            waiting: HashMap::new(),
            number: 0,
        };
        tokio::spawn(driver.run(queue));
        Self { shared, commands }
    }

    /// Reads the copy of the database. It holds the last state known while the link is down, and is empty before the
    /// first sync. Do not hold up: updates wait.
    pub fn read<T>(&self, read: impl FnOnce(&Replica) -> T) -> T {
        read(&self.shared.replica.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// How the connection is now.
    #[must_use]
    pub fn link(&self) -> Link {
        self.shared.status().0.clone()
    }

    /// A receiver that is marked changed whenever replica or link changed.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    /// Carries out a transaction: all of it or nothing. When it returns, the replica holds its effects: servers send
    /// the changes before the reply (ovsdb-server(7) §4.1.5).
    ///
    /// Dropping the future does not call the transaction back.
    ///
    /// # Errors
    /// See [`TransactError`].
    pub async fn transact(&self, operations: Vec<Operation>) -> Result<Outcome, TransactError> {
        let (done, outcome) = oneshot::channel();
        let command = Command { operations, done };
        self.commands.send(command).await.map_err(|_| TransactError::NotConnected)?;
        outcome.await.unwrap_or(Err(TransactError::Lost))
    }

    /// Transactions sent since the start.
    #[must_use]
    pub fn transactions(&self) -> u64 {
        self.counters().transactions
    }

    /// What happened since the start.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.status().1
    }
}
