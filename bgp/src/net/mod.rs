//! The driver: tokio tasks that own the sockets and decide nothing (feature `net`).
//!
//! One task per peer around its [`crate::fsm::Peer`], one per listening socket. All share one [`Rib`] behind a
//! lock held only while a batch is made, never across an await. Dropping the [`Engine`] closes every connection
//! without a word, as a killed process does; [`Engine::shutdown`] says goodbye.

mod addr;
mod admin;
mod change;
mod hops;
mod listen;
mod md5;
mod password;
mod peer;
mod privilege;
mod socket;
mod sockopt;
mod status;
mod timing;
mod told;
mod transport;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use ipnet::IpNet;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinSet;

pub use addr::{Link, NotAPeer, PeerAddr};
pub use admin::{Admin, AdminError};
pub use change::Reconfigured;
pub use hops::Hops;
pub use password::Password;
pub use socket::Dialing;
pub use status::{MessageCounts, PeerStatus, StateChange};
pub use timing::{Latency, Timing};
pub use told::Path;

use crate::fsm::{self, State};
use crate::rib::{Advertised, Due, Learned, NextHops, Policy, Rib, RouteAttrs};
use crate::types::Family;
use crate::wire::Update;
use listen::Listeners;
use peer::{Command, PeerTask, lock};
use told::Told;

/// State changes kept for a subscriber that is slow to read; older ones it misses.
const CHANGES: usize = 1024;

/// A peer to talk to.
#[derive(Clone, Debug)]
pub struct PeerConfig {
    /// Its name; no two peers have the same.
    pub addr: PeerAddr,
    /// Where it is and how to reach it. Its address also tells its incoming connections.
    pub dialing: Dialing,
    /// The key of TCP MD5 signatures (RFC 2385); `None`: none are sent or taken.
    pub password: Option<Password>,
    /// What is said to it.
    pub session: fsm::Config,
    /// What its routes carry besides what every peer's do.
    pub policy: Policy,
    /// The most prefixes it may announce in a family; one more ends the session (Cease/1, RFC 4486 §4).
    pub max_prefixes: Option<u32>,
    /// What it is to send traffic to, until [`Engine::path_changed`] says otherwise.
    pub next_hops: NextHops,
    /// Where to deliver what it announces; `None` only counts it. A full channel stops reading from the peer; a
    /// receiver that stalls for a whole hold time costs the session.
    pub inbound: Option<mpsc::Sender<Inbound>>,
}

impl PeerConfig {
    /// A peer that is reached and served in the plainest way.
    #[must_use]
    pub fn new(dialing: Dialing, session: fsm::Config) -> Self {
        Self {
            addr: dialing.remote.ip().into(),
            dialing,
            password: None,
            session,
            policy: Policy::default(),
            max_prefixes: None,
            next_hops: NextHops::default(),
            inbound: None,
        }
    }
}

/// Something learned from a peer.
#[derive(Clone, Debug)]
pub struct Inbound {
    /// From whom.
    pub peer: PeerAddr,
    /// What.
    pub event: InboundEvent,
}

/// What a peer did.
#[derive(Clone, Debug)]
pub enum InboundEvent {
    /// It announced or withdrew.
    Update(Update),
    /// Its session ended: all it announced is gone.
    Down,
}

struct Handle {
    commands: mpsc::Sender<Command>,
    told: watch::Sender<Told>,
    status: Arc<Mutex<PeerStatus>>,
    learned: Arc<Mutex<Option<Learned>>>,
}

impl Handle {
    fn outputs(&self) -> peer::Outputs {
        peer::Outputs { status: Arc::clone(&self.status), learned: Arc::clone(&self.learned) }
    }
}

/// What the tasks have in common.
struct Shared {
    rib: Mutex<Rib>,
    changed: watch::Sender<()>,
    peers: Mutex<BTreeMap<PeerAddr, Handle>>,
    states: broadcast::Sender<StateChange>,
    released: OnceLock<Instant>,
    listeners: Mutex<Listeners>,
    refused: AtomicU64,
    timing: Timing,
}

impl Shared {
    /// Passes a command on; `false` if there is no such peer or its task is too far behind.
    fn command(&self, peer: PeerAddr, command: Command) -> bool {
        let sender = lock(&self.peers).get(&peer).map(|handle| handle.commands.clone());
        sender.is_some_and(|sender| sender.try_send(command).is_ok())
    }
}

/// A running speaker.
pub struct Engine {
    shared: Arc<Shared>,
    tasks: Mutex<JoinSet<()>>,
}

impl Default for Engine {
    fn default() -> Self {
        Self::new()
    }
}

impl Engine {
    /// A speaker without peers, routes or listeners.
    #[must_use]
    pub fn new() -> Self {
        let shared = Shared {
            rib: Mutex::new(Rib::new()),
            changed: watch::Sender::new(()),
            peers: Mutex::new(BTreeMap::new()),
            states: broadcast::Sender::new(CHANGES),
            released: OnceLock::new(),
            listeners: Mutex::default(),
            refused: AtomicU64::new(0),
            timing: Timing::default(),
        };
        Self { shared: Arc::new(shared), tasks: Mutex::new(JoinSet::new()) }
    }

