//! The task that keeps the driver's sessions equal to the wishes, and tells BGP what becomes of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bfd::State;
use bfd::engine::SessionId;
use bfd::session::{Path, Settings};
use bgp::fsm::Bfd;
use bgp::net::{Engine, PeerAddr};
use tokio::time::MissedTickBehavior;
use tracing::{info, warn};

use super::trouble::Trouble;
use super::verdict::{idle, verdict};
use super::{Entry, Heard, Liveness, Shared, Wish, lock, place};

/// Between two tries of what could not be had, and two looks at who is administratively down.
const RETRY: Duration = Duration::from_secs(1);

/// Looks at the counters come every so many retries.
const COUNT_EVERY: u32 = 5;

/// A session as it was opened and changed since.
struct Open {
    id: SessionId,
    path: Path,
    settings: Settings,
    hold: Option<Duration>,
    /// Held down on purpose.
    forced: bool,
    /// The wish's, when its path was looked for last; `None`: it is to be looked for again.
    looks: Option<u64>,
    /// The wish's.
    born: u64,
}

struct Keeper {
    shared: Arc<Shared>,
    engine: Arc<Engine>,
    open: BTreeMap<PeerAddr, Open>,
    said: BTreeMap<PeerAddr, Bfd>,
    /// Configured as administratively down, and seen so once.
    seen_down: BTreeSet<PeerAddr>,
    listening: BTreeSet<(bool, IpAddr)>,
    /// What was warned about, by what it is about: once while it lasts.
    warned: HashMap<String, String>,
    trouble: Trouble,
}

pub(super) async fn run(shared: Arc<Shared>, engine: Arc<Engine>) {
    let mut keeper = Keeper {
        shared: Arc::clone(&shared),
        engine,
        open: BTreeMap::new(),
        said: BTreeMap::new(),
        seen_down: BTreeSet::new(),
        listening: BTreeSet::new(),
        warned: HashMap::new(),
        trouble: Trouble::default(),
    };
    let mut retry = tokio::time::interval(RETRY);
    retry.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut rounds = 0_u32;
    loop {
        tokio::select! {
            biased;
            () = shared.due.notified() => {}
            _ = retry.tick() => {
                rounds = rounds.wrapping_add(1);
                if rounds.is_multiple_of(COUNT_EVERY) {
                    keeper.count().await;
                    // Not every change of routes and links is told to us.
                    keeper.open.values_mut().for_each(|open| open.looks = None);
                }
                if shared.is_gone().await {
                    keeper.lost();
                }
            }
        }
        keeper.tell();
        keeper.reconcile().await;
    }
}

impl Keeper {
    /// What was heard, to BGP: first of all, for nothing is as urgent.
    fn tell(&mut self) {
        let heard = std::mem::take(&mut *lock(&self.shared.heard));
        for (id, Heard { failure, last }) in heard {
            let of = self.open.iter().find(|(_, open)| open.id == id).map(|(peer, open)| (*peer, open.hold));
            let Some((peer, hold)) = of else { continue };
            let failure = failure.filter(|failure| *failure != last);
            for change in failure.iter().chain([&last]) {
                if let Some(says) = verdict(change, hold) {
                    info!(
                        %peer, from = change.from.name(), to = change.to.name(), reason = ?change.reason,
                        diagnostic = %change.diagnostic, "BFD state changed"
                    );
                    self.say(peer, says);
                }
            }
        }
    }

    fn say(&mut self, peer: PeerAddr, says: Bfd) {
        self.engine.bfd(peer, says);
        self.said.insert(peer, says);
        if let Some(entry) = lock(&self.shared.entries).get_mut(&peer) {
            entry.said = says;
        }
    }

    async fn reconcile(&mut self) {
        let wishes = lock(&self.shared.wishes).clone();
        let gone: Vec<PeerAddr> = self
            .open
            .keys()
            .chain(self.said.keys())
            .filter(|peer| !wishes.contains_key(peer))
            .copied()
            .collect();
        for peer in gone {
            self.end(peer).await;
            if self.said.remove(&peer).is_some() {
                self.engine.bfd(peer, Bfd::Silent);
            }
            self.seen_down.remove(&peer);
            lock(&self.shared.entries).remove(&peer);
        }
        if wishes.is_empty() {
            return self.rest();
        }
        match self.shared.start() {
            Ok(true) => self.warned.remove("the thread"),
            Ok(false) => return,
            Err(error) => return self.warn("the thread", &format!("BFD cannot start: {error}")),
        };
        self.listen(&wishes);
        for (peer, wish) in &wishes {
            let done = self.serve(*peer, wish).await;
            let trouble = done.err();
            match &trouble {
                Some(cause) => self.warn(&peer.to_string(), &format!("no BFD with {peer} yet: {cause}")),
                None => _ = self.warned.remove(&peer.to_string()),
            }
            let id = self.open.get(peer).map(|open| open.id);
            let said = self.said.get(peer).copied().unwrap_or_default();
            lock(&self.shared.entries).insert(*peer, Entry { id, trouble, said });
        }
    }

    /// Nobody is to be watched any more: neither thread nor socket is needed.
    fn rest(&mut self) {
        self.listening.clear();
        if let Some(driver) = lock(&self.shared.driver).take() {
            tokio::task::spawn_blocking(move || driver.stop());
        }
    }

