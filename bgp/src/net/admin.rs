//! What an administrator asks of a running engine, and what else it can be asked beside its peers' status.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::broadcast;
use tokio::sync::mpsc::error::TrySendError;

use super::peer::{Command, lock};
use super::status::StateChange;
use super::{Engine, PeerAddr};
use crate::rib::{Advertised, LearnedPath, RouteAttrs};
use crate::types::Family;
use crate::wire::Attr;

/// Something done to one peer by its administrator. Texts are for the peer's operator (RFC 9003), empty for none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admin {
    /// End the session with Cease/4, then come back.
    Reset(String),
    /// End the session with Cease/2, then come back.
    Shutdown(String),
    /// End the session with Cease/2 and stay down.
    Disable(String),
    /// Come back after [`Admin::Disable`].
    Enable,
    /// Ask the peer for all it announces, if it negotiated ROUTE-REFRESH.
    RefreshIn,
    /// Send the peer all that is wanted once more.
    RefreshOut,
    /// Both of these.
    SoftReset,
}

/// Why nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    /// No such peer.
    #[error("{0} is no neighbor of this speaker")]
    Unknown(PeerAddr),
    /// Its task is too far behind to take one more command.
    #[error("neighbor {0} is too busy, try again")]
    Busy(PeerAddr),
}

impl Engine {
    /// Has a peer's task do this, after what it was asked before.
    ///
    /// # Errors
    /// [`AdminError`].
    pub fn administer(&self, peer: impl Into<PeerAddr>, what: Admin) -> Result<(), AdminError> {
        let peer = peer.into();
        let sender = lock(&self.shared.peers).get(&peer).map(|handle| handle.commands.clone());
        let sender = sender.ok_or(AdminError::Unknown(peer))?;
        sender.try_send(Command::Admin(what)).map_err(|error| match error {
            TrySendError::Full(_) => AdminError::Busy(peer),
            TrySendError::Closed(_) => AdminError::Unknown(peer),
        })
    }

    /// Whether a peer is administratively up; `None` if there is no such peer.
    #[must_use]
    pub fn is_enabled(&self, peer: impl Into<PeerAddr>) -> Option<bool> {
        let peers = lock(&self.shared.peers);
        Some(lock(&peers.get(&peer.into())?.status).enabled)
    }

    /// Every state change of any peer from now on. A receiver that lags misses the oldest and is told how many; it
    /// never holds a peer back.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<StateChange> {
        self.shared.states.subscribe()
    }

    /// What the peer announces in a family, as far as it is kept, sorted; `None` if there is no such peer.
    #[must_use]
    pub fn learned(&self, peer: impl Into<PeerAddr>, family: Family) -> Option<Vec<LearnedPath>> {
        let learned = lock(&self.shared.peers).get(&peer.into())?.outputs().learned;
        let mut all = lock(&learned).as_ref().map(|learned| learned.paths(family)).unwrap_or_default();
        all.sort_unstable_by_key(|path| path.prefix);
        Some(all)
    }

    /// What the peer holds from us, sorted, each with all its attributes but the next hop; `None` if there is no such
    /// peer. Routes that carry the same share them.
    #[must_use]
    pub fn advertised_with_attrs(&self, peer: impl Into<PeerAddr>) -> Option<Vec<(Advertised, Arc<[Attr]>)>> {
        let member = self.peer(peer)?.member;
        let Some(member) = member else { return Some(Vec::new()) };
        let rib = lock(&self.shared.rib);
        let mut all = rib.advertised_with_attrs(member);
        let mut sets: HashMap<RouteAttrs, Arc<[Attr]>> = HashMap::new();
        for (_, attrs) in &all {
            if !sets.contains_key(attrs) {
                sets.insert(attrs.clone(), rib.path_attrs(member, attrs).into());
            }
        }
        drop(rib);
        all.sort_unstable();
        Some(
            all.into_iter()
                .filter_map(|(route, attrs)| Some((route, Arc::clone(sets.get(&attrs)?))))
                .collect(),
        )
    }

    /// When [`Engine::release`] was called.
    #[must_use]
    pub fn released_at(&self) -> Option<Instant> {
        self.shared.released.get().copied()
    }
}
