//! The driver: one thread that owns sockets and the clock and decides nothing (feature `net`).
//!
//! A thread of its own, the one place of this project outside tokio: a runtime's worker may be busy for milliseconds
//! with somebody else's table, and a packet that is late by that much is a session lost.
//!
//! `thread` waits and obeys; a `round` takes every datagram (`listen`, `mmsg`, with the kernel's time by `clock`),
//! finds out how late it is (`pace`), lets the engine's timers run, and sends (`send`). Nothing needs a privilege but
//! real-time priority; what else would be better with one (a larger buffer, a higher queueing priority) is asked for
//! and done without.

mod clock;
mod listen;
mod mmsg;
mod pace;
mod round;
mod send;
mod sockopt;
mod thread;

use std::collections::HashSet;
use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, eventfd};
use tokio::sync::oneshot;

use self::listen::{Listener, Watch};
use self::thread::{Command, Inside};
use crate::engine::{Action, Engine, Limits, SessionId};
use crate::session::{Change, Hops, Path};

/// Commands that may wait for the thread's turn; who gives more waits.
const COMMANDS: usize = 1024;

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Listen {
    /// The port: 3784 or 4784.
    pub hops: Hops,
    /// Our address; unspecified: all of that family. `::` is IPv6 alone.
    pub address: IpAddr,
    /// Only what comes in on this device.
    pub device: Option<String>,
}

/// How to drive.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Sockets to begin with; [`Driver::listen`] adds.
    pub listen: Vec<Listen>,
    /// Real-time priority (SCHED_FIFO) 1 to 99; needs CAP_SYS_NICE. Not to be had: a warning.
    pub real_time: Option<u8>,
    /// See [`Limits`].
    pub limits: Limits,
}

/// What the driver tells, in order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Notice {
    /// A passive session was made.
    Opened(SessionId, Path),
    /// A session is gone.
    Closed(SessionId, Path),
    /// A session's state changed.
    Changed(SessionId, Path, Change),
    /// The thread was late by this much.
    Stalled(Duration),
}

/// What the sockets count beside [`crate::engine::Counters`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketCounters {
    /// Datagrams the kernel dropped as a socket's buffer was full.
    pub overflow: u64,
    /// Receiving failed.
    pub receive_errors: u64,
    /// Sending failed; ICMP errors of a peer that does not listen are not counted.
    pub send_errors: u64,
    /// How long the thread was late in all.
    pub lost_time: Duration,
}

/// The same while they are counted.
#[derive(Debug, Default)]
struct Shared {
    overflow: AtomicU64,
    receive_errors: AtomicU64,
    send_errors: AtomicU64,
    lost_nanos: AtomicU64,
}

impl Shared {
    fn count_send_error(&self) {
        self.send_errors.fetch_add(1, Ordering::Relaxed);
    }
}

/// A running driver. Dropping it ends the thread without a word; [`Driver::stop`] says goodbye.
pub struct Driver {
    commands: SyncSender<Command>,
    wake: Arc<OwnedFd>,
    watch: Watch,
    listening: Mutex<HashSet<Listen>>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Driver {
    /// Binds the sockets and starts the thread. `tell` is called on it: it must not block.
    ///
    /// # Errors
    /// What the system says of a socket, e.g. that the port is taken.
    pub fn start(options: Options, tell: impl FnMut(Notice) + Send + 'static) -> io::Result<Self> {
        let listening: HashSet<Listen> = options.listen.into_iter().collect();
        let watch = Watch::new()?;
        let listeners = listening.iter().map(|on| bind(on, &watch)).collect::<io::Result<Vec<_>>>()?;
        let shared = Arc::new(Shared::default());
        let wake = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let (commands, inbox) = sync_channel(COMMANDS);
        let inside =
            Inside { inbox, wake: Arc::clone(&wake), shared: Arc::clone(&shared), watch: watch.clone() };
        let (limits, real_time) = (options.limits, options.real_time);
        let thread = std::thread::Builder::new()
            .name("bfd".to_owned())
            .spawn(move || thread::run(inside, listeners, (limits, real_time), tell))?;
        Ok(Self { commands, wake, watch, listening: Mutex::new(listening), shared, thread: Some(thread) })
    }

    /// Has the thread do this to the engine; what comes of it is sent at once. The answer comes when the thread has had
    /// its turn; it is an error only if the thread is gone. What it does must be short, for nothing is sent meanwhile,
    /// and must not panic, for that ends the thread.
    pub fn call<T: Send + 'static>(
        &self,
        what: impl FnOnce(&mut Engine, Instant, &mut Vec<Action>) -> T + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (answer, answered) = oneshot::channel();
        self.give(Command::Call(Box::new(move |engine, now, out| {
            let _ = answer.send(what(engine, now, out)); // nobody has to wait for it
        })));
        answered
    }

    /// Listens there too; nothing if it does already.
    ///
    /// # Errors
    /// What the system says.
    pub fn listen(&self, on: &Listen) -> io::Result<()> {
        let mut listening = self.listening.lock().unwrap_or_else(PoisonError::into_inner);
        if !listening.contains(on) {
            if !self.give(Command::Listen(bind(on, &self.watch)?)) {
                return Err(io::Error::new(io::ErrorKind::BrokenPipe, "the BFD thread has ended"));
            }
            listening.insert(on.clone());
        }
        Ok(())
    }

    /// Listens there no more. The socket is closed when this returns; so it waits for the thread's turn.
    pub fn ignore(&self, on: &Listen) {
        let mut listening = self.listening.lock().unwrap_or_else(PoisonError::into_inner);
        if listening.remove(on) {
            let (done, closed) = sync_channel(1);
            if self.give(Command::Ignore(on.clone(), done)) && !self.inside() {
                let _ = closed.recv(); // an error: the thread is gone, and the socket with it
            }
        }
    }

    /// What was counted.
    #[must_use]
    pub fn counters(&self) -> SocketCounters {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        SocketCounters {
            overflow: get(&self.shared.overflow),
            receive_errors: get(&self.shared.receive_errors),
            send_errors: get(&self.shared.send_errors),
            lost_time: Duration::from_nanos(get(&self.shared.lost_nanos)),
        }
    }

    /// Whether the thread runs. It ends by itself only by a fault: then no session is watched any more.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Takes every session to AdminDown, so that no peer sees a failure, tells them, and ends the thread. Takes some 30
    /// ms, for each is told three times.
    pub fn stop(self) {
        self.give(Command::Stop);
        drop(self); // waits
    }

    /// Hands the thread a command; `false` if it is gone. On the thread itself (a closure that has the driver) it does
    /// not wait for room.
    fn give(&self, command: Command) -> bool {
        let given = if self.inside() {
            self.commands.try_send(command).is_ok()
        } else {
            self.commands.send(command).is_ok()
        };
        // Full, the counter needs no more; the thread's end of it stays open as long as ours.
        let _ = rustix::io::write(&*self.wake, &1_u64.to_ne_bytes());
        given
    }

    /// Whether this is the driver's own thread.
    fn inside(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| thread.thread().id() == std::thread::current().id())
    }
}

/// A socket that is watched.
fn bind(on: &Listen, watch: &Watch) -> io::Result<Listener> {
    let listener = Listener::bind(on)?;
    watch.add(&listener)?;
    Ok(listener)
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.give(Command::Quit);
        if !self.inside()
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join(); // a panic was contained and told
        }
    }
}
