//! Two that dial each other at once, in every order in which events can reach them (RFC 4271 §6.8).
//!
//! All states are visited that any order of deliveries leads to, TCP's order within a connection kept and the clock
//! standing still: whatever the order, one session comes up on one connection that both know. The same with one of the
//! connections cut at any moment, and then the clock running.

use std::collections::{HashSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use bgp::fsm::{Action, Config, ConnId, Event, Peer, Restart, State};
use bgp::wire::Message;
use bgp::{Asn, Family, HoldTime, RouterId};

/// On its way to one side, about one connection.
#[derive(Clone, Debug)]
enum Parcel {
    Syn,
    SynAck,
    Data(Message),
    Fin,
}

/// Where one end of a connection stands.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum End {
    #[default]
    Closed,
    Dialing,
    Open,
}

/// A connection: its ends and what travels to each.
#[derive(Clone, Debug, Default)]
struct Link {
    ends: [End; 2],
    wires: [VecDeque<Parcel>; 2],
}

/// Both machines and the network between them.
#[derive(Clone, Debug)]
struct World {
    now: Instant,
    peers: [Peer; 2],
    links: Vec<Link>,
    /// The connection each side dials at the moment.
    dialing: [usize; 2],
    up: [Option<ConnId>; 2],
    started: [bool; 2],
    /// A connection may still be cut once; the sessions this costs are not counted.
    may_cut: bool,
    was_cut: bool,
}

/// One thing that can happen next.
#[derive(Clone, Copy, Debug)]
enum Step {
    Start(usize),
    Deliver { link: usize, to: usize },
    Cut(usize),
}

fn config(side: usize, ids: [u8; 2], asns: [u32; 2], graceful: bool) -> Config {
    let (time, restarted, forwarding, long_lived) = (120, false, false, None);
    let restart = Restart { time, restarted, forwarding, notification: true, long_lived };
    let id = RouterId::new(Ipv4Addr::new(10, 0, 0, ids[side])).expect("not zero");
    Config {
        listen: true,
        restart: graceful.then_some(restart),
        ..Config::new(
            (Asn::new(asns[side]).expect("not zero"), id),
            Asn::new(asns[1 - side]).expect("not zero"),
            HoldTime::new(90).expect("legal"),
            vec![Family::IPV4_UNICAST],
        )
    }
}

impl World {
    fn new(configs: [Config; 2], may_cut: bool) -> Self {
        let peers = configs.map(|config| Peer::new(config, 1));
        let (now, links, dialing, up) = (Instant::now(), Vec::new(), [0; 2], [None; 2]);
        Self { now, peers, links, dialing, up, started: [false; 2], may_cut, was_cut: false }
    }

    fn steps(&self) -> Vec<Step> {
        let starts = (0..2).filter(|side| !self.started[*side]).map(Step::Start);
        let ends = (0..self.links.len()).flat_map(|link| [(link, 0), (link, 1)]);
        let loaded = ends.filter(|(link, to)| !self.links[*link].wires[*to].is_empty());
        starts.chain(loaded.map(|(link, to)| Step::Deliver { link, to })).collect()
    }

