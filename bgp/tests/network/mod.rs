//! Two state machines joined by a network with delay, all on one virtual clock.
#![allow(dead_code, reason = "each test program uses its part")]

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use bgp::fsm::{Action, Config, ConnId, EndReason, Event, Peer};
use bgp::wire::Message;
use bgp::{Asn, Family, HoldTime, RouterId};

/// One end: 0 or 1.
pub(crate) type Side = usize;

/// What the network brings to a side about a connection, which both ends know by the same number.
#[derive(Clone, Debug)]
pub(crate) enum Parcel {
    Syn,
    SynAck,
    Refused,
    Data(Message),
    Fin,
}

#[derive(Default)]
pub(crate) struct Link {
    pub(crate) open: [bool; 2],
    /// When the last parcel to each side arrives: TCP keeps the order.
    pub(crate) last: [Duration; 2],
}

pub(crate) struct Pair {
    pub(crate) peers: [Peer; 2],
    pub(crate) dialing: [Option<usize>; 2],
    pub(crate) up: [Option<ConnId>; 2],
    pub(crate) ended: [Vec<EndReason>; 2],
    /// What happened to the other side's routes, and when.
    pub(crate) kept: [Vec<(Duration, Action)>; 2],
    pub(crate) links: Vec<Link>,
    /// In order of arrival; the number keeps equal times apart.
    pub(crate) wire: BTreeMap<(Duration, u64), (usize, Side, Parcel)>,
    pub(crate) epoch: Instant,
    pub(crate) now: Duration,
    pub(crate) random: u64,
    pub(crate) longest: u64,
    pub(crate) cut: bool,
}

pub(crate) fn config(side: Side, ids: [u8; 2], asns: [u32; 2], (dial, listen): (bool, bool)) -> Config {
    Config {
        dial,
        listen,
        ..Config::new(
            (
                Asn::new(asns[side]).expect("not zero"),
                RouterId::new(Ipv4Addr::new(10, 0, 0, ids[side])).expect("not zero"),
            ),
            Asn::new(asns[1 - side]).expect("not zero"),
            HoldTime::new([9, 30][side]).expect("legal"),
            vec![Family::IPV4_UNICAST],
        )
    }
}

impl Pair {
    /// Delays are up to `longest` milliseconds, each parcel its own.
    pub(crate) fn new(configs: [Config; 2], seed: u64, longest: u64) -> Self {
        let [one, other] = configs;
        Self {
            peers: [Peer::new(one, seed), Peer::new(other, seed ^ 0x5555)],
            dialing: [None; 2],
            up: [None; 2],
            ended: [Vec::new(), Vec::new()],
            kept: [Vec::new(), Vec::new()],
            links: Vec::new(),
            wire: BTreeMap::new(),
            epoch: Instant::now(),
            now: Duration::ZERO,
            random: seed | 1,
            longest,
            cut: false,
        }
    }

    pub(crate) fn delay(&mut self) -> Duration {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        Duration::from_micros(self.random % (self.longest * 1000 + 1))
    }

    pub(crate) fn ship(&mut self, link: usize, to: Side, parcel: Parcel) {
        if !self.cut {
            let at = (self.now + self.delay()).max(self.links[link].last[to]);
            self.links[link].last[to] = at;
            let number = self.wire.keys().map(|(_, number)| number + 1).max().unwrap_or(0);
            self.wire.insert((at, number), (link, to, parcel));
        }
    }

    pub(crate) fn feed(&mut self, side: Side, event: Event) {
        let mut out = Vec::new();
        self.peers[side].handle(self.epoch + self.now, event, &mut out);
        out.into_iter().for_each(|action| self.act(side, action));
    }

    pub(crate) fn act(&mut self, side: Side, action: Action) {
        let link_of = |id: ConnId| usize::try_from(id.0).expect("few links");
        match action {
            Action::Dial => {
                self.links.push(Link::default());
                let link = self.links.len() - 1;
                self.dialing[side] = Some(link);
                self.ship(link, 1 - side, Parcel::Syn);
            }
            Action::AbandonDial => {
                let link = self.dialing[side].take().expect("a dial");
                self.ship(link, 1 - side, Parcel::Fin);
            }
            Action::Send(id, message) => self.ship(link_of(id), 1 - side, Parcel::Data(message)),
            Action::Close(id) => {
                self.links[link_of(id)].open[side] = false;
                self.ship(link_of(id), 1 - side, Parcel::Fin);
            }
            Action::Up(id, _) => self.up[side] = Some(id),
            Action::Ended { was_up, reason } => {
                self.ended[side].push(reason);
                if was_up {
                    self.up[side] = None;
                }
            }
            Action::Refresh(_) | Action::RefreshBegins(_) | Action::RefreshEnds(_) | Action::Update(_) => {}
            Action::Retain { .. } | Action::Purge(_) => self.kept[side].push((self.now, action)),
        }
    }

