//! What a peer's task tells: its status, the log, those who subscribed to state changes.

use std::net::SocketAddr;
use std::time::Instant;

use tracing::{debug, info, warn};

use super::{PeerTask, lock};
use crate::fsm::{EndReason, Negotiated, State};
use crate::net::{InboundEvent, StateChange};
use crate::rib::MemberId;
use crate::wire::notification::{Notification, cease, code};

/// Different reasons logged while there is no session; `neighbor` shows the latest in any case.
const TOLD: usize = 8;

/// Our end and the peer's.
type Ends = (Option<SocketAddr>, Option<SocketAddr>);

/// It is we who end the session, but for a dead way.
fn tells_bfd_down(note: &Notification) -> bool {
    note.inner().as_ref().unwrap_or(note).subcode == cease::BFD_DOWN
}

impl PeerTask {
    pub(super) fn report_up(&mut self, with: &Negotiated, ends: Ends, member: MemberId) {
        self.begin_learning(with);
        let mut status = lock(&self.outputs.status);
        status.negotiated = Some(with.clone());
        status.peer_id = Some(with.peer_id);
        (status.local_addr, status.remote_addr) = ends;
        status.member = Some(member);
    }

    /// Messages that wait in all its connections.
    pub(super) fn queued(&self) -> u64 {
        let all: usize = self.conns.iter().map(|(_, conn)| conn.queued()).sum();
        u64::try_from(all).unwrap_or(u64::MAX)
    }

    pub(super) fn ended(&mut self, was_up: bool, reason: EndReason) {
        let reason = self.hinted(reason);
        if was_up {
            if let Some((_, member)) = self.member.take() {
                lock(&self.shared.rib).leave(member);
            }
            if !std::mem::take(&mut self.retained) {
                lock(&self.outputs.learned).take();
            }
            if self.config.inbound.is_some() {
                self.inbound.push_back(InboundEvent::Down);
            }
            let peer = self.config.addr;
            match &reason {
                // Our own doing: nobody has to get up for it.
                EndReason::Sent(note) if note.code == code::CEASE && !tells_bfd_down(note) => {
                    info!(%peer, cause = %reason, "session ended")
                }
                _ => warn!(%peer, cause = %reason, "session ended"),
            }
        } else {
            debug!(peer = %self.config.addr, cause = %reason, "connection attempt ended");
        }
        if !was_up && self.reasons.len() < TOLD && self.reasons.insert(reason.to_string()) {
            info!(peer = %self.config.addr, cause = %reason, "no session yet, will try again");
        }
        let mut status = lock(&self.outputs.status);
        status.last_end = Some((Instant::now(), reason));
        if was_up {
            status.flaps += 1;
            (status.last_down, status.out_queue) = (Some(Instant::now()), 0);
            (status.negotiated, status.member) = (None, None);
            (status.local_addr, status.remote_addr) = (None, None);
            (status.advertised, status.current) = (0, false);
        }
    }

    /// Packets without the right signature are dropped without an answer (RFC 2385 §2): silence is all there is to see.
    fn hinted(&self, reason: EndReason) -> EndReason {
        match reason {
            EndReason::DialFailed(cause) if self.config.password.is_some() && !self.dial_refused => {
                EndReason::DialFailed(format!("{cause} (is the password the same on both ends?)"))
            }
            other => other,
        }
    }

    pub(super) fn report_state(&mut self) {
        let (now, state) = (Instant::now(), self.fsm.state());
        let mut status = lock(&self.outputs.status);
        status.bfd_hold = self.fsm.bfd_hold();
        if status.state == state {
            return;
        }
        let from = std::mem::replace(&mut status.state, state);
        (status.since, status.last_established) = match state {
            State::Established => (now, Some(now)),
            _ => (now, status.last_established),
        };
        let enabled = status.enabled;
        drop(status);
        let peer = self.config.addr;
        // Nobody may be listening.
        let _ = self.shared.states.send(StateChange { addr: peer, state, enabled, at: now });
        if state == State::Established || from == State::Established {
            info!(%peer, asn = %self.config.session.peer_as, from = from.name(), to = state.name(), "session state changed");
        } else {
            debug!(%peer, from = from.name(), to = state.name(), "session state changed");
        }
    }
}
