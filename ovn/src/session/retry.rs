//! Which server is tried when: in turn, without a pause until all were tried, then with pauses that double.

use std::time::Duration;

use super::config::Timing;

/// The next try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Try {
    /// Which of the servers, from 0.
    pub remote: usize,
    /// After what pause.
    pub pause: Duration,
}

/// Counts failures.
#[derive(Clone, Debug)]
pub struct Retry {
    remotes: usize,
    remote: usize,
    failures: usize,
    random: u64,
}

impl Retry {
    /// Begins with the first of so many servers.
    #[must_use]
    pub fn new(remotes: usize, seed: u64) -> Self {
        Self { remotes: remotes.max(1), remote: 0, failures: 0, random: seed }
    }

    /// The server that is being tried, or was last.
    #[must_use]
    pub fn remote(&self) -> usize {
        self.remote
    }

    /// A try failed, or a connection went that had not lasted.
    pub fn failed(&mut self, timing: &Timing) -> Try {
        self.failures = self.failures.saturating_add(1);
        self.remote = (self.remote + 1) % self.remotes;
        let pause =
            if self.failures.is_multiple_of(self.remotes) { self.pause(timing) } else { Duration::ZERO };
        Try { remote: self.remote, pause }
    }

    /// A connection that was good went: the next server at once, the same if it is the only one.
    pub fn lost(&mut self) -> Try {
        self.failures = 0;
        self.remote = (self.remote + 1) % self.remotes;
        Try { remote: self.remote, pause: Duration::ZERO }
    }

    /// Between three quarters and all of the pause, so that clients of a dead server do not come back as one.
    fn pause(&mut self, timing: &Timing) -> Duration {
        let rounds = (self.failures / self.remotes).saturating_sub(1).min(16);
        let whole = timing.backoff_min.saturating_mul(1 << rounds).min(timing.backoff_max);
        whole.mul_f64(0.75 + 0.25 * self.fraction())
    }

    /// Uniform in [0, 1): SplitMix64.
    fn fraction(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let high = u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or_default();
        f64::from(high) / (f64::from(u32::MAX) + 1.0)
    }
}
