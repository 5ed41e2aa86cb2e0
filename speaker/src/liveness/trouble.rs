//! Warns when packets begin to be refused or lost, and says when that is over: a line each, however long it lasts.

use std::time::Duration;

use tracing::{info, warn};

use super::Snapshot;

/// The counters that ought to stand still.
type Counts = [u64; 6];
const NAMES: [&str; 6] = ["invalid", "ttl", "auth", "unknown peer", "dropped", "errors"];

/// What was counted at the last look.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    before: Option<Counts>,
    told: bool,
    /// Lost time that is known.
    lost: Duration,
    /// Looks until the next line about stalls.
    quiet: u8,
}

/// A machine that has too little time for us has little for our lines.
const QUIET: u8 = 12;

/// What has become of it since.
#[derive(Debug, PartialEq, Eq)]
enum News {
    Nothing,
    Begins(String),
    Over,
}

impl Trouble {
    /// Looks again; to be called every few seconds.
    pub(super) fn look(&mut self, now: &Snapshot) {
        let (engine, sockets) = (&now.engine, &now.sockets);
        let errors = sockets.receive_errors + sockets.send_errors;
        let dropped = engine.dropped + sockets.overflow;
        match self.next([engine.invalid, engine.ttl, engine.auth, engine.unknown, dropped, errors]) {
            News::Nothing => {}
            News::Begins(what) => warn!(counted = what, "BFD packets are being refused or lost"),
            News::Over => info!("BFD packets are refused or lost no more"),
        }
        let times = now.sessions.iter().filter_map(|one| Some(one.session.as_ref()?.detection_time));
        let shortest = times.filter(|time| !time.is_zero()).min();
        if let Some(lost) = shortest.and_then(|shortest| self.late(shortest, now.lost_time)) {
            let lost_ms = lost.as_millis();
            warn!(lost_ms, "this process was late, BFD's detection clocks stood still meanwhile");
        }
    }

    /// How much time was lost since this was told last, if it is enough for a packet to be missed and long enough ago.
    fn late(&mut self, shortest: Duration, all: Duration) -> Option<Duration> {
        self.quiet = self.quiet.saturating_sub(1);
        let lost = all.saturating_sub(self.lost);
        if self.quiet > 0 || lost < shortest / 3 {
            return None;
        }
        (self.lost, self.quiet) = (all, QUIET);
        Some(lost)
    }

    fn next(&mut self, now: Counts) -> News {
        // The first look, or a driver that was started anew: there is nothing to compare with.
        let before = match self.before.replace(now) {
            Some(before) if before.iter().zip(now).all(|(before, now)| *before <= now) => before,
            _ => return News::Nothing,
        };
        let risen = NAMES.iter().zip(before).zip(now).filter(|((_, before), now)| before < now);
        let risen: Vec<String> =
            risen.map(|((name, before), now)| format!("{name} +{}", now - before)).collect();
        match (risen.is_empty(), std::mem::replace(&mut self.told, !risen.is_empty())) {
            (false, false) => News::Begins(risen.join(", ")),
            (true, true) => News::Over,
            _ => News::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_time_is_told_when_it_could_cost_a_packet_and_once_a_minute() {
        let (mut trouble, ms) = (Trouble::default(), Duration::from_millis);
        assert_eq!(trouble.late(ms(300), ms(99)), None, "less than an interval");
        assert_eq!(trouble.late(ms(300), ms(100)), Some(ms(100)));
        for _ in 0..QUIET - 1 {
            assert_eq!(trouble.late(ms(300), ms(5000)), None, "twelve looks, five seconds each");
        }
        assert_eq!(trouble.late(ms(300), ms(5000)), Some(ms(4900)));
    }

    #[test]
    fn one_line_when_it_begins_and_one_when_it_is_over() {
        let mut trouble = Trouble::default();
        let mut look = |counts| trouble.next(counts);
        assert_eq!(look([7, 0, 0, 0, 0, 0]), News::Nothing, "what was before is not looked at");
        assert_eq!(look([7, 0, 0, 0, 0, 0]), News::Nothing);
        assert_eq!(look([9, 0, 0, 1, 0, 0]), News::Begins("invalid +2, unknown peer +1".to_owned()));
        assert_eq!(look([10, 0, 0, 1, 0, 0]), News::Nothing, "it goes on");
        assert_eq!(look([10, 0, 0, 1, 0, 0]), News::Over);
        assert_eq!(look([10, 0, 0, 1, 0, 0]), News::Nothing);
        assert_eq!(look([0, 0, 0, 0, 0, 3]), News::Nothing, "counters went backwards: a new beginning");
        assert_eq!(look([0, 0, 0, 0, 0, 4]), News::Begins("errors +1".to_owned()));
    }
}
