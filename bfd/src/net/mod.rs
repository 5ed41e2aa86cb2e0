//! The driver: one thread that owns sockets and the clock and decides nothing (feature `net`).
//!
//! A thread of its own, the one place of this project outside tokio: a runtime's worker may be busy for milliseconds
//! with somebody else's table, and a packet that is late by that much is a session lost.

use std::io;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::engine::{Engine, Limits, SessionId};
use crate::session::{Change, Hops, Path};

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Listen {
    /// The port: 3784 or 4784.
    pub hops: Hops,
    /// Our address; unspecified: all of that family. `::` is IPv6 alone.
    pub address: IpAddr,
    /// Only what comes in on this device.
    pub device: Option<String>,
}

/// How to drive.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Sockets to begin with; [`Driver::listen`] adds.
    pub listen: Vec<Listen>,
    /// Real-time priority (SCHED_FIFO) 1 to 99; needs CAP_SYS_NICE. Not to be had: a warning.
    pub real_time: Option<u8>,
    /// See [`Limits`].
    pub limits: Limits,
}

/// What the driver tells, in order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Notice {
    /// A passive session was made.
    Opened(SessionId, Path),
    /// A session is gone.
    Closed(SessionId, Path),
    /// A session's state changed.
    Changed(SessionId, Path, Change),
    /// The thread was late by this much.
    Stalled(Duration),
}

/// What the sockets count beside [`crate::engine::Counters`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketCounters {
    /// Datagrams the kernel dropped as a socket's buffer was full.
    pub overflow: u64,
    /// Receiving failed.
    pub receive_errors: u64,
    /// Sending failed; ICMP errors of a peer that does not listen are not counted.
    pub send_errors: u64,
    /// How long the thread was late in all.
    pub lost_time: Duration,
}

/// A running driver. Dropping it ends the thread without a word; [`Driver::stop`] says goodbye.
pub struct Driver {
    _private: (),
}

impl Driver {
    /// Binds the sockets and starts the thread. `tell` is called on it: it must not block.
    ///
    /// # Errors
    /// What the system says of a socket, e.g. that the port is taken.
    pub fn start(_options: Options, _tell: impl FnMut(Notice) + Send + 'static) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Has the thread do this to the engine; what comes of it is sent at once. The answer comes when the thread has had
    /// its turn; it is an error only if the thread is gone.
    pub fn call<T: Send + 'static>(
        &self,
        _what: impl FnOnce(&mut Engine, Instant, &mut Vec<crate::engine::Action>) -> T + Send + 'static,
    ) -> oneshot::Receiver<T> {
        oneshot::channel().1
    }

    /// Listens there too; nothing if it does already.
    ///
    /// # Errors
    /// What the system says.
    pub fn listen(&self, _on: &Listen) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Listens there no more.
    pub fn ignore(&self, _on: &Listen) {}

    /// What was counted.
    #[must_use]
    pub fn counters(&self) -> SocketCounters {
        SocketCounters::default()
    }

    /// Takes every session to AdminDown, so that no peer sees a failure, tells them, and ends the thread.
    pub fn stop(self) {}
}
