//! Everything there is to show, as it is at one moment.

use std::time::{Duration, Instant};

use bfd::State;
use bfd::engine::{Counters, Engine};
use bfd::net::SocketCounters;
use bfd::session::Status;

use super::registry::{Index, Registry};
use crate::address::Address;
use crate::status;

/// A session that is wanted, and how it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Our end.
    pub local: Address,
    /// Theirs.
    pub remote: Address,
    /// Its state; `None`: there is none, for the peer has yet to speak.
    pub state: Option<State>,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Sessions that are wanted.
    pub expected: Vec<Expected>,
    /// Sessions there are.
    pub sessions: Vec<Status>,
    /// What the engine counted.
    pub counters: Counters,
    /// Time in which the driver's thread did not listen.
    pub lost_time: Duration,
    /// What the sockets counted.
    pub sockets: SocketCounters,
    /// For how long no wanted session is Up.
    pub none_up: Duration,
    /// Sessions that were gone and were opened again.
    pub recovered: u64,
    /// Times a session could not be opened.
    pub failed: u64,
}

impl Registry {
    /// As it is now.
    pub fn snapshot(&mut self, engine: &Engine, sockets: SocketCounters, now: Instant) -> Snapshot {
        let (sessions, wanted) = (engine.sessions(), self.expected());
        let index = Index::of(&sessions);
        self.note_up(&wanted, &index, now);
        let expected = wanted.iter().filter_map(|wanted| {
            let (path, session) = (wanted.path, wanted.met_by(&index));
            let remote = Address::on_link(path.remote, path.interface);
            let local = match session {
                Some(status) => status::local(status),
                None => Address::on_link(path.local?, path.interface),
            };
            Some(Expected { local, remote, state: session.map(|status| status.state) })
        });
        let expected = expected.collect();
        Snapshot {
            expected,
            counters: *engine.counters(),
            lost_time: engine.lost_time(),
            sockets,
            none_up: self.none_up_since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since)),
            recovered: self.recovered,
            failed: self.failed,
            sessions,
        }
    }
}