    pub(crate) fn deliver(&mut self, link: usize, to: Side, parcel: Parcel) {
        let id = ConnId(link as u64);
        let open = self.links[link].open[to];
        match parcel {
            Parcel::Syn if self.peers[to].config().listen => {
                self.links[link].open[to] = true;
                self.ship(link, 1 - to, Parcel::SynAck);
                self.feed(to, Event::Accepted(id));
            }
            Parcel::Syn => self.ship(link, 1 - to, Parcel::Refused),
            Parcel::SynAck if self.dialing[to] == Some(link) => {
                self.dialing[to] = None;
                self.links[link].open[to] = true;
                self.feed(to, Event::Connected(id));
            }
            Parcel::Refused if self.dialing[to] == Some(link) => {
                self.dialing[to] = None;
                self.feed(to, Event::DialFailed("refused".to_owned()));
            }
            Parcel::Data(message) if open => self.feed(to, Event::Received(id, message)),
            Parcel::Data(_) => self.ship(link, 1 - to, Parcel::Fin), // a reset: nobody has this connection
            Parcel::Fin if open => {
                self.links[link].open[to] = false;
                self.feed(to, Event::Lost(id, "closed".to_owned()));
            }
            Parcel::SynAck | Parcel::Refused | Parcel::Fin => {}
        }
    }

    pub(crate) fn run_for(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            let due = |side: Side| self.peers[side].next_deadline().map(|at| (at - self.epoch).max(self.now));
            let tick = (0..2).filter_map(|side| Some((due(side)?, side))).min();
            let parcel = self.wire.first_key_value().map(|((at, _), _)| *at);
            let next = tick.map(|(at, _)| at).into_iter().chain(parcel).min();
            let Some(next) = next.filter(|at| *at <= end) else { break };
            self.now = next;
            match (parcel, tick) {
                (Some(at), _) if at <= next => {
                    let (_, (link, to, parcel)) = self.wire.pop_first().expect("a parcel");
                    self.deliver(link, to, parcel);
                }
                (_, Some((_, side))) => self.feed(side, Event::Tick),
                _ => unreachable!("one of them is next"),
            }
        }
        self.now = end;
    }

    pub(crate) fn start(&mut self) {
        self.feed(0, Event::Start);
        let apart = self.delay();
        self.run_for(apart);
        self.feed(1, Event::Start);
    }

    /// A crash, and a new process at once: no word to the other side, whose next octets draw a reset.
    pub(crate) fn crash(&mut self, side: Side, config: Config) {
        self.peers[side] = Peer::new(config, 99);
        (self.up[side], self.dialing[side]) = (None, None);
        self.links.iter_mut().for_each(|link| link.open[side] = false);
        self.feed(side, Event::Start);
    }

    /// Both Established on one and the same connection, and no other left.
    pub(crate) fn is_settled(&self) -> bool {
        let both = self.up[0].is_some() && self.up[0] == self.up[1];
        let open = |side: Side| self.links.iter().filter(|link| link.open[side]).count();
        both && open(0) == 1 && open(1) == 1
    }

    /// Settles within `bound`, and then stays so.
    pub(crate) fn check_settles(&mut self, bound: Duration) {
        self.run_for(bound);
        assert!(self.is_settled(), "{:?} {:?}", self.up, self.ended);
        let (up, links) = (self.up, self.links.len());
        for _ in 0..60 {
            self.run_for(Duration::from_secs(1));
            assert_eq!((self.up, self.links.len()), (up, links), "{:?}", self.ended);
        }
    }
}

pub(crate) fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

pub(crate) const DIALS: (bool, bool) = (true, false);
pub(crate) const LISTENS: (bool, bool) = (false, true);
pub(crate) const BOTH: (bool, bool) = (true, true);

pub(crate) fn pair(roles: [(bool, bool); 2]) -> Pair {
    let configs = [0, 1].map(|side| config(side, [1, 2], [65001, 65002], roles[side]));
    Pair::new(configs, 42, 20)
}
