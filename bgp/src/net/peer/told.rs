//! How a peer's task takes over what it is told while the session goes on.

use std::net::SocketAddr;
use std::sync::Arc;

use tracing::info;

use super::{PeerTask, lock, machine};
use crate::fsm::{ConnId, Event};
use crate::net::socket::is_local;
use crate::net::told::Told;
use crate::net::{PeerConfig, Reconfigured};
use crate::wire::Notification;
use crate::wire::notification::{cease, code};

impl PeerTask {
    /// Carries out the difference between what was told before and what is told now.
    pub(super) fn take_over(&mut self) {
        let told = self.inputs.told.borrow_and_update().clone();
        let before = std::mem::replace(&mut self.told, told);
        if !Arc::ptr_eq(&before.config, &self.told.config) {
            self.reconfigure();
        }
        let (was, is) = (before.path, self.told.path);
        self.hear_bfd(&before);
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

    /// Before the way is used for anything else: it may be dead.
    fn hear_bfd(&mut self, before: &Told) {
        let now = self.told.path.bfd;
        let down = self.told.bfd_down.filter(|_| before.bfd_downs != self.told.bfd_downs);
        if let Some(down) = down {
            self.handle(Event::Bfd(down));
        }
        if now != down.unwrap_or(before.path.bfd) {
            self.handle(Event::Bfd(now));
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
        self.fsm = machine(&self.config, self.is_first()).with_bfd_hold(self.fsm.bfd_hold());
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
