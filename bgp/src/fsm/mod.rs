//! The BGP session state machine, without sockets, tasks or clocks (RFC 4271 §8).
//!
//! Owns one peer: its connections (at most one dialed and one accepted), which of them lives, and every deadline.
//! Leaves octets to [`crate::wire`], routes to [`crate::rib`], TCP to the driver.
//! Drive it: feed [`Peer::handle`], carry out the actions in order, sleep until [`Peer::next_deadline`], repeat.
//! Departs from the RFC: no DelayOpen, no damping of oscillations beyond the bounded retry backoff; the hold timer
//! before the peer's OPEN is one minute.

mod conn;
mod event;
mod negotiate;
mod timing;

use std::time::{Duration, Instant};

pub use event::{Action, ConnId, Direction, EndReason, Event, State};
pub use negotiate::{Config, LocalRole, Negotiated, PeerRestart, Restart, dialed_connection_wins, negotiate};

use crate::wire::Message;
use crate::wire::notification::{Notification, cease};
use conn::{Conn, Phase, Verdict};
use timing::{Backoff, Jitter};

/// A SYN that nobody answers is given up after this, to be sent anew: the kernel's own retries grow too far apart.
const DIAL_TIMEOUT: Duration = Duration::from_secs(3);

/// A session that lived this long was a good one: the next failure starts the backoff anew.
const STABLE_AFTER: Duration = Duration::from_secs(10);

/// Where our own dialing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dial {
    Off,
    Waiting { until: Instant },
    UnderWay { give_up: Instant },
}

/// One peer's state machine.
#[derive(Debug)]
pub struct Peer {
    config: Config,
    started: bool,
    dial: Dial,
    conns: Vec<Conn>,
    backoff: Backoff,
    jitter: Jitter,
}

