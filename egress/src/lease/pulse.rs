//! Whether somebody else's Lease is alive.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

/// A Lease whose holder was silent for so many of its durations is dead: one that restarts takes one or two, and what is
/// decided here must not be decided to and fro.
const DURATIONS: u32 = 3;
/// What a Lease lasts that does not say it, in seconds; and the most that is believed of one that does.
const USUAL: i32 = 15;
const MOST: i32 = 600;

/// One form of a Lease.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beat {
    /// Who holds it; empty: nobody.
    holder: Box<str>,
    /// When it was renewed, as its holder wrote it.
    renewed: Box<str>,
    duration: Duration,
}

impl Beat {
    /// What a Lease says.
    #[must_use]
    pub fn of(lease: &Lease) -> Self {
        let spec = lease.spec.as_ref();
        let seconds = spec.and_then(|spec| spec.lease_duration_seconds).unwrap_or(USUAL).clamp(1, MOST);
        Self {
            holder: spec.and_then(|spec| spec.holder_identity.as_deref()).unwrap_or_default().into(),
            renewed: spec
                .and_then(|spec| spec.renew_time.as_ref())
                .map(|time| time.0.to_string())
                .unwrap_or_default()
                .into(),
            duration: Duration::from_secs(u64::try_from(seconds).unwrap_or_default()),
        }
    }
}

/// What clocks of two machines may differ by, for who looks once.
const SKEW: SignedDuration = SignedDuration::from_secs(60);

impl Beat {
    /// Whether its holder looks alive to somebody who looks once and so has only the times that it says. Clocks differ, so
    /// the margin is wide, and one that is ahead counts as alive.
    #[must_use]
    pub fn is_recent(&self, now: Timestamp) -> bool {
        let Ok(renewed) = self.renewed.parse::<Timestamp>() else { return false };
        let lasts = SignedDuration::try_from(self.duration * DURATIONS).unwrap_or(SKEW);
        !self.holder.is_empty() && now.duration_since(renewed) < lasts + SKEW
    }
}

/// Two answers further apart than this are no witness of what was between them: the holder may have had no answers either.
const GAP: Duration = Duration::from_secs(10);

/// Whether the holder of a Lease is alive, from what answers to asking for it said.
///
/// Counts silence by our clock alone, and only from one answer to the next: while nothing is heard of the API server, the
/// holder is not heard either, whether it is alive or not. A Lease that was left behind counts as alive for the first
/// moments after the start. A holder that was found dead stays so until its Lease has another form.
#[derive(Clone, Debug, Default)]
pub struct Pulse {
    form: Option<Form>,
    /// When the last answer came.
    answered: Option<Instant>,
}

/// A form of the Lease.
#[derive(Clone, Debug)]
struct Form {
    beat: Beat,
    /// So long it was seen without a change.
    silent: Duration,
    /// The last answer, if it came in time, showed it then.
    last: Option<Instant>,
    /// It was silent long enough.
    dead: bool,
}

impl Pulse {
    /// It looks like this now.
    pub fn beat(&mut self, beat: Beat, now: Instant) {
        self.answered = Some(now);
        let known = self.form.take().filter(|form| form.beat == beat);
        let mut form = known.unwrap_or(Form { beat, silent: Duration::ZERO, last: None, dead: false });
        let since = form.last.map(|last| now.saturating_duration_since(last)).filter(|since| *since <= GAP);
        form.silent = since.map_or(Duration::ZERO, |since| form.silent + since);
        form.dead |= form.silent >= form.beat.duration * DURATIONS;
        form.last = Some(now);
        self.form = Some(form);
    }

    /// There is none.
    pub fn gone(&mut self, now: Instant) {
        self.answered = Some(now);
        self.form = None;
    }

    /// No answer: how long it is silent is counted anew.
    pub fn missed(&mut self) {
        if let Some(form) = &mut self.form {
            form.last = None;
        }
    }

    /// Whether its holder is alive, as far as is known.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.form.as_ref().is_some_and(|form| !form.beat.holder.is_empty() && !form.dead)
    }

    /// When the last answer came; `None`: there was none.
    #[must_use]
    pub fn answered(&self) -> Option<Instant> {
        self.answered
    }
}
