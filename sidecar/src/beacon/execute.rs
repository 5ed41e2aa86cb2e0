//! Commands on sessions, and what they reply.

use std::time::Instant;

use bfd::engine::{Action, Control, Engine, SessionId};
use bfd::session::{Path, Role, Settings, Status};
use bfd::{Diagnostic, State};

use super::registry::{Registry, close};
use crate::VERSION;
use crate::command::{Act, Command, Item, Pair, Which};
use crate::status::{self, Form};

impl Registry {
    /// Does this; the reply is whole, with its line ends.
    pub fn execute(
        &mut self,
        engine: &mut Engine,
        now: Instant,
        out: &mut Vec<Action>,
        command: Command,
    ) -> String {
        match command {
            Command::Stop => "stopping\n".to_owned(),
            Command::Version => format!("bfdd-beacon v{VERSION}\n"),
            Command::Connect(pair) => self.connect(engine, now, out, pair),
            Command::Allow(remote) => {
                self.allow(engine, remote);
                self.reconcile(engine, now, out);
                format!("Allowing connections from {remote}\n")
            }
            Command::Block(remote) => {
                self.block(engine, remote);
                format!("Blocking connections from {remote}. This will not terminate any ongoing session.\n")
            }
            Command::Status(which, form) => show(engine, now, which, form),
            Command::Defaults(item) => {
                set(&mut self.settings, item);
                engine.set_passive(self.settings.clone());
                attempt(Act::Set(item))
            }
            Command::Session(which, act) => {
                let found = find(engine, which);
                let mut reply = attempt(act);
                if found.is_empty() {
                    reply.push_str(&none(which));
                }
                for status in &found {
                    self.act(engine, now, out, (status, act));
                }
                reply
            }
            Command::Log(_) => String::new(), // of the process, not of its sessions
        }
    }

    fn connect(&mut self, engine: &mut Engine, now: Instant, out: &mut Vec<Action>, pair: Pair) -> String {
        let interface = if pair.remote.interface == 0 { pair.local.interface } else { pair.remote.interface };
        let path = Path { hops: self.hops, local: Some(pair.local.ip), remote: pair.remote.ip, interface };
        let there = find(engine, Which::Pair(pair)).first().map(|status| status.id);
        let opened = match there {
            Some(id) => engine.control(now, id, Control::Activate, out),
            None => self.open(engine, now, path, out).is_ok(),
        };
        match opened {
            true => format!("Opened connection from local {} to remote {}\n", pair.local, pair.remote),
            false => not_opened(pair),
        }
    }

    fn act(
        &mut self,
        engine: &mut Engine,
        now: Instant,
        out: &mut Vec<Action>,
        (status, act): (&Status, Act),
    ) {
        let id = status.id;
        let control = match act {
            Act::Set(item) => {
                let mut settings = status.settings.clone();
                set(&mut settings, item);
                engine.set(now, id, settings, out);
                return;
            }
            Act::Kill => return close(engine, now, id, out),
            Act::Reset => {
                close(engine, now, id, out);
                if status.role == Role::Active {
                    // The path was free a moment ago and the number of sessions is one less.
                    let _ = self.open(engine, now, status.path, out);
                }
                return;
            }
            Act::Up => Control::Release,
            Act::Down(diagnostic) => Control::Force(State::Down, diagnostic),
            Act::Admin(diagnostic) => Control::Force(State::AdminDown, diagnostic),
            Act::Suspend => Control::Suspend,
            Act::Resume => Control::Resume,
        };
        engine.control(now, id, control, out);
    }
}

/// The reply where a session cannot be opened.
pub(super) fn not_opened(pair: Pair) -> String {
    format!("Failed to open connection from local {} to remote {}\n", pair.local, pair.remote)
}

fn show(engine: &Engine, now: Instant, which: Which, form: Form) -> String {
    let found = find(engine, which);
    match (which, found.first()) {
        (Which::All, _) => status::all(&found, form, now),
        (_, Some(one)) => status::one(one, form, now),
        (_, None) => none(which),
    }
}

fn find(engine: &Engine, which: Which) -> Vec<Status> {
    match which {
        Which::All => engine.sessions(),
        Which::Id(id) => engine.session(SessionId(id)).into_iter().collect(),
        Which::Pair(Pair { local, remote }) => {
            let between = |one: &Status| status::local(one) == local && status::remote(one) == remote;
            engine.sessions().into_iter().filter(between).take(1).collect()
        }
    }
}

/// What is said where no session is found; nothing where none was asked for by name.
fn none(which: Which) -> String {
    match which {
        Which::All => String::new(),
        Which::Id(id) => format!("No session with id={id}.\n"),
        Which::Pair(Pair { local, remote }) => {
            format!("No session with local ip={local} and remote ip={remote}.\n")
        }
    }
}

fn set(settings: &mut Settings, item: Item) {
    match item {
        Item::MinTx(micros) => settings.desired_min_tx = micros,
        Item::MinRx(micros) => settings.required_min_rx = micros,
        Item::Multi(mult) => settings.detect_mult = mult,
        Item::ControlPlaneIndependent(on) => settings.control_plane_independent = on,
        Item::AdminUpPoll(_) => {}
    }
}

/// The line that says what is about to be done.
fn attempt(act: Act) -> String {
    let into = |state: State, diagnostic: Diagnostic| {
        format!("Attempting to put session(s) into {state} state with diagnostic <{diagnostic}>.\n")
    };
    let verb = |verb| format!("Attempting to {verb} session(s).\n");
    match act {
        Act::Set(item) => attempt_to_set(item),
        Act::Up => into(State::Up, Diagnostic::NONE),
        Act::Down(diagnostic) => into(State::Down, diagnostic),
        Act::Admin(diagnostic) => into(State::AdminDown, diagnostic),
        Act::Reset => verb("reset"),
        Act::Kill => verb("kill"),
        Act::Suspend => verb("suspend"),
        Act::Resume => verb("resume"),
    }
}

fn attempt_to_set(item: Item) -> String {
    let interval = |name, micros: bfd::Micros| {
        format!("Attempting to set {name} to {} us.\n", status::thousands(u128::from(micros.0)))
    };
    match item {
        Item::MinTx(micros) => interval("mintx", micros),
        Item::MinRx(micros) => interval("minrx", micros),
        Item::Multi(mult) => format!("Attempting to set multi to {}.\n", mult.get()),
        Item::ControlPlaneIndependent(on) => {
            let word = if on { "yes" } else { "no" };
            format!("Attempting to set control plane independent (C) bit to {word}.\n")
        }
        Item::AdminUpPoll(on) => {
            format!("Attempting to {} admin_up_poll workaround.\n", if on { "enable" } else { "disable" })
        }
    }
}
