//! The peers: sockets, a schedule and 24 octets. They answer the handshake and polls, send at their interval, and never
//! declare anything; when each packet was sent is kept. Own code from end to end, so that it shares no fault with ours.
//!
//! Spoken to in lines: `mark` forgets what was heard so far; `silence` makes every second peer fall silent; `up`,
//! `heard`, `gap PEER AT` and `last PEER` ask. Times are nanoseconds of the monotonic clock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::BufRead;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use super::{Load, clock, nanos};

const ADMIN_DOWN: u8 = 0;
const DOWN: u8 = 1;
const INIT: u8 = 2;
const UP: u8 = 3;
const POLL: u8 = 0x20;
const FINAL: u8 = 0x10;

/// How long it sleeps at most between two looks at its sockets. It wakes for each packet it has to send, as peers do not
/// agree on when; for none it gets: to wake it would be our side's work, and its higher priority interrupt our side.
const NAP: u64 = 500_000;

struct Peer {
    socket: UdpSocket,
    state: u8,
    theirs: [u8; 4],
    silent: bool,
    /// Before the call that sent a packet, and how long that took.
    sent: Vec<(u64, u32)>,
    /// From which of them on the longest gap is looked for.
    marked: usize,
    heard: Option<u64>,
    /// The longest time between two packets heard, and how many were too long.
    longest: u64,
    too_long: u64,
    packets: u64,
}

struct Peers {
    load: Load,
    ours: SocketAddrV4,
    peers: Vec<Peer>,
    due: BinaryHeap<Reverse<(u64, usize)>>,
    random: fastrand::Rng,
}

/// Plays them until standard input ends.
pub(crate) fn run(load: Load) {
    let (send, words) = channel();
    std::thread::spawn(move || {
        std::io::stdin()
            .lock()
            .lines()
            .map_while(Result::ok)
            .map_while(|line| send.send(line).ok())
            .for_each(drop);
        std::process::exit(0);
    });
    let mut peers = Peers::new(load);
    println!("ready");
    let poll = epoll::create(epoll::CreateFlags::CLOEXEC).expect("a poll");
    for (at, peer) in peers.peers.iter().enumerate() {
        let data = epoll::EventData::new_u64(u64::try_from(at).expect("few"));
        epoll::add(&poll, &peer.socket, data, epoll::EventFlags::IN).expect("room");
    }
    let mut events = Vec::with_capacity(1024);
    loop {
        let next = peers.send_due();
        std::thread::sleep(Duration::from_nanos(next.saturating_sub(clock()).min(NAP)));
        peers.obey(&words);
        events.clear();
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        epoll::wait(&poll, spare_capacity(&mut events), Some(&at_once)).expect("a poll");
        for event in &events {
            peers.receive(usize::try_from(event.data.u64()).expect("few"));
        }
    }
}

impl Peers {
    fn new(load: Load) -> Self {
        let peers: Vec<Peer> = (0..load.sessions).map(|at| Peer::new(load.net.peer(at))).collect();
        let due = (0..load.sessions).map(|at| Reverse((clock(), at))).collect();
        let ours = SocketAddrV4::new(load.net.ours(), 3784);
        Self { load, ours, peers, due, random: fastrand::Rng::with_seed(7) }
    }

    /// Sends what is due; when the next is.
    fn send_due(&mut self) -> u64 {
        while let Some(Reverse((at, peer))) =
            self.due.peek().copied().filter(|Reverse((at, _))| *at <= clock())
        {
            self.due.pop();
            if !self.peers[peer].silent {
                self.send(peer, 0);
            }
            // 75 to 100 % of the interval (RFC 5880 §6.8.7). From when it was due, but never two at once.
            let interval = nanos(self.load.interval);
            let wait = interval * 3 / 4 + self.random.u64(..=interval / 4);
            self.due.push(Reverse((at.max(clock().saturating_sub(interval / 8)) + wait, peer)));
        }
        self.due.peek().map_or(u64::MAX, |Reverse((at, _))| *at)
    }

    fn send(&mut self, at: usize, flags: u8) {
        let micros = u32::try_from(self.load.interval.as_micros()).expect("short").to_be_bytes();
        let number = u32::try_from(at + 1).expect("few").to_be_bytes();
        let peer = &mut self.peers[at];
        let head = [0x20, peer.state << 6 | flags, self.load.mult, 24];
        let packet = [head, number, peer.theirs, micros, micros, [0; 4]].concat();
        let before = clock();
        let sent = peer.socket.send_to(&packet, self.ours);
        let took = clock() - before;
        // Refused: nobody listens there yet.
        if sent.is_ok() {
            peer.sent.push((before, u32::try_from(took).unwrap_or(u32::MAX)));
        }
    }

