//! Leader election, without a clock or a socket.
//!
//! Drive it: do what [`Elector::step`] says, tell it what came of it, ask again.

use std::time::{Duration, Instant};

/// How long things take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long a Lease lasts that nobody renews.
    pub duration: Duration,
}

impl Timing {
    /// How long a leader writes after it sent its last renewal that was taken.
    #[must_use]
    pub fn leading(self) -> Duration {
        self.duration * 2 / 3
    }

    /// Between two looks at the Lease, and two renewals.
    #[must_use]
    pub fn retry(self) -> Duration {
        self.duration * 2 / 15
    }
}

/// What is in a Lease.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Who holds it; empty: nobody.
    pub holder: Box<str>,
    /// How often the holder changed.
    pub transitions: i32,
    /// The holder has it since then, as the holder wrote it.
    pub acquired: Option<Box<str>>,
    /// It was renewed then, as the holder wrote it: compared with itself only.
    pub renewed: Option<Box<str>>,
}

/// A Lease as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What is in it.
    pub record: Record,
    /// `metadata.resourceVersion`: a write holds only if it is still that.
    pub version: Box<str>,
}

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing until then.
    Sleep(Instant),
    /// Read the Lease, and tell [`Elector::read`].
    Read,
    /// Make it, if it still is not there, as held by us; tell [`Elector::wrote`].
    Create,
    /// Replace it as held by us, if its version still is this; tell [`Elector::wrote`].
    Replace {
        /// The version.
        version: Box<str>,
        /// How often the holder changed, with this time.
        transitions: i32,
        /// We did not hold it before: since now.
        acquire: bool,
    },
}

/// One candidate.
#[derive(Clone, Debug)]
pub struct Elector {
    identity: Box<str>,
    timing: Timing,
    /// The Lease as read last, and since when it has that form; `None`: it is not there, or was not looked at.
    seen: Option<(Seen, Instant)>,
    /// It was looked at since `next`.
    fresh: bool,
    next: Instant,
    /// We lead until then, at most.
    until: Option<Instant>,
    /// We cannot do what leaders do, since then: who does not lead does not stand.
    unfit: Option<Instant>,
}

impl Elector {
    /// A candidate of a name that no other has.
    #[must_use]
    pub fn new(identity: &str, timing: Timing, now: Instant) -> Self {
        Self {
            identity: identity.into(),
            timing,
            seen: None,
            fresh: false,
            next: now,
            until: None,
            unfit: None,
        }
    }

    /// How long things take.
    #[must_use]
    pub fn timing(&self) -> Timing {
        self.timing
    }

    /// Whether we could do now what leaders do: gives for how long we could not. Who could not for long gives up.
    pub fn fit(&mut self, now: Instant, fit: bool) -> Duration {
        if fit && self.unfit.is_some() && self.leads(now).is_none() {
            self.next = now;
        }
        self.unfit = if fit { None } else { self.unfit.or(Some(now)) };
        self.unfit.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    /// Until when we lead; `None`: we do not. Whoever writes asks right before.
    #[must_use]
    pub fn leads(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|until| now < *until)
    }

    /// Who holds the Lease, as far as known.
    #[must_use]
    pub fn holder(&self) -> Option<&str> {
        self.seen.as_ref().map(|(seen, _)| &*seen.record.holder).filter(|holder| !holder.is_empty())
    }

    /// Since when its holder has it, as the holder wrote it.
    #[must_use]
    pub fn acquired(&self) -> Option<Box<str>> {
        self.seen.as_ref().and_then(|(seen, _)| seen.record.acquired.clone())
    }

    /// What to do now.
    #[must_use]
    pub fn step(&self, now: Instant) -> Step {
        if now < self.next {
            return Step::Sleep(self.next);
        }
        if !self.fresh || self.stands_by(now) {
            return Step::Read;
        }
        let Some((seen, since)) = &self.seen else { return Step::Create };
        let record = &seen.record;
        let ours = record.holder == self.identity;
        if !ours && !record.holder.is_empty() && now < *since + self.timing.duration {
            return Step::Sleep(now + self.timing.retry()); // not reached: `read` puts the next look off
        }
        let transitions = if ours { record.transitions } else { record.transitions.saturating_add(1) };
        Step::Replace { version: seen.version.clone(), transitions, acquire: !ours }
    }

    /// What reading gave; `Ok(None)`: there is no Lease. `Err`: no answer, ask again later.
    pub fn read(&mut self, now: Instant, answer: Result<Option<Seen>, ()>) {
        let Ok(answer) = answer else { return self.later(now) };
        match answer {
            None => self.seen = None,
            Some(new) => {
                let same = self.seen.as_ref().is_some_and(|(old, _)| old.record == new.record);
                let since = self.seen.take().filter(|_| same).map_or(now, |(_, since)| since);
                self.seen = Some((new, since));
            }
        }
        self.fresh = true;
        if self.stands_by(now) {
            return self.later(now);
        }
        if let Some((seen, since)) = &self.seen {
            let held = !seen.record.holder.is_empty() && seen.record.holder != self.identity;
            if held && now < *since + self.timing.duration {
                self.until = None;
                self.later(now);
            }
        }
    }

    /// What writing gave, which was sent at `sent`. `Err`: it was not taken, or nobody knows.
    pub fn wrote(&mut self, sent: Instant, now: Instant, answer: Result<Seen, ()>) {
        if let Ok(seen) = answer {
            self.until = Some(sent + self.timing.leading());
            self.seen = Some((seen, now));
        }
        self.later(now);
    }

    /// To give the Lease up: the version to replace with one that nobody holds; `None` if it is not ours. Whoever asks
    /// has stopped writing.
    pub fn release(&mut self, now: Instant) -> Option<Seen> {
        self.leads(now)?;
        self.until = None;
        let (seen, _) = self.seen.as_ref()?;
        (seen.record.holder == self.identity).then(|| seen.clone())
    }

    /// Does not stand for election.
    fn stands_by(&self, now: Instant) -> bool {
        self.unfit.is_some() && self.leads(now).is_none()
    }

    fn later(&mut self, now: Instant) {
        self.fresh = false;
        self.next = now + self.timing.retry();
    }
}
