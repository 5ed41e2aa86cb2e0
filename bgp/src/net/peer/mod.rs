//! One task per peer: carries out what its state machine says, feeds it what sockets and clock tell.

mod admin;
mod conns;
mod learn;
mod report;
mod revive;
mod told;
mod traffic;

use std::collections::{HashSet, VecDeque};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Instant;

use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};

use super::status::PeerStatus;
use super::timing::Writing;
use super::told::Told;
use super::transport::Transport;
use super::{Admin, InboundEvent, PeerConfig, Shared};
use crate::fsm::{Action, Bfd, BfdHold, ConnId, Event, Peer};
use crate::rib::{Learned, MemberId};
use crate::wire::Notification;

/// What the engine asks of a peer's task.
pub(super) enum Command {
    Accepted(TcpStream),
    Admin(Admin),
    /// Say goodbye and end.
    Leave(Notification, oneshot::Sender<()>),
    /// End without a word.
    Abandon(oneshot::Sender<()>),
}

/// What reaches a peer's task from the engine.
pub(super) struct Inputs {
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) told: watch::Receiver<Told>,
}

/// What a peer's task shows.
pub(super) struct Outputs {
    pub(super) status: Arc<Mutex<PeerStatus>>,
    /// `None` while there is no session.
    pub(super) learned: Arc<Mutex<Option<Learned>>>,
}

type DialFuture = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

/// The task's belongings.
pub(super) struct PeerTask {
    /// What the engine told last, as far as it was carried out.
    told: Told,
    config: Arc<PeerConfig>,
    shared: Arc<Shared>,
    outputs: Outputs,
    inputs: Inputs,
    changed: watch::Receiver<()>,
    fsm: Peer,
    conns: Vec<(ConnId, Transport)>,
    next_conn: u64,
    dialing: Option<DialFuture>,
    member: Option<(ConnId, MemberId)>,
    /// What the member was sent last, until it has left.
    writing: Option<Writing>,
    inbound: VecDeque<InboundEvent>,
    farewells: Vec<tokio::task::JoinHandle<()>>,
    /// A broken attribute was already logged in this session.
    complained: bool,
    /// That the peer nears its limit was already logged in this session.
    prefix_warned: bool,
    /// What the peer announced outlives the session that ends now.
    retained: bool,
    /// Why there is no session, as logged since there was one: tries come by the second, their reasons take turns.
    reasons: HashSet<String>,
    /// The system itself failed the dial; else nobody answered.
    dial_refused: bool,
    /// Connections are dropped rather than closed in order.
    abandoning: bool,
}

