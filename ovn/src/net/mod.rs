//! The driver: connections, leader, backoff. Decides nothing that the core can decide.

use crate::op::{Operation, Where};
use crate::replica::Replica;
use crate::value::Uuid;

/// Where a database is: `unix:PATH`, `tcp:HOST:PORT`, `ssl:HOST:PORT`; several for a cluster.
#[derive(Clone, Debug)]
pub struct Options {
    /// Tried in turn.
    pub remotes: Vec<Box<str>>,
    /// `OVN_Northbound` or `OVN_Southbound`.
    pub database: Box<str>,
    /// Which tables and columns.
    pub monitor: Vec<Watched>,
    /// Talk to the leader of a cluster only.
    pub leader_only: bool,
    /// Certificates for `ssl:`.
    pub tls: Option<Tls>,
}

/// Files in PEM; read again at each connect.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Our private key.
    pub private_key: std::path::PathBuf,
    /// Our certificate.
    pub certificate: std::path::PathBuf,
    /// Who signed the server's certificate.
    pub authority: std::path::PathBuf,
}

/// One monitored table.
#[derive(Clone, Debug)]
pub struct Watched {
    /// The table.
    pub table: &'static str,
    /// Columns; those the server does not have are left out.
    pub columns: &'static [&'static str],
    /// Only rows for which one of these holds; none: all.
    pub only: Vec<Where>,
}

/// Why a transaction was not carried out, or not known to be.
#[derive(Debug, thiserror::Error)]
pub enum TransactError {
    /// The database said no. Nothing of it was carried out.
    #[error("{error}: {details}")]
    Refused {
        /// RFC 7047's name of the error, e.g. `constraint violation`, `timed out` (a wait that did not hold).
        error: String,
        /// What the database says about it.
        details: String,
    },
    /// The connection went while the reply was due: it may have been carried out.
    #[error("the connection to the database was lost before its reply")]
    Lost,
    /// There is no connection. Nothing was sent.
    #[error("not connected to the database")]
    NotConnected,
}

/// What a transaction did.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Identities of inserted rows, in the order of the inserts.
    pub inserted: Vec<Uuid>,
}

/// How the connection is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// Being made, or waiting for the next try; with the last error.
    Down(String),
    /// Connected, and the replica is complete.
    Synced,
}

/// A connection that is kept. Clones share it; dropping the last ends it.
#[derive(Clone, Debug)]
pub struct Client {
    _private: (),
}

impl Client {
    /// Starts connecting. Needs a tokio runtime.
    #[must_use]
    pub fn start(_options: Options) -> Self {
        Self { _private: () }
    }

    /// Reads the copy of the database. It holds the last state known while the link is down, and is empty before the
    /// first sync. Do not hold up: updates wait.
    pub fn read<T>(&self, read: impl FnOnce(&Replica) -> T) -> T {
        read(&Replica::default())
    }

    /// How the connection is now.
    #[must_use]
    pub fn link(&self) -> Link {
        Link::Down(String::new())
    }

    /// A receiver that is marked changed whenever replica or link changed.
    #[must_use]
    pub fn changes(&self) -> tokio::sync::watch::Receiver<u64> {
        tokio::sync::watch::channel(0).1
    }

    /// Carries out a transaction: all of it or nothing. When it returns, the replica holds its effects.
    ///
    /// # Errors
    /// See [`TransactError`].
    pub async fn transact(&self, operations: Vec<Operation>) -> Result<Outcome, TransactError> {
        let _ = operations;
        Err(TransactError::NotConnected)
    }

    /// Transactions sent since the start.
    #[must_use]
    pub fn transactions(&self) -> u64 {
        0
    }
}
