//! When packets go out and when they do not (RFC 5880 §6.8.7), what is forgotten (§6.8.1), and what goes away.

mod session_desk;

use std::time::Duration;

use bfd::engine::Control;
use bfd::session::{Reason, Role};
use bfd::{DetectMult, Diagnostic, Micros, State};
use session_desk::{Desk, check_jitter, gaps, micros, ms, packet, settings};

#[test]
fn rfc5880_6_8_7_intervals_are_jittered() {
    for (interval, mult, most) in
        [(10, 3, 100), (10, 1, 90), (50, 3, 100), (300, 1, 90), (1000, 3, 100), (3, 3, 100), (1, 1, 90)]
    {
        let mut desk = Desk::in_state(State::Up, settings(interval, 1000, mult));
        let mut said = packet(State::Up, desk.ours());
        said.fin = true;
        said.required_min_rx = Micros(1);
        desk.hear(said);
        desk.advance();
        desk.clear();
        said.fin = false;
        let span = ms(u64::from(interval) * 500);
        desk.run_hearing(span, ms(500), said);
        check_jitter(&gaps(&desk.sent), ms(interval.into()), most);
    }
}

#[test]
fn rfc5880_6_8_3_not_up_means_a_second_with_jitter() {
    let mut desk = Desk::new(Role::Active, settings(10, 10, 3));
    desk.run(Duration::from_secs(300));
    check_jitter(&gaps(&desk.sent), ms(1000), 100);
}

/// RFC 5880 §6.8.2: the slower of both decides.
#[test]
fn the_peer_is_not_sent_more_than_it_can_take() {
    let mut desk = Desk::in_state(State::Up, settings(10, 1000, 3));
    let mut said = packet(State::Up, desk.ours());
    (said.fin, said.required_min_rx) = (true, micros(40));
    desk.hear(said);
    desk.advance();
    desk.clear();
    said.fin = false;
    desk.run_hearing(ms(20_000), ms(500), said);
    check_jitter(&gaps(&desk.sent), ms(40), 100);
}

/// A driver that is late sends once and goes on; it neither makes up for what it missed nor comes below 75 %.
#[test]
fn a_late_driver_sends_once() {
    let mut desk = Desk::in_state(State::Up, settings(10, 1000, 3));
    let mut said = packet(State::Up, desk.ours());
    (said.fin, said.required_min_rx) = (true, micros(10));
    desk.hear(said);
    desk.advance();
    desk.clear();
    said.fin = false;
    for late in [1, 2, 3, 7, 12, 400, 1000] {
        let due = desk.engine.next().unwrap();
        desk.now = due + ms(late);
        desk.engine.stalled(due, desk.now);
        desk.advance();
        desk.hear(said);
        desk.run(ms(20));
        let gaps = gaps(&desk.sent);
        assert!(gaps.iter().all(|gap| *gap >= Duration::from_micros(7500)), "{late} ms late: {gaps:?}");
        assert!(gaps[1..].iter().all(|gap| *gap <= ms(10)), "{late} ms late: {gaps:?}");
        desk.sent.drain(..desk.sent.len() - 1);
    }
}

/// Or they would all come at once from then on.
#[test]
fn after_a_late_packet_the_next_is_jittered_as_ever() {
    let mut desk = Desk::in_state(State::Up, settings(1000, 0, 3));
    let mut gaps = Vec::new();
    for _ in 0..150 {
        desk.now = desk.engine.next().unwrap() + ms(700);
        desk.advance();
        gaps.push(desk.engine.next().unwrap() - desk.now);
    }
    check_jitter(&gaps, ms(1000), 100);
}

#[test]
fn rfc5880_6_8_7_a_peer_that_wants_no_packets_gets_none_at_intervals() {
    for state in [State::Init, State::Up] {
        let mut desk = Desk::in_state(state, settings(1000, 1000, 3));
        let mut said = packet(state, desk.ours());
        said.required_min_rx = Micros(0);
        desk.hear(said);
        desk.clear();
        desk.run_hearing(Duration::from_secs(30), ms(900), said);
        assert!(desk.sent.is_empty());
        assert_eq!(desk.status().transmit_interval, Duration::ZERO);
        said.poll = true;
        desk.hear(said);
        assert_eq!(desk.sent.len(), 1, "an answer is not periodic");
        said.required_min_rx = micros(1000);
        said.poll = false;
        desk.hear(said);
        desk.advance();
        assert_eq!(desk.sent.len(), 2, "it wants packets again, and was owed one");
    }
}

