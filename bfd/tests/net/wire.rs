//! What is on the wire, and what is taken from it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::process::Command;
use std::time::{Duration, Instant};

use bfd::State;
use bfd::session::{Hops, Path};
use rustix::process::{Resource, Rlimit, setrlimit};
use socket2::{Domain, Protocol, Socket, Type};

use crate::support::{Node, Packet, alone, every, ip, ms, path, single, stranger, to};

/// The IPv4 datagrams of UDP that come to an address, whole, as a raw socket shows them.
fn sniff(address: &str, time: Duration) -> Vec<Vec<u8>> {
    let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::UDP)).unwrap();
    socket.bind(&SocketAddr::new(ip(address), 0).into()).unwrap();
    let (until, mut taken) = (Instant::now() + time, Vec::new());
    while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        socket.set_read_timeout(Some(left)).unwrap();
        let mut buffer = [0; 2048];
        if let Ok(len) = (&socket).read(&mut buffer) {
            taken.push(buffer[..len].to_vec());
        }
    }
    taken
}

fn port(datagram: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([datagram[at], datagram[at + 1]])
}

alone! {
    fn rfc5881_4_5_source_ports_are_high_and_a_sessions_own_and_the_ttl_is_255() {
        let node = Node::at("10.1.1.1");
        // One of somebody else's: passed over.
        let taken = UdpSocket::bind((ip("10.1.1.1"), 50_000)).unwrap();
        let seen = std::thread::spawn(|| sniff("0.0.0.0", ms(4000)));
        std::thread::sleep(ms(300));
        for n in 1..=20 {
            node.open(single("10.1.1.1", &format!("127.0.1.{n}")), every(50));
        }
        let multi = node.open(path(Hops::Multi, "10.1.1.1", "127.0.1.1"), every(50));
        let seen = seen.join().unwrap();
        let mut ports: BTreeMap<(IpAddr, u16), BTreeSet<u16>> = BTreeMap::new();
        let to_multi = seen.iter().filter(|datagram| port(datagram, 22) == 4784).count();
        for datagram in seen {
            assert_eq!((datagram[0], datagram[1], datagram[8]), (0x45, 0xc0, 255), "DSCP CS6, TTL 255");
            assert_eq!(datagram.len(), 20 + 8 + 24);
            let remote: [u8; 4] = datagram[16..20].try_into().unwrap();
            ports.entry((remote.into(), port(&datagram, 22))).or_default().insert(port(&datagram, 20));
        }
        assert_eq!(ports.len(), 21, "{ports:?}");
        let all: BTreeSet<u16> = ports.values().flatten().copied().collect();
        assert!(ports.values().all(|ports| ports.len() == 1), "one port as long as it lives: {ports:?}");
        assert_eq!(all.len(), 21, "no two sessions share one");
        assert!(all.first().is_some_and(|port| *port >= 49_152) && !all.contains(&50_000));
        assert!(ports.contains_key(&(ip("127.0.1.1"), 4784)) && ports.contains_key(&(ip("127.0.1.1"), 3784)));
        // Nobody listens there: the ICMP errors keep nothing from being sent and are no failures.
        let sent = usize::try_from(node.status(multi).transmitted).unwrap();
        assert!(to_multi >= 3 && (to_multi..=to_multi + 1).contains(&sent), "{to_multi} seen of {sent}");
        assert_eq!(node.driver.counters().send_errors, 0);
        drop(taken);
    }

    fn rfc5881_5_a_packet_that_was_routed_is_refused() {
        for (ours, theirs) in [("10.1.1.1", "10.1.1.2"), ("fd00::1", "fd00::2")] {
            let node = Node::at(ours);
            // Without an address of ours in the path: where a packet was sent to is seen in `local_heard`.
            let id = node.open(Path { local: None, ..single(ours, theirs) }, every(1000));
            let packet = Packet::new(State::Down, 77, 0).octets();
            stranger(theirs, 254).send_to(&packet, to(ours)).unwrap();
            std::thread::sleep(ms(100));
            assert_eq!((node.counters().received, node.counters().ttl), (1, 1));
            assert_eq!(node.status(id).state, State::Down);
            stranger(theirs, 255).send_to(&packet, to(ours)).unwrap();
            node.reaches(State::Init);
            assert_eq!(node.status(id).local_heard, Some(ip(ours)));
        }
    }

    fn the_source_address_follows_the_route_while_nobody_answers() {
        let route = |what: &str, source: &str| {
            let command = format!("ip route {what} 10.2.0.9/32 dev left src {source}");
            assert!(Command::new("sh").args(["-c", &command]).status().unwrap().success());
        };
        // proc(5), net/udp: addresses as the kernel holds them in memory, in hexadecimal; 0EC8 is 3784.
        let from = || {
            let all = std::fs::read_to_string("/proc/self/net/udp").unwrap();
            let line = all.lines().find(|line| line.contains("0900020A:0EC8")).map(str::to_owned);
            line.and_then(|line| Some(line.split_whitespace().nth(1)?.to_owned()))
        };
        route("add", "10.1.1.1");
        let node = Node::at("10.1.1.1");
        node.open(Path { local: None, ..single("10.1.1.1", "10.2.0.9") }, every(50));
        std::thread::sleep(ms(100));
        let (address, port) = from().unwrap().split_once(':').map(|(a, p)| (a.to_owned(), p.to_owned())).unwrap();
        assert_eq!(address, "0101010A");
        route("change", "10.1.1.3");
        let until = Instant::now() + ms(8000);
        while from() != Some(format!("0301010A:{port}")) {
            assert!(Instant::now() < until, "{:?}", from());
            std::thread::sleep(ms(100));
        }
    }

    fn more_sessions_than_files_may_be_open_raise_the_limit() {
        let node = Node::at("10.1.1.1");
        let lower = Rlimit { current: Some(40), maximum: Some(200) };
        setrlimit(Resource::Nofile, lower).unwrap();
        for n in 1..=100 {
            node.open(single("10.1.1.1", &format!("127.0.1.{n}")), every(50));
        }
        assert_eq!(node.driver.counters().send_errors, 0);
        // Beyond the hard limit: counted, and it goes on for those that have theirs.
        for n in 101..=250 {
            node.open(single("10.1.1.1", &format!("127.0.1.{n}")), every(50));
        }
        assert!(node.driver.counters().send_errors >= 50);
        assert!(node.driver.is_running());
    }

    fn a_packet_counts_when_it_arrived_not_when_it_was_read() {
        let node = Node::at("10.1.1.1");
        let id = node.open(single("10.1.1.1", "10.1.1.2"), every(1000));
        let peer = stranger("10.1.1.2", 255);
        let held = node.driver.call(|_, _, _| std::thread::sleep(ms(300)));
        std::thread::sleep(ms(100));
        let sent = Instant::now();
        peer.send_to(&Packet::new(State::Down, 77, 0).octets(), to("10.1.1.1")).unwrap();
        held.blocking_recv().unwrap();
        node.reaches(State::Init);
        let heard = node.status(id).last_heard.unwrap();
        assert!(heard.saturating_duration_since(sent) < ms(50), "{:?} late", heard - sent);
        assert!(sent.saturating_duration_since(heard) < ms(5));
    }

    fn what_is_no_packet_or_of_nobody_is_counted_and_does_no_harm() {
        let node = Node::at("10.1.1.1");
        let good = Packet::new(State::Down, 77, 0).octets();
        let long = [good.as_slice(), &[0; 9000]].concat();
        let peer = stranger("10.1.1.3", 255);
        for octets in [&b""[..], &good[..23], &good, &long] {
            peer.send_to(octets, to("10.1.1.1")).unwrap();
        }
        std::thread::sleep(ms(100));
        let counters = node.counters();
        assert_eq!((counters.received, counters.invalid + counters.unknown), (4, 4), "{counters:?}");
    }

    fn a_full_socket_is_counted() {
        let node = Node::at("10.1.1.1");
        let peer = stranger("10.1.1.3", 255);
        let held = node.driver.call(|_, _, _| std::thread::sleep(ms(1000)));
        let octets = Packet::new(State::Down, 77, 0).octets();
        for _ in 0..20_000 {
            peer.send_to(&octets, to("10.1.1.1")).unwrap();
        }
        held.blocking_recv().unwrap();
        // The kernel tells with each that comes in from now on, always the sum.
        for _ in 0..3 {
            std::thread::sleep(ms(200));
            peer.send_to(&octets, to("10.1.1.1")).unwrap();
        }
        std::thread::sleep(ms(200));
        let (lost, taken) = (node.driver.counters().overflow, node.counters().received);
        assert_eq!(lost + taken, 20_003);
        assert!(lost > 0 && taken > 100, "{lost} lost, {taken} taken");
    }

    fn a_flood_hides_neither_a_live_peer_nor_a_dead_one() {
        let (left, right) = (Node::at("10.1.1.1"), Node::at("10.1.1.2"));
        left.open(single("10.1.1.1", "10.1.1.2"), every(100));
        right.open(single("10.1.1.2", "10.1.1.1"), every(100));
        left.reaches(State::Up);
        right.reaches(State::Up);
        std::thread::sleep(ms(500));
        let flooding = std::thread::spawn(|| {
            let peer = stranger("10.1.1.3", 255);
            let octets = Packet::new(State::Down, 77, 0).octets();
            let (until, mut sent) = (Instant::now() + ms(2000), 0_u64);
            while Instant::now() < until {
                // In bursts smaller than the socket's buffer: so nothing is dropped but by the reader's fault.
                for _ in 0..256 {
                    peer.send_to(&octets, to("10.1.1.1")).unwrap();
                }
                sent += 256;
                std::thread::sleep(ms(1));
            }
            sent
        });
        std::thread::sleep(ms(1000));
        assert_eq!(left.changes(), vec![]);
        drop(right);
        let (at, change) = left.reaches(State::Down);
        let silence = at - change.last_heard.unwrap();
        assert!(silence < ms(330) + left.driver.counters().lost_time, "{silence:?}");
        assert!(flooding.join().unwrap() > 10_000);
    }
}
