//! Where our own dialing stands: under way, waiting for its turn, or not wanted.

use std::time::{Duration, Instant};

use super::Peer;
use super::bfd::BfdHold;
use super::conn::Conn;
use super::event::{Action, ConnId, Direction, EndReason};

/// A SYN that nobody answers is given up after this, to be sent anew: the kernel's own retries grow too far apart.
pub(super) const DIAL_TIMEOUT: Duration = Duration::from_secs(3);

/// Where our own dialing stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dial {
    Off,
    Waiting { until: Instant },
    UnderWay { give_up: Instant },
}

impl Dial {
    pub(super) fn next_deadline(self) -> Option<Instant> {
        match self {
            Self::Off => None,
            Self::Waiting { until: at } | Self::UnderWay { give_up: at } => Some(at),
        }
    }
}

impl Peer {
    pub(super) fn dial_now(&mut self, now: Instant, out: &mut Vec<Action>) {
        if self.dial != Dial::Off {
            self.abandon_dial(out); // one under way may have left from an address that is not right any more
            self.backoff.reset();
            self.begin_dial(now, out);
        }
    }

    pub(super) fn begin_dial(&mut self, now: Instant, out: &mut Vec<Action>) {
        if self.started && self.config.dial && self.hold == BfdHold::No {
            self.dial = Dial::UnderWay { give_up: now + DIAL_TIMEOUT };
            out.push(Action::Dial);
        }
    }

    pub(super) fn abandon_dial(&mut self, out: &mut Vec<Action>) {
        if matches!(self.dial, Dial::UnderWay { .. }) {
            out.push(Action::AbandonDial);
        }
        self.dial = Dial::Off;
    }

    /// Dials again later, unless a connection already lives or has a chance to, or the peer is left alone.
    pub(super) fn retry(&mut self, now: Instant) {
        let wanted = self.started && self.config.dial && self.conns.is_empty() && self.left_alone.is_none();
        let wanted = wanted && self.hold == BfdHold::No;
        if wanted && self.dial == Dial::Off {
            self.dial = Dial::Waiting { until: now + self.backoff.next(&mut self.jitter) };
        }
    }

    pub(super) fn connected(&mut self, now: Instant, id: ConnId, out: &mut Vec<Action>) {
        if !matches!(self.dial, Dial::UnderWay { .. }) {
            return out.push(Action::Close(id)); // an answer to a dial that was abandoned
        }
        self.dial = Dial::Off;
        self.conns.push(Conn::begin(id, Direction::Dialed, now, self.open.clone(), out));
    }

    pub(super) fn dial_failed(&mut self, now: Instant, cause: String, out: &mut Vec<Action>) {
        if matches!(self.dial, Dial::UnderWay { .. }) {
            self.dial = Dial::Off;
            out.push(Action::Ended { was_up: false, reason: EndReason::DialFailed(cause) });
            self.retry(now);
        }
    }

    pub(super) fn tick_dial(&mut self, now: Instant, out: &mut Vec<Action>) {
        match self.dial {
            Dial::Waiting { until } if until <= now => self.begin_dial(now, out),
            Dial::UnderWay { give_up } if give_up <= now => {
                out.push(Action::AbandonDial);
                self.dial_failed(now, "no answer to the connection request".to_owned(), out);
            }
            Dial::Off | Dial::Waiting { .. } | Dial::UnderWay { .. } => {}
        }
    }
}