enum Woken {
    Command(Option<Command>),
    Told,
    Conn(ConnId),
    Dialed(io::Result<TcpStream>),
    RibChanged,
    InboundRoom,
    Deadline,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere must not take this peer down with it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PeerTask {
    pub(super) fn new(shared: Arc<Shared>, outputs: Outputs, mut inputs: Inputs) -> Self {
        let told = inputs.told.borrow_and_update().clone();
        let config = Arc::clone(&told.config);
        let changed = shared.changed.subscribe();
        Self {
            fsm: machine(&config, true),
            told,
            config,
            shared,
            outputs,
            inputs,
            changed,
            conns: Vec::new(),
            next_conn: 0,
            dialing: None,
            member: None,
            writing: None,
            inbound: VecDeque::new(),
            farewells: Vec::new(),
            complained: false,
            prefix_warned: false,
            retained: false,
            reasons: HashSet::new(),
            dial_refused: false,
            abandoning: false,
        }
    }

    /// Until told to end, or until the engine is dropped.
    async fn work(&mut self) {
        if self.fsm.bfd_hold() == BfdHold::No && self.told.path.bfd == Bfd::Awaited {
            self.handle(Event::Bfd(Bfd::Awaited));
        }
        if lock(&self.outputs.status).enabled {
            self.handle(Event::Start);
        }
        loop {
            match self.wait().await {
                Woken::Command(Some(Command::Leave(note, done))) => {
                    self.leave(note).await;
                    let _ = done.send(());
                    return;
                }
                Woken::Command(Some(Command::Abandon(done))) => {
                    self.abandon();
                    let _ = done.send(());
                    return;
                }
                Woken::Command(None) => {
                    let note = self.inputs.told.borrow().leave.clone();
                    if let Some(note) = note {
                        self.leave(note).await;
                    }
                    return;
                }
                Woken::Command(Some(Command::Accepted(stream))) => self.accepted(stream),
                Woken::Command(Some(Command::Admin(what))) => self.administer(what),
                Woken::Told => self.take_over(),
                Woken::Conn(id) => self.serve(id),
                Woken::Dialed(result) => self.dialed(result),
                Woken::RibChanged => self.feed(),
                Woken::InboundRoom => {}
                Woken::Deadline => self.handle(Event::Tick),
            }
        }
    }

    /// What happens next. Input comes before deadlines: a peer that spoke in time is not declared silent because
    /// this task was late.
    async fn wait(&mut self) -> Woken {
        let deadline = self.fsm.next_deadline();
        let hungry = self.member.is_some_and(|(id, _)| self.is_drained(id));
        let reading = self.inbound.is_empty();
        let (conns, dialing) = (&self.conns, &mut self.dialing);
        let ready = poll_fn(|cx| {
            let mut all = conns.iter().filter(|(_, conn)| conn.poll_ready(cx, reading).is_ready());
            all.next().map_or(Poll::Pending, |(id, _)| Poll::Ready(*id))
        });
        let dialed = poll_fn(|cx| match dialing {
            Some(dial) => dial.as_mut().poll(cx),
            None => Poll::Pending,
        });
        tokio::select! {
            biased;
            command = self.inputs.commands.recv() => Woken::Command(command),
            Ok(()) = self.inputs.told.changed() => Woken::Told,
            id = ready => Woken::Conn(id),
            result = dialed => Woken::Dialed(result),
            Ok(()) = self.changed.changed(), if hungry => Woken::RibChanged,
            () = traffic::deliver(self.config.inbound.as_ref(), self.config.addr, &mut self.inbound), if !reading =>
                Woken::InboundRoom,
            () = sleep_until(deadline) => Woken::Deadline,
        }
    }

    fn is_drained(&self, id: ConnId) -> bool {
        self.conns.iter().any(|(of, conn)| *of == id && conn.is_drained())
    }

    /// Feeds the state machine and carries out what it answers.
    fn handle(&mut self, event: Event) {
        let mut actions = Vec::new();
        self.fsm.handle(Instant::now(), event, &mut actions);
        for action in actions {
            self.act(action);
        }
        self.report_state();
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Dial => self.dial(),
            Action::AbandonDial => self.dialing = None,
            Action::Send(id, message) => self.send(id, &message),
            Action::Close(id) => self.close(id),
            Action::Up(id, with) => self.up(id, &with),
            Action::Ended { was_up, reason } => self.ended(was_up, reason),
            Action::Refresh(family) => {
                if let Some((_, member)) = self.member {
                    lock(&self.shared.rib).refresh(member, family);
                    self.feed();
                }
            }
            Action::Update(update) => {
                self.learn(&update);
                if self.config.inbound.is_some() {
                    self.inbound.push_back(InboundEvent::Update(update));
                }
            }
            Action::Retain { time } => self.retain(time),
            Action::Purge(family) => self.purge(family),
            Action::RefreshBegins(family) => self.refreshed(family, true),
            Action::RefreshEnds(family) => self.refreshed(family, false),
        }
    }
}

/// A machine that is not started. Only until there was a session may it say that the process restarts (R); from then on
/// what was announced can be reached all the time, whatever ended the session (F, RFC 8538 §4.1).
fn machine(config: &PeerConfig, first: bool) -> Peer {
    let seed = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), config.dialing.remote);
    let mut session = config.session.clone();
    if let Some(restart) = &mut session.restart {
        restart.restarted &= first;
        restart.forwarding |= !first;
    }
    Peer::new(session, seed)
}

impl Drop for PeerTask {
    /// However the task ends, its member must not pin the change log, and nobody may be told of a session.
    fn drop(&mut self) {
        self.forget_session();
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
