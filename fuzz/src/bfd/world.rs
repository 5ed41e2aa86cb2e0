//! Two engines, what is on its way between them, and their clock.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use bfd::engine::{Action, Control, Datagram, Engine, Limits, SessionId};
use bfd::packet::{ControlPacket, sign};
use bfd::session::{Hops, Path, Role, Settings};

use super::actions::Ledger;
use crate::counters;

/// Engines.
pub(super) const SIDES: usize = 2;

/// Sessions an engine may have: few, so that scripts reach the limit.
const SESSIONS: usize = 6;

/// Rounds of timers in a script, and datagrams on their way: more is nothing new.
const ROUNDS: usize = 4_000;
const ON_THE_WAY: usize = 64;

/// One of the addresses of a side; the last two are not on the other side's lists at first.
pub(super) fn address(side: usize, octet: u8) -> IpAddr {
    let side = if side == 0 { 1 } else { 2 };
    Ipv4Addr::new(10, 0, side, octet & 3).into()
}

/// A datagram that was sent, and to which side.
#[derive(Clone)]
struct Sent {
    to: usize,
    hops: Hops,
    source: IpAddr,
    destination: IpAddr,
    payload: Vec<u8>,
}

pub(super) struct World {
    now: Instant,
    engines: [Engine; SIDES],
    ledgers: [Ledger; SIDES],
    sent: VecDeque<Sent>,
    rounds: usize,
}

impl World {
    pub(super) fn new(seed: u8) -> Self {
        let engine = |side: u64| Engine::new(Limits { sessions: SESSIONS }, u64::from(seed) << 1 | side);
        let now = Instant::now();
        let sent = VecDeque::new();
        Self { now, engines: [engine(0), engine(1)], ledgers: Default::default(), sent, rounds: 0 }
    }

    /// Whether a script has had its share of work.
    pub(super) fn is_tired(&self) -> bool {
        self.rounds > ROUNDS
    }

    pub(super) fn open(&mut self, side: usize, path: Path, with: (Role, Settings)) {
        let mut out = Vec::new();
        let opened = self.engines[side].open(self.now, path, with, &mut out);
        match opened {
            Ok(id) => self.ledgers[side].opened(id, path),
            Err(refused) => {
                assert!(!refused.to_string().is_empty() && out.is_empty(), "refused, yet {}", out.len())
            }
        }
        self.act(side, out);
    }

    pub(super) fn close(&mut self, side: usize, which: u8) {
        self.with(side, which, |engine, _, id, out| engine.close(id, out));
    }

    pub(super) fn set(&mut self, side: usize, which: u8, settings: Settings) {
        self.with(side, which, |engine, now, id, out| engine.set(now, id, settings, out));
    }

    pub(super) fn control(&mut self, side: usize, which: u8, what: Control) {
        self.with(side, which, |engine, now, id, out| engine.control(now, id, what, out));
    }

    /// Does this to a session: there is one if the ledger says so.
    fn with(
        &mut self,
        side: usize,
        which: u8,
        what: impl FnOnce(&mut Engine, Instant, SessionId, &mut Vec<Action>) -> bool,
    ) {
        let (id, known) = self.ledgers[side].choose(which);
        let mut out = Vec::new();
        let done = what(&mut self.engines[side], self.now, id, &mut out);
        assert_eq!(done, known, "session {id}");
        assert!(done || out.is_empty());
        self.act(side, out);
    }

    pub(super) fn allow(&mut self, side: usize, remote: IpAddr, allowed: bool) {
        let engine = &mut self.engines[side];
        if allowed {
            engine.allow(remote)
        } else {
            engine.block(remote)
        }
        assert_eq!(engine.allowed().contains(&remote), allowed);
    }

    pub(super) fn set_passive(&mut self, side: usize, settings: Settings) {
        self.engines[side].set_passive(settings);
    }

    /// One datagram arrives: the first on its way or a later one, changed in one octet, or twice.
    pub(super) fn deliver(&mut self, which: u8, (at, value): (u8, u8)) {
        let place = usize::from(which & 3).min(self.sent.len().saturating_sub(1));
        let Some(mut sent) = self.sent.remove(place) else { return };
        if which & 4 != 0 {
            self.sent.push_back(sent.clone());
        }
        let len = sent.payload.len();
        if which & 8 != 0 && len > 0 {
            sent.payload[usize::from(at) % len] = value;
        }
        self.arrive(&sent, if which & 0x10 == 0 { 255 } else { value });
    }

    /// Octets of anybody.
    pub(super) fn inject(&mut self, to: usize, from: u8, payload: &[u8]) {
        let (source, destination) = (address(1 - to, from), address(to, from >> 2));
        let hops = if from & 0x10 == 0 { Hops::Single } else { Hops::Multi };
        self.arrive(&Sent { to, hops, source, destination, payload: payload.to_vec() }, 255 - (from >> 6));
    }

