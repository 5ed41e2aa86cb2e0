//! What changes while the engine runs: peers come, go, and are configured anew; ways to them are found; the end.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddrV6};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::peer::{Command, lock};
use super::told::Told;
use super::{Engine, Password, PeerAddr, PeerConfig, Shared};
use crate::fsm;
use crate::rib::NextHops;
use crate::wire::Notification;
use crate::wire::notification::cease;

/// How long an end may take before the remaining connections are just dropped.
const GOODBYE: Duration = Duration::from_secs(3);

/// What a new configuration did to a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reconfigured {
    /// It is the one it had.
    Nothing,
    /// It was taken over and the session, if there is one, goes on.
    Applied,
    /// What the OPEN says, or where the connection comes from or goes to, differs: the session ends with Cease/6
    /// (RFC 4486) and comes back.
    Restarted,
}

impl Reconfigured {
    /// What the step from one configuration of a peer to another takes.
    #[must_use]
    pub fn between(old: &PeerConfig, new: &PeerConfig) -> Self {
        let dialed = |config: &PeerConfig| (config.dialing.remote, config.dialing.local);
        if dialed(old) != dialed(new) || lasting(&old.session) != lasting(&new.session) {
            return Self::Restarted;
        }
        let unchanged = old.policy == new.policy
            && old.next_hops == new.next_hops
            && old.max_prefixes == new.max_prefixes
            && old.password == new.password
            && old.dialing.hops == new.dialing.hops;
        if unchanged { Self::Nothing } else { Self::Applied }
    }
}

/// A session's configuration less what only tells how this process started, and less our host name: a node that is
/// renamed tells its new name with the next session.
fn lasting(session: &fsm::Config) -> fsm::Config {
    let restart =
        session.restart.map(|restart| fsm::Restart { restarted: false, forwarding: false, ..restart });
    fsm::Config { restart, hostname: None, ..session.clone() }
}

impl Engine {
    /// Takes a peer out: its session ends with Cease/3 (peer de-configured) and this text, its routes are not kept.
    /// Returns whether there was one.
    pub fn remove_peer(&self, addr: impl Into<PeerAddr>, text: &str) -> bool {
        let Some(handle) = lock(&self.shared.peers).remove(&addr.into()) else { return false };
        let note = Notification::cease(cease::DECONFIGURED, text);
        handle.told.send_modify(|told| told.leave = Some(note));
        self.shared.set_keys();
        true
    }

    /// Gives the peer of that name another configuration. What it does not change stays as it was told since, next
    /// hops among it; no next hops means those told last. `None` if there is no such peer.
    pub fn reconfigure(&self, config: PeerConfig) -> Option<Reconfigured> {
        let mut what = Reconfigured::Nothing;
        lock(&self.shared.peers).get(&config.addr)?.told.send_if_modified(|told| {
            what = Reconfigured::between(&told.config, &config);
            if config.next_hops != told.config.next_hops && config.next_hops != NextHops::default() {
                told.path.next_hops = config.next_hops;
            }
            if config.dialing.local != told.config.dialing.local {
                told.path.local = config.dialing.local;
            }
            told.config = config.into();
            what != Reconfigured::Nothing
        });
        self.shared.set_keys();
        Some(what)
    }

    /// Whom discovery found at the other end of a peer's link, for a peer that is named by its link alone; `None`:
    /// nobody any more. A session that stands is left alone; without one, what was found is dialed at once.
    pub fn found(&self, peer: impl Into<PeerAddr>, at: Option<SocketAddrV6>) {
        if let Some(handle) = lock(&self.shared.peers).get(&peer.into()) {
            let at = at.map(|at| *at.ip());
            handle.told.send_if_modified(|told| std::mem::replace(&mut told.found, at) != at);
        }
        self.shared.set_keys();
    }

    /// The way to a peer is another one: this is what it is to send traffic to from now on. Next hops that differ
    /// are announced without touching the session; a session whose local address is gone is ended, for nothing can
    /// leave from it any more; a peer that is down is dialed at once.
    pub fn path_changed(&self, peer: impl Into<PeerAddr>, next_hops: NextHops) {
        if let Some(handle) = lock(&self.shared.peers).get(&peer.into()) {
            handle.told.send_modify(|told| {
                told.path.next_hops = next_hops;
                told.looks += 1;
            });
        }
    }

    /// From now on a peer is dialed from this address of ours. A session that stands is left alone.
    pub fn dial_from(&self, peer: impl Into<PeerAddr>, local: IpAddr) {
        if let Some(handle) = lock(&self.shared.peers).get(&peer.into()) {
            handle.told.send_if_modified(|told| told.path.local.replace(local) != Some(local));
        }
    }

    /// What BFD says of the way to a peer from now on. A word that is not `Down` is taken once; each `Down` ends what
    /// stands, even if a better one follows before the peer's task had its turn.
    pub fn bfd(&self, peer: impl Into<PeerAddr>, says: fsm::Bfd) {
        if let Some(handle) = lock(&self.shared.peers).get(&peer.into()) {
            handle.told.send_if_modified(|told| {
                let down = matches!(says, fsm::Bfd::Down { .. });
                if down {
                    told.bfd_downs += 1;
                    told.bfd_down = Some(says);
                }
                std::mem::replace(&mut told.path.bfd, says) != says || down
            });
        }
    }

    /// Leaves: every peer is told an administrative shutdown with this text (RFC 9003) and keeps nothing, then all is
    /// closed. Takes three seconds at most.
    pub async fn shutdown(&self, text: &str) {
        self.end(Some(Notification::shutdown(text))).await;
    }

    /// Stays, as far as the peers can tell: every connection is dropped without a word, so that those who agreed on
    /// graceful restart (RFC 4724) keep our routes until the next start. Takes three seconds at most.
    pub async fn abandon(&self) {
        self.end(None).await;
    }

    async fn end(&self, goodbye: Option<Notification>) {
        lock(&self.shared.listeners).close();
        let senders: Vec<_> =
            lock(&self.shared.peers).values().map(|handle| handle.commands.clone()).collect();
        let mut all: JoinSet<()> = senders.into_iter().map(|to| ask_to_end(to, goodbye.clone())).collect();
        let everyone = async { while all.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(GOODBYE, everyone).await;
        lock(&self.tasks).abort_all();
    }
}

async fn ask_to_end(task: mpsc::Sender<Command>, goodbye: Option<Notification>) {
    let (done, gone) = oneshot::channel();
    let command = match goodbye {
        Some(note) => Command::Leave(note, done),
        None => Command::Abandon(done),
    };
    if task.send(command).await.is_ok() {
        let _ = gone.await;
    }
}

impl Shared {
    /// Gives the listening sockets the keys of the peers as they are now.
    pub(super) fn set_keys(&self) {
        let mut keys: BTreeMap<IpAddr, Password> = BTreeMap::new();
        // Held until the sockets have them: of two calls the later must have the last word.
        let mut listeners = lock(&self.listeners);
        for handle in lock(&self.peers).values() {
            let told = handle.told.borrow();
            if let (Some(ip), Some(key)) = (told.ip(), &told.config.password) {
                // The kernel does not tell links apart: of two peers with the same link-local address the first
                // decides. The other one's connections have to be dialed by us.
                keys.entry(ip).or_insert_with(|| key.clone());
            }
        }
        listeners.set_keys(keys);
    }
}

impl Told {
    /// Where the peer is, if that is known.
    pub(super) fn ip(&self) -> Option<IpAddr> {
        match self.config.addr.is_unnumbered() {
            true => self.found.map(IpAddr::V6),
            false => Some(self.config.addr.ip()),
        }
    }
}
