//! The pace of one end of a session (RFC 5880 §6.8.7), worked out from both ends' packets alone.
//!
//! A gap must be 75 to 100 % of the interval in force (75 to 90 % with a multiplier of 1): the larger of what the sender
//! desires and what the receiver requires. While one of the two changes, anything between old and new is right. Only what
//! the RFC lets out of turn is let out of it: the answer to a Poll, a changed state or parameter, the begin of a Poll.

use super::judge::{Ends, was_away};
use super::packet::{ADMIN_DOWN, Packet, UP};
use crate::fault::{Fault, Result, ensure};
use std::time::Duration;

/// How much too early a packet may be, in microseconds: its time is the capture's, not its sender's.
const EARLY: u64 = 1_000;

/// What the scheduler of a busy machine may add to a gap, in microseconds.
const LATE: u64 = 60_000;

/// One gap in so many may be longer even than that, and two for nothing: a machine that is overloaded runs nobody for a
/// while. That no session goes down because of it is another matter, and what load tests are for.
const STARVED: usize = 20;

/// From so many regular gaps on, jitter must be seen in them.
const ENOUGH: usize = 40;

/// How long a packet may be held up between its sender's clock and the wire, in microseconds.
const HELD_UP: u64 = 5_000;

/// One gap in so many may be short by what the packet before it was late.
const DELAYED: usize = 25;

/// How often AdminDown may be said again at once: who leaves for good cannot keep saying it for the detection time that RFC
/// 5880 §6.8.16 wishes for.
const FAREWELLS: usize = 3;

/// What was seen of the pace.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    /// All packets of the sender.
    pub packets: usize,
    /// The regular gaps as parts of the interval in force, in order.
    pub gaps: Vec<f64>,
    /// The most that a gap was longer than its interval, in microseconds.
    pub late: u64,
}

/// The least and the most something may be, in microseconds.
#[derive(Clone, Copy, Debug)]
struct Span {
    least: u64,
    most: u64,
}

impl Span {
    fn of(value: u64) -> Self {
        Self { least: value, most: value }
    }

    fn and(self, other: Self) -> Self {
        Self { least: self.least.min(other.least), most: self.most.max(other.most) }
    }
}