    /// A packet a session takes for its peer's: with its discriminator, signed with its key if there is one.
    pub(super) fn lie(&mut self, side: usize, which: u8, (packet, how): (ControlPacket, u8)) {
        let (id, _) = self.ledgers[side].choose(which);
        let Some(status) = self.engines[side].session(id) else { return };
        let known = how & 1 == 0 || matches!(packet.state, bfd::State::Init | bfd::State::Up);
        let packet = ControlPacket { your_discriminator: known.then_some(status.discriminator), ..packet };
        let encoded = match &status.settings.auth {
            Some(auth) => sign(&packet, auth, u32::from(which) << 3),
            None => packet.encode(),
        };
        let path = status.path;
        let destination = path.local.unwrap_or(address(side, 0));
        let payload = encoded.as_bytes().to_vec();
        self.arrive(&Sent { to: side, hops: path.hops, source: path.remote, destination, payload }, 255);
    }

    /// What is on its way is lost, all or the first.
    pub(super) fn lose(&mut self, octet: u8) {
        self.sent.drain(..self.sent.len().min(usize::from(octet)));
    }

    /// Nobody runs for a while; the one side knows it, the other was only idle as long.
    pub(super) fn stall(&mut self, side: usize, time: Duration) {
        let due = self.now;
        self.now += time;
        let before = self.engines[side].lost_time();
        self.engines[side].stalled(due, self.now);
        assert!(self.engines[side].lost_time() >= before);
        assert!(self.engines[side].lost_time() <= before + time, "more was lost than went by");
        self.tick(side);
        self.tick(1 - side);
    }

    /// Time goes by, every timer met when it is due; packets arrive at once, or not at all.
    pub(super) fn pass(&mut self, time: Duration, connected: bool) {
        let until = self.now + time;
        loop {
            if connected {
                self.exchange();
            }
            let due = self.engines.iter().filter_map(Engine::next).min();
            let Some(due) = due.filter(|due| *due <= until && !self.is_tired()) else { break };
            self.now = self.now.max(due);
            (0..SIDES).for_each(|side| self.tick(side));
        }
        self.now = until.max(self.now);
        (0..SIDES).for_each(|side| self.tick(side));
    }

    fn exchange(&mut self) {
        // Answers answer answers nowhere: a poll ends with its final (RFC 5880 §6.5).
        for _ in 0..ON_THE_WAY {
            let Some(sent) = self.sent.pop_front() else { return };
            self.arrive(&sent, 255);
        }
    }

    /// The driver's round: due timers run, and are due no more.
    fn tick(&mut self, side: usize) {
        self.rounds += 1;
        let mut out = Vec::new();
        self.engines[side].advance(self.now, &mut out);
        let next = self.engines[side].next();
        assert!(next.is_none_or(|next| next > self.now), "a deadline that stays due");
        self.ledgers[side].ticked(self.now, &self.engines[side]);
        self.act(side, out);
    }

    fn arrive(&mut self, sent: &Sent, ttl: u8) {
        let Sent { to, hops, source, destination, payload } = sent;
        let datagram = Datagram {
            payload,
            hops: *hops,
            source: *source,
            destination: *destination,
            interface: 1,
            ttl,
            at: self.now,
        };
        let mut out = Vec::new();
        self.engines[*to].receive(self.now, &datagram, &mut out);
        self.act(*to, out);
    }

    /// Carries out what an engine asks for, and holds it against what is known.
    fn act(&mut self, side: usize, out: Vec<Action>) {
        assert!(out.len() <= 8 * (SESSIONS + 1), "more to do than one event can ask for: {}", out.len());
        for action in out {
            counters::BFD_ACTIONS.count(Ledger::kind(&action));
            if let Some((path, encoded)) = self.ledgers[side].take(&action) {
                let sent = Sent {
                    to: 1 - side,
                    hops: path.hops,
                    source: path.local.unwrap_or(address(side, 0)),
                    destination: path.remote,
                    payload: encoded.as_bytes().to_vec(),
                };
                self.sent.push_back(sent);
            }
        }
        self.sent.truncate(ON_THE_WAY);
    }

    pub(super) fn check(&self) {
        (0..SIDES).for_each(|side| self.ledgers[side].check(&self.engines[side], SESSIONS));
    }

    /// All sessions are closed; then there is nothing left to wait for but what was remembered of silent ones.
    pub(super) fn goodbye(&mut self) {
        for side in 0..SIDES {
            while let Some(id) = self.ledgers[side].first() {
                let mut out = Vec::new();
                assert!(self.engines[side].close(id, &mut out));
                self.act(side, out);
                assert!(self.ledgers[side].first() != Some(id), "closed, yet there");
            }
            assert!(self.engines[side].sessions().is_empty());
            assert_eq!(self.engines[side].next(), None, "nobody there, yet something due");
        }
    }
}
