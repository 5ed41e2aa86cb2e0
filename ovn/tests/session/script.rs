//! A session on a virtual clock, and a server played by hand.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use ovn::op::Condition;
use ovn::rpc::{self, Message};
use ovn::session::{Action, Config, Session, Timing};
use ovn::{Replica, Value, Watched};
use serde_json::{Value as Json, json};

/// The row of the database in `_Server`.
pub(crate) const SELF: &str = "00000000-0000-0000-0000-000000000001";
/// A row of table T.
pub(crate) const ROW: &str = "00000000-0000-0000-0000-00000000000a";
/// A transaction.
pub(crate) const TXN: &str = "00000000-0000-0000-0000-0000000000ff";

/// A session with its copy and its clock.
pub(crate) struct Play {
    pub(crate) session: Session,
    pub(crate) replica: Replica,
    pub(crate) begin: Instant,
    pub(crate) now: Instant,
    pub(crate) done: Vec<Action>,
    requests: VecDeque<(u64, String, Json)>,
}

/// A schema of one table.
pub(crate) fn schema(columns: Json) -> Json {
    json!({"name": "D", "version": "1.0.0", "tables": {"T": {"columns": columns}}})
}

/// Its columns as the tests mostly have them.
pub(crate) fn columns() -> Json {
    json!({"name": {"type": "string"}, "ports": {"type": {"key": "string", "min": 0, "max": "unlimited"}}})
}

/// The row of `_Server` of a member of a cluster.
pub(crate) fn member(leader: bool, index: u64) -> Json {
    json!({"name": "D", "model": "clustered", "connected": true, "leader": leader, "index": index,
           "cid": ["uuid", "00000000-0000-0000-0000-00000000000c"]})
}

impl Play {
    pub(crate) fn new(remotes: usize) -> Self {
        let condition = Condition { column: "name".into(), function: "!=", value: Value::one("hidden") };
        let config = Config {
            database: "D".into(),
            monitor: vec![
                Watched { table: "T", columns: &["name", "ports", "newer"], only: vec![vec![condition]] },
                Watched { table: "Newer", columns: &["name"], only: vec![] },
            ],
            leader_only: true,
            remotes,
            seed: 7,
            timing: Timing::default(),
        };
        let begin = Instant::now();
        let mut play = Self {
            session: Session::new(config),
            replica: Replica::default(),
            begin,
            now: begin,
            done: Vec::new(),
            requests: VecDeque::new(),
        };
        play.run(|session, now, _, out| session.start(now, out));
        play
    }

    /// Something happens; requests are kept apart from the other actions.
    pub(crate) fn run(&mut self, event: impl FnOnce(&mut Session, Instant, &mut Replica, &mut Vec<Action>)) {
        let mut out = Vec::new();
        event(&mut self.session, self.now, &mut self.replica, &mut out);
        for action in out {
            match &action {
                Action::Send(octets) => match rpc::parse(octets).unwrap() {
                    Message::Request { id, method, params } => {
                        self.requests.push_back((id.as_u64().unwrap(), method, params));
                    }
                    _ => self.done.push(action),
                },
                Action::Disconnect => {
                    self.requests.clear();
                    self.done.push(action);
                }
                _ => self.done.push(action),
            }
        }
    }

    /// What was done since the last look, requests apart.
    pub(crate) fn take(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.done)
    }

    pub(crate) fn connected(&mut self) {
        self.run(|session, now, _, out| session.connected(now, out));
    }

    pub(crate) fn lost(&mut self) {
        self.run(|session, now, _, out| session.lost(now, "reset", out));
    }

    pub(crate) fn says(&mut self, message: &Json) {
        let octets = message.to_string();
        self.run(|session, now, replica, out| session.receive(now, octets.as_bytes(), replica, out));
    }

    pub(crate) fn transact(&mut self, number: u64) {
        self.run(|session, now, _, out| session.transact(now, number, &[], out));
    }

    /// Time passes; deadlines are kept.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(deadline) = self.session.deadline().filter(|deadline| *deadline <= end) {
            self.now = deadline.max(self.now);
            self.run(|session, now, _, out| session.tick(now, out));
            let next = self.session.deadline();
            assert!(next.is_none_or(|next| next > self.now), "a tick moves the deadline");
        }
        self.now = end;
    }

    /// The next request has to be this; its parameters.
    pub(crate) fn asked(&mut self, method: &str) -> (u64, Json) {
        let (id, name, params) = self.requests.pop_front().expect("a request");
        assert_eq!(name, method);
        (id, params)
    }

    pub(crate) fn asks_nothing(&self) -> bool {
        self.requests.is_empty()
    }

    /// The next request has to be this, and is answered so.
    pub(crate) fn answer(&mut self, method: &str, result: &Json) -> Json {
        let (id, params) = self.asked(method);
        self.says(&json!({"id": id, "result": result, "error": null}));
        params
    }

    /// The next request has to be this, and fails.
    pub(crate) fn refuse(&mut self, method: &str, error: &str) -> Json {
        let (id, params) = self.asked(method);
        self.says(&json!({"id": id, "result": null, "error": error}));
        params
    }

    /// The server says what it is, as far as it is asked.
    pub(crate) fn introduce(&mut self, row: &Json) {
        self.answer("set_db_change_aware", &json!({}));
        let columns = json!({"name": {"type": "string"}, "model": {"type": "string"},
            "connected": {"type": "boolean"}, "leader": {"type": "boolean"},
            "cid": {"type": {"key": "uuid", "min": 0, "max": 1}},
            "index": {"type": {"key": "integer", "min": 0, "max": 1}}});
        let schema = json!({"name": "_Server", "tables": {"Database": {"columns": columns}}});
        assert_eq!(self.answer("get_schema", &schema), json!(["_Server"]));
        self.answer("monitor_cond", &json!({"Database": {SELF: {"initial": row}}}));
    }

    /// A whole beginning, up to a copy of one row.
    pub(crate) fn sync(&mut self, row: &Json) {
        self.connected();
        self.introduce(row);
        self.answer("get_schema", &schema(columns()));
        let rows = json!({"T": {ROW: {"initial": {"name": "a", "ports": ["set", ["x", "y"]]}}}});
        self.answer("monitor_cond_since", &json!([false, TXN, rows]));
        assert_eq!(*self.session.link(), ovn::Link::Synced);
    }

    /// The row of table T.
    pub(crate) fn row(&self) -> Option<&ovn::Row> {
        self.replica.row("T", ROW.parse().unwrap())
    }
}