impl Peer {
    /// A stopped peer. `seed` decides all its jitter.
    #[must_use]
    pub fn new(config: Config, seed: u64) -> Self {
        let (backoff, jitter) = (Backoff::default(), Jitter::new(seed));
        Self { config, started: false, dial: Dial::Off, conns: Vec::new(), backoff, jitter }
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
            Dial::Waiting { .. } | Dial::Off if self.started && self.config.listen => State::Active,
            Dial::Waiting { .. } if self.started => State::Active,
            Dial::Waiting { .. } | Dial::Off => State::Idle,
        };
        self.conns.iter().map(Conn::state).max().unwrap_or(idle)
    }

    /// When [`Event::Tick`] is due; `None` while nothing can time out.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        let dial = match self.dial {
            Dial::Off => None,
            Dial::Waiting { until: at } | Dial::UnderWay { give_up: at } => Some(at),
        };
        self.conns.iter().filter_map(Conn::next_deadline).chain(dial).min()
    }

    /// Total: every event is legal in every state; a surprise becomes actions, never an error or a panic.
    pub fn handle(&mut self, now: Instant, event: Event, out: &mut Vec<Action>) {
        match event {
            Event::Start => self.start(now, out),
            Event::Stop(note) => self.stop(&note, out),
            Event::Reset(note) => self.reset(now, &note, out),
            Event::AskAgain => self.conns.iter().for_each(|conn| conn.ask_again(out)),
            Event::DialNow => self.dial_now(now, out),
            Event::Connected(id) => self.connected(now, id, out),
            Event::DialFailed(cause) => self.dial_failed(now, cause, out),
            Event::Accepted(id) => self.accepted(now, id, out),
            Event::Received(id, message) => self.received(now, id, message, out),
            Event::Broken(id, fault) => self.end(now, id, EndReason::Fault(fault), out),
            Event::Lost(id, cause) => self.end(now, id, EndReason::Lost(cause), out),
            Event::Tick => self.tick(now, out),
        }
    }

    fn start(&mut self, now: Instant, out: &mut Vec<Action>) {
        if !self.started {
            self.started = true;
            self.backoff.reset();
            self.begin_dial(now, out);
        }
    }

    fn stop(&mut self, note: &Notification, out: &mut Vec<Action>) {
        self.started = false;
        self.abandon_dial(out);
        for conn in std::mem::take(&mut self.conns) {
            Self::close(&conn, EndReason::Sent(note.clone()), out);
        }
    }

    fn reset(&mut self, now: Instant, note: &Notification, out: &mut Vec<Action>) {
        let all: Vec<ConnId> = self.conns.iter().map(|conn| conn.id).collect();
        for id in all {
            self.end(now, id, EndReason::Sent(note.clone()), out);
        }
    }

    fn dial_now(&mut self, now: Instant, out: &mut Vec<Action>) {
        if self.dial != Dial::Off {
            self.abandon_dial(out); // one under way may have left from an address that is not right any more
            self.backoff.reset();
            self.begin_dial(now, out);
        }
    }

    fn begin_dial(&mut self, now: Instant, out: &mut Vec<Action>) {
        if self.started && self.config.dial {
            self.dial = Dial::UnderWay { give_up: now + DIAL_TIMEOUT };
            out.push(Action::Dial);
        }
    }

    fn abandon_dial(&mut self, out: &mut Vec<Action>) {
        if matches!(self.dial, Dial::UnderWay { .. }) {
            out.push(Action::AbandonDial);
        }
        self.dial = Dial::Off;
    }

    /// Dials again later, unless a connection already lives or has a chance to.
    fn retry(&mut self, now: Instant) {
        let wanted = self.started && self.config.dial && self.conns.is_empty();
        if wanted && self.dial == Dial::Off {
            self.dial = Dial::Waiting { until: now + self.backoff.next(&mut self.jitter) };
        }
    }

    fn connected(&mut self, now: Instant, id: ConnId, out: &mut Vec<Action>) {
        if !matches!(self.dial, Dial::UnderWay { .. }) {
            return out.push(Action::Close(id)); // an answer to a dial that was abandoned
        }
        self.dial = Dial::Off;
        self.conns.push(Conn::begin(id, Direction::Dialed, now, &self.config, out));
    }

    fn dial_failed(&mut self, now: Instant, cause: String, out: &mut Vec<Action>) {
        if matches!(self.dial, Dial::UnderWay { .. }) {
            self.dial = Dial::Off;
            out.push(Action::Ended { was_up: false, reason: EndReason::DialFailed(cause) });
            self.retry(now);
        }
    }

    fn accepted(&mut self, now: Instant, id: ConnId, out: &mut Vec<Action>) {
        if !self.started || !self.config.listen {
            return out.push(Action::Close(id));
        }
        if let Some(up) = self.conns.iter().find(|conn| conn.state() == State::Established) {
            // A peer that crashed and came back dials while our side of the old session still stands: a keepalive
            // on it draws the reset that clears the way for the peer's next try (RFC 4271 §6.8 keeps the old one).
            out.push(Action::Send(up.id, Message::Keepalive));
            out.push(Action::Send(id, Message::Notification(Notification::cease(cease::COLLISION, ""))));
            return out.push(Action::Close(id));
        }
        if let Some(at) = self.conns.iter().position(|conn| conn.direction == Direction::Accepted) {
            Self::close(&self.conns.swap_remove(at), EndReason::Replaced, out);
        }
        if matches!(self.dial, Dial::Waiting { .. }) {
            self.dial = Dial::Off;
        }
        self.conns.push(Conn::begin(id, Direction::Accepted, now, &self.config, out));
    }

    fn received(&mut self, now: Instant, id: ConnId, message: Message, out: &mut Vec<Action>) {
        let with = (&self.config, &mut self.jitter);
        let Some(conn) = self.conns.iter_mut().find(|conn| conn.id == id) else { return };
        match conn.receive(now, message, with, out) {
            Verdict::Stay => {}
            Verdict::Confirmed => self.resolve_collision(now, id, out),
            Verdict::Up => self.established(now, id, out),
            Verdict::End(reason) => self.end(now, id, reason, out),
        }
    }

    /// The peer's OPEN on `id` tells who it is: if the other connection is as far, one of them has to go.
    fn resolve_collision(&mut self, now: Instant, id: ConnId, out: &mut Vec<Action>) {
        let Some(conn) = self.conns.iter().find(|conn| conn.id == id) else { return };
        let Phase::OpenConfirm(with) = &conn.phase else { return };
        let Some(other) = self.conns.iter().find(|other| other.id != id) else { return };
        let loser = match other.state() {
            State::Established => id,
            State::OpenConfirm => {
                let keep = match dialed_connection_wins(&self.config, with) {
                    true => Direction::Dialed,
                    false => Direction::Accepted,
                };
                if conn.direction == keep { other.id } else { id }
            }
            _ => return, // its OPEN will decide
        };
        self.end(now, loser, EndReason::Sent(Notification::cease(cease::COLLISION, "")), out);
    }

    fn established(&mut self, now: Instant, id: ConnId, out: &mut Vec<Action>) {
        self.abandon_dial(out);
        let others: Vec<ConnId> =
            self.conns.iter().map(|conn| conn.id).filter(|other| *other != id).collect();
        for other in others {
            self.end(now, other, EndReason::Sent(Notification::cease(cease::COLLISION, "")), out);
        }
        if let Some(Conn { phase: Phase::Established { with, .. }, .. }) =
            self.conns.iter().find(|conn| conn.id == id)
        {
            out.push(Action::Up(id, with.clone()));
        }
    }

    /// Takes a connection away, tells the peer why if that is ours to tell, and plans the next try.
    fn end(&mut self, now: Instant, id: ConnId, reason: EndReason, out: &mut Vec<Action>) {
        if let Some(at) = self.conns.iter().position(|conn| conn.id == id) {
            let conn = self.conns.swap_remove(at);
            if conn.up_for(now).is_some_and(|up| up >= STABLE_AFTER) {
                self.backoff.reset();
            }
            Self::close(&conn, reason, out);
            self.retry(now);
        }
    }

    fn close(conn: &Conn, reason: EndReason, out: &mut Vec<Action>) {
        if let Some(note) = reason.notification() {
            out.push(Action::Send(conn.id, Message::Notification(note)));
        }
        out.push(Action::Close(conn.id));
        out.push(Action::Ended { was_up: conn.state() == State::Established, reason });
    }

    fn tick(&mut self, now: Instant, out: &mut Vec<Action>) {
        match self.dial {
            Dial::Waiting { until } if until <= now => self.begin_dial(now, out),
            Dial::UnderWay { give_up } if give_up <= now => {
                out.push(Action::AbandonDial);
                self.dial_failed(now, "no answer to the connection request".to_owned(), out);
            }
            _ => {}
        }
        let mut over = Vec::new();
        for conn in &mut self.conns {
            if let Verdict::End(reason) = conn.tick(now, &mut self.jitter, out) {
                over.push((conn.id, reason));
            }
        }
        for (id, reason) in over {
            self.end(now, id, reason, out);
        }
    }
}
