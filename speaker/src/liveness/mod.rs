//! BFD with the neighbours: which sessions there are to be, the driver that runs them, and what BGP hears of it.
//!
//! What is wished for is written down by whoever knows ([`Liveness::want`] and its like); one task keeps the driver's
//! sessions equal to it (`keep`), tells `bgp` what becomes of them (`verdict`), and warns about what the sockets count
//! (`trouble`). Without a neighbour that has BFD there is neither thread nor socket.

mod driven;
mod keep;
mod place;
mod trouble;
mod verdict;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddrV6};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bfd::engine::{Counters, SessionId};
use bfd::net::{Driver, SocketCounters};
use bfd::session::{Change, Status};
use bgp::fsm;
use bgp::net::{Engine, PeerAddr};
use tokio::sync::Notify;

use crate::config::{BfdOptions, BfdProfile, Neighbor};

/// How long the thread may take for an answer to somebody who only looks.
const ANSWER: Duration = Duration::from_secs(1);

/// How long saying goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// A neighbour that is to have a session, and where.
#[derive(Clone, Debug, PartialEq)]
struct Wish {
    profile: BfdProfile,
    /// As configured; the administrator may have said otherwise since.
    enabled: bool,
    /// The address of ours that BGP is bound to use.
    local: Option<IpAddr>,
    /// Who was found at the other end of the link of a neighbour that is named by it.
    at: Option<SocketAddrV6>,
    /// Counts the times the way to it was looked at.
    looks: u64,
    /// Which of all neighbours that ever came this is: one that comes back under its name is another one to BGP.
    born: u64,
}

/// What the thread told of a session and nobody has heard yet. Bounded by the number of sessions.
#[derive(Clone, Copy, Debug)]
struct Heard {
    /// The last failure: it must not be lost behind a better word.
    failure: Option<Change>,
    last: Change,
}

/// What is open for a neighbour.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    id: Option<SessionId>,
    /// Why there is no session.
    trouble: Option<String>,
    /// What BGP heard last.
    said: fsm::Bfd,
}

#[derive(Default)]
struct Shared {
    options: Mutex<BfdOptions>,
    wishes: Mutex<BTreeMap<PeerAddr, Wish>>,
    heard: Mutex<BTreeMap<SessionId, Heard>>,
    entries: Mutex<BTreeMap<PeerAddr, Entry>>,
    driver: Mutex<Option<Driver>>,
    /// A wish or something heard is there to be looked at.
    due: Notify,
    /// Neighbours that ever came.
    born: AtomicU64,
    /// Nothing is started any more.
    ending: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One neighbour's session as it is shown.
#[derive(Clone, Debug)]
pub struct Watched {
    /// The neighbour.
    pub peer: PeerAddr,
    /// As configured.
    pub profile: BfdProfile,
    /// Its session; `None`: none yet.
    pub session: Option<Status>,
    /// Why there is none.
    pub trouble: Option<String>,
    /// What BGP heard of it last.
    pub said: fsm::Bfd,
}

/// All of it at one moment.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// What the engine counts.
    pub engine: Counters,
    /// What the sockets count.
    pub sockets: SocketCounters,
    /// How long detection clocks stood still.
    pub lost_time: Duration,
    /// By neighbour.
    pub sessions: Vec<Watched>,
}

/// BFD with the neighbours. Cloning it gives another hand on the same.
#[derive(Clone, Default)]
pub struct Liveness {
    shared: Arc<Shared>,
}

impl Liveness {
    /// Nobody is watched yet.
    #[must_use]
    pub fn new(options: BfdOptions) -> Self {
        let new = Self::default();
        *lock(&new.shared.options) = options;
        new
    }

