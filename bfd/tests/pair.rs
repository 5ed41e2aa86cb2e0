//! Two engines over a network: they come up, stay up, find out, come back. Bounds are RFC 5880's, by hand.

mod pair_world;

use std::time::Duration;

use bfd::engine::Control;
use bfd::packet::ControlPacket;
use bfd::session::{Reason, Role, Settings};
use bfd::{Diagnostic, State};
use pair_world::{World, ms, settings};

const SEEDS: std::ops::Range<u64> = 0..40;

/// A round trip of 2 ms: Down, Init and Up of one side cross the network within it, as both speak at the start; an
/// interval of a second more if what one said came too early for the other.
#[test]
fn two_active_ends_come_up_within_two_intervals_of_a_second() {
    for seed in SEEDS {
        let mut world = World::active(seed, [settings(50, 3), settings(50, 3)]);
        world.run(Duration::from_secs(2));
        assert_eq!(world.states(), [State::Up; 2], "seed {seed}");
        world.run(ms(100));
        for host in [0, 1] {
            assert_eq!(world.status(host).detection_time, ms(150), "seed {seed}");
            assert_eq!(world.status(host).transmit_interval, ms(50), "seed {seed}");
        }
    }
}

/// RFC 5880 §6.8.2, §6.8.4: each direction for itself.
#[test]
fn ends_with_different_intervals_agree_on_the_slower() {
    let (mut fast, slow) = (settings(20, 3), settings(200, 4));
    fast.required_min_rx = bfd::Micros(50_000);
    let world = World::up(1, [fast, slow]);
    assert_eq!(world.status(0).transmit_interval, ms(200), "20 wanted, 200 taken");
    assert_eq!(world.status(0).detection_time, ms(4 * 200));
    assert_eq!(world.status(1).transmit_interval, ms(200), "200 wanted, 50 taken");
    assert_eq!(world.status(1).detection_time, ms(3 * 200));
}

#[test]
fn a_passive_end_comes_up_when_it_is_spoken_to_and_two_of_them_never() {
    let mut world = World::new(3);
    world.open(0, Role::Passive, settings(50, 3));
    world.run(Duration::from_secs(10));
    world.open(1, Role::Passive, settings(50, 3));
    world.run(Duration::from_secs(10));
    assert!(world.hosts.iter().all(|host| host.sent.is_empty()), "RFC 5880 §6.1");
    world.call(1, |engine, id, now, out| engine.control(now, id, Control::Activate, out));
    world.run(Duration::from_secs(2));
    assert_eq!(world.states(), [State::Up; 2]);
}

#[test]
fn an_allowed_peer_makes_the_session() {
    let mut world = World::new(4);
    let peer = world.hosts[1].address;
    world.hosts[0].engine.allow(peer);
    world.hosts[0].engine.set_passive(settings(50, 3));
    world.open(1, Role::Active, settings(50, 3));
    world.run(Duration::from_secs(3));
    assert_eq!(world.states(), [State::Up; 2]);
    world.links[1].cut = true;
    world.run(Duration::from_secs(30));
    assert_eq!((world.hosts[0].opened, world.hosts[0].closed), (1, 1));
    world.links[1].cut = false;
    world.run(Duration::from_secs(3));
    assert_eq!(world.hosts[0].opened, 2);
    assert_eq!(world.states(), [State::Up; 2]);
}

/// With a multiplier of 3, and three packets in 75 to 100 % of an interval each, the network may lose two in a row.
#[test]
fn a_network_that_delays_doubles_and_reorders_takes_nobody_down() {
    for seed in SEEDS {
        let mut world = World::up(seed, [settings(50, 3), settings(20, 3)]);
        for link in &mut world.links {
            (link.double, link.delay) = (20, ms(1)..ms(49));
        }
        let before = world.hosts.each_ref().map(|host| host.changes.len());
        world.run(Duration::from_secs(30));
        assert_eq!(world.states(), [State::Up; 2], "seed {seed}");
        assert_eq!(world.hosts.each_ref().map(|host| host.changes.len()), before, "seed {seed}");
    }
}

/// What RFC 5880 §6.8.4 makes of a packet where 50 ms are asked for: 3 times that, or 3 times what its sender says.
fn detection(packet: &ControlPacket) -> Duration {
    3 * packet.desired_min_tx.duration().max(ms(50))
}

/// No down that the packets delivered do not justify, and none missed: whenever a silence reached the detection time,
/// the session went down at its end, to the nanosecond.
#[test]
fn loss_takes_a_session_down_exactly_when_it_lasts_the_detection_time() {
    let mut downs = 0;
    for seed in SEEDS {
        let mut world = World::up(seed, [settings(50, 3), settings(50, 3)]);
        for link in &mut world.links {
            (link.loss, link.delay) = (25, ms(1)..ms(3));
        }
        world.run(Duration::from_secs(60));
        for host in &world.hosts {
            for (at, change) in host.changes.iter().filter(|(_, change)| change.reason == Reason::Expired) {
                downs += 1;
                let (last, packet) = host.delivered.iter().rev().find(|(heard, _)| heard < at).unwrap();
                assert_eq!(*at - *last, detection(packet), "seed {seed}");
                assert_eq!(change.last_heard, Some(*last), "seed {seed}");
                assert_eq!(change.diagnostic, Diagnostic::TIME_EXPIRED);
            }
            let up = |at| host.changes.iter().rev().find(|(when, _)| *when <= at).unwrap().1.to == State::Up;
            for pair in host.delivered.windows(2) {
                let (last, packet) = pair[0];
                let end = last + detection(&packet);
                assert!(
                    pair[1].0 <= end || !up(last) || !up(end),
                    "seed {seed}: a silence was missed at {end:?}"
                );
            }
        }
    }
    assert!(downs > 20, "the test must see some: {downs}");
}

