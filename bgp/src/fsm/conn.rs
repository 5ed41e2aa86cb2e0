//! One connection from its OPEN to its end: the states of RFC 4271 §8.2.2 that need a TCP connection.

use std::time::{Duration, Instant};

use super::event::{Action, ConnId, Direction, EndReason, State};
use super::negotiate::{Config, Negotiated, negotiate};
use super::timing::Jitter;
use crate::wire::Message;
use crate::wire::notification::{Notification, code, fsm};

/// How long a peer that took our connection may keep its OPEN to itself. RFC 4271 §8.2.2 suggests four minutes
/// for any machine of its day; a minute is as safe and finds a restarted router sooner.
const OPEN_WAIT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) enum Phase {
    OpenSent,
    OpenConfirm(Box<Negotiated>),
    Established { with: Box<Negotiated>, since: Instant },
}

#[derive(Debug)]
pub(super) struct Conn {
    pub(super) id: ConnId,
    pub(super) direction: Direction,
    pub(super) phase: Phase,
    hold: Option<Instant>,
    keepalive: Option<Instant>,
}

/// What a message or a deadline did to the connection.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It lives on, nothing for the peer to decide.
    Stay,
    /// The peer's OPEN is accepted: the moment to look for a collision.
    Confirmed,
    /// Established.
    Up,
    /// It is over.
    End(EndReason),
}

impl Conn {
    /// A connection that has just come up: our OPEN goes out at once.
    pub(super) fn begin(
        id: ConnId,
        direction: Direction,
        now: Instant,
        ours: &Config,
        out: &mut Vec<Action>,
    ) -> Self {
        out.push(Action::Send(id, Message::Open(ours.open())));
        Self { id, direction, phase: Phase::OpenSent, hold: Some(now + OPEN_WAIT), keepalive: None }
    }

    pub(super) fn state(&self) -> State {
        match self.phase {
            Phase::OpenSent => State::OpenSent,
            Phase::OpenConfirm(_) => State::OpenConfirm,
            Phase::Established { .. } => State::Established,
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        [self.hold, self.keepalive].into_iter().flatten().min()
    }

    fn negotiated(&self) -> Option<&Negotiated> {
        match &self.phase {
            Phase::OpenSent => None,
            Phase::OpenConfirm(with) | Phase::Established { with, .. } => Some(with),
        }
    }

    /// How long it has been Established, if it is.
    pub(super) fn up_for(&self, now: Instant) -> Option<Duration> {
        match &self.phase {
            Phase::Established { since, .. } => Some(now.saturating_duration_since(*since)),
            _ => None,
        }
    }

    /// The peer was heard: it may be silent for a whole hold time again.
    fn rearm_hold(&mut self, now: Instant) {
        self.hold = self.negotiated().and_then(|with| with.hold_time.duration()).map(|hold| now + hold);
    }

    /// A third of the hold time, less jitter (RFC 4271 §4.4, §10).
    fn rearm_keepalive(&mut self, now: Instant, jitter: &mut Jitter) {
        let hold = self.negotiated().and_then(|with| with.hold_time.duration());
        self.keepalive = hold.map(|hold| now + jitter.scale(hold / 3, 75, 100));
    }

    /// A ROUTE-REFRESH for each family, where the session is up and the peer answers them.
    pub(super) fn ask_again(&self, out: &mut Vec<Action>) {
        if let Phase::Established { with, .. } = &self.phase
            && with.route_refresh
        {
            let ask = |family| Action::Send(self.id, Message::RouteRefresh { family, subtype: 0 });
            out.extend(with.families.iter().copied().map(ask));
        }
    }

    pub(super) fn receive(
        &mut self,
        now: Instant,
        message: Message,
        (ours, jitter): (&Config, &mut Jitter),
        out: &mut Vec<Action>,
    ) -> Verdict {
        let message = match message {
            Message::Notification(note) => return Verdict::End(EndReason::Received(note)),
            other => other,
        };
        match (&self.phase, message) {
            (Phase::OpenSent, Message::Open(open)) => match negotiate(ours, &open) {
                Ok(with) => {
                    let holds = with.hold_time.duration().is_some();
                    self.phase = Phase::OpenConfirm(Box::new(with));
                    out.push(Action::Send(self.id, Message::Keepalive));
                    if holds {
                        self.rearm_hold(now); // else OPEN_WAIT bounds the wait for the peer's KEEPALIVE, too
                    }
                    self.rearm_keepalive(now, jitter);
                    Verdict::Confirmed
                }
                Err(fault) => Verdict::End(EndReason::Fault(fault.into())),
            },
            (Phase::OpenConfirm(with), Message::Keepalive) => {
                self.phase = Phase::Established { with: with.clone(), since: now };
                self.rearm_hold(now);
                Verdict::Up
            }
            (Phase::Established { .. }, Message::Keepalive) => {
                self.rearm_hold(now);
                Verdict::Stay
            }
            (Phase::Established { .. }, Message::Update(update)) => {
                self.rearm_hold(now);
                out.push(Action::Update(update));
                Verdict::Stay
            }
            (Phase::Established { with, .. }, Message::RouteRefresh { family, subtype: 0 })
                if with.families.contains(&family) =>
            {
                out.push(Action::Refresh(family));
                Verdict::Stay
            }
            // A family or subtype we did not agree on is to be ignored (RFC 2918 §4, RFC 7313 §5).
            (Phase::Established { .. }, Message::RouteRefresh { .. }) => Verdict::Stay,
            (phase, unexpected) => {
                let subcode = match phase {
                    Phase::OpenSent => fsm::IN_OPEN_SENT,
                    Phase::OpenConfirm(_) => fsm::IN_OPEN_CONFIRM,
                    Phase::Established { .. } => fsm::IN_ESTABLISHED,
                };
                let note = Notification::new(code::FSM, subcode, &[unexpected.kind()]); // RFC 6608 §4
                Verdict::End(EndReason::Sent(note))
            }
        }
    }

    pub(super) fn tick(&mut self, now: Instant, jitter: &mut Jitter, out: &mut Vec<Action>) -> Verdict {
        if self.hold.is_some_and(|at| at <= now) {
            return Verdict::End(EndReason::Sent(Notification::hold_timer_expired()));
        }
        if self.keepalive.is_some_and(|at| at <= now) {
            out.push(Action::Send(self.id, Message::Keepalive));
            self.rearm_keepalive(now, jitter);
        }
        Verdict::Stay
    }
}
