//! What a session makes of messages: the first questions in their order, updates, replies.
//!
//! Order: the schema of `_Server` and its monitor (a server without it is taken as it is) → is this server fit → schema
//! of the database → its monitor, by the best method the server knows → synced.

use std::time::Instant;

use serde_json::{Value as Json, json};

use super::standing::{self, Standing};
use super::{
    Action, Columns, Link, Message, Method, Pending, Phase, Question, Replica, Request, Schema, Session,
};
use crate::op::Condition;
use crate::replica::Notation;
use crate::value::Uuid;
use crate::{outcome, rpc};

/// The identity of our monitor.
const MONITOR: &str = "ovn";

/// An answer: result and error.
type Answer = (Json, Json);

impl Method {
    fn name(self) -> &'static str {
        match self {
            Self::Since => "monitor_cond_since",
            Self::Conditional => "monitor_cond",
            Self::Plain => "monitor",
        }
    }

    fn next(self) -> Option<Self> {
        match self {
            Self::Since => Some(Self::Conditional),
            Self::Conditional => Some(Self::Plain),
            Self::Plain => None,
        }
    }
}

impl Session {
    /// An error is why the connection is of no use any more.
    pub(super) fn message(
        &mut self,
        now: Instant,
        message: Message,
        replica: &mut Replica,
        out: &mut Vec<Action>,
    ) -> Result<(), String> {
        match message {
            Message::Request { id, method, params } if method == "echo" => {
                out.push(Action::Send(rpc::reply(&id, &params)));
                Ok(())
            }
            Message::Request { id, .. } => {
                out.push(Action::Send(rpc::refusal(&id, "unknown method")));
                Ok(())
            }
            Message::Notification { method, params } => {
                let Json::Array(params) = params else { return Ok(()) };
                match (method.as_str(), params.as_slice()) {
                    ("update" | "update2" | "update3", [id, rest @ ..]) => {
                        self.update(&method, id, rest, (replica, out))
                    }
                    ("monitor_canceled", [id]) if id == MONITOR => self.ask_schema(now, out),
                    ("monitor_canceled", _) => Err("the server ended a monitor".into()),
                    _ => Ok(()),
                }
            }
            Message::Reply { id, result, error } => {
                // An answer to nothing we asked is passed over.
                let Some(pending) = id.as_u64().and_then(|id| self.pending.remove(&id)) else {
                    return Ok(());
                };
                self.answer(now, pending, (result, error), (replica, out))
            }
        }
    }

    fn update(
        &mut self,
        method: &str,
        id: &Json,
        rest: &[Json],
        (replica, out): (&mut Replica, &mut Vec<Action>),
    ) -> Result<(), String> {
        let (last, rows, notation) = match (method, rest) {
            ("update", [rows]) => (None, rows, Notation::Rows),
            ("update2", [rows]) => (None, rows, Notation::Differences),
            ("update3", [last, rows]) => (Some(last), rows, Notation::Differences),
            _ => return Err(format!("{method} of {} parameters", rest.len())),
        };
        if id == standing::DATABASE {
            self.standing.update(rows).map_err(|fault| fault.to_string())?;
            return self.judge();
        }
        // An update from before the monitor was begun anew is part of what its answer will tell.
        if id != MONITOR || !matches!(self.phase, Phase::Synced { .. }) {
            return Ok(());
        }
        replica.update(rows, notation).map_err(|fault| self.diverged(fault))?;
        if let Some(last) = last {
            self.last_transaction = transaction(last)?;
        }
        self.counters.updates += 1;
        out.push(Action::Changed);
        Ok(())
    }

    fn answer(
        &mut self,
        now: Instant,
        pending: Pending,
        (result, error): Answer,
        (replica, out): (&mut Replica, &mut Vec<Action>),
    ) -> Result<(), String> {
        let failed = !error.is_null();
        match pending.what {
            Question::Any => Ok(()),
            Question::Transact(number) => {
                out.push(Action::Done(number, outcome::read(&result, &error)));
                Ok(())
            }
            Question::ServerSchema if failed => self.ask_schema(now, out),
            Question::ServerSchema => {
                let schema = Schema::from_json(&result).map_err(|fault| format!("get_schema: {fault}"))?;
                let columns = Standing::monitored(&schema);
                let params = Standing::request(&columns);
                let what = Question::ServerMonitor { schema, columns };
                self.ask(now, what, ("monitor_cond", params), out);
                Ok(())
            }
            Question::ServerMonitor { .. } if failed => self.ask_schema(now, out),
            Question::ServerMonitor { schema, columns } => {
                self.standing.begin(&schema, &columns, &result).map_err(|fault| fault.to_string())?;
                self.judge()?;
                self.ask_schema(now, out)
            }
            Question::Schema if failed => Err(format!("get_schema: {}", outcome_text(&error))),
            Question::Schema => {
                let schema = Schema::from_json(&result).map_err(|fault| format!("get_schema: {fault}"))?;
                self.ask_monitor(now, schema, replica, out);
                Ok(())
            }
            Question::Monitor(request) if failed => {
                let error = outcome_text(&error);
                let older = request.method.next().filter(|_| error.contains("unknown method"));
                let Some(method) = older else { return Err(format!("{}: {error}", request.method.name())) };
                self.monitor(now, Request { method, ..request }, out);
                Ok(())
            }
            Question::Monitor(request) => {
                self.begin(&request, result, replica)?;
                self.phase = Phase::Synced { since: now };
                self.link = Link::Synced;
                self.counters.syncs += 1;
                out.push(Action::Changed);
                Ok(())
            }
        }
    }

