//! To which neighbours there is no way at present, for those who look: health and metrics.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bgp::net::PeerAddr;

/// Why the kernel's answer about a neighbour cannot be told to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What is wrong, with the flag whose list forbids the source, if it is that.
    pub cause: String,
    /// The last good next hop, which stays meanwhile; `None`: there never was one.
    pub kept: Option<IpAddr>,
}

/// The troubles of all neighbours that are followed, as they are now.
#[derive(Debug, Default)]
pub struct Troubles(Mutex<BTreeMap<PeerAddr, Trouble>>);

impl Troubles {
    /// Those there are, by neighbour.
    #[must_use]
    pub fn all(&self) -> BTreeMap<PeerAddr, Trouble> {
        self.lock().clone()
    }

    /// That of one neighbour, if it has any.
    #[must_use]
    pub fn of(&self, neighbor: PeerAddr) -> Option<Trouble> {
        self.lock().get(&neighbor).cloned()
    }

    /// What is the matter with a neighbour now; `None`: nothing.
    pub(super) fn set(&self, neighbor: PeerAddr, trouble: Option<Trouble>) {
        match trouble {
            Some(trouble) => self.lock().insert(neighbor, trouble),
            None => self.lock().remove(&neighbor),
        };
    }

    /// Nobody else is followed any more.
    pub(super) fn retain(&self, followed: impl Fn(&PeerAddr) -> bool) {
        self.lock().retain(|neighbor, _| followed(neighbor));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PeerAddr, Trouble>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
