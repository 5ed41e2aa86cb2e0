//! Administrative commands carried out.

use tracing::info;

use super::{PeerTask, lock};
use crate::fsm::Event;
use crate::net::Admin;
use crate::wire::notification::{Notification, cease};

impl PeerTask {
    pub(super) fn administer(&mut self, what: Admin) {
        info!(peer = %self.config.addr, command = ?what, "asked by the administrator");
        match what {
            Admin::Reset(text) => self.handle(Event::Reset(Notification::cease(cease::ADMIN_RESET, &text))),
            Admin::Shutdown(text) => self.handle(Event::Reset(Notification::shutdown(&text))),
            Admin::Disable(text) => {
                lock(&self.outputs.status).enabled = false;
                self.handle(Event::Stop(Notification::shutdown(&text)));
            }
            Admin::Enable => {
                lock(&self.outputs.status).enabled = true;
                self.handle(Event::Start);
            }
            Admin::RefreshIn => self.handle(Event::AskAgain),
            Admin::RefreshOut => self.send_again(),
            Admin::SoftReset => {
                self.handle(Event::AskAgain);
                self.send_again();
            }
        }
    }

    fn send_again(&mut self) {
        let Some((_, member)) = self.member else { return };
        for family in self.config.session.families.clone() {
            lock(&self.shared.rib).refresh(member, family);
        }
        self.feed();
    }
}
