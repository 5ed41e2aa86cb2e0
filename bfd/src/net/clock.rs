//! Two clocks: the one everything here runs on, which nobody can set, and the one the kernel stamps datagrams with.
//!
//! A stamp (`SO_TIMESTAMPNS`) is of the wall clock, which may be stepped at any time. So the distance of the two clocks
//! is read in every round, and a stamp is placed between the moment the sockets were last known to be empty and now:
//! outside of that a datagram cannot have arrived. A step shows as a changed distance; a stamp of before the step is
//! placed by the distance of before.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Reading both clocks takes less, unless the thread was interrupted in between.
const APART: Duration = Duration::from_micros(20);
/// A stamp this far out of its window still belongs into it: the clocks are not read at the same moment, and the
/// kernel slews the wall clock.
const TOLERANCE: i128 = 200_000;

/// See the module.
#[derive(Debug)]
pub(super) struct Clock {
    base: Instant,
    /// Nanoseconds the wall clock, since its epoch, is ahead of the time since `base`.
    ahead: i128,
    /// The same when the sockets were last empty.
    ahead_before: i128,
}

impl Clock {
    /// Reads both clocks.
    pub(super) fn new() -> Self {
        let mut clock = Self { base: Instant::now(), ahead: 0, ahead_before: 0 };
        clock.read();
        clock.settle();
        clock
    }

    /// Now; what came before this moment may be placed by [`Clock::arrival`].
    pub(super) fn read(&mut self) -> Instant {
        let mut now = Instant::now();
        for _ in 0..3 {
            let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            self.ahead = nanos(wall) - nanos(now.saturating_duration_since(self.base));
            let after = Instant::now();
            if after.saturating_duration_since(now) <= APART {
                break;
            }
            now = after;
        }
        now
    }

    /// The sockets are empty as of the last reading.
    pub(super) fn settle(&mut self) {
        self.ahead_before = self.ahead;
    }

    /// When a datagram arrived that the kernel stamped with that much since the epoch, after `since`, when the sockets
    /// were last empty, and not after `now`.
    pub(super) fn arrival(&self, stamp: Duration, since: Instant, now: Instant) -> Instant {
        let window = (
            nanos(since.saturating_duration_since(self.base)),
            nanos(now.saturating_duration_since(self.base)),
        );
        let at = place(nanos(stamp), [self.ahead, self.ahead_before], window);
        u64::try_from(at).map_or(now, |at| self.base + Duration::from_nanos(at)).clamp(since.min(now), now)
    }
}

fn nanos(time: Duration) -> i128 {
    i128::try_from(time.as_nanos()).unwrap_or(i128::MAX)
}

/// The first of the two distances that puts the stamp into the window; if none does, the nearer end by the first.
fn place(stamp: i128, ahead: [i128; 2], (since, now): (i128, i128)) -> i128 {
    let by = |ahead: i128| stamp.saturating_sub(ahead);
    let inside = |at: &i128| (since - TOLERANCE..=now + TOLERANCE).contains(at);
    ahead.map(by).into_iter().find(inside).unwrap_or(by(ahead[0])).clamp(since.min(now), now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i128 = 1_000_000_000;
    const MS: i128 = 1_000_000;
    /// The sockets were empty at 10 s and are looked at at 10.030 s; the wall clock was 1 000 s ahead.
    const WINDOW: (i128, i128) = (10 * SECOND, 10 * SECOND + 30 * MS);
    const AHEAD: i128 = 1000 * SECOND;

    #[test]
    fn a_stamp_is_placed_by_the_distance_of_the_clocks() {
        assert_eq!(place(1010 * SECOND + 12 * MS, [AHEAD; 2], WINDOW), 10 * SECOND + 12 * MS);
    }

    #[test]
    fn a_stamp_of_before_a_step_is_placed_by_the_distance_of_before() {
        for step in [3600 * SECOND, -3600 * SECOND, SECOND, -SECOND] {
            let arrived = 10 * SECOND + 12 * MS;
            assert_eq!(place(arrived + AHEAD, [AHEAD + step, AHEAD], WINDOW), arrived, "{step}: before it");
            assert_eq!(place(arrived + AHEAD + step, [AHEAD + step, AHEAD], WINDOW), arrived, "after it");
        }
    }

    #[test]
    fn a_stamp_that_fits_nowhere_does_not_leave_the_window() {
        assert_eq!(place(0, [AHEAD; 2], WINDOW), WINDOW.0);
        assert_eq!(place(i128::MAX, [AHEAD; 2], WINDOW), WINDOW.1);
        assert_eq!(place(i128::MIN, [AHEAD; 2], WINDOW), WINDOW.0);
    }

    #[test]
    fn a_stamp_of_now_is_now_and_one_of_long_ago_is_the_last_look() {
        let mut clock = Clock::new();
        let since = clock.read();
        std::thread::sleep(Duration::from_millis(2));
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        let stamped = Instant::now();
        let now = clock.read();
        let at = clock.arrival(wall, since, now);
        assert!(stamped.saturating_duration_since(at) < Duration::from_millis(1), "{:?}", stamped - at);
        assert_eq!(clock.arrival(Duration::ZERO, since, now), since);
        assert_eq!(clock.arrival(Duration::MAX, since, now), now);
    }
}
