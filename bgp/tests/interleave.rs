//! Two that dial each other at once, in every order in which events can reach them (RFC 4271 §6.8).
//!
//! All states are visited that any order of deliveries leads to, TCP's order within a connection kept and the clock
//! standing still: whatever the order, one session comes up on one connection that both know.

use std::collections::{HashSet, VecDeque};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use bgp::fsm::{Action, Config, ConnId, Event, Peer, Restart, State};
use bgp::wire::Message;
use bgp::{Asn, Family, HoldTime, RouterId};

/// On its way to one side, about one connection. Each side dials the connection of its own number.
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

/// Both machines and the network between them.
#[derive(Clone, Debug)]
struct World {
    peers: [Peer; 2],
    /// By connection, then side.
    ends: [[End; 2]; 2],
    /// What travels, by connection, then receiving side.
    wires: [[VecDeque<Parcel>; 2]; 2],
    up: [Option<ConnId>; 2],
    /// A dial that came back refused or closed waits for the clock: whoever started late.
    started: [bool; 2],
}

/// One thing that can happen next.
#[derive(Clone, Copy, Debug)]
enum Step {
    Start(usize),
    Deliver { conn: usize, to: usize },
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
    fn new(configs: [Config; 2]) -> Self {
        let peers = configs.map(|config| Peer::new(config, 1));
        Self { peers, ends: <_>::default(), wires: <_>::default(), up: [None; 2], started: [false; 2] }
    }

    fn steps(&self) -> Vec<Step> {
        let starts = (0..2).filter(|side| !self.started[*side]).map(Step::Start);
        let all = [(0, 0), (0, 1), (1, 0), (1, 1)].into_iter();
        let loaded = all.filter(|(conn, to)| !self.wires[*conn][*to].is_empty());
        starts.chain(loaded.map(|(conn, to)| Step::Deliver { conn, to })).collect()
    }

    fn take(&mut self, now: Instant, step: Step) {
        match step {
            Step::Start(side) => {
                self.started[side] = true;
                self.feed(now, side, Event::Start);
            }
            Step::Deliver { conn, to } => {
                let parcel = self.wires[conn][to].pop_front().expect("loaded");
                self.deliver(now, (conn, to), parcel);
            }
        }
    }

    fn deliver(&mut self, now: Instant, (conn, to): (usize, usize), parcel: Parcel) {
        let id = ConnId(conn as u64);
        match (parcel, self.ends[conn][to]) {
            (Parcel::Syn, _) => {
                self.ends[conn][to] = End::Open;
                self.wires[conn][1 - to].push_back(Parcel::SynAck);
                self.feed(now, to, Event::Accepted(id));
            }
            (Parcel::SynAck, End::Dialing) => {
                self.ends[conn][to] = End::Open;
                self.feed(now, to, Event::Connected(id));
            }
            // A dial given up in the middle is reset.
            (Parcel::SynAck, _) => self.wires[conn][1 - to].push_back(Parcel::Fin),
            (Parcel::Data(message), End::Open) => self.feed(now, to, Event::Received(id, message)),
            (Parcel::Fin, End::Open) => {
                self.ends[conn][to] = End::Closed;
                self.feed(now, to, Event::Lost(id, "closed".to_owned()));
            }
            (Parcel::Fin, End::Dialing) => {
                self.ends[conn][to] = End::Closed;
                self.feed(now, to, Event::DialFailed("refused".to_owned()));
            }
            (Parcel::Data(_) | Parcel::Fin, _) => {}
        }
    }

    fn feed(&mut self, now: Instant, side: usize, event: Event) {
        let mut out = Vec::new();
        self.peers[side].handle(now, event, &mut out);
        let number = |id: ConnId| usize::try_from(id.0).expect("0 or 1");
        for action in out {
            match action {
                Action::Dial => {
                    self.ends[side][side] = End::Dialing;
                    self.wires[side][1 - side].push_back(Parcel::Syn);
                }
                Action::AbandonDial => self.ends[side][side] = End::Closed,
                Action::Send(id, message) => {
                    assert_eq!(self.ends[number(id)][side], End::Open, "{message:?} after Close");
                    self.wires[number(id)][1 - side].push_back(Parcel::Data(message));
                }
                Action::Close(id) => {
                    self.ends[number(id)][side] = End::Closed;
                    self.wires[number(id)][1 - side].push_back(Parcel::Fin);
                }
                Action::Up(id, _) => assert_eq!(self.up[side].replace(id), None, "up twice"),
                Action::Ended { was_up, reason } => assert!(!was_up, "a session was lost: {reason}"),
                other => panic!("not at this point: {other:?}"),
            }
        }
    }

    /// One connection left, known to both, both Established on it.
    fn is_settled(&self) -> bool {
        let Some(id) = self.up[0] else { return false };
        let used = usize::try_from(id.0).expect("0 or 1");
        self.up[1] == Some(id)
            && self.ends[used] == [End::Open; 2]
            && self.ends[1 - used] == [End::Closed; 2]
            && self.peers.iter().all(|peer| peer.state() == State::Established)
    }
}

/// Visits all orders from here; how many states there are, and how many of them are the last of an order.
fn explore(world: World) -> (usize, usize) {
    let now = Instant::now();
    let (mut seen, mut last) = (HashSet::new(), 0);
    let mut todo = vec![world];
    while let Some(world) = todo.pop() {
        if !seen.insert(format!("{world:?}")) {
            continue;
        }
        let steps = world.steps();
        if steps.is_empty() {
            assert!(world.is_settled(), "{world:#?}");
            // And it is no accident of the moment: nothing but keepalives is due for the next half a minute.
            let due = world.peers.iter().filter_map(Peer::next_deadline).min();
            assert!(due.is_some_and(|at| at >= now + Duration::from_secs(22)));
            last += 1;
        }
        for step in steps {
            let mut next = world.clone();
            next.take(now, step);
            todo.push(next);
        }
    }
    (seen.len(), last)
}

#[test]
fn rfc4271_6_8_a_collision_leaves_one_session_in_every_order_of_events() {
    // Who wins: the higher identifier; of equal ones the higher AS (RFC 6286 §2.3); within one AS the identifier.
    let cases = [
        ([1, 2], [65001, 65002]),
        ([2, 1], [65001, 65002]),
        ([5, 5], [65001, 65002]),
        ([5, 5], [65002, 65001]),
        ([1, 2], [65001, 65001]),
    ];
    for graceful in [false, true] {
        for (ids, asns) in cases {
            let configs = [0, 1].map(|side| config(side, ids, asns, graceful));
            let (states, last) = explore(World::new(configs));
            assert!(states > 500 && last >= 2, "{states} states, {last} of them the last");
        }
    }
}
