//! How many Events may be written: a burst, then few.

use std::time::{Duration, Instant};

/// Events that may be written at once.
const BURST: u32 = 25;
/// One more may be written after each of these.
const REFILL: Duration = Duration::from_secs(5);

/// Tells when the next one may be written.
#[derive(Debug)]
pub(super) struct Limit {
    /// When all that were written would be forgotten.
    full: Instant,
}

impl Limit {
    /// A whole burst may be written.
    pub(super) fn new(now: Instant) -> Self {
        Self { full: now }
    }

    /// Counts one, and says when it may be written.
    pub(super) fn next(&mut self, now: Instant) -> Instant {
        self.full = self.full.max(now) + REFILL;
        self.full.checked_sub(REFILL * BURST).map_or(now, |at| at.max(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_burst_one_comes_every_five_seconds() {
        let begin = Instant::now() + Duration::from_secs(3600);
        let mut limit = Limit::new(begin);
        assert!((0..25).all(|_| limit.next(begin) == begin));
        assert_eq!(limit.next(begin), begin + Duration::from_secs(5));
        let later = begin + Duration::from_secs(3600);
        assert!((0..25).all(|_| limit.next(later) == later));
        assert_eq!(
            limit.next(later),
            later + Duration::from_secs(5),
            "silence saves up no more than a burst"
        );
    }
}
