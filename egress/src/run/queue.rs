//! Which object is looked at next: without a clock, a task or a lock.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::subject::Subject;

/// Pause after the first failure of an object; doubled with each, until [`LONGEST`].
const SHORTEST: Duration = Duration::from_millis(50);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(30);
/// A transaction that was refused because somebody was faster is tried again at once, so often in a row.
const AT_ONCE: u32 = 5;

/// How a pass ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Everything is as it is wanted.
    Done,
    /// What it rested on had changed: again, at once.
    Stale,
    /// Something failed: again, later.
    Failed,
}

/// Objects that wait for their pass, and those in one. Never two passes of one object at a time.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: BTreeMap<Subject, Instant>,
    running: BTreeSet<Subject>,
    failures: BTreeMap<Subject, u32>,
}

impl Queue {
    /// It is to be looked at, now; also if it waits for a later time: what made it fail may be gone.
    pub fn mark(&mut self, subject: Subject, now: Instant) {
        let at = self.waiting.entry(subject).or_insert(now);
        *at = (*at).min(now);
    }

    /// Takes an object whose time has come.
    pub fn take(&mut self, now: Instant) -> Option<Subject> {
        let due = |(subject, at): &(&Subject, &Instant)| **at <= now && !self.running.contains(*subject);
        let (subject, _) = self.waiting.iter().filter(due).min_by_key(|(subject, at)| (**at, *subject))?;
        let subject = subject.clone();
        self.waiting.remove(&subject);
        self.running.insert(subject.clone());
        Some(subject)
    }

    /// When there will be one to take, as far as known.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.waiting.iter().filter(|(subject, _)| !self.running.contains(*subject)).map(|(_, at)| *at).min()
    }

    /// A pass ended.
    pub fn ended(&mut self, subject: Subject, how: Ended, now: Instant) {
        self.running.remove(&subject);
        if how == Ended::Done {
            self.failures.remove(&subject);
            return;
        }
        let failures = self.failures.entry(subject.clone()).or_default();
        *failures = failures.saturating_add(1);
        let pause = match how {
            Ended::Stale if *failures <= AT_ONCE => Duration::ZERO,
            _ => SHORTEST.saturating_mul(1 << (*failures - 1).min(16)).min(LONGEST),
        };
        let at = now + pause;
        let known = self.waiting.entry(subject).or_insert(at);
        *known = (*known).min(at);
    }

    /// How many wait, and how many of them because they failed.
    #[must_use]
    pub fn lengths(&self) -> (usize, usize) {
        (self.waiting.len() + self.running.len(), self.failures.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vpc(name: &str) -> Subject {
        Subject::Vpc(name.into())
    }

    #[test]
    fn an_object_is_in_one_pass_at_a_time_and_marked_meanwhile_gets_another() {
        let now = Instant::now();
        let mut queue = Queue::default();
        queue.mark(vpc("a"), now);
        assert_eq!(queue.take(now), Some(vpc("a")));
        queue.mark(vpc("a"), now);
        assert_eq!((queue.take(now), queue.next()), (None, None));
        queue.ended(vpc("a"), Ended::Done, now);
        assert_eq!(queue.take(now), Some(vpc("a")));
        queue.ended(vpc("a"), Ended::Done, now);
        assert_eq!((queue.take(now), queue.next()), (None, None));
    }

    #[test]
    fn failures_wait_50_ms_to_30_s_and_hold_nobody_up() {
        let mut now = Instant::now();
        let mut queue = Queue::default();
        queue.mark(vpc("a"), now);
        let mut pauses = Vec::new();
        for _ in 0..12 {
            assert_eq!(queue.take(now), Some(vpc("a")));
            queue.ended(vpc("a"), Ended::Failed, now);
            queue.mark(vpc("b"), now);
            assert_eq!(queue.take(now), Some(vpc("b")), "not held up");
            queue.ended(vpc("b"), Ended::Done, now);
            let next = queue.next().expect("it waits");
            pauses.push((next - now).as_millis());
            now = next;
        }
        assert_eq!(pauses, [50, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000]);
        assert_eq!(queue.take(now), Some(vpc("a")));
        queue.ended(vpc("a"), Ended::Done, now);
        queue.mark(vpc("a"), now);
        queue.take(now);
        queue.ended(vpc("a"), Ended::Failed, now);
        assert_eq!(queue.next(), Some(now + Duration::from_millis(50)), "a success forgets failures");
    }

    #[test]
    fn a_stale_pass_is_repeated_at_once_but_not_for_ever() {
        let now = Instant::now();
        let mut queue = Queue::default();
        queue.mark(vpc("a"), now);
        let mut at_once = 0;
        while queue.take(now).is_some() {
            queue.ended(vpc("a"), Ended::Stale, now);
            at_once += 1;
            assert!(at_once < 100);
        }
        assert_eq!(at_once, 6);
    }

    #[test]
    fn an_event_ends_the_wait_after_a_failure() {
        let now = Instant::now();
        let mut queue = Queue::default();
        queue.mark(vpc("a"), now);
        queue.take(now);
        queue.ended(vpc("a"), Ended::Failed, now);
        assert_eq!(queue.take(now), None);
        queue.mark(vpc("a"), now);
        assert_eq!(queue.take(now), Some(vpc("a")));
    }
}
