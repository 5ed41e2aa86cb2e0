//! Whether somebody else's Lease is alive.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;

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

/// Counts from when a form was first seen, by our clock alone: a Lease that was left behind counts as alive for the first
/// moments after the start.
#[derive(Clone, Debug, Default)]
pub struct Pulse {
    last: Option<(Beat, Instant)>,
}

impl Pulse {
    /// It looks like this now.
    pub fn beat(&mut self, beat: Beat, now: Instant) {
        if self.last.as_ref().is_none_or(|(last, _)| *last != beat) {
            self.last = Some((beat, now));
        }
    }

    /// There is none.
    pub fn gone(&mut self) {
        self.last = None;
    }

    /// Whether its holder is alive.
    #[must_use]
    pub fn is_alive(&self, now: Instant) -> bool {
        self.last
            .as_ref()
            .is_some_and(|(beat, since)| !beat.holder.is_empty() && now < *since + beat.duration * DURATIONS)
    }
}
