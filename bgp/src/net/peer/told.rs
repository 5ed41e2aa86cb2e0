//! What the engine told a peer's task, and how it is taken over while the session goes on.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use tracing::info;

use super::{PeerTask, lock, machine};
use crate::fsm::{ConnId, Event};
use crate::net::socket::is_local;
use crate::net::{PeerConfig, Reconfigured};
use crate::rib::NextHops;
use crate::wire::Notification;
use crate::wire::notification::{cease, code};

/// The way to a peer, as it was found out last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Path {
    /// What the peer is to send traffic to.
    pub next_hops: NextHops,
    /// The local address it is dialed from; `None` leaves it to the kernel.
    pub local: Option<IpAddr>,
}

/// Everything a peer's task has to know; only the latest counts.
#[derive(Clone)]
pub(in crate::net) struct Told {
    pub(in crate::net) config: Arc<PeerConfig>,
    pub(in crate::net) path: Path,
    /// Who is at the other end of the link of a peer that is named by it.
    pub(in crate::net) found: Option<Ipv6Addr>,
    /// Counts the times the path was looked at: a look that changed nothing is a reason to dial, too.
    pub(in crate::net) looks: u64,
    /// The peer is no more; this is to be its last word.
    pub(in crate::net) leave: Option<Notification>,
}

impl Told {
    pub(in crate::net) fn new(config: PeerConfig, path: Path) -> Self {
        Self { config: Arc::new(config), path, found: None, looks: 0, leave: None }
    }
}

impl PeerTask {
    /// Carries out the difference between what was told before and what is told now.
    pub(super) fn take_over(&mut self) {
        let told = self.inputs.told.borrow_and_update().clone();
        let before = std::mem::replace(&mut self.told, told);
        if !Arc::ptr_eq(&before.config, &self.told.config) {
            self.reconfigure();
        }
        let (was, is) = (before.path, self.told.path);
        let another_way = was.local != is.local || before.looks != self.told.looks;
        if another_way {
            self.cut_from_gone_addresses();
        }
        if another_way || before.found != self.told.found {
            self.handle(Event::DialNow);
        }
        if was.next_hops != is.next_hops {
            lock(&self.outputs.status).next_hops = is.next_hops;
            let changed = |(_, member)| lock(&self.shared.rib).set_next_hops(member, is.next_hops);
            if self.member.is_some_and(changed) {
                self.feed();
            }
        }
    }

    fn reconfigure(&mut self) {
        let before = std::mem::replace(&mut self.config, Arc::clone(&self.told.config));
        let what = Reconfigured::between(&before, &self.config);
        if what != Reconfigured::Nothing {
            info!(peer = %self.config.addr, ?what, "configuration changed");
        }
        match what {
            Reconfigured::Nothing => {}
            Reconfigured::Applied => self.apply(&before),
            Reconfigured::Restarted => self.restart(),
        }
    }

    fn apply(&mut self, before: &PeerConfig) {
        if before.password != self.config.password || before.dialing.hops != self.config.dialing.hops {
            self.guard_anew(before);
            self.handle(Event::DialNow); // a dial under way has the old ones
        }
        if before.policy != self.config.policy
            && let Some((_, member)) = self.member
            && lock(&self.shared.rib).set_policy(member, &self.config.policy)
        {
            self.feed();
        }
        if before.max_prefixes != self.config.max_prefixes {
            self.prefix_warned = false;
            self.check_prefixes();
        }
    }

    fn restart(&mut self) {
        // A reset and no stop: where the two agreed on it (RFC 8538), the peer keeps our routes meanwhile.
        self.handle(Event::Reset(Notification::new(code::CEASE, cease::OTHER_CONFIG, &[])));
        self.dialing = None;
        self.fsm = machine(&self.config, self.is_first());
        lock(&self.outputs.learned).take(); // the old machine knew when it was to go
        lock(&self.outputs.status).show(&self.told);
        if lock(&self.outputs.status).enabled {
            self.handle(Event::Start);
        }
    }

    /// No session was up since the process started.
    pub(super) fn is_first(&self) -> bool {
        lock(&self.outputs.status).last_established.is_none()
    }

    fn cut_from_gone_addresses(&mut self) {
        let cut: Vec<(ConnId, SocketAddr)> = self
            .conns
            .iter()
            .filter_map(|(id, conn)| Some((*id, conn.local_addr().filter(|addr| !is_local(*addr))?)))
            .collect();
        for (id, addr) in cut {
            self.lost(id, format!("the local address {} is gone", addr.ip()));
        }
    }
}
