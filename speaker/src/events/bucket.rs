//! How many Events may be written: a burst, then few.

use std::time::{Duration, Instant};

/// Events that may be written at once: a rollout that goes wrong in one namespace is told in full.
const BURST: u32 = 25;
/// One more may be written after each of these. Client libraries allow one in five minutes for each object; here it is
/// for all objects together, and a hundred speakers must not write more than the API server's etcd likes.
const REFILL: Duration = Duration::from_secs(10);

/// Tokens, taken one for each Event.
#[derive(Debug)]
pub(super) struct Bucket {
    tokens: u32,
    /// When the tokens were last right.
    at: Instant,
}

impl Bucket {
    /// A full one.
    pub(super) fn new(now: Instant) -> Self {
        Self { tokens: BURST, at: now }
    }

    /// Takes a token, or says when there will be one.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Instant> {
        while self.tokens < BURST && self.at + REFILL <= now {
            self.at += REFILL;
            self.tokens += 1;
        }
        if self.tokens == BURST {
            self.at = now;
        }
        self.tokens = self.tokens.checked_sub(1).ok_or(self.at + REFILL)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_burst_one_comes_every_ten_seconds_and_an_hour_of_silence_saves_up_no_more_than_a_burst() {
        let begin = Instant::now();
        let at = |seconds: u64| begin + Duration::from_secs(seconds);
        let mut bucket = Bucket::new(begin);
        assert!((0..25).all(|_| bucket.take(at(1)).is_ok()));
        assert_eq!(bucket.take(at(1)), Err(at(11)), "ten seconds after the first was taken");
        assert_eq!((bucket.take(at(11)), bucket.take(at(12))), (Ok(()), Err(at(21))));
        assert_eq!(
            (bucket.take(at(35)), bucket.take(at(35)), bucket.take(at(35))),
            (Ok(()), Ok(()), Err(at(41)))
        );
        assert!((0..25).all(|_| bucket.take(at(3600)).is_ok()));
        assert!(bucket.take(at(3600)).is_err());
    }
}
