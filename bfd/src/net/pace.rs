//! How late the thread is: what it slept through although it should have run. And how long it may rest.
//!
//! The engine lives up to the **horizon**, the reading of the clock a round began with: everything that arrived before
//! it was taken. What the thread loses after that reading, in the round or in its sleep, shows in the next one.

use std::time::{Duration, Instant};

/// Less is no stall: a thread of a busy machine waits for its turn a few milliseconds every now and then. A session at
/// 10 ms and three packets survives it, and a failure is found later by less than an interval.
pub(super) const STALL: Duration = Duration::from_millis(5);

/// See the module.
#[derive(Debug)]
pub(super) struct Pace {
    horizon: Instant,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self { horizon: now }
    }

    /// Up to where everything was taken.
    pub(super) fn horizon(&self) -> Instant {
        self.horizon
    }

    /// Everything up to `now` was taken. The thread should have run at the earliest of `due`, a timer and an arrival.
    /// Returns since when it was late, if it was.
    ///
    /// What was lost before the last horizon was told then, wherever in a round it was.
    pub(super) fn advance(&mut self, now: Instant, due: [Option<Instant>; 2]) -> Option<Instant> {
        let before = self.horizon;
        self.horizon = now.max(before);
        let due = due.into_iter().flatten().min()?.max(before);
        (self.horizon.saturating_duration_since(due) >= STALL).then_some(due)
    }
}

/// How long packets are gathered: an eighth of the shortest interval they are agreed to come at, within these bounds. So
/// long a peer's word that it is down may wait, a fraction of any detection time. The engine's timers come in between,
/// and what has arrived is read with each.
const GATHER: [Duration; 2] = [Duration::from_millis(2), Duration::from_millis(8)];

/// Whether packets come so fast that they are better gathered. A wake-up costs several times what a packet does, and
/// as the kernel says when each arrived, they may be read later: while they come closer together than they are gathered
/// for, the sockets are left alone after each round.
#[derive(Debug)]
pub(super) struct Rush {
    /// The last round that took some.
    last: Option<Instant>,
    until: Option<Instant>,
    failed: bool,
    gather: Duration,
}

impl Rush {
    pub(super) fn new() -> Self {
        Self { last: None, until: None, failed: false, gather: GATHER[0] }
    }

    /// The shortest interval that packets are agreed to come at; `None`: nobody is heard.
    pub(super) fn expect(&mut self, interval: Option<Duration>) {
        self.gather = interval.map_or(GATHER[0], |interval| interval / 8).clamp(GATHER[0], GATHER[1]);
    }

    /// A round took datagrams, or none.
    pub(super) fn took(&mut self, now: Instant, any: bool) {
        let fast = any && self.last.is_some_and(|last| now.saturating_duration_since(last) <= self.gather);
        let rest = fast || std::mem::take(&mut self.failed);
        self.until = rest.then(|| now + self.gather);
        self.last = if any { Some(now) } else { self.last };
    }

    /// A socket could not be read in this round; trying at once again would not help it.
    pub(super) fn failed(&mut self) {
        self.failed = true;
    }

    /// Until when the sockets are to be left alone.
    pub(super) fn until(&self) -> Option<Instant> {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_sleep_without_anything_due_is_no_stall() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        assert_eq!(pace.advance(start + ms(1000), [None, None]), None);
        assert_eq!(pace.advance(start + ms(2000), [Some(start + ms(2000)), None]), None);
        assert_eq!(pace.advance(start + ms(3004), [Some(start + ms(3000)), Some(start + ms(3001))]), None);
        assert_eq!(pace.horizon(), start + ms(3004));
    }

    #[test]
    fn late_is_late_since_the_first_that_was_due_a_timer_or_a_datagram() {
        let start = Instant::now();
        let due = [Some(start + ms(10)), Some(start + ms(7))];
        for due in [due, [due[1], due[0]], [None, due[1]]] {
            assert_eq!(Pace::new(start).advance(start + ms(12), due), Some(start + ms(7)));
        }
    }

    #[test]
    fn no_time_is_lost_twice() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let due = [Some(start + ms(10)), None];
        assert_eq!(pace.advance(start + ms(100), due), Some(start + ms(10)));
        assert_eq!(pace.advance(start + ms(104), due), None, "told already, up to 100 ms");
        assert_eq!(pace.advance(start + ms(110), due), Some(start + ms(104)));
    }

    #[test]
    fn the_horizon_does_not_go_back() {
        let start = Instant::now();
        let mut pace = Pace::new(start + ms(10));
        assert_eq!(pace.advance(start, [Some(start), None]), None);
        assert_eq!(pace.horizon(), start + ms(10));
    }

    #[test]
    fn packets_are_gathered_while_they_come_fast() {
        let start = Instant::now();
        let mut rush = Rush::new();
        rush.took(start, true);
        assert_eq!(rush.until(), None, "a single one is waited for");
        rush.took(start + ms(10), true);
        assert_eq!(rush.until(), None);
        rush.took(start + ms(11), true);
        assert_eq!(rush.until(), Some(start + ms(13)));
        rush.took(start + ms(13), false);
        assert_eq!(rush.until(), None);
        rush.failed();
        rush.took(start + ms(20), false);
        assert_eq!(rush.until(), Some(start + ms(22)), "no spinning on a socket that fails");
        rush.took(start + ms(22), false);
        assert_eq!(rush.until(), None);
    }

    #[test]
    fn slow_sessions_are_gathered_for_longer_within_bounds() {
        let start = Instant::now();
        for (interval, gathered) in
            [(None, 2), (Some(ms(3)), 2), (Some(ms(40)), 5), (Some(ms(64)), 8), (Some(ms(4_000_000)), 8)]
        {
            let mut rush = Rush::new();
            rush.expect(interval);
            rush.took(start, true);
            rush.took(start, true);
            assert_eq!(rush.until(), Some(start + ms(gathered)), "{interval:?}");
        }
    }
}
