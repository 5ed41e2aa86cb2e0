//! The driver itself: sockets that come and go, commands, the end of the thread.

use std::io;
use std::time::Instant;

use bfd::State;
use bfd::net::{Driver, Listen, Options};
use bfd::session::Hops;

use crate::support::{Node, alone, every, ms, on, single};

/// The threads of this process called `bfd`.
fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    tasks
        .filter(|task| std::fs::read(task.as_ref().unwrap().path().join("comm")).unwrap() == b"bfd\n")
        .count()
}

fn start(listen: Vec<Listen>) -> io::Result<Driver> {
    Driver::start(Options { listen, ..Options::default() }, |_| {})
}

alone! {
    fn a_port_that_is_taken_is_an_error_that_says_so() {
        let first = start(vec![on(Hops::Single, "0.0.0.0")]).unwrap();
        for address in ["0.0.0.0", "10.1.1.1"] {
            let error = start(vec![on(Hops::Single, address)]).err().unwrap();
            assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
            assert_eq!(error.to_string(), format!("UDP port 3784 of {address} is taken"));
        }
        assert_eq!(first.listen(&on(Hops::Single, "10.1.1.1")).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        // IPv6, the other port, and the other listeners of a driver that was not started, are free.
        let other = start(vec![on(Hops::Single, "::"), on(Hops::Multi, "0.0.0.0")]).unwrap();
        drop((first, other));
        start(vec![on(Hops::Single, "0.0.0.0")]).unwrap();
    }

    fn an_address_or_a_device_we_do_not_have_is_an_error_that_says_so() {
        let error = start(vec![on(Hops::Multi, "192.0.2.99")]).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::AddrNotAvailable);
        assert!(error.to_string().starts_with("cannot listen on UDP port 4784 of 192.0.2.99: "), "{error}");
        let device = Listen { device: Some("nowhere".to_owned()), ..on(Hops::Single, "0.0.0.0") };
        let error = start(vec![device]).err().unwrap();
        assert!(error.to_string().starts_with("cannot listen on UDP port 3784 of 0.0.0.0 on nowhere: "), "{error}");
    }

    fn listeners_come_and_go_while_it_runs() {
        let (left, right) = (start(vec![]).unwrap(), Node::at("10.1.1.2"));
        right.open(single("10.1.1.2", "10.1.1.1"), every(50));
        let here = on(Hops::Single, "10.1.1.1");
        for _ in 0..3 {
            left.listen(&here).unwrap();
            left.listen(&here).unwrap(); // twice is once
            let first = left.call(|engine, _, _| engine.counters().received).blocking_recv().unwrap();
            std::thread::sleep(ms(1100)); // the peer sends every second at the most
            assert!(left.call(|engine, _, _| engine.counters().received).blocking_recv().unwrap() > first);
            left.ignore(&here);
            left.ignore(&here);
        }
        drop(start(vec![here]).unwrap()); // the socket is closed indeed
    }

    fn calls_are_answered_in_order_and_at_once() {
        let driver = start(vec![]).unwrap();
        let begun = Instant::now();
        let answers: Vec<_> = (0..5000).map(|n| driver.call(move |_, _, _| n)).collect();
        let answers: Vec<i32> = answers.into_iter().map(|answer| answer.blocking_recv().unwrap()).collect();
        assert_eq!(answers, (0..5000).collect::<Vec<_>>());
        assert!(begun.elapsed() < ms(2000), "{:?}", begun.elapsed());
        let before = Instant::now();
        let now = driver.call(|_, now, _| now).blocking_recv().unwrap();
        assert!(before <= now && now <= Instant::now());
    }

    fn the_thread_ends_when_the_driver_is_dropped_or_stopped() {
        assert_eq!(threads(), 0);
        let (dropped, stopped) = (start(vec![on(Hops::Single, "::")]).unwrap(), start(vec![]).unwrap());
        let ran = dropped.call(|_, _, _| std::thread::current().name().map(str::to_owned));
        assert_eq!(ran.blocking_recv().unwrap().as_deref(), Some("bfd"));
        assert_eq!(threads(), 2);
        assert!(dropped.is_running());
        drop(dropped);
        assert_eq!(threads(), 1);
        stopped.stop();
        assert_eq!(threads(), 0);
    }

    fn a_panic_on_the_thread_is_contained_and_calls_are_answered_by_an_error() {
        let node = Node::at("10.1.1.1");
        let answer = node.driver.call(|_, _, _| -> () { panic!("on purpose") });
        assert!(answer.blocking_recv().is_err());
        assert!(node.driver.call(|_, _, _| ()).blocking_recv().is_err());
        let until = Instant::now() + ms(2000);
        while node.driver.is_running() && Instant::now() < until {
            std::thread::yield_now();
        }
        assert!(!node.driver.is_running());
        let error = node.driver.listen(&on(Hops::Single, "10.1.1.2")).unwrap_err();
        assert_eq!(error.to_string(), "the BFD thread has ended");
        node.driver.ignore(&on(Hops::Single, "10.1.1.1"));
        node.driver.stop();
        Node::at("10.1.1.1"); // the port is free again
    }

    fn a_real_time_priority_is_taken_where_it_may_be() {
        let options = Options { listen: vec![], real_time: Some(7), ..Options::default() };
        let driver = Driver::start(options, |_| {}).unwrap();
        let stat = driver.call(|_, _, _| std::fs::read_to_string("/proc/thread-self/stat").unwrap());
        let stat = stat.blocking_recv().unwrap();
        // proc(5): field 40 is rt_priority, 41 policy (1: SCHED_FIFO); the name, field 2, has no blanks here.
        let fields: Vec<&str> = stat.split(' ').collect();
        let capable = std::fs::read_to_string("/proc/self/uid_map").unwrap().contains("4294967295");
        if capable {
            assert_eq!((fields[39], fields[40]), ("7", "1"));
        } else {
            assert_eq!((fields[39], fields[40]), ("0", "0"));
        }
    }

    fn a_failing_way_is_counted_and_found_again() {
        let node = Node::at("127.0.0.1");
        let id = node.open(single("10.1.1.9", "10.1.1.1"), every(50)); // not our address
        std::thread::sleep(ms(300));
        assert!(node.driver.counters().send_errors > 0);
        assert_eq!(node.status(id).state, State::Down);
        let peer = Node::at("10.1.1.1");
        let added = std::process::Command::new("ip").args(["addr", "add", "10.1.1.9/32", "dev", "lo"]).status();
        assert!(added.unwrap().success());
        node.driver.listen(&on(Hops::Single, "10.1.1.9")).unwrap();
        peer.open(single("10.1.1.1", "10.1.1.9"), every(50));
        node.reaches(State::Up);
    }
}
