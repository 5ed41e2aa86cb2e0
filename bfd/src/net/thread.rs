//! The thread: wait until the engine's next timer or a datagram; do a `round`; obey commands, which so see what came
//! before them.

use std::hash::BuildHasher as _;
use std::os::fd::{AsFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tracing::{debug, error, info, warn};

use super::clock::Clock;
use super::listen::{Listener, Listeners, Watch};
use super::mmsg::Batch;
use super::pace::{Pace, Rush};
use super::send::Senders;
use super::sockopt::{real_time, short_slice, timer_slack};
use super::{Listen, Notice, Shared};
use crate::engine::{Action, Control, Engine, Limits, SessionId};
use crate::packet::Encoded;
use crate::types::{Diagnostic, State};

/// Timers of the thread may be this late, the system's usual; a parent may have left us more.
const SLACK_NANOS: u32 = 50_000;
/// When AdminDown is sent again at the end, since it was the last time: one packet may be lost.
const GOODBYES: [Duration; 2] = [Duration::from_millis(10), Duration::from_millis(20)];

/// After that long a round comes before further commands.
const BUSY: Duration = Duration::from_millis(1);

type Call = Box<dyn FnOnce(&mut Engine, Instant, &mut Vec<Action>) + Send>;

/// What the thread is asked for.
pub(super) enum Command {
    Call(Call),
    Listen(Listener),
    /// Answers when the socket is closed.
    Ignore(Listen, SyncSender<()>),
    Stop,
    Quit,
}

/// What the thread is given.
pub(super) struct Inside {
    pub(super) inbox: Receiver<Command>,
    pub(super) wake: Arc<OwnedFd>,
    pub(super) shared: Arc<Shared>,
    pub(super) watch: Watch,
}

/// The thread's life. A panic ends it, not the process; who calls then gets closed answers.
pub(super) fn run(
    inside: Inside,
    listeners: Vec<Listener>,
    (limits, priority): (Limits, Option<u8>),
    tell: impl FnMut(Notice),
) {
    let listeners = Listeners::new(inside.watch.clone(), listeners);
    if let Err(error) = priority.map_or(Ok(()), real_time) {
        warn!(%error, "no real-time priority for BFD; needs CAP_SYS_NICE");
    }
    for done in [timer_slack(SLACK_NANOS), short_slice()] {
        let _ = done.inspect_err(|error| debug!(%error, "the BFD thread is scheduled as any other"));
    }
    let lived = catch_unwind(AssertUnwindSafe(|| Worker::new(inside, listeners, limits, tell).live()));
    if lived.is_err() {
        error!("the BFD thread has panicked: no session is watched any more");
    }
}

pub(super) struct Worker<T> {
    pub(super) inside: Inside,
    pub(super) listeners: Listeners,
    pub(super) engine: Engine,
    pub(super) clock: Clock,
    pub(super) pace: Pace,
    pub(super) senders: Senders,
    pub(super) batch: Batch,
    pub(super) actions: Vec<Action>,
    pub(super) tell: T,
    pub(super) rush: Rush,
}

impl<T: FnMut(Notice)> Worker<T> {
    fn new(inside: Inside, listeners: Listeners, limits: Limits, tell: T) -> Self {
        let mut clock = Clock::new();
        let pace = Pace::new(clock.read());
        let seed = std::hash::RandomState::new().hash_one(std::thread::current().id()); // keyed by the system
        Self {
            senders: Senders::new(Arc::clone(&inside.shared)),
            engine: Engine::new(limits, seed),
            batch: Batch::new(),
            actions: Vec::new(),
            rush: Rush::new(),
            inside,
            listeners,
            clock,
            pace,
            tell,
        }
    }

    fn live(mut self) {
        loop {
            let due = self.engine.next();
            let asked = self.wait(due);
            self.round(due);
            if asked && !self.obey() {
                return;
            }
        }
    }

    /// Sleeps until then, or something to do. Returns whether there are commands.
    fn wait(&self, until: Option<Instant>) -> bool {
        let rush = self.rush.until();
        let timeout = [until, rush].into_iter().flatten().min();
        let timeout = timeout.map(|at| at.saturating_duration_since(Instant::now())).and_then(|left| {
            Timespec::try_from(left).ok() // longer than the kernel can count: for ever
        });
        let readable = |fd| PollFd::from_borrowed_fd(fd, PollFlags::IN);
        let mut all = [readable(self.inside.wake.as_fd()), readable(self.listeners.as_fd())];
        let watched = if rush.is_some() { 1 } else { 2 };
        let _ = poll(all.get_mut(..watched).unwrap_or_default(), timeout.as_ref()); // early does no harm
        let asked = all.first().is_some_and(|wake| !wake.revents().is_empty());
        if asked {
            let _ = rustix::io::read(&*self.inside.wake, &mut [0_u8; 8]);
        }
        asked
    }

    /// Does what was asked for, until [`BUSY`] is over: sessions do not wait for callers that never rest. Returns
    /// whether to go on.
    fn obey(&mut self) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < BUSY {
            let command = match self.inside.inbox.try_recv() {
                Ok(command) => command,
                Err(TryRecvError::Empty) => return true,
                // The driver's last holder was a closure given to it, and there was no room to say so.
                Err(TryRecvError::Disconnected) => return false,
            };
            match command {
                Command::Call(call) => {
                    let now = self.clock.read();
                    call(&mut self.engine, now, &mut self.actions);
                    self.flush(now);
                }
                Command::Listen(listener) => self.listeners.add(listener),
                Command::Ignore(on, done) => {
                    self.listeners.remove(&on);
                    let _ = done.send(()); // there is room for one
                }
                Command::Stop => {
                    self.say_goodbye();
                    return false;
                }
                Command::Quit => return false,
            }
        }
        let _ = rustix::io::write(&*self.inside.wake, &1_u64.to_ne_bytes()); // there may be more: after a round
        true
    }

    /// Takes every session to AdminDown (RFC 5880 §6.8.16). For a detection time, as it asks, is longer than a stop may
    /// take; instead it is said three times.
    fn say_goodbye(&mut self) {
        let now = self.clock.read();
        let down = Control::Force(State::AdminDown, Diagnostic::ADMIN_DOWN);
        for session in self.engine.sessions() {
            self.engine.control(now, session.id, down, &mut self.actions);
        }
        let said: Vec<(SessionId, Encoded)> = self.actions.iter().filter_map(transmitted).collect();
        self.flush(now);
        for pause in GOODBYES {
            std::thread::sleep(if said.is_empty() { Duration::ZERO } else { pause });
            let now = self.clock.read();
            said.iter().for_each(|(id, packet)| self.senders.send(*id, packet.as_bytes(), now));
        }
        info!(sessions = said.len(), "BFD sessions said goodbye");
    }
}

fn transmitted(action: &Action) -> Option<(SessionId, Encoded)> {
    match action {
        Action::Transmit(id, packet) => Some((*id, *packet)),
        Action::Opened(..) | Action::Closed(..) | Action::Changed(..) => None,
    }
}