    /// Carries out the first answer of a monitor.
    fn begin(&mut self, request: &Request, result: Json, replica: &mut Replica) -> Result<(), String> {
        let Request { method, schema, columns, since } = request;
        let (found, last, rows) = match (method, result) {
            (Method::Since, Json::Array(mut parts)) if parts.len() == 3 => {
                let rows = parts.pop().unwrap_or_default();
                let last = transaction(&parts[1])?;
                (parts[0] == json!(true) && *since != Uuid(0), last, rows)
            }
            (Method::Since, _) => return Err("monitor_cond_since: not its answer".into()),
            (_, rows) => (false, Uuid(0), rows),
        };
        let notation = if *method == Method::Plain { Notation::Rows } else { Notation::Differences };
        let carried_out = if found {
            replica.update(&rows, notation)
        } else {
            replica.replace(schema, columns, &rows, notation)
        };
        carried_out.map_err(|fault| self.diverged(fault))?;
        self.counters.resumes += u64::from(found);
        self.last_transaction = last;
        Ok(())
    }

    /// The copy cannot be trusted to go on from: the next one is whole.
    fn diverged(&mut self, fault: crate::replica::Fault) -> String {
        self.last_transaction = Uuid(0);
        fault.to_string()
    }

    fn judge(&mut self) -> Result<(), String> {
        let fit = self.standing.judge(&self.config.database, self.config.leader_only);
        fit.map_err(|unfit| unfit.to_string())
    }

    /// Also when the server ended the monitor, because the schema is another one from now on.
    fn ask_schema(&mut self, now: Instant, out: &mut Vec<Action>) -> Result<(), String> {
        if matches!(self.phase, Phase::Synced { .. }) {
            self.phase = Phase::Asking;
            self.link = Link::Down("the server ended the monitor".into());
            out.push(Action::Changed);
        }
        let params = json!([self.config.database]);
        self.ask(now, Question::Schema, ("get_schema", params), out);
        Ok(())
    }

    fn ask_monitor(&mut self, now: Instant, schema: Schema, replica: &Replica, out: &mut Vec<Action>) {
        let mut columns = Columns::new();
        for watched in &self.config.monitor {
            let known = watched
                .columns
                .iter()
                .filter_map(|name| Some(((*name).into(), *schema.column(watched.table, name)?)));
            if schema.tables.contains_key(watched.table) {
                columns.entry(watched.table.into()).or_default().extend(known);
            }
        }
        let same = *replica.schema() == schema && *replica.monitored() == columns;
        let since = if same { self.last_transaction } else { Uuid(0) };
        self.monitor(now, Request { method: Method::Since, schema, columns, since }, out);
    }

    fn monitor(&mut self, now: Instant, request: Request, out: &mut Vec<Action>) {
        let (name, params) = (request.method.name(), self.monitor_params(&request));
        self.ask(now, Question::Monitor(request), (name, params), out);
    }

    fn monitor_params(&self, wanted: &Request) -> Json {
        let Request { method, schema, columns, since } = wanted;
        let mut requests = json!({});
        for watched in &self.config.monitor {
            let Some(columns) = columns.get(watched.table) else { continue };
            let names: Vec<_> = columns.keys().collect();
            let mut request = json!({"columns": names});
            // What the server cannot compare is not compared: better too many rows than none.
            let known = |one: &&Condition| schema.column(watched.table, &one.column).is_some();
            let only: Vec<_> = watched.only.iter().map_while(|all| all.first().filter(known)).collect();
            if *method != Method::Plain && only.len() == watched.only.len() && !only.is_empty() {
                request["where"] = Json::Array(only.into_iter().map(Condition::to_json).collect());
            }
            requests[watched.table] = json!([request]);
        }
        match method {
            Method::Since => json!([self.config.database, MONITOR, requests, since.to_string()]),
            Method::Conditional | Method::Plain => json!([self.config.database, MONITOR, requests]),
        }
    }
}

fn transaction(json: &Json) -> Result<Uuid, String> {
    json.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| format!("{json} is not a transaction"))
}

/// An error of an answer, for people.
fn outcome_text(error: &Json) -> String {
    match outcome::read(&Json::Null, error) {
        Err(fault) => fault.to_string(),
        Ok(_) => String::new(),
    }
}
