//! The OVSDB client: a script of connections, answers good and bad, time and transactions, held against what a driver
//! may rely on. Every octet is given twice: as it comes to one session, in pieces to another that has to do the same.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use ovn::session::{Action, Config, Session, Timing};
use ovn::{Link, Operation, Replica, Value, Watched};

use crate::counters;
use crate::script::Script;

mod answers;

/// The most operations of one script: what is beyond them is nothing new.
const LONGEST: usize = 100;

/// A session, its copy, and the driver that carries its actions out.
struct End {
    session: Session,
    replica: Replica,
    connected: bool,
    connecting: bool,
    requests: Vec<Vec<u8>>,
    under_way: BTreeSet<u64>,
    log: Vec<Action>,
}

struct World {
    now: Instant,
    number: u64,
    ends: [End; 2],
}

/// The first octet is the configuration, the rest the script.
pub fn run(octets: &[u8]) {
    let mut script = Script(octets);
    let flags = script.octet();
    let mut world = World { now: Instant::now(), number: 0, ends: [End::new(flags), End::new(flags)] };
    world.each(|end, now, out| end.session.start(now, out));
    for _ in 0..LONGEST {
        if script.is_over() {
            break;
        }
        world.operate(&mut script);
        world.check();
    }
}

impl World {
    fn operate(&mut self, script: &mut Script<'_>) {
        let operation = script.octet() % 9;
        counters::OVN_OPERATIONS.count(operation);
        match operation {
            0 => self.each(|end, now, out| {
                if end.connecting {
                    (end.connecting, end.connected) = (false, true);
                    end.session.connected(now, out);
                }
            }),
            1 => self.receive(script.octets()),
            2 => self.each(|end, now, out| {
                if end.connected || end.connecting {
                    (end.connecting, end.connected) = (false, false);
                    end.session.lost(now, "gone", out);
                }
            }),
            3 => {
                self.now += Duration::from_millis(u64::from(script.octet()) * 40);
                self.each(|end, now, out| end.session.tick(now, out));
            }
            4 => self.transact(script),
            // The right answer to the oldest request that has none.
            5 => {
                if let Some(request) = self.request() {
                    self.receive(&answers::good(&request));
                }
            }
            // The fuzzer's answer to it.
            6 => {
                if let Some(request) = self.request() {
                    self.receive(&answers::framed(&request, script.octets()));
                }
            }
            7 => self.receive(&answers::update(script.octet(), script.octets())),
            _ => self.receive(&answers::notice(script.octet())),
        }
    }

    /// The oldest request without an answer; both ends have sent the same.
    fn request(&mut self) -> Option<Vec<u8>> {
        let [one, other] = &mut self.ends;
        if one.requests.is_empty() {
            return None;
        }
        assert_eq!(one.requests, other.requests, "the same requests");
        other.requests.remove(0);
        Some(one.requests.remove(0))
    }

    fn transact(&mut self, script: &mut Script<'_>) {
        self.number += 1;
        let (number, operations) = (self.number, answers::operations(script.octet()));
        self.each(|end, now, out| {
            assert!(end.under_way.insert(number));
            end.session.transact(now, number, &operations, out);
        });
        assert!(operations.iter().all(|one: &Operation| one.to_json().is_object()));
    }

    fn receive(&mut self, octets: &[u8]) {
        let now = self.now;
        let [one, other] = &mut self.ends;
        if one.connected {
            let mut out = Vec::new();
            one.session.receive(now, octets, &mut one.replica, &mut out);
            one.carry_out(out);
        }
        // One at a time, but for long ones, whose middles are all alike.
        for octets in octets.chunks(if octets.len() < 64 { 1 } else { 13 }) {
            if other.connected {
                let mut out = Vec::new();
                other.session.receive(now, octets, &mut other.replica, &mut out);
                other.carry_out(out);
            }
        }
    }

    fn each(&mut self, mut event: impl FnMut(&mut End, Instant, &mut Vec<Action>)) {
        for end in &mut self.ends {
            let mut out = Vec::new();
            event(end, self.now, &mut out);
            end.carry_out(out);
        }
    }

    fn check(&mut self) {
        let now = self.now;
        let [one, other] = &mut self.ends;
        assert_eq!(one.log, other.log, "octets mean the same however they are cut");
        one.log.clear();
        other.log.clear();
        assert_eq!(one.session.link(), other.session.link());
        assert_eq!(one.session.deadline(), other.session.deadline());
        for end in [one, other] {
            end.check(now);
        }
    }
}

impl End {
    fn new(flags: u8) -> Self {
        let only = match flags & 2 {
            0 => Vec::new(),
            _ => vec![vec![ovn::op::Condition {
                column: "name".into(),
                function: "==",
                value: Value::one("a"),
            }]],
        };
        let columns = &["name", "options", "ports", "up", "tag", "absent"];
        let config = Config {
            database: "D".into(),
            monitor: vec![
                Watched { table: "T", columns, only },
                Watched { table: "U", columns, only: vec![] },
            ],
            leader_only: flags & 1 != 0,
            remotes: usize::from(flags >> 2 & 3) + 1,
            seed: flags.into(),
            timing: Timing { message: 4096, ..Timing::default() },
        };
        Self {
            session: Session::new(config),
            replica: Replica::default(),
            connected: false,
            connecting: false,
            requests: Vec::new(),
            under_way: BTreeSet::new(),
            log: Vec::new(),
        }
    }

    fn carry_out(&mut self, out: Vec<Action>) {
        for action in out {
            match &action {
                Action::Connect(_) => {
                    assert!(!self.connected && !self.connecting, "one connection at a time");
                    self.connecting = true;
                }
                Action::Disconnect => {
                    (self.connected, self.connecting) = (false, false);
                    self.requests.clear();
                }
                Action::Send(octets) => {
                    assert!(self.connected, "nothing is sent without a connection");
                    let message = ovn::rpc::parse(octets).expect("what we send is a message");
                    if matches!(message, ovn::rpc::Message::Request { .. }) {
                        self.requests.push(octets.clone());
                    }
                }
                Action::Done(number, _) => {
                    assert!(self.under_way.remove(number), "each transaction is answered once");
                }
                Action::Changed => {}
            }
            counters::OVN_ACTIONS.count(match &action {
                Action::Connect(_) => 0,
                Action::Disconnect => 1,
                Action::Send(_) => 2,
                Action::Done(_, Ok(_)) => 3,
                Action::Done(_, Err(_)) => 4,
                Action::Changed => 5,
            });
            self.log.push(action);
        }
    }

    fn check(&mut self, now: Instant) {
        let synced = *self.session.link() == Link::Synced;
        counters::OVN_STATES
            .count(u8::from(self.connecting) | u8::from(self.connected) << 1 | u8::from(synced) << 2);
        assert!(self.connected || self.under_way.is_empty(), "without a connection nothing is under way");
        assert!(self.connected || !synced);
        // A driver that sleeps until the deadline must not spin.
        let mut out = Vec::new();
        self.session.tick(now, &mut out);
        self.carry_out(out);
        assert!(self.session.deadline().is_none_or(|deadline| deadline > now), "after a tick there is time");
        for (table, columns) in self.replica.monitored() {
            for (_, row) in self.replica.rows(table) {
                assert!(row.keys().eq(columns.keys()), "a row has the columns that are monitored");
                for (column, value) in row {
                    let read = Value::of_type(&value.to_json(), &columns[column]);
                    assert_eq!(read.as_ref(), Ok(value), "what was read can be said");
                }
            }
        }
    }
}
