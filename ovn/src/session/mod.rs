//! A client's side of OVSDB, without sockets, tasks or clocks (RFC 7047 §4, ovsdb-server(7)).
//!
//! Owns which server is talked to and when, the order of the first questions, the monitor and its resumption, the
//! transactions that are under way, and every deadline. Leaves octets on a socket to the driver and the copy of the
//! database to [`Replica`], which the caller keeps and lends.
//!
//! Drive it: [`Session::start`], carry out the actions, report with [`Session::connected`], [`Session::lost`] and
//! [`Session::receive`], call [`Session::tick`] at [`Session::deadline`], repeat.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::{Value as Json, json};

use crate::op::Operation;
use crate::outcome::{Outcome, TransactError};
use crate::replica::{Columns, Replica};
use crate::rpc::{self, Message, Reader};
use crate::schema::Schema;
use crate::value::Uuid;

pub mod config;
mod handshake;
pub mod retry;
mod standing;

pub use config::{Config, Timing, Watched};
use retry::{Retry, Try};
use standing::Standing;
pub use standing::Unfit;

/// What the driver has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Connect to this one of the servers, from 0. There is no other connection then.
    Connect(usize),
    /// Close the connection, or stop making it. Nothing of it may be reported after.
    Disconnect,
    /// Send these octets.
    Send(Vec<u8>),
    /// Tell who asked for the transaction of this number.
    Done(u64, Result<Outcome, TransactError>),
    /// The copy or the link is another than before.
    Changed,
}

/// How the connection is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// Being made, or waiting for the next try; with the last error.
    Down(String),
    /// Connected, and the replica is complete.
    Synced,
}

/// What happened since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Connections on which the copy became complete.
    pub syncs: u64,
    /// Of these, by the changes since the last one.
    pub resumes: u64,
    /// Transactions sent.
    pub transactions: u64,
    /// Updates carried out, first answers apart.
    pub updates: u64,
    /// Octets received.
    pub octets: u64,
}

#[derive(Debug)]
enum Phase {
    Idle,
    Waiting { until: Instant, remote: usize },
    Connecting { since: Instant },
    Asking,
    Synced { since: Instant },
}

/// A question without its answer.
#[derive(Debug)]
struct Pending {
    what: Question,
    sent: Instant,
}

#[derive(Debug)]
enum Question {
    /// Whatever the answer is, that there is one will do.
    Any,
    ServerSchema,
    ServerMonitor {
        schema: Schema,
        columns: Columns,
    },
    Schema,
    Monitor(Request),
    Transact(u64),
}

/// What a monitor is asked for.
#[derive(Debug)]
struct Request {
    method: Method,
    schema: Schema,
    columns: Columns,
    /// The last transaction that the copy has; zero: there is no copy to go on from.
    since: Uuid,
}

/// Ways to monitor, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    /// From a transaction on (Open vSwitch 2.12).
    Since,
    /// With conditions (2.6).
    Conditional,
    /// RFC 7047 §4.1.5.
    Plain,
}

/// One client of one database, over as many connections as it takes.
#[derive(Debug)]
pub struct Session {
    config: Config,
    retry: Retry,
    standing: Standing,
    phase: Phase,
    reader: Reader,
    pending: BTreeMap<u64, Pending>,
    next_id: u64,
    heard: Option<Instant>,
    probing: bool,
    last_transaction: Uuid,
    link: Link,
    counters: Counters,
}