/// RFC 5880 §6.6, §6.8.7: while it is in demand mode and both ends are Up, only polls go out. We never set D.
#[test]
fn rfc5880_6_8_7_a_peer_in_demand_mode_gets_none_at_intervals_but_polls() {
    let mut desk = Desk::in_state(State::Up, settings(1000, 1000, 3));
    let mut said = packet(State::Up, desk.ours());
    said.demand = true;
    desk.hear(said);
    desk.run_hearing(Duration::from_secs(30), ms(900), said);
    assert!(desk.sent.is_empty());
    desk.set(settings(2000, 1000, 3));
    desk.run_hearing(Duration::from_secs(10), ms(900), said);
    assert!(desk.sent.len() >= 8 && desk.sent.iter().all(|(_, out)| out.poll && !out.demand));
    said.fin = true;
    desk.hear(said);
    desk.clear();
    said.fin = false;
    desk.run_hearing(Duration::from_secs(30), ms(900), said);
    assert!(desk.sent.is_empty());
    said.demand = false;
    desk.run_hearing(Duration::from_secs(30), ms(900), said);
    assert!(desk.sent.len() >= 15);
}

#[test]
fn rfc5880_6_8_7_a_passive_end_says_nothing_to_nobody() {
    let mut desk = Desk::new(Role::Passive, settings(100, 100, 3));
    desk.run(Duration::from_secs(60));
    assert!(desk.sent.is_empty() && desk.engine.next().is_none());
    desk.set(settings(200, 100, 5));
    assert!(desk.sent.is_empty());
    desk.control(Control::Force(State::Down, Diagnostic::PATH_DOWN));
    desk.control(Control::Release);
    assert!(desk.sent.is_empty());
    desk.hear(packet(State::Down, None));
    assert_eq!((desk.sent.len(), desk.status().state), (1, State::Init));
}

#[test]
fn activated_it_speaks_and_does_not_stop() {
    let mut desk = Desk::new(Role::Passive, settings(100, 100, 3));
    desk.control(Control::Activate);
    assert_eq!(desk.sent.len(), 1);
    desk.run(Duration::from_secs(60));
    assert!(desk.sent.len() >= 60 && desk.status().role == Role::Active);

    // Made by a packet, it stays from then on, though its peer does not.
    let mut desk = Desk::bare(bfd::engine::Limits::default());
    desk.engine.allow(session_desk::REMOTE);
    desk.hear(packet(State::Down, None));
    desk.control(Control::Activate);
    desk.run(Duration::from_secs(3600));
    assert!(desk.closed.is_empty() && desk.sent.len() > 3600);
}

/// What a peer that fell silent is told: an active end goes on with a discriminator of zero, a passive one says Down
/// once. What it wanted of our intervals is forgotten with it.
#[test]
fn rfc5880_6_8_1_a_silent_peer_is_forgotten() {
    for role in [Role::Active, Role::Passive] {
        let mut desk = Desk::new(role, settings(100, 1000, 3)); // polls from Up on, and is not answered
        let mut said = packet(State::Down, None);
        said.required_min_rx = micros(60_000);
        desk.hear(said);
        desk.say(State::Init);
        assert_eq!(desk.status().state, State::Up);
        desk.clear();
        desk.run(ms(3000));
        let (_, change) = desk.changes[0];
        assert_eq!((change.to, change.reason), (State::Down, Reason::Expired));
        assert_eq!(change.last_heard, Some(desk.now - ms(3000)));
        let status = desk.status();
        assert_eq!((status.remote_discriminator, status.remote_required_min_rx), (None, Micros(1)));
        assert_eq!(status.failures, 1);
        let said = desk.sent.last().unwrap().1;
        assert_eq!((said.state, said.diagnostic), (State::Down, Diagnostic::TIME_EXPIRED));
        assert_eq!(said.your_discriminator.is_none(), role == Role::Active);
        assert!(!said.poll, "nobody would answer");
        desk.clear();
        desk.run(Duration::from_secs(60));
        match role {
            Role::Active => assert!(desk.sent.iter().all(|(_, out)| out.your_discriminator.is_none())),
            Role::Passive => assert!(desk.sent.is_empty()),
        }
        assert_eq!(desk.sent.is_empty(), role == Role::Passive);
        assert!(desk.closed.is_empty(), "one that was asked for stays");
        desk.hear(packet(State::Down, None));
        assert_eq!(desk.status().state, State::Init, "and comes up again");
    }
}

/// OpenBFDD's way: two detection times, then 3 × multiplier × a second at least. With 0.3 s and a multiplier of 3, a
/// detection time of 0.3 s: 0.3 + 0.6 + 9 s after the last packet.
#[test]
fn a_session_made_by_a_packet_goes_away_after_its_peer() {
    let mut desk = Desk::bare(bfd::engine::Limits::default());
    desk.engine.set_passive(settings(100, 100, 3));
    desk.engine.allow(session_desk::REMOTE);
    let mut said = packet(State::Down, None);
    said.desired_min_tx = micros(100);
    desk.hear(said);
    assert_eq!(desk.opened, [(desk.id, session_desk::PATH)]);
    desk.say(State::Init);
    let mut up = packet(State::Up, desk.ours());
    up.desired_min_tx = micros(100);
    desk.hear(up);
    desk.run(ms(9899));
    assert!(desk.closed.is_empty());
    assert_eq!(desk.status().state, State::Down);
    desk.run(ms(2));
    assert_eq!(desk.closed, [desk.id]);
    assert!(desk.engine.next().is_none() && desk.engine.session(desk.id).is_none());
    desk.hear(said);
    assert_eq!(desk.opened.len(), 2, "it is still allowed");
    assert_ne!(desk.opened[0].0, desk.opened[1].0, "under a number of its own");
}

