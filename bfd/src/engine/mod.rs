//! All sessions of a process: which packet belongs to which session, what is due next, and how much time was lost.
//!
//! **Lost time.** A process that was stopped, throttled or starved has not listened. What its sessions would have heard
//! it does not know; so their detection clocks stand still while it is asleep ([`Engine::stalled`]). Packets the kernel
//! kept meanwhile count at their arrival.
//!
//! The driver's round: take every packet there is ([`Engine::receive`]); if it is late, say by how much
//! ([`Engine::stalled`]); let due timers run ([`Engine::advance`]); sleep until [`Engine::next`]. So nobody is declared
//! dead while a packet of his waits in a socket.

mod counters;

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, Instant};

pub use counters::Counters;

use crate::packet::Encoded;
use crate::session::{Change, Path, Role, Settings, Status};
use crate::types::{Diagnostic, State};

/// A session's number; counts from 1, never used twice in one engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u32);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A datagram and what the kernel says about it.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// What was in it.
    pub payload: &'a [u8],
    /// By its port: 3784 or 4784.
    pub hops: crate::session::Hops,
    /// Who sent it.
    pub source: IpAddr,
    /// Which address of ours it was sent to.
    pub destination: IpAddr,
    /// The link it came in on.
    pub interface: u32,
    /// Its TTL or hop limit on arrival.
    pub ttl: u8,
    /// When it arrived, by the kernel's clock.
    pub at: Instant,
}

/// Something the driver has to do, or to tell. Order matters.
#[derive(Clone)]
pub enum Action {
    /// Send this from the session's own socket.
    Transmit(SessionId, Encoded),
    /// A passive session was made by a packet of an allowed peer.
    Opened(SessionId, Path),
    /// The session is gone; its socket may be closed.
    Closed(SessionId, Path),
    /// Its state changed.
    Changed(SessionId, Path, Change),
}

/// What an administrator does to one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Hold it in AdminDown or Down, with this diagnostic in its packets. Other states are ignored.
    Force(State, Diagnostic),
    /// Let it come up again.
    Release,
    /// Send nothing, but keep its state.
    Suspend,
    /// Send again.
    Resume,
    /// A passive session speaks from now on.
    Activate,
}

/// Why a session was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// There is one with this path.
    #[error("session {0} has this path already")]
    Exists(SessionId),
    /// Multicast, unspecified, mixed families, or link-local without a link.
    #[error("the path cannot carry a session: {0}")]
    Path(&'static str),
    /// [`Limits::sessions`] is reached.
    #[error("there are {0} sessions already, the most there may be")]
    Full(usize),
    /// A Desired Min TX Interval of zero.
    #[error("the transmit interval must not be zero")]
    Interval,
}

/// What bounds memory against any peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Sessions at most.
    pub sessions: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { sessions: 16_384 } // as many as RFC 5881 §4 has source ports
    }
}

/// See the module.
pub struct Engine {
    _sessions: HashMap<SessionId, ()>,
}

impl Engine {
    /// An engine without sessions. The seed decides discriminators and jitter.
    #[must_use]
    pub fn new(_limits: Limits, _seed: u64) -> Self {
        Self { _sessions: HashMap::new() }
    }

    /// Opens a session; an active one sends at once.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(
        &mut self,
        _now: Instant,
        _path: Path,
        (_role, _settings): (Role, Settings),
        _out: &mut Vec<Action>,
    ) -> Result<SessionId, OpenError> {
        Err(OpenError::Interval)
    }

    /// Forgets a session without a word; `false` if there is none. [`Control::Force`] with AdminDown first is polite.
    pub fn close(&mut self, _id: SessionId, _out: &mut Vec<Action>) -> bool {
        false
    }

    /// Changes a session's settings, by a poll sequence where RFC 5880 §6.8.3 wants one; `false` if there is none.
    pub fn set(
        &mut self,
        _now: Instant,
        _id: SessionId,
        _settings: Settings,
        _out: &mut Vec<Action>,
    ) -> bool {
        false
    }

    /// Does this to a session; `false` if there is none.
    pub fn control(&mut self, _now: Instant, _id: SessionId, _what: Control, _out: &mut Vec<Action>) -> bool {
        false
    }

    /// Packets of this address may make passive sessions.
    pub fn allow(&mut self, _remote: IpAddr) {}

    /// They may not any more; sessions that stand are not touched.
    pub fn block(&mut self, _remote: IpAddr) {}

    /// The addresses allowed, sorted.
    #[must_use]
    pub fn allowed(&self) -> Vec<IpAddr> {
        Vec::new()
    }

    /// What passive sessions are told that come from now on.
    pub fn set_passive(&mut self, _settings: Settings) {}

    /// What passive sessions are told.
    #[must_use]
    pub fn passive(&self) -> Settings {
        Settings::default()
    }

    /// Takes a datagram (RFC 5880 §6.8.6). `now` is not before `datagram.at`.
    pub fn receive(&mut self, _now: Instant, _datagram: &Datagram<'_>, _out: &mut Vec<Action>) {}

    /// The driver wanted to run at `due` and runs at `now`: detection clocks stood still in between.
    pub fn stalled(&mut self, _due: Instant, _now: Instant) {}

    /// Lets every timer run that is due: packets, detection, what a silent passive session leaves.
    pub fn advance(&mut self, _now: Instant, _out: &mut Vec<Action>) {}

    /// When [`Engine::advance`] has something to do next; `None`: never.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        None
    }

    /// All sessions, by number.
    #[must_use]
    pub fn sessions(&self) -> Vec<Status> {
        Vec::new()
    }

    /// One session.
    #[must_use]
    pub fn session(&self, _id: SessionId) -> Option<Status> {
        None
    }

    /// The session with exactly this path.
    #[must_use]
    pub fn find(&self, _path: &Path) -> Option<SessionId> {
        None
    }

    /// What was counted.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &Counters::ZERO
    }

    /// How much time was lost in all.
    #[must_use]
    pub fn lost_time(&self) -> Duration {
        Duration::ZERO
    }
}
