//! Jitter and backoff as data: the same seed gives the same times.

use std::time::Duration;

/// A small generator (splitmix64): spreads peers apart, guards nothing.
#[derive(Clone, Debug)]
pub(super) struct Jitter(u64);

impl Jitter {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Between `low` and `high` percent of `full`.
    pub(super) fn scale(&mut self, full: Duration, low: u32, high: u32) -> Duration {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        let span = u64::from(high.saturating_sub(low)).saturating_add(1);
        let percent = u64::from(low).saturating_add(mixed % span);
        full.mul_f64(f64::from(u32::try_from(percent).unwrap_or(100)) / 100.0)
    }
}

/// How long to wait before dialing again: doubling, bounded, jittered.
#[derive(Clone, Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(500);
    /// A router that comes back is found again within this (and its jitter), however long it was away.
    const LONGEST: Duration = Duration::from_secs(4);

    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    pub(super) fn next(&mut self, jitter: &mut Jitter) -> Duration {
        let full = Self::FIRST.saturating_mul(1 << self.failures.min(8)).min(Self::LONGEST);
        self.failures = self.failures.saturating_add(1);
        jitter.scale(full, 75, 125)
    }
}