#[test]
fn a_session_that_is_held_does_not_go_away() {
    for hold in [Control::Force(State::Down, Diagnostic::PATH_DOWN), Control::Suspend] {
        let mut desk = Desk::bare(bfd::engine::Limits::default());
        desk.engine.allow(session_desk::REMOTE);
        desk.hear(packet(State::Down, None));
        desk.control(hold);
        desk.run(Duration::from_secs(3600));
        assert!(desk.closed.is_empty());
        desk.control(if hold == Control::Suspend { Control::Resume } else { Control::Release });
        desk.run(Duration::from_secs(60));
        assert_eq!(desk.closed, [desk.id]);
    }
}

#[test]
fn forced_down_it_keeps_saying_so_and_lets_go_on_release() {
    let mut desk = Desk::in_state(State::Up, settings(1000, 1000, 3));
    desk.control(Control::Force(State::Down, Diagnostic::CONCATENATED_DOWN));
    for state in [State::Down, State::Init, State::Up, State::Down] {
        desk.run_hearing(Duration::from_secs(3), ms(900), packet(state, desk.ours()));
        assert_eq!((desk.status().state, desk.status().forced), (State::Down, true));
    }
    assert!(desk.sent.len() >= 12);
    assert!(desk.sent.iter().all(|(_, out)| out.diagnostic == Diagnostic::CONCATENATED_DOWN));
    desk.control(Control::Release);
    desk.say(State::Init);
    assert_eq!((desk.status().state, desk.status().forced), (State::Up, false));
    assert_eq!(desk.status().diagnostic, Diagnostic::NONE);
    let states: Vec<_> = desk.status().history.iter().map(|entry| (entry.state, entry.forced)).collect();
    let down = (State::Down, false);
    assert_eq!(states, [(State::Up, false), (State::Down, true), (State::Up, false), down]);
}

#[test]
fn suspended_it_says_nothing_whatever_comes() {
    let mut desk = Desk::in_state(State::Up, settings(1000, 1000, 3));
    desk.control(Control::Suspend);
    let mut said = packet(State::Up, desk.ours());
    said.poll = true;
    desk.run_hearing(Duration::from_secs(10), ms(900), said);
    desk.say(State::Down);
    assert!(desk.sent.is_empty() && desk.status().suspended);
    assert_eq!(desk.status().state, State::Down, "but it listens");
    desk.control(Control::Resume);
    assert_eq!(desk.sent.len(), 1);
}

#[test]
fn the_last_eight_states_are_remembered_without_init() {
    let mut desk = Desk::new(Role::Active, settings(1000, 1000, 3));
    for round in 0..6 {
        desk.run(ms(10));
        desk.say(State::Down);
        desk.say(State::Init);
        assert_eq!(desk.status().state, State::Up, "round {round}");
        desk.say(State::Down);
    }
    let history = desk.status().history;
    let expected = [State::Down, State::Up].repeat(4);
    assert_eq!(history.iter().map(|entry| entry.state).collect::<Vec<_>>(), expected);
    assert!(history.is_sorted_by(|newer, older| newer.at >= older.at));
    assert_eq!(desk.status().failures, 6);
}

/// RFC 5880 §6.8.4: the peer's multiplier times the larger of our Required Min RX and its Desired Min TX.
#[test]
fn rfc5880_6_8_4_the_detection_time_is_kept_to_the_nanosecond() {
    for (our_rx, their_tx, mult, expected) in
        [(50, 20, 3, 150), (20, 50, 3, 150), (50, 50, 1, 50), (10, 0, 255, 2550)]
    {
        let mut desk = Desk::in_state(State::Up, settings(10, our_rx, 3));
        let mut said = packet(State::Up, desk.ours());
        (said.fin, said.desired_min_tx) = (true, micros(their_tx));
        said.detect_mult = DetectMult::new(mult).unwrap();
        desk.hear(said);
        let heard = desk.now;
        desk.run(ms(expected) - Duration::from_nanos(1));
        assert_eq!(desk.status().state, State::Up, "{expected} ms");
        desk.run(Duration::from_nanos(1));
        assert_eq!(desk.status().state, State::Down, "{expected} ms");
        assert_eq!(desk.changes.last().unwrap().0, heard + ms(expected));
    }
}