impl Session {
    /// A session that waits for [`Self::start`].
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            retry: Retry::new(config.remotes, config.seed),
            reader: Reader::new(config.timing.message),
            config,
            standing: Standing::default(),
            phase: Phase::Idle,
            pending: BTreeMap::new(),
            next_id: 1,
            heard: None,
            probing: false,
            last_transaction: Uuid(0),
            link: Link::Down("not connected yet".into()),
            counters: Counters::default(),
        }
    }

    /// How the connection is.
    #[must_use]
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// What happened so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// When [`Self::tick`] has to be called, if nothing happens before.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let timing = &self.config.timing;
        match self.phase {
            Phase::Idle => None,
            Phase::Waiting { until, .. } => Some(until),
            Phase::Connecting { since } => Some(since + timing.connect),
            Phase::Asking => {
                // Only the first answer of the monitor may take its time: the server is busy putting it together.
                let monitor = |one: &Pending| matches!(one.what, Question::Monitor(_));
                let long = self.pending.values().any(monitor);
                let silence = if long { timing.reply.max(timing.probe * 2) } else { timing.probe * 2 };
                self.heard.map(|heard| heard + silence)
            }
            Phase::Synced { .. } => {
                let silence = if self.probing { timing.probe * 2 } else { timing.probe };
                let oldest = self.oldest_transaction().map(|sent| sent + timing.reply);
                self.heard.map(|heard| heard + silence).into_iter().chain(oldest).min()
            }
        }
    }

    /// Begins.
    pub fn start(&mut self, now: Instant, out: &mut Vec<Action>) {
        self.schedule(now, Try { remote: self.retry.remote(), pause: std::time::Duration::ZERO }, out);
    }

    /// The connection asked for is there.
    pub fn connected(&mut self, now: Instant, out: &mut Vec<Action>) {
        if !matches!(self.phase, Phase::Connecting { .. }) {
            return;
        }
        self.phase = Phase::Asking;
        self.reader = Reader::new(self.config.timing.message);
        self.heard = Some(now);
        self.probing = false;
        self.standing.forget();
        // Without it the server closes the connection whenever a database comes, goes or changes its schema.
        self.ask(now, Question::Any, ("set_db_change_aware", json!([true])), out);
        self.ask(now, Question::ServerSchema, ("get_schema", json!([standing::DATABASE])), out);
    }

    /// The connection could not be made, or is gone.
    pub fn lost(&mut self, now: Instant, why: &str, out: &mut Vec<Action>) {
        if !matches!(self.phase, Phase::Idle | Phase::Waiting { .. }) {
            self.fail(now, why.into(), out);
        }
    }

    /// Octets arrived.
    pub fn receive(&mut self, now: Instant, octets: &[u8], replica: &mut Replica, out: &mut Vec<Action>) {
        if octets.is_empty() || !matches!(self.phase, Phase::Asking | Phase::Synced { .. }) {
            return;
        }
        self.heard = Some(now);
        self.probing = false;
        self.counters.octets += u64::try_from(octets.len()).unwrap_or_default();
        self.reader.push(octets);
        while matches!(self.phase, Phase::Asking | Phase::Synced { .. }) {
            let handled = match self.reader.message() {
                Ok(None) => return,
                Ok(Some(message)) => self.message(now, message, replica, out),
                Err(fault) => Err(fault.to_string()),
            };
            if let Err(why) = handled {
                self.fail(now, why, out);
            }
        }
    }

    /// Carries out a transaction and tells the outcome under this number with [`Action::Done`].
    pub fn transact(&mut self, now: Instant, number: u64, operations: &[Operation], out: &mut Vec<Action>) {
        if !matches!(self.phase, Phase::Synced { .. }) {
            out.push(Action::Done(number, Err(TransactError::NotConnected)));
            return;
        }
        let mut params = vec![json!(self.config.database)];
        params.extend(operations.iter().map(Operation::to_json));
        self.counters.transactions += 1;
        self.ask(now, Question::Transact(number), ("transact", Json::Array(params)), out);
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Instant, out: &mut Vec<Action>) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        match self.phase {
            Phase::Idle => {}
            Phase::Waiting { remote, .. } => {
                self.schedule(now, Try { remote, pause: std::time::Duration::ZERO }, out);
            }
            Phase::Connecting { .. } => self.fail(now, "no connection in time".into(), out),
            Phase::Asking => self.fail(now, "no answer in time".into(), out),
            Phase::Synced { .. } => {
                let overdue =
                    self.oldest_transaction().is_some_and(|sent| now >= sent + self.config.timing.reply);
                if overdue || self.probing {
                    self.fail(now, "no answer in time".into(), out);
                } else {
                    self.probing = true;
                    self.ask(now, Question::Any, ("echo", json!([])), out);
                }
            }
        }
    }

    fn oldest_transaction(&self) -> Option<Instant> {
        let waiting = self.pending.values().filter(|one| matches!(one.what, Question::Transact(_)));
        waiting.map(|one| one.sent).min()
    }

    fn ask(&mut self, now: Instant, what: Question, (method, params): (&str, Json), out: &mut Vec<Action>) {
        out.push(Action::Send(rpc::request(self.next_id, method, &params)));
        self.pending.insert(self.next_id, Pending { what, sent: now });
        self.next_id += 1;
    }

    fn schedule(&mut self, now: Instant, next: Try, out: &mut Vec<Action>) {
        if next.pause.is_zero() {
            self.phase = Phase::Connecting { since: now };
            out.push(Action::Connect(next.remote));
        } else {
            self.phase = Phase::Waiting { until: now + next.pause, remote: next.remote };
        }
    }

    /// Gives the connection up and says when the next is made.
    fn fail(&mut self, now: Instant, why: String, out: &mut Vec<Action>) {
        let timing = &self.config.timing;
        let settled = matches!(self.phase, Phase::Synced { since } if now >= since + timing.settled);
        let next = if settled { self.retry.lost() } else { self.retry.failed(timing) };
        out.push(Action::Disconnect);
        for (_, one) in std::mem::take(&mut self.pending) {
            if let Question::Transact(number) = one.what {
                out.push(Action::Done(number, Err(TransactError::Lost)));
            }
        }
        self.reader = Reader::new(timing.message);
        self.link = Link::Down(why);
        out.push(Action::Changed);
        self.schedule(now, next, out);
    }
}
