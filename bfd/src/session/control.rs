//! What an administrator does to a session (RFC 5880 §6.8.16 to §6.8.18).

use super::{Control, Reason, Role, Session, Settings, Turn};
use crate::types::{Diagnostic, State};

impl Session {
    /// An active session speaks from the start.
    pub(crate) fn start(&mut self, turn: &mut Turn<'_>) {
        self.send(turn);
        self.reconsider(turn);
    }

    /// Changes settings. A Desired Min TX Interval of zero is none (RFC 5880 §4.1): the old one stays.
    pub(crate) fn set(&mut self, mut settings: Settings, turn: &mut Turn<'_>) {
        if settings.desired_min_tx.0 == 0 {
            settings.desired_min_tx = self.settings.desired_min_tx;
        }
        let old = std::mem::replace(&mut self.settings, settings);
        let new = &self.settings;
        if old.auth != new.auth {
            self.auth.forget();
        }
        let spoken = |of: &Settings| (of.detect_mult, of.control_plane_independent);
        let news = spoken(&old) != spoken(new) || old.auth != new.auth;
        let reachable = self.remote.discriminator.is_some();
        let retimed = match self.state {
            State::Up => self.timing.change(self.pace(), turn.now),
            State::AdminDown | State::Down | State::Init => self.timing.switch(self.pace(), reachable),
        };
        if news || retimed {
            self.send(turn);
        }
        self.reconsider(turn);
    }

    /// See [`Control`].
    pub(crate) fn control(&mut self, what: Control, turn: &mut Turn<'_>) {
        match what {
            Control::Force(state @ (State::AdminDown | State::Down), diagnostic) => {
                self.forced = true;
                self.enter((state, diagnostic), Reason::Local, turn);
                self.send(turn);
            }
            Control::Force(State::Init | State::Up, _) => {}
            Control::Release => self.release(turn),
            Control::Suspend => self.suspended = true,
            Control::Resume => {
                if std::mem::take(&mut self.suspended) {
                    self.send(turn);
                }
            }
            Control::Activate => {
                let silent = self.role == Role::Passive && self.remote.discriminator.is_none();
                self.role = Role::Active;
                self.transient = false;
                if silent {
                    self.send(turn);
                }
            }
        }
        self.reconsider(turn);
    }

    /// Down until the other end is heard; the handshake does the rest.
    fn release(&mut self, turn: &mut Turn<'_>) {
        if !std::mem::take(&mut self.forced) {
            return;
        }
        if self.state == State::AdminDown {
            self.enter((State::Down, Diagnostic::NONE), Reason::Local, turn);
        }
        self.send(turn);
    }
}
