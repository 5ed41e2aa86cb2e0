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
mod input;
mod path;
mod receive;
mod registry;
mod timers;

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use fastrand::Rng;
use foldhash::fast::RandomState;

pub use counters::Counters;
pub use input::{Datagram, Limits, OpenError};

pub use crate::session::{Action, Control, SessionId};

use crate::session::clock::Clock;
use crate::session::{Birth, Path, Role, Session, Settings, Status, Turn};
use registry::Registry;
use timers::{Entry, Timers, Verdict};

/// See the module.
pub struct Engine {
    limits: Limits,
    rng: Rng,
    clock: Clock,
    sessions: HashMap<SessionId, Entry, RandomState>,
    registry: Registry,
    timers: Timers,
    allowed: BTreeSet<IpAddr>,
    passive: Settings,
    counters: Counters,
    /// The last number given.
    last: u32,
}

impl Engine {
    /// An engine without sessions. The seed decides discriminators and jitter.
    #[must_use]
    pub fn new(limits: Limits, seed: u64) -> Self {
        Self {
            limits,
            rng: Rng::with_seed(seed),
            clock: Clock::default(),
            sessions: HashMap::default(),
            registry: Registry::default(),
            timers: Timers::default(),
            allowed: BTreeSet::new(),
            passive: Settings::default(),
            counters: Counters::default(),
            last: 0,
        }
    }

