//! Time that was lost, to the millisecond and by hand: a session that is Up, with a detection time of three seconds,
//! hears its last packets around stalls.

mod session_desk;

use std::time::{Duration, Instant};

use bfd::State;
use bfd::engine::{Control, Datagram};
use bfd::session::Hops;
use session_desk::{Desk, LOCAL, REMOTE, ms, packet, settings};

/// What a driver tells, in milliseconds since the session's last packet.
#[derive(Clone, Copy, Debug)]
enum Told {
    /// A packet of the peer that arrived then, taken at that time.
    Heard { at: u64, now: u64 },
    /// Wanted to run then, ran at that time.
    Stalled { due: u64, now: u64 },
}

use Told::{Heard, Stalled};

struct Case {
    told: &'static [Told],
    /// When the session goes down.
    down: u64,
    lost: u64,
    stalls: u64,
}

const CASES: [Case; 12] = [
    Case { told: &[], down: 3000, lost: 0, stalls: 0 },
    Case { told: &[Stalled { due: 1000, now: 1000 }], down: 3000, lost: 0, stalls: 0 },
    Case { told: &[Stalled { due: 1100, now: 1000 }], down: 3000, lost: 0, stalls: 0 },
    Case { told: &[Stalled { due: 1000, now: 2000 }], down: 4000, lost: 1000, stalls: 1 },
    // Longer than the detection time: it goes on where it stood.
    Case { told: &[Stalled { due: 1000, now: 21_000 }], down: 23_000, lost: 20_000, stalls: 1 },
    // Before the stall: its three seconds are made longer by all of it.
    Case {
        told: &[Heard { at: 900, now: 2000 }, Stalled { due: 1000, now: 2000 }],
        down: 4900,
        lost: 1000,
        stalls: 1,
    },
    // Within: they begin when the clock goes on.
    Case {
        told: &[Heard { at: 1500, now: 2000 }, Stalled { due: 1000, now: 2000 }],
        down: 5000,
        lost: 1000,
        stalls: 1,
    },
    // Found in the socket only after the stall was told, for the process slept between the two.
    Case {
        told: &[Stalled { due: 1000, now: 2000 }, Heard { at: 1500, now: 2001 }],
        down: 5000,
        lost: 1000,
        stalls: 1,
    },
    // After it.
    Case {
        told: &[Stalled { due: 1000, now: 2000 }, Heard { at: 2100, now: 2100 }],
        down: 5100,
        lost: 1000,
        stalls: 1,
    },
    // No time is lost twice.
    Case {
        told: &[Stalled { due: 1000, now: 2000 }, Stalled { due: 1500, now: 2500 }],
        down: 4500,
        lost: 1500,
        stalls: 2,
    },
    Case {
        told: &[Stalled { due: 1000, now: 2000 }, Stalled { due: 1500, now: 1900 }],
        down: 4000,
        lost: 1000,
        stalls: 1,
    },
    // Between two.
    Case {
        told: &[
            Stalled { due: 500, now: 1000 },
            Heard { at: 1200, now: 1200 },
            Stalled { due: 1500, now: 4500 },
            Stalled { due: 5000, now: 5500 },
        ],
        down: 1200 + 3000 + 3000 + 500,
        lost: 4000,
        stalls: 3,
    },
];

/// Up, and nothing of its own to send.
fn up() -> (Desk, Instant) {
    let mut desk = Desk::in_state(State::Up, settings(1000, 1000, 3));
    desk.control(Control::Suspend);
    let start = desk.now;
    (desk, start)
}

fn hear(desk: &mut Desk, at: Instant, source: std::net::IpAddr) {
    let said = packet(State::Up, desk.ours()).encode();
    let (payload, destination) = (said.as_bytes(), LOCAL);
    desk.datagram(&Datagram { payload, hops: Hops::Single, source, destination, interface: 3, ttl: 255, at });
}

#[test]
fn silence_is_measured_awake() {
    for (number, case) in CASES.iter().enumerate() {
        let (mut desk, start) = up();
        for told in case.told {
            match *told {
                Heard { at, now } => {
                    desk.now = start + ms(now);
                    hear(&mut desk, start + ms(at), REMOTE);
                }
                Stalled { due, now } => {
                    desk.now = start + ms(now);
                    desk.engine.stalled(start + ms(due), desk.now);
                }
            }
        }
        assert_eq!(desk.engine.lost_time(), ms(case.lost), "case {number}");
        assert_eq!(desk.engine.counters().stalls, case.stalls, "case {number}");
        desk.run((start + ms(case.down) - Duration::from_nanos(1)) - desk.now);
        assert_eq!(desk.status().state, State::Up, "case {number}");
        desk.run(Duration::from_nanos(1));
        assert_eq!(desk.status().state, State::Down, "case {number}");
        assert_eq!(desk.changes[0].0, start + ms(case.down), "case {number}");
    }
}

/// A driver under a flood has packets of this moment in hand, but took all there is only up to an earlier one: silence
/// is judged up to there.
#[test]
fn timers_run_up_to_the_drivers_horizon() {
    let (mut desk, start) = up();
    desk.now = start + ms(3500);
    hear(&mut desk, start + ms(3500), "10.0.0.77".parse().expect("an address"));
    let mut out = Vec::new();
    desk.engine.advance(start + ms(2999), &mut out);
    assert_eq!(desk.status().state, State::Up);
    desk.engine.advance(start + ms(3000), &mut out);
    assert_eq!(desk.status().state, State::Down);
}

/// Twice an interval of the peer's, so that a sleep is noticed by which no packet and no timer was missed.
#[test]
fn the_clock_is_looked_at_twice_an_interval_while_silence_matters() {
    let (mut desk, start) = up();
    desk.advance();
    assert_eq!(desk.engine.next(), Some(start + ms(500)));
    desk.run(ms(200));
    assert_eq!(desk.engine.next(), Some(start + ms(700)));
    desk.run(ms(10_000));
    assert_eq!((desk.status().state, desk.engine.next()), (State::Down, None));
    // Nor for a session that is gone.
    let (mut desk, _) = up();
    desk.engine.close(desk.id, &mut Vec::new());
    assert_eq!(desk.engine.next(), None);
}

/// Neither for a driver that says so, nor for a packet that was overtaken.
#[test]
fn time_does_not_run_backwards() {
    let (mut desk, start) = up();
    desk.run(ms(1000));
    hear(&mut desk, start + ms(1000), REMOTE);
    desk.run(ms(1000));
    let mut out = Vec::new();
    desk.engine.advance(start, &mut out);
    hear(&mut desk, start + ms(300), REMOTE);
    desk.now = start;
    hear(&mut desk, start, REMOTE);
    desk.now = start + ms(2000);
    assert_eq!(desk.status().last_heard, Some(start + ms(1000)));
    desk.run(ms(1999));
    assert_eq!(desk.status().state, State::Up);
    desk.run(ms(1));
    assert_eq!(desk.status().state, State::Down);
}
