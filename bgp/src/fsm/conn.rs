//! One connection from its OPEN to its end: the states of RFC 4271 §8.2.2 that need a TCP connection.

use std::time::{Duration, Instant};

use super::config::Config;
use super::event::{Action, ConnId, Direction, EndReason, State};
use super::negotiate::{Negotiated, negotiate};
use super::timing::Jitter;
use crate::types::Family;
use crate::wire::notification::{Notification, code, fsm};
use crate::wire::{Message, Open};

/// How long a peer that took our connection may keep its OPEN to itself. RFC 4271 §8.2.2 suggests four minutes
/// for any machine of its day; a minute is as safe and finds a restarted router sooner.
const OPEN_WAIT: Duration = Duration::from_secs(60);

/// The least time octets may wait for a peer that takes none (RFC 9687 §4.4).
const SEND_HOLD: Duration = Duration::from_secs(8 * 60);

#[derive(Clone, Debug)]
pub(super) enum Phase {
    OpenSent,
    /// `heard`: the peer's KEEPALIVE was, and a collision has to be settled before it counts.
    OpenConfirm {
        with: Box<Negotiated>,
        heard: bool,
    },
    Established {
        with: Box<Negotiated>,
        since: Instant,
    },
}

#[derive(Clone, Debug)]
pub(super) struct Conn {
    pub(super) id: ConnId,
    pub(super) direction: Direction,
    pub(super) phase: Phase,
    hold: Option<Instant>,
    keepalive: Option<Instant>,
    /// Runs while octets wait and the peer takes none.
    send_hold: Option<Instant>,
}

/// What a message or a deadline did to the connection.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It lives on, nothing for the peer to decide.
    Stay,
    /// The peer's OPEN is accepted: the moment to look for a collision.
    Confirmed,
    /// The peer accepts our OPEN: Established, if no other connection comes first.
    Heard,
    /// It is over.
    End(EndReason),
}

impl Conn {
    /// A connection that has just come up: our OPEN goes out at once.
    pub(super) fn begin(
        id: ConnId,
        direction: Direction,
        now: Instant,
        open: Open,
        out: &mut Vec<Action>,
    ) -> Self {
        out.push(Action::Send(id, Message::Open(open)));
        let (hold, keepalive, send_hold) = (Some(now + OPEN_WAIT), None, None);
        Self { id, direction, phase: Phase::OpenSent, hold, keepalive, send_hold }
    }

    pub(super) fn state(&self) -> State {
        match self.phase {
            Phase::OpenSent => State::OpenSent,
            Phase::OpenConfirm { .. } => State::OpenConfirm,
            Phase::Established { .. } => State::Established,
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        [self.hold, self.keepalive, self.send_hold].into_iter().flatten().min()
    }

    fn negotiated(&self) -> Option<&Negotiated> {
        match &self.phase {
            Phase::OpenSent => None,
            Phase::OpenConfirm { with, .. } | Phase::Established { with, .. } => Some(with),
        }
    }

    /// How long it has been Established, if it is.
    pub(super) fn up_for(&self, now: Instant) -> Option<Duration> {
        match &self.phase {
            Phase::Established { since, .. } => Some(now.saturating_duration_since(*since)),
            _ => None,
        }
    }

    /// Established from now on.
    pub(super) fn rise(&mut self, now: Instant) {
        if let Phase::OpenConfirm { with, .. } = &self.phase {
            self.phase = Phase::Established { with: with.clone(), since: now };
        }
    }

    /// The peer's KEEPALIVE is not to count yet.
    pub(super) fn wait(&mut self) {
        if let Phase::OpenConfirm { heard, .. } = &mut self.phase {
            *heard = true;
        }
    }

    /// Only another connection keeps it from being Established.
    pub(super) fn waits(&self) -> bool {
        matches!(self.phase, Phase::OpenConfirm { heard: true, .. })
    }

    /// What was negotiated, once it is Established.
    pub(super) fn session(&self) -> Option<&Negotiated> {
        match &self.phase {
            Phase::Established { with, .. } => Some(with),
            _ => None,
        }
    }

    /// The NOTIFICATION after which the peer keeps nothing of ours: a hard reset, if it would keep it after another
    /// one (RFC 8538 §4). One that was not told of N hears the plain words.
    pub(super) fn farewell(&self, note: &Notification) -> Notification {
        let restart = self.negotiated().and_then(|with| with.restart.as_ref());
        match restart.is_some_and(|restart| restart.notification) {
            true => Notification::hard_reset(note),
            false => note.clone(),
        }
    }

    /// Octets wait and the peer takes none: it may do so for a while (RFC 9687 §4.3).
    pub(super) fn blocked(&mut self, now: Instant) {
        let hold = self.session().and_then(|with| with.hold_time.duration());
        if self.send_hold.is_none() {
            self.send_hold = hold.map(|hold| now + SEND_HOLD.max(hold.saturating_mul(2)));
        }
    }

    pub(super) fn wrote(&mut self) {
        self.send_hold = None;
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
                    self.phase = Phase::OpenConfirm { with: Box::new(with), heard: false };
                    out.push(Action::Send(self.id, Message::Keepalive));
                    if holds {
                        self.rearm_hold(now); // else OPEN_WAIT bounds the wait for the peer's KEEPALIVE, too
                    }
                    self.rearm_keepalive(now, jitter);
                    Verdict::Confirmed
                }
                Err(fault) => Verdict::End(EndReason::Fault(fault.into())),
            },
            (Phase::OpenConfirm { .. }, Message::Keepalive) => {
                self.rearm_hold(now);
                Verdict::Heard
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
            (Phase::Established { with, .. }, Message::RouteRefresh { family, subtype }) => {
                out.extend(refreshed(with, family, subtype));
                Verdict::Stay
            }
            (phase, unexpected) => {
                let subcode = match phase {
                    Phase::OpenSent => fsm::IN_OPEN_SENT,
                    Phase::OpenConfirm { .. } => fsm::IN_OPEN_CONFIRM,
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
        if self.send_hold.is_some_and(|at| at <= now) {
            return Verdict::End(EndReason::Sent(Notification::send_hold_timer_expired()));
        }
        if self.keepalive.is_some_and(|at| at <= now) {
            out.push(Action::Send(self.id, Message::Keepalive));
            self.rearm_keepalive(now, jitter);
        }
        Verdict::Stay
    }
}

/// What a ROUTE-REFRESH asks for. One of a family or kind that was not agreed on is ignored (RFC 2918 §4, RFC 7313 §5).
fn refreshed(with: &Negotiated, family: Family, subtype: u8) -> Option<Action> {
    let action = match subtype {
        0 => Action::Refresh(family),
        1 if with.enhanced_refresh => Action::RefreshBegins(family),
        2 if with.enhanced_refresh => Action::RefreshEnds(family),
        _ => return None,
    };
    with.families.contains(&family).then_some(action)
}
