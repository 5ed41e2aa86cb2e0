//! What the engine tells a peer's task.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use super::PeerConfig;
use crate::fsm::Bfd;
use crate::rib::NextHops;
use crate::wire::Notification;

/// The way to a peer, as it was found out last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Path {
    /// What the peer is to send traffic to.
    pub next_hops: NextHops,
    /// The local address it is dialed from; `None` leaves it to the kernel.
    pub local: Option<IpAddr>,
    /// What BFD says of it.
    pub bfd: Bfd,
}

/// Everything a peer's task has to know; only the latest counts.
#[derive(Clone)]
pub(super) struct Told {
    pub(super) config: Arc<PeerConfig>,
    pub(super) path: Path,
    /// Who is at the other end of the link of a peer that is named by it.
    pub(super) found: Option<Ipv6Addr>,
    /// Counts the times the path was looked at: a look that changed nothing is a reason to dial, too.
    pub(super) looks: u64,
    /// Counts the times BFD said that the way is not good any more: two words of it may be told as one.
    pub(super) bfd_downs: u64,
    /// The last of those.
    pub(super) bfd_down: Option<Bfd>,
    /// The peer is no more; this is to be its last word.
    pub(super) leave: Option<Notification>,
}

impl Told {
    pub(super) fn new(config: PeerConfig, path: Path) -> Self {
        Self {
            config: Arc::new(config),
            path,
            found: None,
            looks: 0,
            bfd_downs: 0,
            bfd_down: None,
            leave: None,
        }
    }
}
