//! Changing intervals (RFC 5880 §6.5, §6.8.3): what is told, what is in force, and when.

mod session_desk;

use std::time::Duration;

use bfd::packet::ControlPacket;
use bfd::{DetectMult, Micros, State};
use session_desk::{Desk, micros, ms, packet, settings};

/// An answer with F.
fn fin(state: State, desk: &Desk) -> ControlPacket {
    let mut answer = packet(state, desk.ours());
    answer.fin = true;
    answer
}

/// Up, with the poll of that over.
fn up(tx: u32, rx: u32) -> Desk {
    let mut desk = Desk::in_state(State::Up, settings(tx, rx, 3));
    desk.hear(fin(State::Up, &desk));
    desk.say(State::Up);
    desk.run(ms(1)); // what became due by it
    desk.clear();
    desk
}

#[test]
fn rfc5880_6_8_3_a_second_at_least_is_told_while_not_up_and_the_configured_interval_with_a_poll_on_up() {
    let mut desk = Desk::new(bfd::session::Role::Active, settings(50, 50, 3));
    desk.run(Duration::from_secs(20));
    assert!(desk.sent.iter().all(|(_, out)| out.desired_min_tx == Micros(1_000_000) && !out.poll));
    desk.hear(packet(State::Down, None));
    assert_eq!((desk.last().state, desk.last().desired_min_tx), (State::Init, Micros(1_000_000)));
    desk.clear();
    desk.say(State::Init);
    assert_eq!(desk.sent.len(), 1);
    let out = desk.last();
    assert_eq!((out.state, out.desired_min_tx, out.poll), (State::Up, Micros(50_000), true));

    // P stays until F comes, and is set in an answer never.
    desk.run(ms(1001));
    assert!(desk.sent.len() >= 2 && desk.sent.iter().all(|(_, out)| out.poll));
    let mut poll = packet(State::Up, desk.ours());
    poll.poll = true;
    desk.clear();
    desk.hear(poll);
    assert_eq!((desk.sent.len(), desk.last().poll, desk.last().fin), (1, false, true));
    desk.hear(fin(State::Up, &desk));
    desk.clear();
    desk.run(ms(1001));
    assert!(!desk.sent.is_empty() && desk.sent.iter().all(|(_, out)| !out.poll && !out.fin));
}

#[test]
fn rfc5880_6_8_3_down_means_a_second_again_at_once() {
    let mut desk = up(50, 50);
    desk.say(State::Down);
    assert_eq!((desk.last().state, desk.last().desired_min_tx), (State::Down, Micros(1_000_000)));
    assert_eq!(desk.status().transmit_interval, ms(1000));
}

#[test]
fn rfc5880_6_8_3_a_longer_transmit_interval_is_told_at_once_and_in_force_after_final() {
    let mut desk = up(1000, 1000);
    desk.set(settings(3000, 1000, 3));
    assert_eq!((desk.sent.len(), desk.last().desired_min_tx, desk.last().poll), (1, micros(3000), true));
    let status = desk.status();
    assert_eq!((status.desired_min_tx, status.pending_min_tx), (micros(1000), Some(micros(3000))));
    assert_eq!(status.transmit_interval, ms(1000));
    desk.hear(fin(State::Up, &desk));
    let status = desk.status();
    assert_eq!((status.desired_min_tx, status.pending_min_tx), (micros(3000), None));
    assert_eq!(status.transmit_interval, ms(3000));
}

#[test]
fn rfc5880_6_8_3_a_shorter_transmit_interval_is_in_force_at_once() {
    let mut desk = up(3000, 1000);
    desk.set(settings(1500, 1000, 3));
    assert!(desk.last().poll);
    let status = desk.status();
    assert_eq!((status.transmit_interval, status.pending_min_tx), (ms(1500), None));
}

#[test]
fn rfc5880_6_8_3_a_shorter_receive_interval_shortens_detection_after_final_only() {
    let mut desk = up(1000, 2000);
    assert_eq!(desk.status().detection_time, ms(6000));
    desk.set(settings(1000, 1200, 3));
    assert_eq!((desk.last().required_min_rx, desk.last().poll), (micros(1200), true));
    assert_eq!(desk.status().detection_time, ms(6000));
    assert_eq!(desk.status().pending_min_rx, Some(micros(1200)));
    desk.hear(fin(State::Up, &desk));
    assert_eq!(desk.status().detection_time, ms(3600));
    assert_eq!(desk.status().pending_min_rx, None);
}

#[test]
fn rfc5880_6_8_3_a_longer_receive_interval_lengthens_detection_at_once() {
    let mut desk = up(1000, 1000);
    desk.set(settings(1000, 2000, 3));
    assert!(desk.last().poll);
    assert_eq!(desk.status().detection_time, ms(6000));
}

/// RFC 5880 §6.8.3, the third choice: a packet without F lies between two sequences.
#[test]
fn one_poll_sequence_at_a_time_and_what_is_set_meanwhile_starts_the_next() {
    let mut desk = up(1000, 1000);
    desk.set(settings(2000, 1000, 3));
    desk.clear();
    desk.set(settings(4000, 1500, 3));
    assert!(desk.sent.is_empty(), "nobody could tell what a Final answers");
    let status = desk.status();
    assert_eq!((status.pending_min_tx, status.pending_min_rx), (Some(micros(4000)), Some(micros(1500))));
    desk.hear(fin(State::Up, &desk));
    assert!(desk.sent.is_empty());
    assert_eq!(desk.status().transmit_interval, ms(2000), "what was told is in force");
    desk.hear(fin(State::Up, &desk));
    assert!(desk.sent.is_empty(), "F again");
    desk.say(State::Up);
    assert_eq!(desk.sent.len(), 1);
    let out = desk.last();
    assert_eq!((out.desired_min_tx, out.required_min_rx, out.poll), (micros(4000), micros(1500), true));
    desk.hear(fin(State::Up, &desk));
    assert_eq!(desk.status().transmit_interval, ms(4000));
}

