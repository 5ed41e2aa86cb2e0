//! How fast both ends talk: intervals told and in force, and the poll sequence between them (RFC 5880 §6.5, §6.8.3).

use super::clock::Moment;
use crate::types::{DetectMult, Micros};

/// A pair of intervals of this end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pace {
    /// Desired Min TX Interval.
    pub(super) tx: Micros,
    /// Required Min RX Interval; 0: the other end shall send nothing.
    pub(super) rx: Micros,
}

/// A poll sequence: at most one at a time, or nobody knew what a Final answers (RFC 5880 §6.8.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Poll {
    Idle,
    /// P is set in all that is sent.
    Running,
    /// F came. The next sequence waits for a packet without it.
    Settling,
}

/// Once nothing arrives that could end [`Poll::Settling`], this does: well above a round trip.
const ROUND_TRIP: u64 = 1_000_000_000;

/// The intervals of one session.
#[derive(Debug)]
pub(super) struct Timing {
    told: Pace,
    used: Pace,
    poll: Poll,
    /// When P was sent last.
    polled: Moment,
}

impl Timing {
    pub(super) fn new(pace: Pace) -> Self {
        Self { told: pace, used: pace, poll: Poll::Idle, polled: Moment::default() }
    }

    /// What packets say: bfd.DesiredMinTxInterval and bfd.RequiredMinRxInterval.
    pub(super) fn told(&self) -> Pace {
        self.told
    }

    /// What timers are made of.
    pub(super) fn used(&self) -> Pace {
        self.used
    }

    /// Whether packets carry P.
    pub(super) fn polling(&self) -> bool {
        self.poll == Poll::Running
    }

    /// Takes intervals at once, as on entering and leaving Up, and polls if there is somebody to answer. Whether they
    /// are new.
    ///
    /// A sequence under way is carried on for the new ones: nothing waits for its Final.
    pub(super) fn switch(&mut self, wanted: Pace, reachable: bool) -> bool {
        let new = self.told != wanted;
        if new {
            self.poll = if reachable { Poll::Running } else { Poll::Idle };
        }
        self.told = wanted;
        self.used = wanted;
        new
    }

    /// Changes intervals while Up; what needs the other end to follow first is in force after its Final (RFC 5880
    /// §6.8.3). Nothing while a sequence is under way: ask again after it. Whether something is told anew.
    pub(super) fn change(&mut self, wanted: Pace, now: Moment) -> bool {
        if self.poll == Poll::Settling && now >= self.polled.after(ROUND_TRIP) {
            // It was asked to send nothing, or sets F in all it sends: no packet without F will come.
            self.poll = Poll::Idle;
        }
        if self.poll != Poll::Idle || self.told == wanted {
            return false;
        }
        self.told = wanted;
        self.used.tx = self.used.tx.min(wanted.tx);
        self.used.rx = slower(self.used.rx, wanted.rx);
        self.poll = Poll::Running;
        true
    }

    /// A packet arrived. Whether a sequence came to its end.
    pub(super) fn heard(&mut self, fin: bool) -> bool {
        match (self.poll, fin) {
            (Poll::Running, true) => {
                self.poll = Poll::Settling;
                self.used = self.told;
                true
            }
            (Poll::Settling, false) => {
                self.poll = Poll::Idle;
                true
            }
            _ => false,
        }
    }

    /// A packet with P was sent.
    pub(super) fn polled(&mut self, now: Moment) {
        self.polled = now;
    }

    /// The other end is not known any more: nobody answers.
    pub(super) fn forget(&mut self) {
        self.poll = Poll::Idle;
        self.used = self.told;
    }
}

/// The longer of two receive intervals; 0 means "never", longer than any.
fn slower(one: Micros, other: Micros) -> Micros {
    if one.0 == 0 || other.0 == 0 { Micros(0) } else { one.max(other) }
}

/// When to send next: a random 75 to 100 % of the interval after `from` (90 % with a multiplier of 1, RFC 5880 §6.8.7),
/// but not less than 75 % after `sent`, rounded down to a grid that all sessions share, so that many go out at one
/// wake-up. `interval` is in nanoseconds; `random` is called with how many values there are.
pub(super) fn next_send(
    (from, sent): (Moment, Moment),
    interval: u64,
    detect_mult: DetectMult,
    random: impl FnOnce(u64) -> u64,
) -> Moment {
    let least = interval / 4 * 3;
    let most = if detect_mult.get() == 1 { interval / 10 * 9 } else { interval };
    let least_at = sent.after(least);
    let picked = from.after(least.saturating_add(random(most.saturating_sub(least).saturating_add(1))));
    let grid = grid(interval, most);
    let rounded = Moment(picked.0 / grid * grid);
    // A step is half of the window at most, so there is one in it.
    if rounded >= least_at { rounded } else { Moment(least_at.0.div_ceil(grid).saturating_mul(grid)) }
}

/// The step of the grid: four milliseconds or about half of the window, an eighth of the interval or a sixteenth, whichever
/// is less, brought down to a power of two of microseconds so that grids of different intervals fall together. Wake-ups cost
/// more than packets: at 10 ms there are 976 a second, however many sessions, with two intervals to choose from; at 50 ms
/// 244 with three.
fn grid(interval: u64, most: u64) -> u64 {
    let half = if most < interval { interval / 16 } else { interval / 8 };
    (half / 1000).min(4096).checked_ilog2().map_or(1, |power| 1000 << power)
}
