//! What the thread slept through is no silence of the peer.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use bfd::net::Notice;
use bfd::{Micros, State};

use crate::support::{Node, Packet, alone, every, ms, single, stranger, to};

/// Both ends Up at that interval × 3, past the poll sequence.
fn up(interval: u32) -> (Node, Node) {
    let (left, right) = (Node::at("10.1.1.1"), Node::at("10.1.1.2"));
    left.open(single("10.1.1.1", "10.1.1.2"), every(interval));
    right.open(single("10.1.1.2", "10.1.1.1"), every(interval));
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

/// A driver, Up with a peer of handmade packets at 50 ms × 3.
struct Handmade {
    node: Node,
    socket: UdpSocket,
    /// The driver's discriminator.
    theirs: u32,
}

impl Handmade {
    fn up() -> Self {
        let node = Node::at("10.1.1.1");
        let id = node.open(single("10.1.1.1", "10.1.1.2"), every(50));
        let theirs = node.status(id).discriminator.get();
        let peer = Self { node, socket: stranger("10.1.1.2", 255), theirs };
        peer.say(State::Init);
        peer.node.reaches(State::Up);
        peer.say(State::Up);
        peer
    }

    fn say(&self, state: State) {
        let interval = Micros(50_000);
        let packet = Packet { interval, ..Packet::new(state, 77, self.theirs) };
        self.socket.send_to(&packet.octets(), to("10.1.1.1")).unwrap();
    }

    /// Says Up every 50 ms.
    fn speak_for(&self, time: Duration) {
        let until = Instant::now() + time;
        while Instant::now() < until {
            self.say(State::Up);
            std::thread::sleep(ms(50));
        }
        self.say(State::Up);
    }
}

alone! {
    fn a_stall_is_counted_and_is_no_silence_of_the_peer() {
        let (left, right) = up(200);
        let lost = left.driver.counters().lost_time;
        hold(&left, ms(300)); // half of the peer's detection time: it does not say Down
        let late = stalled(&left);
        assert!(late > ms(90) && late < ms(400), "{late:?} of 300 ms; for 200 at the most nothing was due");
        std::thread::sleep(ms(800));
        assert_eq!((left.changes(), right.changes()), (vec![], vec![]));
        let counted = left.driver.counters().lost_time - lost;
        assert!(counted >= late && counted < late + ms(200), "{counted:?}");
    }

    fn a_stall_of_any_length_in_which_nothing_could_be_heard_declares_nobody_dead() {
        // As when the whole machine stood still: nothing is sent meanwhile, so nothing waits in the socket.
        let peer = Handmade::up();
        for time in [100, 160, 300, 700] {
            peer.speak_for(ms(300));
            hold(&peer.node, ms(time));
        }
        peer.speak_for(ms(300));
        assert_eq!(peer.node.changes(), vec![]);
        let lost = peer.node.driver.counters().lost_time;
        assert!(lost > ms(1260 - 4 * 50), "{lost:?} of 1260 ms");
        let sum = peer.node.driver.call(|engine, _, _| (engine.lost_time(), engine.counters().stalls));
        let (same, times) = sum.blocking_recv().unwrap();
        assert!(same == lost && times >= 4, "{same:?}, {lost:?}, {times}");
    }

    fn packets_that_came_in_a_stall_are_heard_when_they_came() {
        let peer = Handmade::up();
        let node = &peer.node;
        let held = node.driver.call(|_, _, _| std::thread::sleep(ms(600)));
        let mut last = Instant::now();
        for _ in 0..10 {
            std::thread::sleep(ms(50));
            last = Instant::now();
            peer.say(State::Up);
        }
        held.blocking_recv().unwrap(); // 100 ms after the last
        let (at, change) = node.reaches(State::Down);
        let heard = change.last_heard.unwrap();
        assert!(heard.max(last) - heard.min(last) < ms(30), "heard when it came");
        // 150 ms of detection, and the 100 ms of the stall after it; with what the machine took besides.
        let silence = at - heard;
        let most = ms(270) + node.driver.counters().lost_time.saturating_sub(ms(600));
        assert!(silence >= ms(149) && silence < most, "{silence:?}");
    }

    fn a_peer_that_fell_silent_in_a_stall_is_down_when_the_awake_time_is_over() {
        let (left, right) = up(50);
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