    /// Takes connections on this address, of its family only. Returns the address with the port in use.
    /// Must run inside a tokio runtime.
    ///
    /// # Errors
    /// What the system says, e.g. that the port needs `CAP_NET_BIND_SERVICE` or is taken.
    pub fn listen(&self, on: SocketAddr) -> io::Result<SocketAddr> {
        let listener = Arc::new(socket::listen(on)?);
        let bound = listener.local_addr()?;
        lock(&self.shared.listeners).add(bound, Arc::clone(&listener));
        lock(&self.tasks).spawn(listen::accept(listener, Arc::clone(&self.shared)));
        Ok(bound)
    }

    /// Starts a peer. One with the same name must not be there already: it would be replaced.
    /// Must run inside a tokio runtime.
    pub fn add_peer(&self, config: PeerConfig) {
        let path = Path { next_hops: config.next_hops, local: config.dialing.local, ..Path::default() };
        self.add_peer_on(config, path);
    }

    /// The same with a way to the peer that was found out and is not configured: [`Engine::reconfigure`] compares
    /// with the configuration alone.
    pub fn add_peer_on(&self, config: PeerConfig, path: Path) {
        let (addr, told) = (config.addr, Told::new(config, path));
        let (commands, receiver) = mpsc::channel(16);
        let status = Arc::new(Mutex::new(PeerStatus::new(&told)));
        let (told, told_receiver) = watch::channel(told);
        let inputs = peer::Inputs { commands: receiver, told: told_receiver };
        let learned = Arc::default();
        let outputs = peer::Outputs { status: Arc::clone(&status), learned: Arc::clone(&learned) };
        let task = PeerTask::new(Arc::clone(&self.shared), outputs, inputs);
        lock(&self.shared.peers).insert(addr, Handle { commands, told, status, learned });
        self.shared.set_keys();
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {} // those of peers removed since
        tasks.spawn(task.run());
    }

    /// Wants each prefix with its attributes, or with `None` wants it no more; all of them as one change.
    pub fn apply<'a>(&self, changes: impl IntoIterator<Item = (IpNet, Option<&'a RouteAttrs>)>) {
        self.apply_noticed(changes, Instant::now());
    }

    /// The same for changes whose cause was noticed at that moment: [`Engine::timing`] measures from it.
    pub fn apply_noticed<'a>(
        &self,
        changes: impl IntoIterator<Item = (IpNet, Option<&'a RouteAttrs>)>,
        noticed: Instant,
    ) {
        let mut rib = lock(&self.shared.rib);
        if rib.apply(changes) {
            rib.note(Due { noticed, applied: Instant::now() });
            drop(rib);
            self.shared.changed.send_replace(());
        }
    }

    /// How long changes took to reach the peers.
    #[must_use]
    pub fn timing(&self) -> &Timing {
        &self.shared.timing
    }

    /// Every source has told all it knows: what is wanted may be announced, End-of-RIB after it.
    pub fn release(&self) {
        lock(&self.shared.rib).release();
        self.shared.released.get_or_init(Instant::now);
        self.shared.changed.send_replace(());
    }

    /// Every peer, by address.
    #[must_use]
    pub fn peers(&self) -> Vec<PeerStatus> {
        let all: Vec<_> = lock(&self.shared.peers).values().map(Handle::outputs).collect();
        all.iter().map(|outputs| self.complete(outputs)).collect()
    }

    /// One peer.
    #[must_use]
    pub fn peer(&self, addr: impl Into<PeerAddr>) -> Option<PeerStatus> {
        let outputs = lock(&self.shared.peers).get(&addr.into())?.outputs();
        Some(self.complete(&outputs))
    }

    fn complete(&self, outputs: &peer::Outputs) -> PeerStatus {
        let mut status = lock(&outputs.status).clone();
        if let Some(learned) = &*lock(&outputs.learned) {
            status.learned =
                status.families.iter().map(|family| (*family, learned.counts(*family))).collect();
        }
        if let Some(member) = status.member {
            let rib = lock(&self.shared.rib);
            status.advertised_by_family = rib.advertised_by_family(member);
            status.advertised = status.advertised_by_family.iter().map(|(_, count)| count).sum();
            status.current = rib.is_current(member);
        }
        status
    }

    /// What the peer holds from us, sorted; `None` if there is no such peer.
    #[must_use]
    pub fn advertised(&self, peer: impl Into<PeerAddr>) -> Option<Vec<Advertised>> {
        let member = self.peer(peer)?.member;
        let mut all = member.map(|member| lock(&self.shared.rib).advertised(member)).unwrap_or_default();
        all.sort_unstable();
        Some(all)
    }

    /// Every wanted prefix, sorted.
    #[must_use]
    pub fn wanted(&self) -> Vec<(IpNet, RouteAttrs)> {
        let rib = lock(&self.shared.rib);
        let mut all: Vec<_> = rib.wanted().map(|(net, attrs)| (net, attrs.clone())).collect();
        drop(rib);
        all.sort_unstable_by_key(|(net, _)| *net);
        all
    }

    /// How many prefixes of a family are wanted.
    #[must_use]
    pub fn wanted_len(&self, family: Family) -> usize {
        lock(&self.shared.rib).len(family)
    }

    /// Whether [`Engine::release`] was called.
    #[must_use]
    pub fn is_released(&self) -> bool {
        lock(&self.shared.rib).is_released()
    }

    /// How many peers are Established.
    #[must_use]
    pub fn established(&self) -> usize {
        self.peers().iter().filter(|peer| peer.state == State::Established).count()
    }
}
