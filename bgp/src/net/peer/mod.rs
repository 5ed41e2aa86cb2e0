//! One task per peer: carries out what its state machine says, feeds it what sockets and clock tell.

mod admin;
mod report;
mod traffic;

use std::collections::{HashSet, VecDeque};
use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Instant;

use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::debug;

use super::socket::{dial, is_local, prepare};
use super::status::PeerStatus;
use super::transport::Transport;
use super::{Admin, InboundEvent, PeerConfig, Shared};
use crate::fsm::{Action, ConnId, Event, Negotiated, Peer, State};
use crate::rib::{Learned, MemberId, NextHops, UpdateGroup};
use crate::wire::{Message, Notification};

/// What the engine asks of a peer's task.
pub(super) enum Command {
    Accepted(TcpStream),
    Admin(Admin),
    Stop(Notification, oneshot::Sender<()>),
}

/// The way to a peer, as the engine was told last.
#[derive(Clone, Copy)]
pub(super) struct Path {
    pub(super) next_hops: NextHops,
    pub(super) local: Option<IpAddr>,
}

/// What reaches a peer's task from the engine.
pub(super) struct Inputs {
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) path: watch::Receiver<Path>,
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
    config: PeerConfig,
    shared: Arc<Shared>,
    outputs: Outputs,
    inputs: Inputs,
    changed: watch::Receiver<()>,
    fsm: Peer,
    conns: Vec<(ConnId, Transport)>,
    next_conn: u64,
    dialing: Option<DialFuture>,
    member: Option<(ConnId, MemberId)>,
    inbound: VecDeque<InboundEvent>,
    farewells: Vec<tokio::task::JoinHandle<()>>,
    /// A broken attribute was already logged in this session.
    complained: bool,
    /// Why there is no session, as logged since there was one: tries come by the second, their reasons take turns.
    told: HashSet<String>,
}

enum Woken {
    Command(Option<Command>),
    Path(Path),
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
    pub(super) fn new(config: PeerConfig, shared: Arc<Shared>, outputs: Outputs, inputs: Inputs) -> Self {
        let seed = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), config.dialing.remote);
        let fsm = Peer::new(config.session.clone(), seed);
        let changed = shared.changed.subscribe();
        Self {
            config,
            shared,
            outputs,
            inputs,
            changed,
            fsm,
            conns: Vec::new(),
            next_conn: 0,
            dialing: None,
            member: None,
            inbound: VecDeque::new(),
            farewells: Vec::new(),
            complained: false,
            told: HashSet::new(),
        }
    }

    /// Runs until told to stop, or until the engine is dropped.
    pub(super) async fn run(mut self) {
        self.handle(Event::Start);
        loop {
            match self.wait().await {
                Woken::Command(Some(Command::Stop(note, done))) => {
                    self.handle(Event::Stop(note));
                    for farewell in self.farewells.drain(..) {
                        let _ = farewell.await;
                    }
                    let _ = done.send(());
                    return;
                }
                Woken::Command(None) => return,
                Woken::Command(Some(Command::Accepted(stream))) => self.accepted(stream),
                Woken::Command(Some(Command::Admin(what))) => self.administer(what),
                Woken::Path(path) => self.path_changed(path),
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
            Ok(()) = self.inputs.path.changed() => Woken::Path(*self.inputs.path.borrow_and_update()),
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
            Action::Dial => self.dialing = Some(Box::pin(dial(self.config.dialing))),
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
            // What the peer announced goes with its session and is not swept by refreshes.
            Action::Retain { .. } | Action::Purge(_) => {}
            Action::RefreshBegins(_) | Action::RefreshEnds(_) => {}
        }
    }

    fn conn(&mut self, id: ConnId) -> Option<&mut Transport> {
        self.conns.iter_mut().find(|(of, _)| *of == id).map(|(_, conn)| conn)
    }

    fn send(&mut self, id: ConnId, message: &Message) {
        let Some(conn) = self.conn(id) else { return };
        let queued = conn.send(message);
        // Errors show up again when the connection is read.
        let _ = conn.flush();
        let out_queue = self.queued();
        let mut status = lock(&self.outputs.status);
        status.out_queue = out_queue;
        match queued {
            true => status.sent.count(message.kind()),
            false => status.sent.discarded += 1,
        }
    }

    fn close(&mut self, id: ConnId) {
        if let Some(at) = self.conns.iter().position(|(of, _)| *of == id) {
            let (_, conn) = self.conns.swap_remove(at);
            self.farewells.retain(|farewell| !farewell.is_finished());
            self.farewells.push(tokio::spawn(conn.close()));
        }
    }

    fn up(&mut self, id: ConnId, with: &Negotiated) {
        let group = UpdateGroup {
            local_as: self.config.session.local_as,
            internal: self.config.session.is_internal(),
            context: with.context,
            families: with.families.clone(),
            next_hops: self.config.next_hops,
            policy: self.config.policy.clone(),
            extended_next_hop: with.extended_next_hop,
            enhanced_refresh: with.enhanced_refresh,
            only_to_customer: false,
        };
        let mut local_addr = None;
        if let Some(conn) = self.conn(id) {
            conn.set_context(with.context);
            local_addr = conn.local_addr();
        }
        let member = lock(&self.shared.rib).join(group);
        self.member = Some((id, member));
        self.complained = false;
        self.told.clear();
        self.report_up(with, local_addr, member);
        self.feed();
    }

    fn accepted(&mut self, stream: TcpStream) {
        if let Err(error) = prepare(&stream, self.config.dialing.remote.ip(), self.config.dialing.hops) {
            return debug!(%error, "cannot set the options of an accepted connection");
        }
        let id = self.adopt(stream);
        self.handle(Event::Accepted(id));
    }

    fn dialed(&mut self, result: io::Result<TcpStream>) {
        self.dialing = None;
        match result {
            Ok(stream) => {
                let id = self.adopt(stream);
                self.handle(Event::Connected(id));
            }
            Err(error) => self.handle(Event::DialFailed(error.to_string())),
        }
    }

    fn adopt(&mut self, stream: TcpStream) -> ConnId {
        let id = ConnId(self.next_conn);
        self.next_conn += 1;
        self.conns.push((id, Transport::new(stream)));
        id
    }

    fn path_changed(&mut self, Path { next_hops, local }: Path) {
        self.config.dialing.local = local;
        self.config.next_hops = next_hops;
        lock(&self.outputs.status).next_hops = next_hops;
        let cut: Vec<(ConnId, SocketAddr)> = self
            .conns
            .iter()
            .filter_map(|(id, conn)| Some((*id, conn.local_addr().filter(|addr| !is_local(*addr))?)))
            .collect();
        for (id, addr) in cut {
            self.lost(id, format!("the local address {} is gone", addr.ip()));
        }
        self.handle(Event::DialNow);
        if let Some((_, member)) = self.member
            && lock(&self.shared.rib).set_next_hops(member, next_hops)
        {
            self.feed();
        }
    }
}

impl Drop for PeerTask {
    /// However the task ends, its member must not pin the change log, and nobody may be told of a session.
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(peer = %self.config.addr, "its task panicked: no session until the next start");
        }
        let mut status = lock(&self.outputs.status);
        (status.state, status.since) = (State::Idle, Instant::now());
        (status.negotiated, status.member) = (None, None);
        drop(status);
        lock(&self.outputs.learned).take();
        if let Some((_, member)) = self.member.take() {
            lock(&self.shared.rib).leave(member);
        }
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
