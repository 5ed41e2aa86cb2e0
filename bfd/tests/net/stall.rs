//! What the thread slept through is no silence of the peer.

use std::time::{Duration, Instant};

use bfd::State;
use bfd::net::Notice;

use crate::support::{Node, Packet, alone, every, ms, single, stranger, to};

/// Both ends Up at 50 ms × 3, past the poll sequence.
fn up() -> (Node, Node) {
    let (left, right) = (Node::at("10.1.1.1"), Node::at("10.1.1.2"));
    left.open(single("10.1.1.1", "10.1.1.2"), every(50));
    right.open(single("10.1.1.2", "10.1.1.1"), every(50));
    left.reaches(State::Up);
    right.reaches(State::Up);
    std::thread::sleep(ms(500));
    left.told();
    (left, right)
}

/// Puts a driver's thread to sleep and waits until it is awake.
fn hold(node: &Node, time: Duration) {
    node.driver.call(move |_, _, _| std::thread::sleep(time)).blocking_recv().unwrap();
}

/// The longest stall told, within the time.
fn stalled(node: &Node) -> Duration {
    node.expect(Duration::from_secs(1), |notice| match notice {
        Notice::Stalled(late) => Some(late),
        _ => None,
    })
    .1
}

alone! {
    fn a_stall_is_counted_and_is_no_silence_of_the_peer() {
        let (left, right) = up();
        let lost = left.driver.counters().lost_time;
        hold(&left, ms(120)); // less than the peer's detection time, or it says Down, rightly
        let late = stalled(&left);
        assert!(late > ms(60) && late < ms(140), "{late:?} of 120 ms, 50 ms at the most before something was due");
        std::thread::sleep(ms(600));
        assert_eq!((left.changes(), right.changes()), (vec![], vec![]));
        let counted = left.driver.counters().lost_time - lost;
        assert!(counted >= late && counted < ms(200), "{counted:?}");
    }

    fn a_stall_of_any_length_declares_nobody_dead() {
        let (left, right) = up();
        for time in [100, 160, 500, 900] {
            hold(&left, ms(time));
            hold(&right, ms(time));
        }
        // Each saw the other end go quiet for longer than the detection time; so it may say so. But who slept does not.
        std::thread::sleep(ms(300));
        let expired = |node: &Node| {
            node.changes().iter().filter(|change| change.reason == bfd::session::Reason::Expired).count()
        };
        assert!(expired(&left) <= 3 && expired(&right) <= 3, "one for each sleep of the other's that was longer");
    }

    fn packets_that_came_in_a_stall_are_heard_when_they_came() {
        let node = Node::at("10.1.1.1");
        let id = node.open(single("10.1.1.1", "10.1.1.2"), every(50));
        let peer = stranger("10.1.1.2", 255);
        let mine = node.status(id).discriminator.get();
        let say = |state, your| {
            let octets = Packet { interval: bfd::Micros(50_000), ..Packet::new(state, 77, your) }.octets();
            peer.send_to(&octets, to("10.1.1.1")).unwrap();
        };
        say(State::Down, 0);
        node.reaches(State::Init);
        say(State::Init, mine);
        node.reaches(State::Up);
        say(State::Up, mine);
        let held = node.driver.call(|_, _, _| std::thread::sleep(ms(600)));
        let mut last = Instant::now();
        for _ in 0..10 {
            std::thread::sleep(ms(50));
            last = Instant::now();
            say(State::Up, mine);
        }
        held.blocking_recv().unwrap(); // 100 ms after the last
        let (at, change) = node.reaches(State::Down);
        let heard = change.last_heard.unwrap();
        assert!(heard.max(last) - heard.min(last) < ms(5), "heard when it came");
        // 150 ms of detection, and the 100 ms of the stall after it; with what the machine took besides.
        let silence = at - heard;
        let most = ms(270) + node.driver.counters().lost_time.saturating_sub(ms(600));
        assert!(silence >= ms(149) && silence < most, "{silence:?}");
    }

    fn a_peer_that_fell_silent_in_a_stall_is_down_when_the_awake_time_is_over() {
        let (left, right) = up();
        let died = Instant::now();
        drop(right);
        for _ in 0..4 {
            hold(&left, ms(100)); // again and again; it must not begin anew each time
        }
        let (at, _) = left.reaches(State::Down);
        let (took, lost) = (at - died, left.driver.counters().lost_time);
        assert!(took < ms(150 + 50 + 20) + lost, "{took:?}, of which lost {lost:?}");
        assert!(took < ms(700));
    }
}
