//! The BGP session state machine, without sockets, tasks or clocks (RFC 4271 §8).
//!
//! Owns one peer: its connections (at most one dialed and one accepted), which of them lives, what is kept of a peer
//! that restarts gracefully, and every deadline. Leaves octets to [`crate::wire`], routes to [`crate::rib`], TCP to
//! the driver.
//! Drive it: feed [`Peer::handle`], carry out the actions in order, sleep until [`Peer::next_deadline`], repeat.
//! Departs from the RFC: no DelayOpen, no damping of oscillations beyond the bounded retry backoff; the hold timer
//! before the peer's OPEN is one minute; of two connections the one that would lose a collision (§6.8) is not
//! Established as long as the other may still come up; what a peer in graceful restart opens in the first seconds of
//! a session is taken for the rest of a collision, not for a restart.

mod bfd;
mod config;
mod conn;
mod conns;
mod dial;
mod event;
mod negotiate;
mod restart;
mod timing;

use std::time::{Duration, Instant};

pub use bfd::BfdHold;
pub use config::{Config, LocalRole, Restart};
pub use event::{Action, Bfd, ConnId, Direction, EndReason, Event, State};
pub use negotiate::{Negotiated, PeerRestart, dialed_connection_wins, negotiate};

use crate::wire::{Notification, Open};
use conn::{Conn, Verdict};
use dial::Dial;
use restart::Helper;
use timing::{Backoff, Jitter};

/// A session that lived this long was a good one: the next failure starts the backoff anew.
const STABLE_AFTER: Duration = Duration::from_secs(10);

/// How long a peer that announced too many prefixes is left alone: long enough that its table does not keep this
/// machine busy, short enough that nobody has to wait once it is put right (RFC 4486 §4).
pub const PREFIX_LIMIT_IDLE: Duration = Duration::from_secs(60);

/// One peer's state machine.
#[derive(Clone, Debug)]
pub struct Peer {
    config: Config,
    /// What the next connection begins with.
    open: Open,
    started: bool,
    dial: Dial,
    /// Neither dialed nor let in before this.
    left_alone: Option<Instant>,
    /// Not dialed, or not let in either, as long as BFD says so.
    hold: BfdHold,
    conns: Vec<Conn>,
    helper: Helper,
    backoff: Backoff,
    jitter: Jitter,
}

impl Peer {
    /// A stopped peer. `seed` decides all its jitter.
    #[must_use]
    pub fn new(config: Config, seed: u64) -> Self {
        Self {
            open: config.open(),
            config,
            started: false,
            dial: Dial::Off,
            left_alone: None,
            hold: BfdHold::No,
            conns: Vec::new(),
            helper: Helper::default(),
            backoff: Backoff::default(),
            jitter: Jitter::new(seed),
        }
    }

    /// The configuration it was made with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The furthest state of any connection.
    #[must_use]
    pub fn state(&self) -> State {
        let idle = match self.dial {
            Dial::UnderWay { .. } => State::Connect,
            Dial::Waiting { .. } | Dial::Off if self.is_shut_out() => State::Idle,
            Dial::Waiting { .. } | Dial::Off if self.started && self.config.listen => State::Active,
            Dial::Waiting { .. } if self.started => State::Active,
            Dial::Waiting { .. } | Dial::Off => State::Idle,
        };
        self.conns.iter().map(Conn::state).max().unwrap_or(idle)
    }

    /// Not let in, either.
    fn is_shut_out(&self) -> bool {
        self.left_alone.is_some() || self.hold == BfdHold::UntilUp
    }

    /// When [`Event::Tick`] is due; `None` while nothing can time out.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let dial = self.dial.next_deadline();
        let others = [dial, self.helper.next_deadline(), self.left_alone, self.hold_deadline()];
        self.conns.iter().filter_map(Conn::next_deadline).chain(others.into_iter().flatten()).min()
    }

    /// Total: every event is legal in every state; a surprise becomes actions, never an error or a panic.
    pub fn handle(&mut self, now: Instant, event: Event, out: &mut Vec<Action>) {
        match event {
            Event::Start => self.start(now, out),
            Event::Stop(note) | Event::Leave(note) => {
                self.stop(now, |conn| EndReason::Sent(conn.farewell(&note)), out);
            }
            Event::Abandon => self.stop(now, |_| EndReason::Abandoned, out),
            Event::Reset(note) => self.reset(now, &note, out),
            Event::PrefixLimit { family, limit } => self.prefix_limit(now, (family, limit), out),
            Event::Bfd(says) => self.bfd(now, says, out),
            Event::AskAgain => self.conns.iter().for_each(|conn| conn.ask_again(out)),
            Event::DialNow => self.dial_now(now, out),
            Event::Connected(id) => self.connected(now, id, out),
            Event::DialFailed(cause) => self.dial_failed(now, cause, out),
            Event::Accepted(id) => self.accepted(now, id, out),
            Event::Received(id, message) => self.received(now, id, message, out),
            Event::Broken(id, fault) => self.end(now, id, EndReason::Fault(fault), out),
            Event::Lost(id, cause) => self.end(now, id, EndReason::Lost(cause), out),
            Event::Wrote => self.conns.iter_mut().for_each(Conn::wrote),
            Event::Blocked => self.conns.iter_mut().for_each(|conn| conn.blocked(now)),
            Event::Tick => self.tick(now, out),
        }
    }

    fn start(&mut self, now: Instant, out: &mut Vec<Action>) {
        if !self.started {
            self.started = true;
            self.backoff.reset();
            if matches!(self.hold, BfdHold::Until(at) if at <= now) {
                self.hold = BfdHold::No; // it ran out while nobody was asking
            }
            self.begin_dial(now, out);
        }
    }

    fn stop(&mut self, now: Instant, why: impl Fn(&Conn) -> EndReason, out: &mut Vec<Action>) {
        self.started = false;
        self.left_alone = None;
        self.abandon_dial(out);
        for conn in std::mem::take(&mut self.conns) {
            self.close(now, &conn, why(&conn), out);
        }
        self.helper.give_up(out);
    }

    fn reset(&mut self, now: Instant, note: &Notification, out: &mut Vec<Action>) {
        let all = self.conns.iter().map(|conn| (conn.id, EndReason::Sent(note.clone()))).collect();
        self.end_all(now, all, out);
    }

    fn tick(&mut self, now: Instant, out: &mut Vec<Action>) {
        self.helper.tick(now, out);
        if self.left_alone.is_some_and(|until| until <= now) {
            self.left_alone = None;
            self.begin_dial(now, out);
        }
        self.tick_hold(now, out);
        self.tick_dial(now, out);
        let mut over = Vec::new();
        for conn in &mut self.conns {
            if let Verdict::End(reason) = conn.tick(now, &mut self.jitter, out) {
                over.push((conn.id, reason));
            }
        }
        self.end_all(now, over, out);
    }
}
