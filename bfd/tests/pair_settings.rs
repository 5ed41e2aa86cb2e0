//! Both ends change their intervals all the time, on a line that keeps the order and loses no two packets in a row: no
//! change may look like silence to the other end (RFC 5880 §6.5, §6.8.3), and in the end all of them are in force.
#![allow(clippy::unwrap_used, reason = "test support: a failure is a failed test")]

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use bfd::engine::{Action, Datagram, Engine, Limits, SessionId};
use bfd::session::{Hops, Path, Role, Settings};
use bfd::{DetectMult, Micros, State};

const ENDS: [IpAddr; 2] =
    [IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)), IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2))];
const DELAY: Duration = Duration::from_millis(2);

struct Line {
    ends: [Engine; 2],
    /// Towards each end.
    wires: [VecDeque<(Instant, Vec<u8>)>; 2],
    /// Whether the last one towards it was lost.
    lost: [bool; 2],
    loss: u32,
    rng: fastrand::Rng,
    now: Instant,
    downs: Vec<String>,
    id: SessionId,
}

impl Line {
    fn new(seed: u64) -> Self {
        let now = Instant::now();
        let ends = [seed, seed + 1_000_000].map(|seed| Engine::new(Limits::default(), seed));
        let rng = fastrand::Rng::with_seed(seed);
        let id = SessionId(1);
        let mut line = Self {
            ends,
            wires: [VecDeque::new(), VecDeque::new()],
            lost: [false; 2],
            loss: 0,
            rng,
            now,
            downs: vec![],
            id,
        };
        for end in 0..2 {
            let path =
                Path { hops: Hops::Single, local: Some(ENDS[end]), remote: ENDS[1 - end], interface: 0 };
            let settings = line.settings();
            let mut out = Vec::new();
            line.id = line.ends[end].open(now, path, (Role::Active, settings), &mut out).unwrap();
            line.take(end, out);
        }
        line
    }

    fn settings(&mut self) -> Settings {
        let mut interval = || Micros([10_000, 50_000, 300_000, 1_000_000, 2_000_000][self.rng.usize(0..5)]);
        let (desired_min_tx, required_min_rx) = (interval(), interval());
        let detect_mult = DetectMult::new(self.rng.u8(3..6)).unwrap();
        Settings { desired_min_tx, required_min_rx, detect_mult, ..Settings::default() }
    }

    fn take(&mut self, end: usize, out: Vec<Action>) {
        for action in out {
            match action {
                Action::Transmit(_, packet) => {
                    let to = 1 - end;
                    self.lost[to] = !self.lost[to] && self.rng.u32(0..100) < self.loss;
                    if !self.lost[to] {
                        self.wires[to].push_back((self.now + DELAY, packet.as_bytes().to_vec()));
                    }
                }
                Action::Changed(_, _, change) if change.to == State::Down => {
                    self.downs.push(format!("end {end}: {change:?}"));
                }
                _ => {}
            }
        }
    }

    fn set(&mut self, end: usize) {
        let (settings, mut out) = (self.settings(), Vec::new());
        self.ends[end].set(self.now, self.id, settings, &mut out);
        self.take(end, out);
    }

    fn run(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            let timers = self.ends.iter().filter_map(Engine::next);
            let next = timers.chain(self.wires.iter().filter_map(|wire| Some(wire.front()?.0))).min();
            let Some(next) = next.filter(|next| *next <= until) else { break };
            self.now = self.now.max(next);
            for end in 0..2 {
                let mut out = Vec::new();
                while self.wires[end].front().is_some_and(|(at, _)| *at <= self.now) {
                    let (at, payload) = self.wires[end].pop_front().unwrap();
                    let datagram = Datagram {
                        payload: &payload,
                        hops: Hops::Single,
                        source: ENDS[1 - end],
                        destination: ENDS[end],
                        interface: 1,
                        ttl: 255,
                        at,
                    };
                    self.ends[end].receive(self.now, &datagram, &mut out);
                }
                self.ends[end].advance(self.now, &mut out);
                self.take(end, out);
            }
        }
        self.now = until;
    }
}

#[test]
fn no_change_of_intervals_looks_like_silence() {
    for seed in 0..60 {
        let mut line = Line::new(seed);
        line.run(Duration::from_secs(20));
        let state = |line: &Line, end: usize| line.ends[end].session(line.id).unwrap().state;
        assert_eq!([state(&line, 0), state(&line, 1)], [State::Up; 2], "seed {seed}");
        line.downs.clear();
        line.loss = 40;
        for _ in 0..60 {
            let end = line.rng.usize(0..2);
            line.set(end);
            let pause = [0, 1, 3, 40, 700, 5000][line.rng.usize(0..6)];
            line.run(Duration::from_millis(pause));
            assert_eq!(line.downs, Vec::<String>::new(), "seed {seed}");
        }
        line.loss = 0;
        line.run(Duration::from_secs(60));
        for end in 0..2 {
            let status = line.ends[end].session(line.id).unwrap();
            assert_eq!((status.state, status.pending_min_tx, status.pending_min_rx), (State::Up, None, None));
            assert_eq!(
                (status.desired_min_tx, status.required_min_rx),
                (status.settings.desired_min_tx, status.settings.required_min_rx)
            );
        }
    }
}
