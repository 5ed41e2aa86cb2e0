//! Two engines on a virtual clock with a network between them that loses, delays, doubles and reorders, and hosts that
//! fall asleep. A seed decides everything.
#![allow(clippy::unwrap_used, reason = "test support: a failure is a failed test")]
#![allow(dead_code, reason = "every test uses its part")]

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;
use std::time::{Duration, Instant};

use bfd::engine::{Action, Datagram, Engine, Limits, SessionId};
use bfd::packet::ControlPacket;
use bfd::session::{Change, Hops, Path, Role, Settings, Status};
use bfd::{DetectMult, Micros, State};

/// From how late on a driver owns up to it.
pub(crate) const LATE: Duration = Duration::from_millis(5);

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Both intervals in milliseconds, and a multiplier.
pub(crate) fn settings(interval_ms: u32, mult: u8) -> Settings {
    let interval = Micros::from_millis(interval_ms).unwrap();
    Settings {
        desired_min_tx: interval,
        required_min_rx: interval,
        detect_mult: DetectMult::new(mult).unwrap(),
        ..Settings::default()
    }
}

/// What a host does with packets that come while it sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asleep {
    /// The process sleeps: the kernel keeps as many, and loses what comes then.
    Process { kept: usize },
    /// The machine sleeps: all are lost.
    Machine,
}

pub(crate) struct Host {
    pub(crate) engine: Engine,
    pub(crate) address: IpAddr,
    pub(crate) id: Option<SessionId>,
    /// When it does not run, in order.
    pub(crate) naps: Vec<Range<Instant>>,
    pub(crate) asleep: Asleep,
    inbox: VecDeque<(Instant, Vec<u8>)>,
    /// Every change of state.
    pub(crate) changes: Vec<(Instant, Change)>,
    /// Every packet sent.
    pub(crate) sent: Vec<(Instant, ControlPacket)>,
    /// Every packet that reached the host's kernel, and was kept.
    pub(crate) delivered: Vec<(Instant, ControlPacket)>,
    pub(crate) opened: usize,
    pub(crate) closed: usize,
}

/// The network in one direction.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    /// Lost, in percent.
    pub(crate) loss: u8,
    /// Sent twice, in percent.
    pub(crate) double: u8,
    /// How long a packet takes; a range reorders.
    pub(crate) delay: Range<Duration>,
    /// Nothing passes.
    pub(crate) cut: bool,
}

pub(crate) struct World {
    pub(crate) start: Instant,
    pub(crate) now: Instant,
    pub(crate) hosts: [Host; 2],
    /// `links[i]`: out of host i.
    pub(crate) links: [Link; 2],
    air: BTreeMap<(Instant, u64), (usize, Vec<u8>)>,
    rng: fastrand::Rng,
    serial: u64,
}