    /// The sockets that are needed; one that cannot be had is tried again at the next round.
    fn listen(&mut self, wishes: &BTreeMap<PeerAddr, Wish>) {
        let on = lock(&self.shared.options).listen.clone();
        let wanted = place::listens(wishes.iter().map(|(peer, wish)| (*peer, wish)), &on);
        for old in std::mem::take(&mut self.listening) {
            match wanted.contains(&old) {
                true => _ = self.listening.insert(old),
                false => self.shared.ignore(&place::listen(old)),
            }
        }
        for new in wanted {
            let (one, what) =
                (place::listen(new), format!("{} port {}", new.1, place::listen(new).hops.port()));
            if self.listening.contains(&new) {
                continue;
            }
            match self.shared.listen(&one) {
                Ok(()) => {
                    info!(address = %one.address, port = one.hops.port(), "listening for BFD");
                    self.warned.remove(&what);
                    self.listening.insert(new);
                }
                Err(error) => self.warn(&what, &format!("cannot listen for BFD on {what} yet: {error}")),
            }
        }
    }

    /// Brings one neighbour's session to its wish.
    async fn serve(&mut self, peer: PeerAddr, wish: &Wish) -> Result<(), String> {
        let Some(up) = self.engine.is_enabled(peer) else { return Ok(()) };
        // BGP may not have heard yet that it is to be down from the start.
        let down = !up || !wish.enabled && !self.seen_down.contains(&peer);
        if !up {
            self.seen_down.insert(peer);
        }
        let same_place = self.open.get(&peer).is_some_and(|open| open.looks == Some(wish.looks));
        if !same_place {
            self.place(peer, wish).await?;
        }
        let Some(open) = self.open.get_mut(&peer) else { return Ok(()) };
        if open.settings != wish.profile.settings {
            open.settings = wish.profile.settings.clone();
            self.shared.set(open.id, open.settings.clone()).await;
        }
        if open.forced != down {
            open.forced = down;
            self.shared.force(open.id, down).await;
        }
        let hold = std::mem::replace(&mut open.hold, wish.profile.hold);
        let strictness = hold.is_none() != wish.profile.hold.is_none();
        if open.born != wish.born || strictness {
            open.born = wish.born;
            let state = self.shared.state(open.id).await;
            let says = if state == Some(State::Up) { Bfd::Up } else { idle(wish.profile.hold) };
            self.say(peer, says);
        }
        Ok(())
    }

    /// Opens a session where there is none, or anew where it runs elsewhere now.
    async fn place(&mut self, peer: PeerAddr, wish: &Wish) -> Result<(), String> {
        // Without a session what was said is about waiting alone, and that may be wished for otherwise now.
        let waits = idle(wish.profile.hold);
        if !self.open.contains_key(&peer) && self.said.get(&peer) != Some(&waits) {
            self.say(peer, waits);
        }
        let bgp = self.engine.peer(peer).and_then(|status| status.local_addr);
        let path = match (
            place::path(peer, wish, bgp.map(|addr| addr.ip().to_canonical())),
            self.open.get_mut(&peer),
        ) {
            (Err(_), Some(_)) => return Ok(()), // where it is it will notice by itself; the next look may know more
            (Err(cause), None) => return Err(cause),
            (Ok(path), Some(open)) if open.path == path => {
                open.looks = Some(wish.looks);
                return Ok(());
            }
            (Ok(path), _) => path,
        };
        let v4 = path.remote.is_ipv4();
        let multi = path.hops == bfd::session::Hops::Multi;
        if !self.listening.iter().any(|(of, addr)| *of == multi && addr.is_ipv4() == v4) {
            return Err(format!("UDP port {} is not to be had", path.hops.port()));
        }
        if self.end(peer).await {
            info!(%peer, local = ?path.local, interface = path.interface, "BFD moves");
            self.say(peer, idle(wish.profile.hold));
        }
        let settings = wish.profile.settings.clone();
        let opened = self.shared.open(path, settings.clone()).await;
        let id = match opened {
            Some(Ok(id)) => id,
            Some(Err(error)) => return Err(error.to_string()),
            None => return Err("the thread ended".to_owned()),
        };
        let (hold, looks, born) = (wish.profile.hold, Some(wish.looks), wish.born);
        self.open.insert(peer, Open { id, path, settings, hold, forced: false, looks, born });
        Ok(())
    }

    /// Whether there was a session.
    async fn end(&mut self, peer: PeerAddr) -> bool {
        let Some(open) = self.open.remove(&peer) else { return false };
        self.shared.close(open.id).await;
        true
    }

    /// The thread is gone: everything is opened anew with the next.
    fn lost(&mut self) {
        warn!("internal error: the BFD thread ended, another one is started");
        lock(&self.shared.driver).take();
        self.listening.clear();
        for (peer, open) in std::mem::take(&mut self.open) {
            self.say(peer, idle(open.hold));
        }
    }

    async fn count(&mut self) {
        let all = Liveness { shared: Arc::clone(&self.shared) };
        if let Some(snapshot) = all.snapshot().await {
            self.trouble.look(&snapshot);
        }
    }

    /// Once while it lasts.
    fn warn(&mut self, about: &str, text: &str) {
        if self.warned.insert(about.to_owned(), text.to_owned()).as_deref() != Some(text) {
            warn!("{text}");
        }
    }
}