#[test]
fn a_cut_in_one_direction_takes_both_ends_down_and_they_come_back() {
    for seed in SEEDS {
        for direction in [0, 1] {
            let mut world = World::up(seed, [settings(50, 3), settings(50, 3)]);
            let (deaf, other) = (1 - direction, direction);
            let cut = world.now;
            world.links[direction].cut = true;
            world.run(ms(200));
            // What was under way arrives within 1 ms: 150 ms after it at the latest.
            let (at, change) = *world.hosts[deaf].changes.last().unwrap();
            assert_eq!((change.to, change.reason), (State::Down, Reason::Expired), "seed {seed}");
            assert!(at - cut <= ms(151), "seed {seed}");
            // The other end is told so and follows after the time of flight (RFC 5880 §6.8.6).
            let (told, change) = *world.hosts[other].changes.last().unwrap();
            assert_eq!((change.to, change.reason), (State::Down, Reason::NeighborDown), "seed {seed}");
            assert_eq!(told - at, ms(1), "seed {seed}");
            world.links[direction].cut = false;
            world.run(ms(3000));
            assert_eq!(world.states(), [State::Up; 2], "seed {seed}");
        }
    }
}

#[test]
fn admin_down_is_no_failure_and_is_taken_back() {
    let mut world = World::up(5, [settings(50, 3), settings(50, 3)]);
    let force = Control::Force(State::AdminDown, Diagnostic::ADMIN_DOWN);
    world.call(0, |engine, id, now, out| engine.control(now, id, force, out));
    world.run(ms(10_000));
    assert_eq!(world.states(), [State::AdminDown, State::Down]);
    let (_, change) = *world.hosts[1].changes.last().unwrap();
    assert_eq!((change.reason, change.diagnostic.0), (Reason::NeighborAdminDown, 3));
    assert_eq!(world.status(1).remote_state, State::AdminDown);
    assert_eq!(world.status(1).remote_diagnostic, Diagnostic::ADMIN_DOWN);
    world.call(0, |engine, id, now, out| engine.control(now, id, Control::Release, out));
    world.run(ms(3000));
    assert_eq!(world.states(), [State::Up; 2]);
}

/// New intervals on both ends at once, half of the packets lost: within the polls nobody goes down for the change, and
/// in the end both have what was set. Multiplier 20, so that loss alone does not take the session down.
#[test]
fn intervals_change_by_poll_while_packets_are_lost() {
    for seed in SEEDS {
        let mut world = World::up(seed, [settings(20, 20), settings(20, 20)]);
        for link in &mut world.links {
            (link.loss, link.delay) = (50, ms(1)..ms(8));
        }
        let before = world.hosts.each_ref().map(|host| host.changes.len());
        let mut interval = 20;
        for (round, next) in [200, 30, 10, 400, 50].into_iter().enumerate() {
            let half = settings((interval + next) / 2, 20);
            world.call(round % 2, |engine, id, now, out| engine.set(now, id, half, out));
            world.run(ms(15));
            for host in [0, 1] {
                world.call(host, |engine, id, now, out| engine.set(now, id, settings(next, 20), out));
            }
            world.run(Duration::from_secs(20));
            for host in [0, 1] {
                let status = world.status(host);
                assert_eq!(status.transmit_interval, ms(next.into()), "seed {seed} round {round}");
                assert_eq!(status.detection_time, ms(u64::from(next) * 20), "seed {seed} round {round}");
                assert_eq!((status.pending_min_tx, status.pending_min_rx), (None, None));
            }
            interval = next;
        }
        assert_eq!(world.hosts.each_ref().map(|host| host.changes.len()), before, "seed {seed}");
    }
}

/// Whenever either end restarts, both are up again: the other end is told Down by the new process's first packet, or
/// finds out by silence.
#[test]
fn either_end_may_restart_at_any_moment() {
    for stable_discriminator in [false, true] {
        for seed in SEEDS {
            let with = Settings { stable_discriminator, ..settings(50, 3) };
            let mut world = World::active(seed, [with.clone(), with.clone()]);
            let mut rng = fastrand::Rng::with_seed(seed);
            for _ in 0..10 {
                world.run(ms(rng.u64(0..2500)));
                world.restart(rng.usize(0..2), with.clone());
            }
            world.run(Duration::from_secs(4));
            assert_eq!(world.states(), [State::Up; 2], "seed {seed}");
        }
    }
}

#[test]
fn a_stable_discriminator_outlives_its_process_and_a_random_one_does_not() {
    for stable_discriminator in [false, true] {
        let with = Settings { stable_discriminator, ..settings(50, 3) };
        let mut world = World::up(1, [with.clone(), with.clone()]);
        let before = world.status(0).discriminator;
        world.restart(0, with);
        assert_eq!(world.status(0).discriminator == before, stable_discriminator);
    }
}