impl World {
    /// Two hosts with engines, without sessions.
    pub(crate) fn new(seed: u64) -> Self {
        let now = Instant::now();
        let host = |last: u8| Host {
            engine: Engine::new(Limits::default(), seed.wrapping_mul(2).wrapping_add(last.into())),
            address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)),
            id: None,
            naps: Vec::new(),
            asleep: Asleep::Process { kept: usize::MAX },
            inbox: VecDeque::new(),
            changes: Vec::new(),
            sent: Vec::new(),
            delivered: Vec::new(),
            opened: 0,
            closed: 0,
        };
        let link = Link { loss: 0, double: 0, delay: ms(1)..ms(1), cut: false };
        Self {
            start: now,
            now,
            hosts: [host(1), host(2)],
            links: [link.clone(), link],
            air: BTreeMap::new(),
            rng: fastrand::Rng::with_seed(seed),
            serial: 0,
        }
    }

    /// Both ends with an active session.
    pub(crate) fn active(seed: u64, [one, two]: [Settings; 2]) -> Self {
        let mut world = Self::new(seed);
        world.open(0, Role::Active, one);
        world.open(1, Role::Active, two);
        world
    }

    /// Both ends active, and Up.
    pub(crate) fn up(seed: u64, settings: [Settings; 2]) -> Self {
        let mut world = Self::active(seed, settings);
        world.run(Duration::from_secs(5));
        assert_eq!(world.states(), [State::Up; 2]);
        world
    }

    pub(crate) fn open(&mut self, host: usize, role: Role, settings: Settings) {
        let (local, remote) = (Some(self.hosts[host].address), self.hosts[1 - host].address);
        let path = Path { hops: Hops::Single, local, remote, interface: 0 };
        let mut out = Vec::new();
        let id = self.hosts[host].engine.open(self.now, path, (role, settings), &mut out).unwrap();
        self.hosts[host].id = Some(id);
        self.act(host, out);
    }

    /// The process of a host dies and another takes its place, with an active session.
    pub(crate) fn restart(&mut self, host: usize, settings: Settings) {
        self.serial += 1;
        self.hosts[host].engine = Engine::new(Limits::default(), self.rng.u64(..));
        self.hosts[host].inbox.clear();
        self.open(host, Role::Active, settings);
    }

    /// Does something to a host's engine.
    pub(crate) fn call<T>(
        &mut self,
        host: usize,
        what: impl FnOnce(&mut Engine, SessionId, Instant, &mut Vec<Action>) -> T,
    ) -> T {
        let mut out = Vec::new();
        let id = self.hosts[host].id.unwrap();
        let result = what(&mut self.hosts[host].engine, id, self.now, &mut out);
        self.act(host, out);
        result
    }

    pub(crate) fn status(&self, host: usize) -> Status {
        let host = &self.hosts[host];
        host.engine.session(host.id.unwrap()).unwrap()
    }

    pub(crate) fn states(&self) -> [State; 2] {
        [0, 1].map(|host| self.status(host).state)
    }

    pub(crate) fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while self.step(until) {}
        self.now = until;
    }

    /// Lets the next thing happen, if that is not after `until`.
    fn step(&mut self, until: Instant) -> bool {
        let air = self.air.first_key_value().map(|(key, _)| key.0);
        let wakes = [0, 1].map(|host| self.wake(host));
        let Some(next) = air.into_iter().chain(wakes.into_iter().flatten()).min() else { return false };
        if next > until {
            return false;
        }
        self.now = self.now.max(next);
        if air == Some(next) {
            let (_, (to, bytes)) = self.air.pop_first().unwrap();
            self.arrive(to, bytes);
        } else {
            let host = if wakes[0] == Some(next) { 0 } else { 1 };
            self.round(host);
        }
        true
    }

    /// When a host wants to run: a timer or a packet.
    fn wants(&self, host: usize) -> Option<Instant> {
        let host = &self.hosts[host];
        let packet = host.inbox.front().map(|(at, _)| *at);
        host.engine.next().into_iter().chain(packet).min()
    }

    /// When it does: not while it sleeps.
    fn wake(&self, host: usize) -> Option<Instant> {
        let wants = self.wants(host)?.max(self.now);
        let nap = self.hosts[host].naps.iter().find(|nap| nap.contains(&wants));
        Some(nap.map_or(wants, |nap| nap.end))
    }

    fn arrive(&mut self, to: usize, bytes: Vec<u8>) {
        let now = self.now;
        let host = &mut self.hosts[to];
        let asleep = host.naps.iter().any(|nap| nap.contains(&now));
        let room = match host.asleep {
            Asleep::Process { kept } => host.inbox.len() < kept,
            Asleep::Machine => false,
        };
        if !asleep || room {
            host.delivered.push((now, ControlPacket::decode(&bytes).unwrap().0));
            host.inbox.push_back((now, bytes));
        }
    }

    /// A round of the driver: packets first, then how late it is since a timer or a packet was there, then timers.
    fn round(&mut self, index: usize) {
        let (now, remote) = (self.now, self.hosts[1 - index].address);
        let mut out = Vec::new();
        let host = &mut self.hosts[index];
        let first = host.inbox.front().map(|(at, _)| *at);
        let due = host.engine.next().into_iter().chain(first).min();
        while let Some((at, bytes)) = host.inbox.pop_front() {
            let datagram = Datagram {
                payload: &bytes,
                hops: Hops::Single,
                source: remote,
                destination: host.address,
                interface: 3,
                ttl: 255,
                at,
            };
            host.engine.receive(now, &datagram, &mut out);
        }
        if let Some(due) = due.filter(|due| *due + LATE <= now) {
            host.engine.stalled(due, now);
        }
        host.engine.advance(now, &mut out);
        assert!(host.engine.next().is_none_or(|next| next > now), "a timer is due after all were run");
        self.act(index, out);
    }

    fn act(&mut self, index: usize, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Transmit(_, packet) => self.transmit(index, packet.as_bytes()),
                Action::Changed(_, _, change) => self.hosts[index].changes.push((self.now, change)),
                Action::Opened(id, _) => {
                    self.hosts[index].opened += 1;
                    self.hosts[index].id = Some(id);
                }
                Action::Closed(..) => self.hosts[index].closed += 1,
            }
        }
    }

    fn transmit(&mut self, from: usize, bytes: &[u8]) {
        let (packet, _) = ControlPacket::decode(bytes).unwrap();
        self.hosts[from].sent.push((self.now, packet));
        let link = self.links[from].clone();
        let mut chance = |percent: u8| self.rng.u8(0..100) < percent;
        if link.cut || chance(link.loss) {
            return;
        }
        let copies = 1 + u32::from(chance(link.double));
        for _ in 0..copies {
            let micros = link.delay.start.as_micros()..=link.delay.end.as_micros();
            let delay = Duration::from_micros(u64::try_from(self.rng.u128(micros)).unwrap());
            self.serial += 1;
            self.air.insert((self.now + delay, self.serial), (1 - from, bytes.to_vec()));
        }
    }
}