    /// What can go wrong next.
    fn faults(&self) -> Vec<Step> {
        let whole = |link: &usize| self.links[*link].ends.contains(&End::Open);
        (0..self.links.len()).filter(|link| self.may_cut && whole(link)).map(Step::Cut).collect()
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Start(side) => {
                self.started[side] = true;
                self.feed(side, Event::Start);
            }
            Step::Deliver { link, to } => {
                let parcel = self.links[link].wires[to].pop_front().expect("loaded");
                self.deliver((link, to), parcel);
            }
            Step::Cut(link) => {
                (self.may_cut, self.was_cut) = (false, true);
                // Both ends hear of it at a moment of their own, and of nothing that was on its way.
                self.links[link].wires = [0, 1].map(|_| VecDeque::from([Parcel::Fin]));
            }
        }
    }

    fn deliver(&mut self, (link, to): (usize, usize), parcel: Parcel) {
        let (id, end) = (ConnId(link as u64), self.links[link].ends[to]);
        match (parcel, end) {
            (Parcel::Syn, _) => {
                self.links[link].ends[to] = End::Open;
                self.links[link].wires[1 - to].push_back(Parcel::SynAck);
                self.feed(to, Event::Accepted(id));
            }
            (Parcel::SynAck, End::Dialing) => {
                self.links[link].ends[to] = End::Open;
                self.feed(to, Event::Connected(id));
            }
            // A dial given up in the middle is reset.
            (Parcel::SynAck, _) => self.links[link].wires[1 - to].push_back(Parcel::Fin),
            (Parcel::Data(message), End::Open) => self.feed(to, Event::Received(id, message)),
            (Parcel::Fin, End::Open) => {
                self.links[link].ends[to] = End::Closed;
                self.feed(to, Event::Lost(id, "closed".to_owned()));
            }
            (Parcel::Fin, End::Dialing) => {
                self.links[link].ends[to] = End::Closed;
                self.feed(to, Event::DialFailed("refused".to_owned()));
            }
            (Parcel::Data(_) | Parcel::Fin, _) => {}
        }
    }

    fn feed(&mut self, side: usize, event: Event) {
        let mut out = Vec::new();
        self.peers[side].handle(self.now, event, &mut out);
        out.into_iter().for_each(|action| self.act(side, action));
    }

    fn act(&mut self, side: usize, action: Action) {
        let number = |id: ConnId| usize::try_from(id.0).expect("few");
        match action {
            Action::Dial => {
                let mut link = Link::default();
                link.ends[side] = End::Dialing;
                link.wires[1 - side].push_back(Parcel::Syn);
                self.dialing[side] = self.links.len();
                self.links.push(link);
            }
            Action::AbandonDial => self.links[self.dialing[side]].ends[side] = End::Closed,
            Action::Send(id, message) => {
                let link = &mut self.links[number(id)];
                assert_eq!(link.ends[side], End::Open, "{message:?} after Close");
                link.wires[1 - side].push_back(Parcel::Data(message));
            }
            Action::Close(id) => {
                let link = &mut self.links[number(id)];
                link.ends[side] = End::Closed;
                link.wires[1 - side].push_back(Parcel::Fin);
            }
            Action::Up(id, _) => assert_eq!(self.up[side].replace(id), None, "up twice"),
            Action::Ended { was_up, reason } => {
                assert!(!was_up || self.was_cut, "a session was lost: {reason}");
                self.up[side] = self.up[side].filter(|_| !was_up);
            }
            Action::Retain { .. } | Action::Purge(_) if self.was_cut => {}
            other => panic!("not at this point: {other:?}"),
        }
    }

    /// One connection left, known to both, both Established on it.
    fn is_settled(&self) -> bool {
        let Some(id) = self.up[0] else { return false };
        let open = |link: &Link| link.ends != [End::Closed; 2];
        let left: Vec<usize> = (0..self.links.len()).filter(|link| open(&self.links[*link])).collect();
        self.up[1] == Some(id)
            && left.iter().map(|link| *link as u64).eq([id.0])
            && self.peers.iter().all(|peer| peer.state() == State::Established)
    }

    /// Lets the clock run, everything delivered at once, until it is settled: for half a minute at most.
    fn settle(&mut self) {
        let end = self.now + Duration::from_secs(30);
        while !self.is_settled() {
            if let Some(step) = self.steps().first() {
                self.take(*step);
                continue;
            }
            let due = |side: usize| self.peers[side].next_deadline().map(|at| (at, side));
            let (at, side) = (0..2).filter_map(due).min().expect("a deadline");
            assert!(at <= end, "{self:#?}");
            self.now = at;
            self.feed(side, Event::Tick);
        }
    }
}

/// Visits all orders from here; how many states there are, and how many of them are the last of an order.
fn explore(world: World) -> (usize, usize) {
    let (mut seen, mut last) = (HashSet::new(), 0);
    let mut todo = vec![world];
    while let Some(mut world) = todo.pop() {
        let mut hasher = std::hash::DefaultHasher::new();
        format!("{world:?}").hash(&mut hasher);
        if !seen.insert(hasher.finish()) {
            continue;
        }
        let steps = world.steps();
        for step in steps.iter().copied().chain(world.faults()) {
            let mut next = world.clone();
            next.take(step);
            todo.push(next);
        }
        if steps.is_empty() {
            last += 1;
            if world.was_cut {
                world.settle();
            }
            assert!(world.is_settled(), "{world:#?}");
            // And it is no accident of the moment: nothing but keepalives is due for the next half a minute.
            let due = world.peers.iter().filter_map(Peer::next_deadline).min();
            let half = world.was_cut || due.is_some_and(|at| at >= world.now + Duration::from_secs(22));
            assert!(half, "{world:#?}");
        }
    }
    (seen.len(), last)
}

/// Who wins: the higher identifier; of equal ones the higher AS (RFC 6286 §2.3); within one AS the identifier.
const CASES: [([u8; 2], [u32; 2]); 5] = [
    ([1, 2], [65001, 65002]),
    ([2, 1], [65001, 65002]),
    ([5, 5], [65001, 65002]),
    ([5, 5], [65002, 65001]),
    ([1, 2], [65001, 65001]),
];

#[test]
fn rfc4271_6_8_a_collision_leaves_one_session_in_every_order_of_events() {
    for graceful in [false, true] {
        for (ids, asns) in CASES {
            let configs = [0, 1].map(|side| config(side, ids, asns, graceful));
            let (states, last) = explore(World::new(configs, false));
            assert!(states > 500 && last >= 2, "{states} states, {last} of them the last");
        }
    }
}

#[test]
fn a_collision_in_which_a_connection_is_cut_at_any_moment_is_followed_by_one_session() {
    for graceful in [false, true] {
        let configs = [0, 1].map(|side| config(side, [1, 2], [65001, 65002], graceful));
        let (states, last) = explore(World::new(configs, true));
        assert!(states > 2000 && last > 20, "{states} states, {last} of them the last");
    }
}
