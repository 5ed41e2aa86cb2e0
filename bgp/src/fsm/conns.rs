//! A peer's connections among each other: which of them lives (RFC 4271 §6.8), and what its end means for the peer.

use std::time::Instant;

use super::Peer;
use super::conn::{Conn, Phase, Verdict};
use super::dial::{DIAL_TIMEOUT, Dial};
use super::event::{Action, ConnId, Direction, EndReason, State};
use super::negotiate::{Negotiated, dialed_connection_wins};
use super::{PREFIX_LIMIT_IDLE, STABLE_AFTER};
use crate::types::Family;
use crate::wire::Message;
use crate::wire::notification::{Notification, cease};

impl Peer {
    pub(super) fn accepted(&mut self, now: Instant, id: ConnId, out: &mut Vec<Action>) {
        if !self.started || !self.config.listen {
            return out.push(Action::Close(id));
        }
        if self.left_alone.is_some() {
            return refuse(id, cease::REJECTED, out);
        }
        if let Some(up) = self.conns.iter().find(|conn| conn.session().is_some()) {
            let old = up.id;
            if !up.session().is_some_and(restarts) || up.up_for(now).is_none_or(|up| up < DIAL_TIMEOUT) {
                // A peer that crashed and came back dials while our side of the old session still stands: a keepalive
                // on it draws the reset that clears the way for the peer's next try (RFC 4271 §6.8 keeps the old
                // one). The same for a connection that may be older than the session: the rest of a collision.
                out.push(Action::Send(old, Message::Keepalive));
                return refuse(id, cease::COLLISION, out);
            }
            // One that restarts gracefully says by it that the old session is dead (RFC 4724 §4.2, §5).
            self.end(now, old, EndReason::Replaced, out);
        }
        if let Some(at) = self.conns.iter().position(|conn| conn.direction == Direction::Accepted) {
            let conn = self.conns.swap_remove(at);
            self.close(now, &conn, EndReason::Replaced, out);
        }
        if matches!(self.dial, Dial::Waiting { .. }) {
            self.dial = Dial::Off;
        }
        self.conns.push(Conn::begin(id, Direction::Accepted, now, self.open.clone(), out));
    }

    pub(super) fn received(&mut self, now: Instant, id: ConnId, message: Message, out: &mut Vec<Action>) {
        let ends_rib_of = match &message {
            Message::Update(update) => update.ends_rib_of(),
            _ => None,
        };
        let with = (&self.config, &mut self.jitter);
        let Some(conn) = self.conns.iter_mut().find(|conn| conn.id == id) else { return };
        match (conn.receive(now, message, with, out), ends_rib_of) {
            (Verdict::Stay, Some(family)) => self.helper.end_of_rib(family, out),
            (Verdict::Stay, None) => {}
            (Verdict::Confirmed, _) => self.resolve_collision(now, id, out),
            (Verdict::Up, _) => self.established(now, id, out),
            (Verdict::End(reason), _) => self.end(now, id, reason, out),
        }
    }

    /// The peer's OPEN on `id` tells who it is: if the other connection is as far, one of them has to go.
    fn resolve_collision(&mut self, now: Instant, id: ConnId, out: &mut Vec<Action>) {
        let Some(conn) = self.conns.iter().find(|conn| conn.id == id) else { return };
        let Phase::OpenConfirm(with) = &conn.phase else { return };
        let Some(other) = self.conns.iter().find(|other| other.id != id) else { return };
        let loser = match other.state() {
            State::Established => id,
            State::OpenConfirm => {
                let keep = match dialed_connection_wins(&self.config, with) {
                    true => Direction::Dialed,
                    false => Direction::Accepted,
                };
                if conn.direction == keep { other.id } else { id }
            }
            _ => return, // its OPEN will decide
        };
        self.end(now, loser, EndReason::Sent(Notification::cease(cease::COLLISION, "")), out);
    }

    fn established(&mut self, now: Instant, id: ConnId, out: &mut Vec<Action>) {
        self.abandon_dial(out);
        let others: Vec<ConnId> =
            self.conns.iter().map(|conn| conn.id).filter(|other| *other != id).collect();
        for other in others {
            self.end(now, other, EndReason::Sent(Notification::cease(cease::COLLISION, "")), out);
        }
        if let Some(Conn { phase: Phase::Established { with, .. }, .. }) =
            self.conns.iter().find(|conn| conn.id == id)
        {
            out.push(Action::Up(id, with.clone()));
            self.helper.session_up(now, with, out);
            self.open = self.config.later_open();
        }
    }

    /// Too many prefixes: the peer is left alone for a while (RFC 4486 §4), and nothing of it or of us is kept, as
    /// RFC 8538 §5.1 wants it for this Cease.
    pub(super) fn prefix_limit(
        &mut self,
        now: Instant,
        (family, limit): (Family, u32),
        out: &mut Vec<Action>,
    ) {
        let Some(conn) = self.conns.iter().find(|conn| conn.session().is_some()) else { return };
        let (id, note) = (conn.id, conn.farewell(&Notification::max_prefixes(family, limit)));
        self.left_alone = Some(now + PREFIX_LIMIT_IDLE);
        self.end(now, id, EndReason::Sent(note), out);
    }

    /// Takes a connection away, tells the peer why if that is ours to tell, and plans the next try.
    pub(super) fn end(&mut self, now: Instant, id: ConnId, reason: EndReason, out: &mut Vec<Action>) {
        if let Some(at) = self.conns.iter().position(|conn| conn.id == id) {
            let conn = self.conns.swap_remove(at);
            if conn.up_for(now).is_some_and(|up| up >= STABLE_AFTER) {
                self.backoff.reset();
            }
            self.close(now, &conn, reason, out);
            self.retry(now);
        }
    }

    pub(super) fn close(&mut self, now: Instant, conn: &Conn, reason: EndReason, out: &mut Vec<Action>) {
        if let Some(note) = reason.notification() {
            out.push(Action::Send(conn.id, Message::Notification(note)));
        }
        out.push(Action::Close(conn.id));
        if let Some(with) = conn.session() {
            self.helper.session_ended(now, with, &reason, out);
        }
        out.push(Action::Ended { was_up: conn.session().is_some(), reason });
    }
}

/// The peer announced that it keeps forwarding for some family while it restarts (RFC 4724 §5).
fn restarts(with: &Negotiated) -> bool {
    with.restart.as_ref().is_some_and(|restart| !restart.families.is_empty())
}

/// An accepted connection that is not wanted, told so.
fn refuse(id: ConnId, subcode: u8, out: &mut Vec<Action>) {
    out.push(Action::Send(id, Message::Notification(Notification::cease(subcode, ""))));
    out.push(Action::Close(id));
}