/// The second choice where the third cannot be: a peer that was asked to send nothing sends nothing without F.
#[test]
fn a_peer_asked_to_be_silent_is_polled_again_after_a_round_trip() {
    let mut desk = up(1000, 1000);
    desk.set(settings(1000, 0, 3));
    assert_eq!(desk.status().detection_time, Duration::ZERO, "its silence is no failure any more");
    desk.set(settings(2000, 0, 3));
    desk.hear(fin(State::Up, &desk));
    desk.run(ms(2100));
    assert_eq!((desk.last().desired_min_tx, desk.last().poll), (micros(2000), true));
    desk.run(Duration::from_secs(3600));
    assert_eq!(desk.status().state, State::Up);

    // Its packets are wanted again: until it knows, silence is still no failure.
    desk.hear(fin(State::Up, &desk));
    desk.run(ms(3000));
    desk.set(settings(2000, 500, 3));
    assert!(desk.last().poll);
    desk.run(ms(60_000));
    assert_eq!(desk.status().state, State::Up);
    desk.hear(fin(State::Up, &desk));
    assert_eq!(desk.status().detection_time, ms(3000));
    desk.run(ms(3000));
    assert_eq!(desk.status().state, State::Down);
}

#[test]
fn set_while_not_up_is_in_force_at_once_but_never_below_a_second() {
    for state in [State::AdminDown, State::Down, State::Init] {
        let mut desk = Desk::in_state(state, settings(100, 1000, 3));
        desk.set(settings(200, 400, 3));
        let status = desk.status();
        assert_eq!((status.desired_min_tx, status.required_min_rx), (Micros::SECOND, micros(400)), "{state}");
        assert_eq!((status.pending_min_tx, status.pending_min_rx), (None, None), "{state}");
        assert_eq!(desk.last().required_min_rx, micros(400), "{state}");
        desk.set(settings(5000, 400, 3));
        assert_eq!(desk.status().transmit_interval, ms(5000), "{state}");
    }
}

/// A transmit interval of zero is reserved (RFC 5880 §4.1).
#[test]
fn a_transmit_interval_of_zero_leaves_the_old_one() {
    let mut desk = up(1000, 1000);
    desk.set(settings(0, 1000, 3));
    assert!(desk.sent.is_empty());
    assert_eq!(desk.status().settings.desired_min_tx, micros(1000));
}

#[test]
fn multiplier_and_c_bit_are_told_at_once_without_a_poll() {
    let mut desk = up(1000, 1000);
    let mut new = settings(1000, 1000, 7);
    desk.set(new.clone());
    assert_eq!((desk.sent.len(), desk.last().detect_mult.get(), desk.last().poll), (1, 7, false));
    new.control_plane_independent = true;
    desk.set(new.clone());
    assert!(desk.sent.len() == 2 && desk.last().control_plane_independent && !desk.last().poll);
    desk.set(new);
    assert_eq!(desk.sent.len(), 2, "nothing new, nothing said");
}

/// RFC 5880 §6.8.3: not longer than the new interval after the packet before; at once if that is over.
#[test]
fn a_peer_that_can_take_more_gets_it_at_once() {
    let mut desk = Desk::in_state(State::Up, settings(100, 1000, 3));
    let mut slow = packet(State::Up, desk.ours());
    slow.fin = true;
    slow.required_min_rx = micros(10_000);
    desk.hear(slow);
    slow.fin = false;
    desk.hear(slow);
    assert_eq!(desk.status().transmit_interval, ms(10_000));
    desk.clear();
    desk.run(ms(2000));
    desk.hear(slow);
    assert!(desk.sent.is_empty());
    let mut quick = slow;
    quick.required_min_rx = micros(100);
    desk.hear(quick);
    desk.advance();
    assert_eq!(desk.sent.len(), 1, "a hundred milliseconds are over");
    desk.run(ms(1000));
    assert!((11..=15).contains(&desk.sent.len()), "{} packets in a second", desk.sent.len());
}

#[test]
fn polls_are_answered_one_to_one_and_leave_the_timers_alone() {
    let mut desk = up(1000, 1000);
    let mut poll = packet(State::Up, desk.ours());
    poll.poll = true;
    poll.detect_mult = DetectMult::new(9).unwrap();
    let mut answers = 0;
    for _ in 0..5000 {
        desk.run(ms(1));
        desk.hear(poll);
        answers += 1;
    }
    let fins = desk.sent.iter().filter(|(_, out)| out.fin).count();
    let periodic = desk.sent.len() - fins;
    assert_eq!(fins, answers);
    assert!((4..=7).contains(&periodic), "{} periodic packets in five seconds", periodic);
}

/// A peer that has it wrong and sets F in all it says must not keep our settings from ever being taken.
#[test]
fn a_peer_that_always_says_final_is_polled_again_after_a_round_trip() {
    let mut desk = up(1000, 1000);
    desk.set(settings(2000, 1000, 3));
    desk.hear(fin(State::Up, &desk));
    desk.set(settings(3000, 1000, 3));
    let answer = fin(State::Up, &desk);
    desk.run_hearing(ms(4000), ms(500), answer);
    assert_eq!((desk.last().desired_min_tx, desk.status().transmit_interval), (micros(3000), ms(3000)));
}
