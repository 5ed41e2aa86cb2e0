//! What one engine was seen to do, and what must be true of it at any time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bfd::engine::{Action, Engine, SessionId};
use bfd::packet::{ControlPacket, Encoded};
use bfd::session::{Change, Path, Reason, Status};
use bfd::{Diagnostic, Micros, State};

use crate::counters;

/// A session as its notices tell it.
struct Told {
    path: Path,
    state: State,
}

/// One side's books.
#[derive(Default)]
pub(super) struct Ledger {
    sessions: BTreeMap<SessionId, Told>,
    lost: Duration,
}

impl Ledger {
    /// One of the sessions, or now and then a number that is none; and whether it is.
    pub(super) fn choose(&self, which: u8) -> (SessionId, bool) {
        let known = self.sessions.keys().nth(usize::from(which & 7)).or_else(|| self.first_key());
        match known.filter(|_| which < 0xf8) {
            Some(id) => (*id, true),
            None => (SessionId(u32::MAX), false),
        }
    }

    fn first_key(&self) -> Option<&SessionId> {
        self.sessions.keys().next()
    }

    pub(super) fn first(&self) -> Option<SessionId> {
        self.first_key().copied()
    }

    pub(super) fn opened(&mut self, id: SessionId, path: Path) {
        assert!(self.sessions.values().all(|told| told.path != path), "two sessions with one path");
        let before = self.sessions.insert(id, Told { path, state: State::Down });
        assert!(before.is_none(), "a number used twice");
    }

    pub(super) fn kind(action: &Action) -> u8 {
        match action {
            Action::Transmit(..) => 0,
            Action::Opened(..) => 1,
            Action::Closed(..) => 2,
            Action::Changed(..) => 3,
        }
    }

    /// Notes an action; the packet and its way if it is one.
    pub(super) fn take(&mut self, action: &Action) -> Option<(Path, Encoded)> {
        match action {
            Action::Transmit(id, encoded) => {
                let told = self.sessions.get(id).expect("sent by a session that is not there");
                let (packet, _) =
                    ControlPacket::decode(encoded.as_bytes()).expect("what is sent can be read");
                assert!(!(packet.poll && packet.fin), "P and F in one packet (RFC 5880 §6.5)");
                let slow = packet.state == State::Up || packet.desired_min_tx >= Micros::SECOND;
                assert!(
                    slow,
                    "{:?} below a second while {} (RFC 5880 §6.8.3)",
                    packet.desired_min_tx, packet.state
                );
                return Some((told.path, *encoded));
            }
            Action::Opened(id, path) => self.opened(*id, *path),
            Action::Closed(id, path) => {
                let told = self.sessions.remove(id).expect("closed what is not there");
                assert_eq!(told.path, *path);
            }
            Action::Changed(id, path, change) => {
                let told = self.sessions.get_mut(id).expect("a change of what is not there");
                assert_eq!((told.path, told.state), (*path, change.from));
                assert_ne!(change.from, change.to);
                let expired = change.reason == Reason::Expired;
                assert!(!expired || change.diagnostic == Diagnostic::TIME_EXPIRED);
                assert!(!expired || matches!(change.from, State::Init | State::Up));
                told.state = change.to;
                planted(change);
                counters::BFD_CHANGES.count(change.from as u8 * 4 + change.to as u8);
                counters::BFD_REASONS.count(change.reason as u8);
            }
        }
        None
    }

    /// After timers ran: nobody is Up who was silent for longer than the detection time and all the time that was lost.
    pub(super) fn ticked(&mut self, now: Instant, engine: &Engine) {
        assert!(engine.lost_time() >= self.lost, "time was found again");
        self.lost = engine.lost_time();
        for status in engine.sessions().iter().filter(|status| status.state == State::Up) {
            let (Some(heard), time) = (status.last_heard, status.detection_time) else {
                panic!("Up, never heard")
            };
            let silent = now.duration_since(heard);
            assert!(
                time.is_zero() || silent <= time + self.lost,
                "silent for {silent:?}, {time:?} are allowed"
            );
        }
    }

    pub(super) fn check(&self, engine: &Engine, most: usize) {
        let all = engine.sessions();
        assert!(all.len() <= most, "{} sessions", all.len());
        assert_eq!(
            all.iter().map(|one| one.id).collect::<Vec<_>>(),
            self.sessions.keys().copied().collect::<Vec<_>>()
        );
        for (at, status) in all.iter().enumerate() {
            let others = || all.iter().skip(at + 1);
            assert!(
                others().all(|other| other.discriminator != status.discriminator),
                "a discriminator twice"
            );
            assert_eq!(self.sessions[&status.id].state, status.state, "a change nobody was told");
            assert_eq!(engine.find(&status.path), Some(status.id));
            assert_eq!(engine.session(status.id).as_ref(), Some(status));
            self::status(status);
        }
        let counted = engine.counters();
        let refused = [counted.invalid, counted.ttl, counted.unknown, counted.auth, counted.dropped];
        assert!(refused.iter().sum::<u64>() <= counted.received);
        counters::BFD_REFUSED
            .count(refused.iter().rposition(|count| *count > 0).map_or(0, |at| at as u8 + 1));
    }
}

/// What is true of one session at any time.
fn status(status: &Status) {
    assert!(status.history.len() <= 8);
    assert!(
        status.state == State::Up || status.desired_min_tx >= Micros::SECOND,
        "fast while {}",
        status.state
    );
    assert!(
        !status.forced || matches!(status.state, State::AdminDown | State::Down),
        "forced {}",
        status.state
    );
    if status.state == State::Up {
        assert!(matches!(status.remote_state, State::Init | State::Up), "Up beside {}", status.remote_state);
        assert!(status.remote_discriminator.is_some() && status.remote_detect_mult.is_some());
    }
    // RFC 5880 §6.8.7: never faster than the other end can take.
    let fastest = status.remote_required_min_rx.duration();
    assert!(status.transmit_interval.is_zero() || status.transmit_interval >= fastest);
}

/// With `--cfg planted_bug`: a session whose other end had set C must not expire. The scripts given know no C bit; that it
/// has to stand in the last packet before a silence is for the fuzzer to find.
fn planted(change: &Change) {
    let there = change.from == State::Up && change.reason == Reason::Expired && change.remote_independent;
    if cfg!(planted_bug) && there {
        panic!("the planted bug");
    }
}
