//! What BFD says of the way to a peer, and what BGP makes of it (RFC 5882 §3.2, §4.2, §4.3; RFC 9384).
//!
//! Whoever runs BFD translates its states into these words; nothing here knows a BFD packet.

use std::time::Instant;

use super::Peer;
use super::conn::Conn;
use super::event::{Action, Bfd, ConnId, EndReason};
use crate::wire::notification::{Notification, cease};

/// Whether BGP waits for BFD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BfdHold {
    /// It does not.
    #[default]
    No,
    /// The peer is not dialed before this.
    Until(Instant),
    /// The peer is neither dialed nor let in before BFD is up.
    UntilUp,
}

impl Peer {
    /// Whether it waits for BFD.
    #[must_use]
    pub fn bfd_hold(&self) -> BfdHold {
        self.hold
    }

    /// A peer that waits for BFD as the one did whose place it takes.
    #[must_use]
    pub fn with_bfd_hold(self, hold: BfdHold) -> Self {
        Self { hold, ..self }
    }

    pub(super) fn bfd(&mut self, now: Instant, says: Bfd, out: &mut Vec<Action>) {
        match says {
            Bfd::Silent => self.release(now, out),
            Bfd::Up => {
                self.backoff.reset();
                if self.conns.is_empty() {
                    // What was sent into a dead way is lost, and the kernel takes its time to send it anew.
                    self.abandon_dial(out);
                }
                self.hold = BfdHold::UntilUp;
                self.release(now, out);
            }
            Bfd::Awaited => {
                self.hold = BfdHold::UntilUp;
                self.abandon_dial(out);
                self.end_those(now, |conn| conn.session().is_none(), |_| rejected(), out);
            }
            Bfd::Down { keep, hold } => {
                self.hold = hold.map_or(BfdHold::UntilUp, |hold| BfdHold::Until(now + hold));
                self.abandon_dial(out);
                let note = Notification::cease(cease::BFD_DOWN, "");
                let told = |conn: &Conn| if keep { note.clone() } else { conn.farewell(&note) };
                self.end_those(now, |_| true, told, out);
                if !keep {
                    self.helper.give_up(out);
                }
            }
        }
    }

    pub(super) fn tick_hold(&mut self, now: Instant, out: &mut Vec<Action>) {
        if matches!(self.hold, BfdHold::Until(at) if at <= now) {
            self.release(now, out);
        }
    }

    pub(super) fn hold_deadline(&self) -> Option<Instant> {
        match self.hold {
            BfdHold::Until(at) if self.started => Some(at),
            BfdHold::No | BfdHold::Until(_) | BfdHold::UntilUp => None,
        }
    }

    /// Waits no longer: without a connection the peer is dialed, unless it is left alone for another reason.
    fn release(&mut self, now: Instant, out: &mut Vec<Action>) {
        let held = std::mem::take(&mut self.hold) != BfdHold::No;
        if held && self.conns.is_empty() && self.left_alone.is_none() {
            self.begin_dial(now, out);
        }
    }

    fn end_those(
        &mut self,
        now: Instant,
        which: impl Fn(&Conn) -> bool,
        told: impl Fn(&Conn) -> Notification,
        out: &mut Vec<Action>,
    ) {
        let those = self.conns.iter().filter(|conn| which(conn));
        let over: Vec<(ConnId, EndReason)> =
            those.map(|conn| (conn.id, EndReason::Sent(told(conn)))).collect();
        self.end_all(now, over, out);
    }
}

fn rejected() -> Notification {
    Notification::cease(cease::REJECTED, "")
}
