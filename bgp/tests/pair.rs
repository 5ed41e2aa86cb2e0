//! Two state machines joined by a network with delay, all on one virtual clock.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use bgp::fsm::{Action, Config, ConnId, EndReason, Event, Peer, State};
use bgp::wire::{Message, Notification};
use bgp::{Asn, Family, HoldTime, RouterId};
use proptest::prelude::*;

/// One end: 0 or 1.
type Side = usize;

/// What the network brings to a side about a connection, which both ends know by the same number.
#[derive(Clone, Debug)]
enum Parcel {
    Syn,
    SynAck,
    Refused,
    Data(Message),
    Fin,
}

#[derive(Default)]
struct Link {
    open: [bool; 2],
    /// When the last parcel to each side arrives: TCP keeps the order.
    last: [Duration; 2],
}

struct Pair {
    peers: [Peer; 2],
    dialing: [Option<usize>; 2],
    up: [Option<ConnId>; 2],
    ended: [Vec<EndReason>; 2],
    links: Vec<Link>,
    /// In order of arrival; the number keeps equal times apart.
    wire: BTreeMap<(Duration, u64), (usize, Side, Parcel)>,
    epoch: Instant,
    now: Duration,
    random: u64,
    longest: u64,
    cut: bool,
}

fn config(side: Side, ids: [u8; 2], asns: [u32; 2], (dial, listen): (bool, bool)) -> Config {
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
    fn new(configs: [Config; 2], seed: u64, longest: u64) -> Self {
        let [one, other] = configs;
        Self {
            peers: [Peer::new(one, seed), Peer::new(other, seed ^ 0x5555)],
            dialing: [None; 2],
            up: [None; 2],
            ended: [Vec::new(), Vec::new()],
            links: Vec::new(),
            wire: BTreeMap::new(),
            epoch: Instant::now(),
            now: Duration::ZERO,
            random: seed | 1,
            longest,
            cut: false,
        }
    }

    fn delay(&mut self) -> Duration {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        Duration::from_micros(self.random % (self.longest * 1000 + 1))
    }

    fn ship(&mut self, link: usize, to: Side, parcel: Parcel) {
        if !self.cut {
            let at = (self.now + self.delay()).max(self.links[link].last[to]);
            self.links[link].last[to] = at;
            let number = self.wire.keys().map(|(_, number)| number + 1).max().unwrap_or(0);
            self.wire.insert((at, number), (link, to, parcel));
        }
    }

    fn feed(&mut self, side: Side, event: Event) {
        let mut out = Vec::new();
        self.peers[side].handle(self.epoch + self.now, event, &mut out);
        out.into_iter().for_each(|action| self.act(side, action));
    }

    fn act(&mut self, side: Side, action: Action) {
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
            Action::Retain { .. } | Action::Purge(_) => {}
        }
    }

    fn deliver(&mut self, link: usize, to: Side, parcel: Parcel) {
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

    fn run_for(&mut self, span: Duration) {
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

    fn start(&mut self) {
        self.feed(0, Event::Start);
        let apart = self.delay();
        self.run_for(apart);
        self.feed(1, Event::Start);
    }

    /// Both Established on one and the same connection, and no other left.
    fn is_settled(&self) -> bool {
        let both = self.up[0].is_some() && self.up[0] == self.up[1];
        let open = |side: Side| self.links.iter().filter(|link| link.open[side]).count();
        both && open(0) == 1 && open(1) == 1
    }

    /// Settles within `bound`, and then stays so.
    fn check_settles(&mut self, bound: Duration) {
        self.run_for(bound);
        assert!(self.is_settled(), "{:?} {:?}", self.up, self.ended);
        let (up, links) = (self.up, self.links.len());
        for _ in 0..60 {
            self.run_for(Duration::from_secs(1));
            assert_eq!((self.up, self.links.len()), (up, links), "{:?}", self.ended);
        }
    }
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

const DIALS: (bool, bool) = (true, false);
const LISTENS: (bool, bool) = (false, true);
const BOTH: (bool, bool) = (true, true);

fn pair(roles: [(bool, bool); 2]) -> Pair {
    let configs = [0, 1].map(|side| config(side, [1, 2], [65001, 65002], roles[side]));
    Pair::new(configs, 42, 20)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rfc4271_6_8_two_that_dial_each_other_settle_on_one_connection(
        seed in any::<u64>(), longest in 0..400u64, ids in any::<bool>(), asns in any::<bool>(),
    ) {
        // Equal identifiers in different ASes, either way round, or different ones in one AS (RFC 6286 §2.3).
        let (ids, asns) = match (ids, asns) {
            (true, true) => ([5, 5], [65001, 65002]),
            (true, false) => ([5, 5], [65002, 65001]),
            (false, true) => ([1, 2], [65001, 65001]),
            (false, false) => ([2, 1], [65001, 65002]),
        };
        let mut pair = Pair::new([0, 1].map(|side| config(side, ids, asns, BOTH)), seed, longest);
        pair.start();
        pair.check_settles(seconds(8));
    }

    #[test]
    fn one_that_dials_and_one_that_listens_come_up(seed in any::<u64>(), longest in 0..400u64, first in any::<bool>()) {
        let roles = if first { [DIALS, LISTENS] } else { [LISTENS, DIALS] };
        let configs = [0, 1].map(|side| config(side, [1, 2], [65001, 65002], roles[side]));
        let mut pair = Pair::new(configs, seed, longest);
        pair.start();
        pair.check_settles(seconds(10));
        // The one that dials may have been started before the one that listens.
        prop_assert!(pair.links.len() <= 2, "dialed {} times", pair.links.len());
    }

    #[test]
    fn a_restart_of_either_side_is_followed_by_a_new_session(
        seed in any::<u64>(), longest in 0..200u64, roles in 0..3usize, side in 0..2usize,
    ) {
        let roles = [[BOTH, BOTH], [DIALS, LISTENS], [LISTENS, DIALS]][roles];
        let configs = [0, 1].map(|side| config(side, [1, 2], [65001, 65002], roles[side]));
        let mut pair = Pair::new(configs.clone(), seed, longest);
        pair.start();
        pair.check_settles(seconds(20));
        // A crash: no word to the other side, whose next octets draw a reset.
        pair.peers[side] = Peer::new(configs[side].clone(), !seed);
        pair.up[side] = None;
        pair.dialing[side] = None;
        pair.links.iter_mut().for_each(|link| link.open[side] = false);
        pair.feed(side, Event::Start);
        pair.check_settles(seconds(20));
    }
}

#[test]
fn a_silent_cut_is_noticed_by_both_ends_when_the_hold_time_runs_out() {
    let mut pair = pair([DIALS, LISTENS]);
    pair.start();
    pair.run_for(seconds(20));
    assert!(pair.is_settled());
    pair.cut = true;
    pair.wire.clear();
    // The lower of 9 and 30 seconds, counted from the last octet heard: at most one keepalive interval ago.
    pair.run_for(seconds(5));
    assert!(pair.up.iter().all(Option::is_some));
    pair.run_for(seconds(4) + Duration::from_millis(100));
    assert_eq!(pair.up, [None, None]);
    let expired = EndReason::Sent(Notification::hold_timer_expired());
    assert_eq!(pair.ended.each_ref().map(|all| all.last()), [Some(&expired), Some(&expired)]);
    // And when the network heals, the session comes back by itself.
    pair.run_for(seconds(60));
    pair.cut = false;
    pair.check_settles(seconds(10));
}

#[test]
fn a_stopped_side_is_told_to_the_other_which_keeps_trying() {
    let mut pair = pair([LISTENS, DIALS]);
    pair.start();
    pair.run_for(seconds(5));
    pair.feed(0, Event::Stop(Notification::shutdown("back soon")));
    pair.run_for(seconds(5));
    assert_eq!(pair.up, [None, None]);
    assert!(pair.ended[1].contains(&EndReason::Received(Notification::shutdown("back soon"))));
    assert_eq!(pair.peers[0].state(), State::Idle);
    pair.feed(0, Event::Start);
    pair.check_settles(seconds(10));
}
