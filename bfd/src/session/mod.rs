//! One session: the state machine of RFC 5880 §6.8, timers as data, no clock and no socket.
//!
//! `Session::receive` takes a packet, `Session::tick` and `Session::expire` what is due, the rest what an administrator
//! wants; what comes of it are `Action`s. Silence is measured on a clock of its own (`clock`).
//!
//! Beyond the RFC: a diagnostic is cleared on Up, for it tells why a session is *not*; what a silent peer said of its
//! receive interval is forgotten with its discriminator, so that a peer that wanted no packets is spoken to after it
//! restarted; a session that a packet made goes away some time after its peer did.

mod action;
mod auth;
pub(crate) mod clock;
mod control;
mod history;
mod receive;
mod send;
mod settings;
mod show;
mod status;
mod timing;

use std::net::IpAddr;

use fastrand::Rng;

pub use action::{Action, Control, SessionId};
pub use settings::{Hops, Path, Role, Settings};
pub use status::{Change, Reason, Recorded, Status};

use crate::types::{DetectMult, Diagnostic, Discriminator, Micros, State};
use auth::AuthState;
use clock::{Awake, Clock, Moment};
use history::{Entry, History};
pub(crate) use receive::Arrival;
use timing::{Pace, Timing};

/// What a call of a session is given beside its own state.
pub(crate) struct Turn<'a> {
    pub(crate) now: Moment,
    pub(crate) clock: &'a Clock,
    pub(crate) rng: &'a mut Rng,
    pub(crate) out: &'a mut Vec<Action>,
}

/// The other end, as last heard (RFC 5880 §6.8.1).
#[derive(Debug)]
struct Remote {
    state: State,
    diagnostic: Diagnostic,
    /// `None`: not known, or forgotten after a silence.
    discriminator: Option<Discriminator>,
    detect_mult: Option<DetectMult>,
    desired_min_tx: Micros,
    required_min_rx: Micros,
    independent: bool,
    demand: bool,
}

impl Remote {
    /// bfd.RemoteMinRxInterval before anything was heard: "at most one packet in a microsecond".
    const MIN_RX: Micros = Micros(1);

    const UNKNOWN: Self = Self {
        state: State::Down,
        diagnostic: Diagnostic::NONE,
        discriminator: None,
        detect_mult: None,
        desired_min_tx: Micros(0),
        required_min_rx: Self::MIN_RX,
        independent: false,
        demand: false,
    };
}

/// See the module.
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) path: Path,
    pub(crate) discriminator: Discriminator,
    role: Role,
    /// Made by a packet: goes away after its peer did.
    transient: bool,
    settings: Settings,
    local_heard: Option<IpAddr>,
    state: State,
    diagnostic: Diagnostic,
    forced: bool,
    suspended: bool,
    remote: Remote,
    timing: Timing,
    auth: AuthState,
    history: History,
    /// When the last valid packet arrived, on both clocks.
    heard: Option<(Moment, Awake)>,
    sent: Option<Moment>,
    /// The next periodic packet; `None`: there is none to come.
    next_send: Option<Moment>,
    /// The interval that `next_send` was made with, in nanoseconds.
    interval: u64,
    /// When the session goes away, its peer being silent.
    linger: Option<Moment>,
    failures: u64,
    received: u64,
    transmitted: u64,
}

/// What a session is made of.
pub(crate) struct Birth {
    pub(crate) id: SessionId,
    pub(crate) path: Path,
    pub(crate) discriminator: Discriminator,
    pub(crate) role: Role,
    pub(crate) transient: bool,
}

impl Session {
    /// A session in Down that has said nothing yet.
    pub(crate) fn new(birth: Birth, settings: Settings, turn: &mut Turn<'_>) -> Self {
        let pace = Pace { tx: settings.desired_min_tx.max(Micros::SECOND), rx: settings.required_min_rx };
        let mut history = History::default();
        history.note(Entry { state: State::Down, forced: false, at: turn.now });
        Self {
            id: birth.id,
            path: birth.path,
            discriminator: birth.discriminator,
            role: birth.role,
            transient: birth.transient,
            settings,
            local_heard: None,
            state: State::Down,
            diagnostic: Diagnostic::NONE,
            forced: false,
            suspended: false,
            remote: Remote::UNKNOWN,
            timing: Timing::new(pace),
            auth: AuthState::new(turn.rng.u32(..)),
            history,
            heard: None,
            sent: None,
            next_send: None,
            interval: 0,
            linger: None,
            failures: 0,
            received: 0,
            transmitted: 0,
        }
    }