    fn receive(&mut self, at: usize) {
        let mut octets = [0; 64];
        while let Ok((len, _)) = self.peers[at].socket.recv_from(&mut octets) {
            if len >= 24 && octets[0] >> 5 == 1 {
                let answer = self.peers[at].hear(&octets, nanos(self.load.detection()));
                if answer && !self.peers[at].silent {
                    self.send(at, FINAL);
                }
            }
        }
    }

    fn obey(&mut self, words: &Receiver<String>) {
        while let Ok(line) = words.try_recv() {
            let words: Vec<&str> = line.split(' ').collect();
            let number = |at: usize| words[at].parse::<u64>().expect("a number");
            let peer = |at: usize| usize::try_from(number(at)).expect("few");
            match words[0] {
                "mark" => self.peers.iter_mut().for_each(Peer::forget),
                "silence" => self.peers.iter_mut().step_by(2).for_each(|peer| peer.silent = true),
                "up" => println!("up {}", self.peers.iter().filter(|peer| peer.state == UP).count()),
                "heard" => {
                    let longest = self.peers.iter().map(|peer| peer.longest).max().unwrap_or(0);
                    let too_long: u64 = self.peers.iter().map(|peer| peer.too_long).sum();
                    let sent = self.peers.iter().map(Peer::longest_sent).max().unwrap_or(0);
                    let packets: u64 = self.peers.iter().map(|peer| peer.packets).sum();
                    println!("heard {longest} {too_long} {sent} {packets}");
                }
                "gap" => {
                    let (before, after) = self.peers[peer(1)].next_sent(number(2));
                    println!("gap {before} {after}");
                }
                "last" => {
                    let (before, took) = self.peers[peer(1)].sent.last().copied().unwrap_or_default();
                    println!("last {before} {}", before + u64::from(took));
                }
                other => panic!("{other}?"),
            }
        }
    }
}

impl Peer {
    fn new(address: Ipv4Addr) -> Self {
        let socket = UdpSocket::bind((address, 3784)).expect("the port is free");
        socket.set_nonblocking(true).and_then(|()| socket.set_ttl(255)).expect("a socket");
        let (sent, theirs) = (Vec::new(), [0; 4]);
        Self {
            socket,
            state: DOWN,
            theirs,
            silent: false,
            sent,
            marked: 0,
            heard: None,
            longest: 0,
            too_long: 0,
            packets: 0,
        }
    }

    /// The state machine of RFC 5880 §6.8.6 without its end: silence means nothing. Whether an answer is wanted.
    fn hear(&mut self, packet: &[u8], detection: u64) -> bool {
        self.state = match (self.state, packet[1] >> 6) {
            (_, ADMIN_DOWN) | (UP, DOWN) => DOWN,
            (DOWN, DOWN) => INIT,
            (DOWN, INIT) | (INIT, INIT | UP) => UP,
            (state, _) => state,
        };
        self.theirs.copy_from_slice(&packet[4..8]);
        self.packets += 1;
        let now = clock();
        if let Some(before) = self.heard.replace(now) {
            self.longest = self.longest.max(now - before);
            self.too_long += u64::from(now - before > detection);
        }
        packet[1] & POLL != 0
    }

    fn forget(&mut self) {
        (self.heard, self.longest, self.too_long, self.packets) = (None, 0, 0, 0);
        self.marked = self.sent.len().saturating_sub(1); // the record stays: what went down before is judged, too
    }

    fn longest_sent(&self) -> u64 {
        self.sent
            .get(self.marked..)
            .unwrap_or_default()
            .windows(2)
            .map(|pair| pair[1].0 - pair[0].0)
            .max()
            .unwrap_or(0)
    }

    /// The packet after the one that was heard at that time: before and after the call that sent it.
    fn next_sent(&self, heard: u64) -> (u64, u64) {
        /// Clocks are read one after the other.
        const APART: u64 = 200_000;
        let next = self.sent.partition_point(|(before, _)| *before <= heard + APART);
        self.sent
            .get(next)
            .map_or((u64::MAX, u64::MAX), |(before, took)| (*before, before + u64::from(*took)))
    }
}
