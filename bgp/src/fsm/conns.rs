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
        if self.is_shut_out() {
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
        // Routes before a collision is settled: the peer has settled it.
        if matches!(message, Message::Update(_) | Message::RouteRefresh { .. }) {
            self.established_if(now, |conn| conn.id == id && conn.waits(), out);
        }
        let with = (&self.config, &mut self.jitter);
        let Some(conn) = self.conns.iter_mut().find(|conn| conn.id == id) else { return };
        match (conn.receive(now, message, with, out), ends_rib_of) {
            (Verdict::Stay, Some(family)) => self.helper.end_of_rib(family, out),
            (Verdict::Stay, None) => {}
            (Verdict::Confirmed, _) => self.resolve_collision(now, id, out),
            (Verdict::Heard, _) if self.may_lose(id) => self.conns.iter_mut().for_each(|conn| {
                if conn.id == id {
                    conn.wait();
                }
            }),
            (Verdict::Heard, _) => self.established_if(now, |conn| conn.id == id, out),
            (Verdict::End(reason), _) => self.end(now, id, reason, out),
        }
    }

    /// Of the connection `id` and the other one, if there is one, which lives by the rule of RFC 4271 §6.8.
    fn survivor(&self, id: ConnId) -> Option<(ConnId, &Conn)> {
        let conn = self.conns.iter().find(|conn| conn.id == id)?;
        let Phase::OpenConfirm { with, .. } = &conn.phase else { return None };
        let other = self.conns.iter().find(|other| other.id != id)?;
        let keep = match dialed_connection_wins(&self.config, with) {
            true => Direction::Dialed,
            false => Direction::Accepted,
        };
        Some((if conn.direction == keep { id } else { other.id }, other))
    }

    /// The other connection would live, and all that is missing for it is the peer's OPEN. Were this one Established
    /// now and closed the other, the peer could just then be closing this one in favour of the other.
    fn may_lose(&self, id: ConnId) -> bool {
        let survivor = self.survivor(id);
        survivor.is_some_and(|(lives, other)| lives != id && other.state() == State::OpenSent)
    }

    /// The peer's OPEN on `id` tells who it is: if the other connection is as far, one of them has to go.
    fn resolve_collision(&mut self, now: Instant, id: ConnId, out: &mut Vec<Action>) {
        let Some((lives, other)) = self.survivor(id) else { return };
        let loser = match other.state() {
            State::Established => id,
            State::OpenConfirm if lives == id => other.id,
            State::OpenConfirm => id,
            _ => return, // its OPEN will decide
        };
        self.end(now, loser, EndReason::Sent(Notification::cease(cease::COLLISION, "")), out);
    }

    /// Establishes the connection that is such, if there is one.
    fn established_if(&mut self, now: Instant, such: impl Fn(&Conn) -> bool, out: &mut Vec<Action>) {
        if let Some(conn) = self.conns.iter_mut().find(|conn| such(conn)) {
            conn.rise(now);
            let id = conn.id;
            self.established(now, id, out);
        }
    }

    fn established(&mut self, now: Instant, id: ConnId, out: &mut Vec<Action>) {
        self.abandon_dial(out);
        let others: Vec<ConnId> =
            self.conns.iter().map(|conn| conn.id).filter(|other| *other != id).collect();
        for other in others {
            self.end(now, other, EndReason::Sent(Notification::cease(cease::COLLISION, "")), out);
        }
        let up = self.conns.iter().find(|conn| conn.id == id);
        if let Some(Conn { phase: Phase::Established { with, .. }, .. }) = up {
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
        self.end_all(now, vec![(id, reason)], out);
    }

    /// The same for several at once: none of them comes up because another one ended.
    pub(super) fn end_all(&mut self, now: Instant, over: Vec<(ConnId, EndReason)>, out: &mut Vec<Action>) {
        let take = |(id, reason): (ConnId, EndReason)| {
            let at = self.conns.iter().position(|conn| conn.id == id)?;
            Some((self.conns.swap_remove(at), reason))
        };
        let ended: Vec<(Conn, EndReason)> = over.into_iter().filter_map(take).collect();
        if ended.is_empty() {
            return;
        }
        for (conn, reason) in ended {
            if conn.up_for(now).is_some_and(|up| up >= STABLE_AFTER) {
                self.backoff.reset();
            }
            self.close(now, &conn, reason, out);
        }
        self.established_if(now, Conn::waits, out);
        self.retry(now);
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