/// Goes through a capture packet by packet.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    away: &'a [(Duration, Duration)],
    pace: Pace,
    last: Option<Packet>,
    /// When the last packet was sent that was not out of turn, and whether that was the last one.
    regular: Option<(Duration, bool)>,
    /// What the sender's desire may be in force, and what the receiver required since two packets ago.
    desired: Option<Span>,
    required: [Span; 2],
    /// What the receiver required last.
    heard: u64,
    /// Polls of the receiver that have no Final yet: each may have its own (RFC 5880 §6.8.7).
    asked: usize,
    /// The receiver sent a Final: what the sender desires is in force from its next packet on.
    settled: bool,
    /// The regular gap before, in microseconds.
    before: Option<u64>,
    delayed: usize,
    /// Gaps that were longer than the scheduler explains.
    starved: usize,
    /// AdminDown in a row.
    farewells: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn new(away: &'a [(Duration, Duration)]) -> Self {
        Self {
            away,
            pace: Pace::default(),
            last: None,
            regular: None,
            desired: None,
            // RFC 5880 §6.8.1: one microsecond until the receiver says something.
            required: [Span::of(1); 2],
            heard: 1,
            asked: 0,
            settled: false,
            before: None,
            delayed: 0,
            starved: 0,
            farewells: 0,
        }
    }

    pub(super) fn theirs(&mut self, packet: &Packet) {
        self.heard = packet.required_min_rx;
        self.required[1] = self.required[1].and(Span::of(packet.required_min_rx));
        self.asked += usize::from(packet.poll);
        self.settled |= packet.is_final;
    }

    pub(super) fn ours(&mut self, packet: &Packet) -> Result<()> {
        self.pace.packets += 1;
        self.farewells = if packet.state == ADMIN_DOWN { self.farewells + 1 } else { 0 };
        let now = Span::of(packet.desired_min_tx);
        let desired = self.desired.map_or(now, |before| before.and(now));
        if let Some(last) = self.last.take() {
            if was_away(self.away, &last, packet) {
                self.regular = None;
                self.before = None;
            } else {
                self.gap(&last, packet, desired)
                    .map_err(|fault| Fault::new(format!("BFD pace: {fault}: {packet:?} after {last:?}")))?;
            }
        }
        // While not Up nothing has to be agreed upon first (RFC 5880 §6.8.3).
        self.desired = Some(if self.settled || packet.state != UP { now } else { desired });
        self.settled = false;
        self.required = [self.required[1], Span::of(self.heard)];
        self.asked = self.asked.saturating_sub(usize::from(packet.is_final));
        self.last = Some(packet.clone());
        Ok(())
    }

    /// One packet behind another of the same sender.
    fn gap(&mut self, last: &Packet, packet: &Packet, desired: Span) -> Result<()> {
        ensure(!packet.is_final || self.asked > 0, || "a Final that no Poll asked for".to_owned())?;
        let required = self.required[0].and(self.required[1]);
        let (least, most) = (desired.least.max(required.least), desired.most.max(required.most));
        let gap = micros(packet.at.saturating_sub(last.at));
        self.starved += usize::from(gap > most + LATE);
        ensure(self.starved <= 2 + self.pace.packets / STARVED, || {
            format!("{gap} µs at an interval of {most}")
        })?;
        if out_of_turn(last, packet) || (2..=FAREWELLS + 1).contains(&self.farewells) {
            // Before anything in turn, that is the packet before: the timer may run from there.
            self.regular = Some((self.regular.map_or(last.at, |(at, _)| at), false));
            self.before = None;
            return Ok(());
        }
        let floor = least * 3 / 4;
        let (anchor, straight) = self.regular.unwrap_or((last.at, false));
        let since = micros(packet.at.saturating_sub(anchor));
        if straight || self.regular.is_none() {
            self.not_early(gap, floor)?;
        } else {
            // Sending out of turn need not have started the timer again.
            ensure(since + EARLY >= floor, || format!("{since} µs since the last in turn, at {least}"))?;
        }
        let regular = straight && least == most;
        if regular {
            self.count(gap, most, packet.multiplier);
        }
        self.before = regular.then_some(gap);
        self.regular = Some((packet.at, true));
        Ok(())
    }

    /// A packet that was held up between its sender's clock and the wire makes the gap before it long and this one short.
    fn not_early(&mut self, gap: u64, floor: u64) -> Result<()> {
        if gap + EARLY >= floor {
            return Ok(());
        }
        self.delayed += 1;
        // The gap before one that was sent out of turn tells nothing of how late that was.
        let made_up = match self.before {
            Some(before) => before + gap + EARLY >= floor * 2,
            None => gap + HELD_UP >= floor,
        };
        let seldom = self.delayed <= 1 + self.pace.gaps.len() / DELAYED;
        ensure(made_up && seldom, || format!("{gap} µs, at least {floor} are due"))
    }

    fn count(&mut self, gap: u64, interval: u64, multiplier: u64) {
        let most = if multiplier == 1 { interval * 9 / 10 } else { interval };
        let late = gap.saturating_sub(most);
        self.pace.late = self.pace.late.max(late);
        let part = Duration::from_micros(gap).as_secs_f64() / Duration::from_micros(interval).as_secs_f64();
        self.pace.gaps.push(part);
    }

    /// Jitter must be seen, and the interval kept on the whole.
    pub(super) fn end(self, ends: Ends) -> Result<Pace> {
        let pace = self.pace;
        let gaps = &pace.gaps;
        if gaps.len() >= ENOUGH {
            let late = gaps.iter().filter(|gap| **gap > 1.1).count();
            ensure(late * 10 <= gaps.len(), || format!("BFD pace: {late} of {} gaps late", gaps.len()))?;
            // Of forty even draws from 0.75 to 1 the middle half spans 0.12 and their median is 0.875; what is asked for is
            // four times the deviation away from that. A packet held up makes two gaps uneven, not half of them.
            let mut sorted = gaps.clone();
            sorted.sort_by(f64::total_cmp);
            let at = |part: usize| sorted[sorted.len() * part / 4];
            let jitter = at(3) - at(1) >= 0.03 && (0.795..0.955).contains(&at(2));
            ensure(jitter, || format!("BFD pace: no jitter in what {} sent: {gaps:.3?}", ends.ours))?;
        }
        Ok(pace)
    }
}

/// Whether it may come before the transmit timer has it sent.
fn out_of_turn(last: &Packet, packet: &Packet) -> bool {
    let of = |packet: &Packet| {
        let timers = (packet.desired_min_tx, packet.required_min_rx, packet.multiplier);
        (packet.state, packet.diagnostic, timers, packet.control_plane_independent, packet.authenticated)
    };
    packet.is_final || of(last) != of(packet) || (packet.poll && !last.poll)
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