    /// What it was told.
    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// When [`Session::tick`] has something to do.
    pub(crate) fn due(&self) -> Option<Moment> {
        [self.next_send, self.linger].into_iter().flatten().min()
    }

    /// When the other end has been silent for the detection time, and [`Session::expire`] has something to do.
    pub(crate) fn expires(&self) -> Option<Awake> {
        self.remote.discriminator?;
        let (_, heard) = self.heard?;
        Some(heard.after(self.detection()?))
    }

    /// The detection time in nanoseconds (RFC 5880 §6.8.4); `None`: there is none, as the other end was never heard or
    /// was asked to send nothing.
    fn detection(&self) -> Option<u64> {
        let mult = self.remote.detect_mult?;
        Some(clock::nanos(self.agreed()?.times(mult)))
    }

    /// At which the other end sends, before jitter; `None`: it was asked to send nothing.
    fn agreed(&self) -> Option<Micros> {
        let min_rx = self.timing.used().rx;
        (min_rx.0 != 0).then(|| min_rx.max(self.remote.desired_min_tx))
    }

    /// How often, in nanoseconds, the driver has to look at the clock at least, so that a sleep in which nothing arrived
    /// is noticed before it looks like silence: twice as often as a packet is due. `None`: nobody's silence matters.
    pub(crate) fn beat(&self) -> Option<u64> {
        let watching = matches!(self.state, State::Init | State::Up);
        self.agreed().filter(|_| watching).map(|agreed| u64::from(agreed.0) * 500)
    }

    /// The other end was silent for the detection time: the session is down (RFC 5880 §6.8.4), its discriminator
    /// forgotten (§6.8.1, in every state).
    pub(crate) fn expire(&mut self, turn: &mut Turn<'_>) {
        let failed = matches!(self.state, State::Init | State::Up);
        if failed {
            self.enter((State::Down, Diagnostic::TIME_EXPIRED), Reason::Expired, turn);
        }
        self.timing.forget();
        self.remote.required_min_rx = Remote::MIN_RX;
        self.remote.demand = false;
        if failed && self.role == Role::Passive {
            self.send(turn); // the last word: after it, there is nobody to speak to (RFC 5880 §6.8.7)
        }
        self.remote.discriminator = None;
        if failed && self.role == Role::Active {
            self.send(turn);
        }
        self.reconsider(turn);
    }

    /// Time was lost from here on: what was heard later was heard when the clock stood still, or after.
    pub(crate) fn stalled(&mut self, from: Moment, clock: &Clock) {
        if let Some((at, awake)) = &mut self.heard
            && *at > from
        {
            *awake = clock.awake_at(*at);
        }
    }

    /// Changes the state, with what RFC 5880 §6.8.3 wants of intervals on the way into and out of Up.
    fn enter(&mut self, (to, diagnostic): (State, Diagnostic), reason: Reason, turn: &mut Turn<'_>) {
        let from = std::mem::replace(&mut self.state, to);
        self.diagnostic = diagnostic;
        self.history.note(Entry { state: to, forced: self.forced, at: turn.now });
        if from == to {
            return;
        }
        self.failures += u64::from((from, to) == (State::Up, State::Down));
        if from == State::Up || to == State::Up {
            self.timing.switch(self.pace(), self.remote.discriminator.is_some());
        }
        let last_heard = self.heard.and_then(|(at, _)| turn.clock.instant(at));
        let remote_independent = self.remote.independent;
        let change = Change { from, to, reason, diagnostic, remote_independent, last_heard };
        turn.out.push(Action::Changed(self.id, self.path, change));
    }

    /// The intervals wanted: at least a second to send while not Up (RFC 5880 §6.8.3).
    fn pace(&self) -> Pace {
        let Settings { desired_min_tx, required_min_rx, .. } = self.settings;
        let tx = if self.state == State::Up { desired_min_tx } else { desired_min_tx.max(Micros::SECOND) };
        Pace { tx, rx: required_min_rx }
    }

    /// After any change: what is to come at what time.
    fn reconsider(&mut self, turn: &mut Turn<'_>) {
        self.reschedule(turn);
        let deserted = self.transient && self.heard.is_some() && self.remote.discriminator.is_none();
        if !deserted || self.forced || self.suspended {
            self.linger = None; // a session that an administrator holds stays until he lets it go
        } else if self.linger.is_none() {
            let silence = self.detection().unwrap_or(0).saturating_mul(2);
            let pace = self.settings.desired_min_tx.max(Micros::SECOND).times(self.settings.detect_mult);
            let rest = clock::nanos(pace).saturating_mul(3);
            self.linger = Some(turn.now.after(silence.saturating_add(rest)));
        }
    }
}