    /// Keeps the sessions as wished for ever.
    pub fn run(&self, engine: Arc<Engine>) -> impl Future<Output = ()> + Send + 'static {
        keep::run(Arc::clone(&self.shared), engine)
    }

    /// What is common to all sessions from now on; a priority is taken at start only.
    pub fn set_options(&self, options: BfdOptions) {
        *lock(&self.shared.options) = options;
        self.shared.due.notify_one();
    }

    /// What is common to all sessions.
    #[must_use]
    pub fn options(&self) -> BfdOptions {
        lock(&self.shared.options).clone()
    }

    /// A neighbour is to be watched as its configuration says; or not, if it says nothing. It is reached from this
    /// address of ours, and at this one where its name does not tell.
    pub fn want(&self, neighbor: &Neighbor, local: Option<IpAddr>, at: Option<SocketAddrV6>) {
        let Some(profile) = neighbor.bfd.clone() else { return self.forget(neighbor.addr()) };
        let mut wishes = lock(&self.shared.wishes);
        let before = wishes.get(&neighbor.addr());
        let looks = before.map_or(0, |wish| wish.looks + 1);
        let born = before.map_or_else(|| self.shared.born.fetch_add(1, Ordering::Relaxed), |wish| wish.born);
        let at = at.or(before.and_then(|wish| wish.at));
        wishes.insert(neighbor.addr(), Wish { profile, enabled: neighbor.enabled, local, at, looks, born });
        drop(wishes);
        self.shared.due.notify_one();
    }

    /// A neighbour is watched no more.
    pub fn forget(&self, peer: PeerAddr) {
        if lock(&self.shared.wishes).remove(&peer).is_some() {
            self.shared.due.notify_one();
        }
    }

    /// The way to a neighbour may be another one; it is reached from this address of ours.
    pub fn look(&self, peer: PeerAddr, local: Option<IpAddr>) {
        self.change(peer, |wish| (wish.local, wish.looks) = (local, wish.looks + 1));
    }

    /// Who was found at the other end of a neighbour's link.
    pub fn found(&self, peer: PeerAddr, at: Option<SocketAddrV6>) {
        // Nobody any more: a session that stands will notice by itself.
        self.change(peer, |wish| (wish.at, wish.looks) = (at.or(wish.at), wish.looks + 1));
    }

    fn change(&self, peer: PeerAddr, how: impl FnOnce(&mut Wish)) {
        if let Some(wish) = lock(&self.shared.wishes).get_mut(&peer) {
            how(wish);
            self.shared.due.notify_one();
        }
    }

    /// Everything as it is now; `None` if no neighbour has BFD.
    pub async fn snapshot(&self) -> Option<Snapshot> {
        let wishes = lock(&self.shared.wishes).clone();
        if wishes.is_empty() {
            return None;
        }
        let asked = lock(&self.shared.driver).as_ref().map(|driver| {
            let answer =
                driver.call(|engine, _, _| (engine.sessions(), *engine.counters(), engine.lost_time()));
            (answer, driver.counters())
        });
        let mut snapshot = Snapshot::default();
        let mut sessions: BTreeMap<SessionId, Status> = BTreeMap::new();
        if let Some((answer, sockets)) = asked {
            snapshot.sockets = sockets;
            if let Ok(Ok((all, counters, lost))) = tokio::time::timeout(ANSWER, answer).await {
                (snapshot.engine, snapshot.lost_time) = (counters, lost);
                sessions.extend(all.into_iter().map(|status| (status.id, status)));
            }
        }
        let entries = lock(&self.shared.entries);
        for (peer, wish) in wishes {
            let entry = entries.get(&peer);
            snapshot.sessions.push(Watched {
                peer,
                profile: wish.profile,
                session: entry.and_then(|entry| sessions.remove(&entry.id?)),
                trouble: entry.and_then(|entry| entry.trouble.clone()),
                said: entry.map(|entry| entry.said).unwrap_or_default(),
            });
        }
        drop(entries);
        Some(snapshot)
    }

    /// Tells every router that it is on purpose, and ends. Takes a second at most.
    pub async fn stop(&self) {
        self.shared.ending.store(true, Ordering::Release);
        let Some(driver) = lock(&self.shared.driver).take() else { return };
        let told = tokio::task::spawn_blocking(move || driver.stop());
        let _ = tokio::time::timeout(GOODBYE, told).await; // the thread ends with the process in any case
    }
}
