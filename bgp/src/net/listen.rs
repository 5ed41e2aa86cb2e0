//! Accepting connections and handing each to the peer it comes from.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::net::TcpListener;
use tracing::{debug, warn};

use super::md5::set_key;
use super::peer::{Command, lock};
use super::sockopt::link_index;
use super::{Engine, Password, PeerAddr, Shared};

/// The listening sockets and the MD5 keys they have.
#[derive(Default)]
pub(super) struct Listeners {
    sockets: Vec<(SocketAddr, Arc<TcpListener>)>,
    keys: BTreeMap<IpAddr, Password>,
    closed: bool,
}

impl Listeners {
    pub(super) fn add(&mut self, on: SocketAddr, socket: Arc<TcpListener>) {
        for (peer, key) in &self.keys {
            put(&socket, on, *peer, Some(key));
        }
        self.sockets.push((on, socket));
    }

    /// From now on every connection is refused; the sockets go with the tasks that accept on them.
    pub(super) fn close(&mut self) {
        self.sockets.clear();
        self.closed = true;
    }

    /// Puts the keys that are new, takes away those that are gone, leaves the others alone.
    pub(super) fn set_keys(&mut self, wanted: BTreeMap<IpAddr, Password>) {
        let before = std::mem::replace(&mut self.keys, wanted);
        for (on, socket) in &self.sockets {
            for peer in before.keys().filter(|peer| !self.keys.contains_key(peer)) {
                put(socket, *on, *peer, None);
            }
            for (peer, key) in self.keys.iter().filter(|(peer, key)| before.get(peer) != Some(key)) {
                put(socket, *on, *peer, Some(key));
            }
        }
    }
}

fn put(socket: &TcpListener, on: SocketAddr, peer: IpAddr, key: Option<&Password>) {
    if on.is_ipv4() != peer.is_ipv4() {
        return;
    }
    if let Err(error) = set_key(socket, peer, key) {
        // Its connections are not taken all the same: each is given its key once more before a word is said.
        warn!(%peer, %on, %error, "the system refuses the key of a neighbour (TCP MD5)");
    }
}

/// Runs until the engine is gone. Connections from unknown addresses are closed without a word.
pub(super) async fn accept(listener: Arc<TcpListener>, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((stream, from)) => {
                let peer = shared.owner(from);
                let closed = lock(&shared.listeners).closed;
                let taken =
                    !closed && peer.is_some_and(|peer| shared.command(peer, Command::Accepted(stream)));
                if !taken {
                    shared.refuse();
                    debug!(%from, "connection from an address that is no neighbour, or one too busy, closed");
                }
            }
            Err(error) => {
                // Out of descriptors or memory: the next accept would fail at once, too.
                warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

impl Shared {
    /// Whose connection this is. On a link, the peer that is named by address goes before the one that is named by
    /// the link alone.
    fn owner(&self, from: SocketAddr) -> Option<PeerAddr> {
        let SocketAddr::V6(v6) = from else { return Some(from.ip().into()) };
        if !v6.ip().is_unicast_link_local() {
            return Some(from.ip().to_canonical().into());
        }
        let peers = lock(&self.peers);
        let on_its_link = |peer: &&PeerAddr| peer.link().and_then(link_index) == Some(v6.scope_id());
        let named = peers.keys().filter(|peer| peer.ip() == *v6.ip()).find(on_its_link);
        named.or_else(|| peers.keys().filter(|peer| peer.is_unnumbered()).find(on_its_link)).copied()
    }

    /// A connection was closed that nobody here wants.
    pub(super) fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }
}

impl Engine {
    /// Connections closed at once since the start: from an address that is no peer, to an address the peer is not
    /// to use, or more of one peer than its task takes.
    #[must_use]
    pub fn refused_connections(&self) -> u64 {
        self.shared.refused.load(Ordering::Relaxed)
    }

    /// Where connections are taken.
    #[must_use]
    pub fn listening(&self) -> Vec<SocketAddr> {
        lock(&self.shared.listeners).sockets.iter().map(|(on, _)| *on).collect()
    }
}
