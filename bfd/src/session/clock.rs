//! Two clocks. Both count nanoseconds since the engine's first call: [`Moment`] is real time, on which packets are sent;
//! [`Awake`] stands still while the driver is late, and on it silence is measured. Types of their own, so that the two
//! are never compared.

use std::time::{Duration, Instant};

/// Real time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) u64);

/// Time during which this process listened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Awake(pub(crate) u64);

impl Moment {
    /// That many nanoseconds later.
    pub(crate) fn after(self, nanos: u64) -> Self {
        Self(self.0.saturating_add(nanos))
    }
}

impl Awake {
    /// That many nanoseconds later.
    pub(crate) fn after(self, nanos: u64) -> Self {
        Self(self.0.saturating_add(nanos))
    }
}

/// A duration in nanoseconds; more than 584 years are 584.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Turns what the driver says into the two clocks.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    /// The first time that was heard of.
    epoch: Option<Instant>,
    /// The latest time that was heard of: it never runs backwards.
    latest: Moment,
    /// How much was lost in all, the last stall included.
    lost: u64,
    /// The last stall: from, to.
    stall: (Moment, Moment),
}

impl Clock {
    /// Sets the clock, which does not run backwards. What was given comes back as it is: a driver may have timers run
    /// up to a time before that of its last packets.
    pub(crate) fn set(&mut self, now: Instant) -> Moment {
        let epoch = *self.epoch.get_or_insert(now);
        let given = Moment(nanos(now.saturating_duration_since(epoch)));
        self.latest = self.latest.max(given);
        given
    }

    /// The time.
    pub(crate) fn now(&self) -> Moment {
        self.latest
    }

    /// A time gone by: not after the clock's.
    pub(crate) fn past(&self, at: Instant) -> Moment {
        let epoch = self.epoch.unwrap_or(at);
        Moment(nanos(at.saturating_duration_since(epoch))).min(self.latest)
    }

    /// The same as the driver says it.
    pub(crate) fn instant(&self, at: Moment) -> Option<Instant> {
        self.epoch?.checked_add(Duration::from_nanos(at.0))
    }

    /// The time, awake.
    pub(crate) fn awake(&self) -> Awake {
        Awake(self.latest.0.saturating_sub(self.lost))
    }

    /// What the other clock said then. Within the last stall it stood still; of stalls before that nothing is known any
    /// more, and a time before them comes out too early, never too late.
    pub(crate) fn awake_at(&self, at: Moment) -> Awake {
        let (from, to) = self.stall;
        let before = self.lost.saturating_sub(to.0.saturating_sub(from.0));
        match at {
            at if at >= to => Awake(at.0.saturating_sub(self.lost)),
            at => Awake(at.min(from).0.saturating_sub(before)),
        }
    }

    /// When that will be, if nothing more is lost.
    pub(crate) fn real(&self, at: Awake) -> Moment {
        Moment(at.0.saturating_add(self.lost))
    }

    /// The driver was late: `Some` when the stall began, less what an earlier stall counted already; `None`: it was not.
    pub(crate) fn stalled(&mut self, due: Instant, now: Instant) -> Option<Moment> {
        let now = self.set(now);
        let from = self.past(due).max(self.stall.1);
        if from >= now {
            return None;
        }
        self.lost = self.lost.saturating_add(now.0.saturating_sub(from.0));
        self.stall = (from, now);
        Some(from)
    }

    /// How much was lost in all.
    pub(crate) fn lost(&self) -> Duration {
        Duration::from_nanos(self.lost)
    }
}
