//! A host that was asleep does not take its peer for dead, and one that is dead is found out all the same: within the
//! detection time and what was lost, as counted.

mod pair_world;

use std::time::{Duration, Instant};

use bfd::State;
use bfd::session::Reason;
use pair_world::{Asleep, LATE, World, ms, settings};

const DETECTION: Duration = ms(150);

/// Host 0 sleeps that long, over and over, with pauses; host 1 lives.
fn naps(world: &mut World, lengths: &[Duration]) -> Instant {
    let mut at = world.now + ms(37);
    for length in lengths {
        world.hosts[0].naps.push(at..at + *length);
        at += *length + ms(500);
    }
    at
}

/// 0.5 to 5 detection times.
fn lengths() -> Vec<Duration> {
    (1..=10).map(|half| DETECTION * half / 2).collect()
}

/// Host 0 asks its peer for patience: else that would be right to take *it* for dead, and slow down to a packet a second.
fn sleeper(seed: u64) -> World {
    World::up(seed, [settings(50, 255), settings(50, 3)])
}

fn no_false_down(seed: u64, asleep: Asleep) {
    let mut world = sleeper(seed);
    world.hosts[0].asleep = asleep;
    let before = world.hosts[0].changes.len();
    let lost = world.hosts[0].engine.lost_time();
    let until = naps(&mut world, &lengths());
    world.run(until - world.now);
    let expired =
        world.hosts[0].changes[before..].iter().filter(|(_, change)| change.reason == Reason::Expired);
    assert_eq!(expired.count(), 0, "seed {seed}, {asleep:?}: {:?}", &world.hosts[0].changes[before..]);
    let counted = world.hosts[0].engine.lost_time() - lost;
    let slept: Duration = lengths().iter().sum();
    // Each nap is counted from the first timer or packet in it, which comes within an interval.
    assert!(counted <= slept && counted >= slept - ms(50) * 10, "seed {seed}, {asleep:?}: {counted:?}");
    assert_eq!(world.hosts[0].engine.counters().stalls, 10);
}

#[test]
fn nobody_is_dead_whose_packets_wait() {
    (0..40).for_each(|seed| no_false_down(seed, Asleep::Process { kept: usize::MAX }));
}

/// The buffer was full: what came last, just before the host woke, is lost.
#[test]
fn nobody_is_dead_whose_packets_found_no_room() {
    (0..40).for_each(|seed| no_false_down(seed, Asleep::Process { kept: 1 }));
}

#[test]
fn nobody_is_dead_as_the_whole_machine_was_asleep() {
    (0..40).for_each(|seed| no_false_down(seed, Asleep::Machine));
}

/// The peer dies at any time around a stall: it is declared down its detection time after its last packet, plus what was
/// counted as lost since, neither sooner nor later than a driver's tolerance.
#[test]
fn a_silent_peer_is_found_out_after_its_detection_time_and_what_was_lost() {
    for seed in 0..8 {
        for nap in lengths() {
            for dies in [0, 20, 40, 120, 160, 300] {
                let mut world = sleeper(seed);
                let start = world.now;
                world.hosts[0].naps.push(start + ms(37)..start + ms(37) + nap);
                let before = world.hosts[0].engine.lost_time();
                world.run(ms(dies));
                world.links[1].cut = true;
                world.run(ms(1500));
                let (at, change) = *world.hosts[0].changes.last().unwrap();
                assert_eq!((change.to, change.reason), (State::Down, Reason::Expired));
                let (last, _) = *world.hosts[0].delivered.last().unwrap();
                let lost = world.hosts[0].engine.lost_time() - before;
                let case = format!("seed {seed}, nap {nap:?}, dies after {dies} ms, {:?} lost", lost);
                assert!(at >= last + DETECTION, "{case}: {:?}", at - last);
                assert!(at <= last + DETECTION + lost + LATE, "{case}: {:?}", at - last);
                // What was lost before the last packet does not count.
                let woke = start + ms(37) + nap;
                let after = woke.saturating_duration_since(last.max(start + ms(37)));
                assert!(at <= last + DETECTION + after.min(lost) + LATE, "{case}: {:?}", at - last);
            }
        }
    }
}

/// A process that may run 20 ms of every 100: a detection time of 30 ms never passes while it sleeps.
fn throttled(seed: u64) -> World {
    let mut world = World::up(seed, [settings(10, 255), settings(10, 3)]);
    let start = world.now;
    for number in 0..200 {
        let from = start + ms(100 * number + 20);
        world.hosts[0].naps.push(from..from + ms(80));
    }
    world
}

#[test]
fn a_throttled_process_takes_no_live_peer_for_dead() {
    for seed in 0..20 {
        for kept in [usize::MAX, 4, 1] {
            let mut world = throttled(seed);
            world.hosts[0].asleep = Asleep::Process { kept };
            let before = world.hosts[0].changes.len();
            world.run(Duration::from_secs(19));
            assert_eq!(world.hosts[0].changes.len(), before, "seed {seed}, {kept} kept");
            assert_eq!(world.states()[0], State::Up);
        }
    }
}

/// 30 ms awake are two turns of 20 ms: stalls that repeat do not put it off for ever.
#[test]
fn a_throttled_process_finds_a_dead_peer() {
    for seed in 0..20 {
        for dies in (5_000..5_100).step_by(7) {
            let mut world = throttled(seed);
            world.run(ms(dies));
            world.links[1].cut = true;
            let lost = world.hosts[0].engine.lost_time();
            world.run(ms(400));
            let (at, change) = *world.hosts[0].changes.last().unwrap();
            assert_eq!((change.to, change.reason), (State::Down, Reason::Expired), "seed {seed}, {dies}");
            let (last, _) = *world.hosts[0].delivered.last().unwrap();
            // A turn may come to its end just before the clock is looked at: up to LATE of each is not counted.
            assert!(at - last <= ms(30 + 3 * 80) + LATE, "seed {seed}, {dies}: {:?}", at - last);
            assert!(at - last >= ms(30), "seed {seed}, {dies}: {:?}", at - last);
            assert!(world.hosts[0].engine.lost_time() > lost);
        }
    }
}

/// A driver that is late by less than a stall delays nothing: detection is as ever.
#[test]
fn a_little_late_is_no_stall() {
    for seed in 0..40 {
        let mut world = sleeper(seed);
        let start = world.now;
        for number in 0..100 {
            let from = start + ms(20 * number);
            world.hosts[0].naps.push(from..from + ms(4));
        }
        world.run(ms(1000));
        assert_eq!(world.hosts[0].engine.counters().stalls, 0);
        world.links[1].cut = true;
        world.run(ms(900));
        let (at, change) = *world.hosts[0].changes.last().unwrap();
        assert_eq!(change.to, State::Down, "seed {seed}");
        let (last, _) = *world.hosts[0].delivered.last().unwrap();
        assert!(at >= last + DETECTION && at <= last + DETECTION + ms(4), "seed {seed}: {:?}", at - last);
    }
}