    /// Opens a session; an active one sends at once.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(
        &mut self,
        now: Instant,
        path: Path,
        (role, settings): (Role, Settings),
        out: &mut Vec<Action>,
    ) -> Result<SessionId, OpenError> {
        self.clock.set(now);
        path::check(&path)?;
        if settings.desired_min_tx.0 == 0 {
            return Err(OpenError::Interval);
        }
        if let Some(id) = self.registry.find(&path) {
            return Err(OpenError::Exists(id));
        }
        if self.sessions.len() >= self.limits.sessions {
            return Err(OpenError::Full(self.limits.sessions));
        }
        let id = self.make(path, (role, settings), false, out);
        self.with(id, out, |session, turn| session.start(turn));
        Ok(id)
    }

    /// Makes a session whose path was checked, and which there is room for.
    fn make(
        &mut self,
        path: Path,
        (role, settings): (Role, Settings),
        transient: bool,
        out: &mut Vec<Action>,
    ) -> SessionId {
        let id = self.number();
        let discriminator = match settings.stable_discriminator {
            true => self.registry.stable(&path),
            false => self.registry.random(&mut self.rng),
        };
        let mut turn = Turn { now: self.clock.now(), clock: &self.clock, rng: &mut self.rng, out };
        let birth = Birth { id, path, discriminator, role, transient };
        let session = Session::new(birth, settings, &mut turn);
        self.registry.insert(id, path, discriminator);
        self.sessions.insert(id, Entry::new(session));
        id
    }

    /// The next number. After four thousand million of them, one that nobody has.
    fn number(&mut self) -> SessionId {
        loop {
            self.last = self.last.checked_add(1).unwrap_or(1);
            if !self.sessions.contains_key(&SessionId(self.last)) {
                return SessionId(self.last);
            }
        }
    }

    /// Does something to a session and follows what became of its timers; `None`: there is no such session.
    fn with<T>(
        &mut self,
        id: SessionId,
        out: &mut Vec<Action>,
        what: impl FnOnce(&mut Session, &mut Turn<'_>) -> T,
    ) -> Option<T> {
        let entry = self.sessions.get_mut(&id)?;
        let mut turn = Turn { now: self.clock.now(), clock: &self.clock, rng: &mut self.rng, out };
        let result = what(&mut entry.session, &mut turn);
        self.timers.follow(entry);
        Some(result)
    }

    /// Forgets a session without a word; `false` if there is none. [`Control::Force`] with AdminDown first is polite.
    pub fn close(&mut self, id: SessionId, out: &mut Vec<Action>) -> bool {
        let Some(entry) = self.sessions.remove(&id) else { return false };
        self.timers.forget(&entry);
        let Session { path, discriminator, .. } = entry.session;
        self.registry.remove(&path, discriminator);
        out.push(Action::Closed(id, path));
        true
    }

    /// Changes a session's settings, by a poll sequence where RFC 5880 §6.8.3 wants one; `false` if there is none. A
    /// transmit interval of zero leaves the one there was; the discriminator stays.
    pub fn set(&mut self, now: Instant, id: SessionId, settings: Settings, out: &mut Vec<Action>) -> bool {
        self.clock.set(now);
        self.with(id, out, |session, turn| session.set(settings, turn)).is_some()
    }

    /// Does this to a session; `false` if there is none.
    pub fn control(&mut self, now: Instant, id: SessionId, what: Control, out: &mut Vec<Action>) -> bool {
        self.clock.set(now);
        self.with(id, out, |session, turn| session.control(what, turn)).is_some()
    }

    /// Packets of this address may make passive sessions. Nothing once as many are allowed as there may be sessions.
    pub fn allow(&mut self, remote: IpAddr) {
        if self.allowed.len() < self.limits.sessions {
            self.allowed.insert(remote);
        }
    }

    /// They may not any more; sessions that stand are not touched.
    pub fn block(&mut self, remote: IpAddr) {
        self.allowed.remove(&remote);
    }

    /// The addresses allowed, sorted.
    #[must_use]
    pub fn allowed(&self) -> Vec<IpAddr> {
        self.allowed.iter().copied().collect()
    }

    /// What passive sessions are told that come from now on. A transmit interval of zero leaves the one there was.
    pub fn set_passive(&mut self, mut settings: Settings) {
        if settings.desired_min_tx.0 == 0 {
            settings.desired_min_tx = self.passive.desired_min_tx;
        }
        self.passive = settings;
    }

    /// What passive sessions are told.
    #[must_use]
    pub fn passive(&self) -> Settings {
        self.passive.clone()
    }

    /// The driver wanted to run at `due` and runs at `now`: detection clocks stood still in between. To be told after
    /// every packet there is was taken, and before [`Engine::advance`].
    pub fn stalled(&mut self, due: Instant, now: Instant) {
        let Some(from) = self.clock.stalled(due, now) else { return };
        self.counters.stalls += 1;
        for entry in self.sessions.values_mut() {
            entry.session.stalled(from, &self.clock);
            self.timers.follow(entry);
        }
    }

    /// Lets every timer run that is due by then: packets, detection, what a silent passive session leaves.
    pub fn advance(&mut self, now: Instant, out: &mut Vec<Action>) {
        let now = self.clock.set(now);
        let awake = self.clock.awake_at(now);
        self.timers.ran(now);
        while let Some(id) = self.timers.watched(awake) {
            let Some(entry) = self.sessions.get_mut(&id) else { break };
            match self.timers.judge(entry, awake) {
                Verdict::Expired => _ = self.with(id, out, |session, turn| session.expire(turn)),
                Verdict::Heard => {}
                Verdict::NotYet => break,
            }
        }
        while let Some(id) = self.timers.due(now) {
            if self.with(id, out, |session, turn| session.tick(turn)) == Some(true) {
                self.close(id, out);
            }
        }
    }

    /// When to call [`Engine::advance`] next; `None`: never. Often there is nothing to do but to look at the clock: so a
    /// sleep is noticed in which nobody's packets were kept.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        let (due, watched) = self.timers.next();
        let watched = watched.map(|at| self.clock.real(at));
        due.into_iter().chain(watched).min().and_then(|at| self.clock.instant(at))
    }

    /// The shortest interval that any other end agreed to send at; `None`: no session is Init or Up.
    #[must_use]
    pub fn shortest_interval(&self) -> Option<Duration> {
        self.timers.shortest_beat().map(|half| Duration::from_nanos(half).saturating_mul(2))
    }

    /// All sessions, by number.
    #[must_use]
    pub fn sessions(&self) -> Vec<Status> {
        let mut all: Vec<_> = self.sessions.values().map(|entry| entry.session.status(&self.clock)).collect();
        all.sort_by_key(|status| status.id);
        all
    }

    /// One session.
    #[must_use]
    pub fn session(&self, id: SessionId) -> Option<Status> {
        self.sessions.get(&id).map(|entry| entry.session.status(&self.clock))
    }

    /// The session with exactly this path.
    #[must_use]
    pub fn find(&self, path: &Path) -> Option<SessionId> {
        self.registry.find(path)
    }

    /// What was counted.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How much time was lost in all.
    #[must_use]
    pub fn lost_time(&self) -> Duration {
        self.clock.lost()
    }
}
