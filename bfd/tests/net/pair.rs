//! Two drivers that talk to each other.

use std::time::Duration;

use bfd::engine::Control;
use bfd::net::{Listen, Notice};
use bfd::session::{Hops, Path, Reason};
use bfd::{Diagnostic, Micros, State};

use crate::support::{Node, alone, every, ip, ms, on, path, single};

/// Two nodes with a session in between; both are Up.
fn up(hops: Hops, (left, right): (&str, &str), interval: u32) -> (Node, Node) {
    let nodes = (Node::new(on(hops, left)), Node::new(on(hops, right)));
    nodes.0.open(path(hops, left, right), every(interval));
    nodes.1.open(path(hops, right, left), every(interval));
    nodes.0.reaches(State::Up);
    nodes.1.reaches(State::Up);
    nodes
}

alone! {
    fn both_ends_come_up_over_ipv4() {
        up(Hops::Single, ("10.1.1.1", "10.1.1.2"), 50);
    }

    fn both_ends_come_up_over_ipv6() {
        up(Hops::Single, ("fd00::1", "fd00::2"), 50);
    }

    fn rfc5883_both_ends_come_up_over_several_hops() {
        up(Hops::Multi, ("10.1.1.1", "10.1.1.2"), 50);
        up(Hops::Multi, ("fd00::1", "fd00::2"), 50);
    }

    fn link_local_addresses_need_their_link_and_nothing_else() {
        let device = |name: &str| Listen { hops: Hops::Single, address: ip("::"), device: Some(name.to_owned()) };
        let index = |name: &str| -> u32 {
            let path = format!("/sys/class/net/{name}/ifindex");
            // Of the namespace sysfs was mounted in; so ask `ip`, which asks the kernel.
            let out = std::process::Command::new("ip").args(["-o", "link", "show", name]).output().unwrap();
            let text = String::from_utf8(out.stdout).unwrap();
            text.split_once(':').unwrap_or_else(|| panic!("{path}: {text}")).0.parse().unwrap()
        };
        let (left, right) = (Node::new(device("left")), Node::new(device("right")));
        let link = |local: &str, remote: &str, interface| Path { interface, ..single(local, remote) };
        left.open(link("fe80::1", "fe80::2", index("left")), every(50));
        right.open(link("fe80::2", "fe80::1", index("right")), every(50));
        left.reaches(State::Up);
        right.reaches(State::Up);
    }

    fn the_kernel_chooses_the_address_where_none_is_given() {
        let (left, right) = (Node::at("10.1.1.1"), Node::at("127.0.0.1"));
        left.open(single("10.1.1.1", "127.0.0.1"), every(50));
        // Towards an address of this host the kernel chooses the same: it is 10.1.1.1 that listens there.
        let path = Path { local: None, ..single("10.1.1.1", "10.1.1.1") };
        let id = right.open(path, every(50));
        std::thread::sleep(ms(50));
        assert!(right.status(id).transmitted > 0);
        assert_eq!(right.driver.counters().send_errors, 0);
        assert!(left.counters().received > 0);
    }

    fn a_passive_session_is_made_by_an_allowed_peer() {
        let (left, right) = (Node::at("10.1.1.1"), Node::at("10.1.1.2"));
        let allowed = right.driver.call(|engine, _, _| {
            engine.set_passive(every(50));
            engine.allow(ip("10.1.1.1"));
        });
        allowed.blocking_recv().unwrap();
        left.open(single("10.1.1.1", "10.1.1.2"), every(50));
        let (_, (id, path)) = right.expect(Duration::from_secs(5), |notice| match notice {
            Notice::Opened(id, path) => Some((id, path)),
            _ => None,
        });
        assert_eq!((path.hops, path.remote), (Hops::Single, ip("10.1.1.1")));
        right.reaches(State::Up);
        left.reaches(State::Up);
        // Closed, its socket goes; the peer makes a new one.
        let closed = right.driver.call(move |engine, _, out| engine.close(id, out));
        assert!(closed.blocking_recv().unwrap());
        let next = right.expect(Duration::from_secs(5), |notice| match notice {
            Notice::Opened(next, _) => Some(next),
            _ => None,
        });
        assert_ne!(next.1, id);
    }

    fn a_silent_peer_is_down_after_its_detection_time() {
        let (left, right) = up(Hops::Single, ("10.1.1.1", "10.1.1.2"), 50);
        std::thread::sleep(ms(500)); // the poll sequence down from a second is over
        drop(right); // without a word
        let (at, change) = left.reaches(State::Down);
        assert_eq!((change.from, change.reason), (State::Up, Reason::Expired));
        assert_eq!(change.diagnostic, Diagnostic::TIME_EXPIRED);
        let silence = at - change.last_heard.unwrap();
        // RFC 5880 §6.8.4: 3 × 50 ms since the last packet. A grid of at most 1 ms, a thread's wake-up, a stall.
        let most = ms(150 + 20) + left.driver.counters().lost_time;
        assert!(silence >= ms(149) && silence <= most, "{silence:?}");
    }

    fn a_changed_interval_is_agreed_on_by_a_poll() {
        let (left, right) = up(Hops::Single, ("10.1.1.1", "10.1.1.2"), 50);
        let changed = left.driver.call(|engine, now, out| {
            let id = engine.find(&single("10.1.1.1", "10.1.1.2")).unwrap();
            (id, engine.set(now, id, every(200), out))
        });
        let (id, known) = changed.blocking_recv().unwrap();
        assert!(known);
        std::thread::sleep(ms(700));
        let status = left.status(id);
        assert_eq!((status.desired_min_tx, status.pending_min_tx), (Micros(200_000), None));
        assert_eq!((status.transmit_interval, status.detection_time), (ms(200), ms(600)));
        assert_eq!((left.changes(), right.changes()), (vec![], vec![]));
    }

    fn a_stop_is_no_failure_for_the_peer() {
        let (left, right) = up(Hops::Single, ("10.1.1.1", "10.1.1.2"), 300);
        left.driver.stop();
        let (_, change) = right.reaches_within(State::Down, ms(500)); // not the 900 ms of detection
        assert_eq!(change.reason, Reason::NeighborAdminDown);
    }

    fn an_administrator_holds_a_session_down_and_lets_it_go() {
        let (left, right) = up(Hops::Single, ("10.1.1.1", "10.1.1.2"), 50);
        let id = left.driver.call(|engine, _, _| engine.find(&single("10.1.1.1", "10.1.1.2")).unwrap());
        let id = id.blocking_recv().unwrap();
        let force = Control::Force(State::AdminDown, Diagnostic::ADMIN_DOWN);
        drop(left.driver.call(move |engine, now, out| engine.control(now, id, force, out)));
        right.reaches(State::Down);
        drop(left.driver.call(move |engine, now, out| engine.control(now, id, Control::Release, out)));
        right.reaches(State::Up);
    }

    fn two_hundred_sessions_come_up_and_stay() {
        let (left, right) = (Node::at("10.1.1.1"), Node::at("10.1.1.2"));
        for n in 1..=200 {
            let (a, b) = (format!("127.0.1.{n}"), format!("127.0.2.{n}"));
            left.driver.listen(&on(Hops::Single, &a)).unwrap();
            right.driver.listen(&on(Hops::Single, &b)).unwrap();
            left.open(single(&a, &b), every(100));
            right.open(single(&b, &a), every(100));
        }
        (0..200).for_each(|_| {
            left.reaches(State::Up);
            right.reaches(State::Up);
        });
        std::thread::sleep(ms(2000));
        assert_eq!((left.changes(), right.changes()), (vec![], vec![]));
    }
}
