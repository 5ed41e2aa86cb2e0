//! Somebody who means harm, or a caller that goes about the driver the wrong way.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bfd::State;
use bfd::net::Driver;
use socket2::{Domain, Protocol, Socket, Type};

use crate::support::{Node, alone, every, ip, ms, single};

/// RFC 1071.
fn checksum(octets: &[u8]) -> [u8; 2] {
    let words =
        octets.chunks(2).map(|pair| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u32::from(*low)));
    let mut sum: u32 = words.sum();
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    let [_, _, high, low] = (!sum).to_be_bytes();
    [high, low]
}

/// An ICMP message of type 3 (RFC 792) about a UDP datagram between these ends.
fn unreachable(code: u8, (from, from_port): ([u8; 4], u16), (to, to_port): ([u8; 4], u16)) -> Vec<u8> {
    let mut out = vec![3, code, 0, 0, 0, 0, 0, 0];
    let mut header = vec![0x45, 0xc0, 0, 52, 0, 0, 0x40, 0, 255, 17, 0, 0];
    header.extend(from);
    header.extend(to);
    let sum = checksum(&header);
    header[10..12].copy_from_slice(&sum);
    out.extend(header);
    out.extend(from_port.to_be_bytes());
    out.extend(to_port.to_be_bytes());
    out.extend([0, 32, 0, 0]);
    let sum = checksum(&out);
    out[2..4].copy_from_slice(&sum);
    out
}

alone! {
    fn icmp_errors_keep_nothing_from_being_sent() {
        let node = Node::at("10.1.1.1");
        let peer = UdpSocket::bind(SocketAddr::new(ip("10.1.1.2"), 3784)).unwrap();
        peer.set_read_timeout(Some(ms(2000))).unwrap();
        node.open(single("10.1.1.1", "10.1.1.2"), every(50));
        let (_, source) = peer.recv_from(&mut [0; 64]).unwrap();
        let forger = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::ICMPV4)).unwrap();
        forger.bind(&SocketAddr::new(ip("10.1.1.3"), 0).into()).unwrap();
        // Port, protocol, host unknown; administratively prohibited: what Linux takes for hard errors.
        let lies = [3, 2, 7, 10, 13].map(|code| {
            unreachable(code, ([10, 1, 1, 1], source.port()), ([10, 1, 1, 2], 3784))
        });
        let mut heard = 0;
        peer.set_nonblocking(true).unwrap();
        let until = Instant::now() + ms(4200);
        while Instant::now() < until {
            for lie in &lies {
                forger.send_to(lie, &SocketAddr::new(ip("10.1.1.1"), 0).into()).unwrap();
            }
            heard += usize::from(peer.recv_from(&mut [0; 64]).is_ok());
            std::thread::sleep(ms(1));
        }
        assert!(heard >= 4, "{heard} packets in 4.2 s, one to 1.33 of them a second");
        assert_eq!(node.driver.counters().send_errors, 0);
    }

    fn callers_that_never_rest_do_not_hold_up_the_sessions() {
        let (left, right) = (Node::at("10.1.1.1"), Node::at("10.1.1.2"));
        left.open(single("10.1.1.1", "10.1.1.2"), every(100));
        right.open(single("10.1.1.2", "10.1.1.1"), every(100));
        left.reaches(State::Up);
        right.reaches(State::Up);
        let until = Instant::now() + ms(2000);
        let asked = std::thread::scope(|scope| {
            // As who shows a thousand sessions again and again: while one is answered, another asks.
            let ask = || {
                let mut asked = 0;
                while Instant::now() < until {
                    left.driver.call(|_, _, _| std::thread::sleep(ms(1))).blocking_recv().unwrap();
                    asked += 1;
                }
                asked
            };
            let askers: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
            askers.into_iter().map(|asker| asker.join().unwrap()).sum::<u32>()
        });
        assert_eq!((left.changes(), right.changes()), (vec![], vec![]), "{asked} calls");
        assert!(asked > 100, "they were answered as well: {asked}");
    }

    fn the_last_holder_may_be_the_thread_itself_with_a_full_queue() {
        let driver = Arc::new(Driver::start(bfd::net::Options::default(), |_| {}).unwrap());
        let held = Arc::new(Mutex::new(()));
        let gate = held.lock().unwrap();
        let (inner, door) = (Arc::clone(&driver), Arc::clone(&held));
        let last = driver.call(move |_, _, _| {
            drop(door.lock());
            drop(inner);
        });
        std::thread::sleep(ms(50));
        let queued: Vec<_> = (0..1024).map(|_| driver.call(|_, _, _| ())).collect();
        drop(driver);
        drop(gate);
        last.blocking_recv().unwrap();
        drop(queued);
        let until = Instant::now() + ms(2000);
        let running = || std::fs::read_dir("/proc/self/task").unwrap().flatten().any(|task| {
            std::fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.trim() == "bfd")
        });
        while running() && Instant::now() < until {
            std::thread::sleep(ms(5));
        }
        assert!(!running(), "the thread goes on without anybody");
    }
}
