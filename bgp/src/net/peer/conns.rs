//! A peer's connections: dialed, accepted, written to, closed.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use tokio::net::TcpStream;
use tracing::debug;

use super::{PeerTask, lock};
use crate::fsm::{ConnId, Event, Negotiated};
use crate::net::PeerConfig;
use crate::net::socket::{Guard, dial, prepare, remote};
use crate::net::transport::Transport;
use crate::rib::UpdateGroup;
use crate::types::Family;
use crate::wire::{Message, Notification, Role};

/// Farewells under way at once; a peer that makes us close connections faster has them dropped.
const FAREWELLS: usize = 8;

impl PeerTask {
    pub(super) fn conn(&mut self, id: ConnId) -> Option<&mut Transport> {
        self.conns.iter_mut().find(|(of, _)| *of == id).map(|(_, conn)| conn)
    }

    pub(super) fn send(&mut self, id: ConnId, message: &Message) {
        let Some(conn) = self.conn(id) else { return };
        if *message == Message::Keepalive && conn.keepalive_waits() {
            return; // a peer that reads nothing must not make us collect them
        }
        let queued = conn.send(message);
        let _ = self.flush(id); // an error shows up again when the connection is read
        let out_queue = self.queued();
        let mut status = lock(&self.outputs.status);
        status.out_queue = out_queue;
        match queued {
            true => status.sent.count(message.kind()),
            false => status.sent.discarded += 1,
        }
    }

    /// Writes what the socket takes. The state machine watches over a session whose socket takes nothing (RFC 9687).
    pub(super) fn flush(&mut self, id: ConnId) -> io::Result<()> {
        let Some(conn) = self.conn(id) else { return Ok(()) };
        let (written, drained) = (conn.flush()?, conn.is_drained());
        if self.member.is_some_and(|(session, _)| session == id) {
            if written > 0 {
                self.handle(Event::Wrote);
            }
            match drained {
                true => self.writing.take().into_iter().for_each(|what| self.shared.timing.written(what)),
                false => self.handle(Event::Blocked),
            }
        }
        Ok(())
    }

    pub(super) fn close(&mut self, id: ConnId) {
        let Some(at) = self.conns.iter().position(|(of, _)| *of == id) else { return };
        let (_, conn) = self.conns.swap_remove(at);
        self.farewells.retain(|farewell| !farewell.is_finished());
        if !self.abandoning && self.farewells.len() < FAREWELLS {
            self.farewells.push(tokio::spawn(conn.close()));
        }
    }

    /// Says why on every connection and waits until that has left.
    pub(super) async fn leave(&mut self, note: Notification) {
        self.handle(Event::Leave(note));
        for farewell in self.farewells.drain(..) {
            let _ = farewell.await;
        }
    }

    /// Drops every connection: the system closes them, as it does those of a killed process.
    pub(super) fn abandon(&mut self) {
        self.abandoning = true;
        self.handle(Event::Abandon);
    }

    pub(super) fn up(&mut self, id: ConnId, with: &Negotiated) {
        let mut group = UpdateGroup {
            local_as: self.config.session.local_as,
            internal: self.config.session.is_internal(),
            context: with.context,
            families: with.families.clone(),
            next_hops: self.told.path.next_hops,
            policy: self.config.policy.clone(),
            extended_next_hop: with.extended_next_hop,
            enhanced_refresh: with.enhanced_refresh,
            only_to_customer: self.marks_only_to_customer(),
            unreachable: Vec::new(),
        };
        let mut ends = (None, None);
        if let Some(conn) = self.conn(id) {
            conn.set_context(with.context);
            ends = (conn.local_addr(), conn.remote_addr());
        }
        group.unreachable = unreachable(&group, ends.1);
        let member = lock(&self.shared.rib).join(group);
        (self.member, self.writing) = (Some((id, member)), None);
        self.complained = false;
        self.reasons.clear();
        self.report_up(with, ends, member);
        self.feed();
    }

    /// Whether our role is one whose routes are not to be passed on upwards (RFC 9234 §5).
    fn marks_only_to_customer(&self) -> bool {
        let role = self.config.session.role.map(|local| local.role);
        matches!(role, Some(Role::Provider | Role::Peer | Role::RouteServer))
    }

    fn guard(&self) -> Guard {
        Guard { hops: self.config.dialing.hops, password: self.config.password.clone() }
    }

    pub(super) fn dial(&mut self) {
        let to = remote(self.config.addr, self.config.dialing.remote, self.told.found);
        let (local, guard) = (self.told.path.local, self.guard());
        self.dialing = Some(Box::pin(async move { dial(to?, local, guard).await }));
    }

    /// A connection of the peer: to another address of ours than the one configured it is none.
    pub(super) fn accepted(&mut self, stream: TcpStream) {
        let ends = (stream.local_addr(), stream.peer_addr());
        let (Ok(ours), Ok(theirs)) = ends else { return };
        let (ours, peer) = (ours.ip().to_canonical(), self.config.addr);
        if let Some(local) = self.config.dialing.local.filter(|local| *local != ours) {
            self.shared.refuse();
            return debug!(%peer, %ours, %local, "connection to an address the peer is not to use, closed");
        }
        if let Err(error) = prepare(&stream, theirs.ip().to_canonical(), &self.guard()) {
            self.shared.refuse();
            return debug!(%peer, %error, "accepted connection closed");
        }
        let id = self.adopt(stream);
        self.handle(Event::Accepted(id));
    }

    pub(super) fn dialed(&mut self, result: io::Result<TcpStream>) {
        self.dialing = None;
        match result {
            Ok(stream) => {
                let id = self.adopt(stream);
                self.handle(Event::Connected(id));
            }
            Err(error) => {
                self.dial_refused = error.kind() != io::ErrorKind::TimedOut;
                self.handle(Event::DialFailed(error.to_string()));
                self.dial_refused = false;
            }
        }
    }

    fn adopt(&mut self, stream: TcpStream) -> ConnId {
        let id = ConnId(self.next_conn);
        self.next_conn += 1;
        self.conns.push((id, Transport::new(stream)));
        id
    }

    /// Hop limits and key of the configuration, onto the connections that are there. With a key that is no more the kernel
    /// would drop, as unsigned, the very reset that tells that the other end is gone.
    pub(super) fn guard_anew(&mut self, before: &PeerConfig) {
        let guard = self.guard();
        let without = before.password.is_some() && guard.password.is_none();
        for (_, conn) in &self.conns {
            let keyless = if without { conn.take_key() } else { Ok(()) };
            if let Err(error) = keyless.and_then(|()| conn.guard(&guard)) {
                debug!(peer = %self.config.addr, %error, "a connection keeps its old key or hop limit");
            }
        }
    }

    /// No session, no connection, no route of its own: whatever happened to its task.
    pub(super) fn forget_session(&mut self) {
        self.conns.clear();
        self.dialing = None;
        self.inbound.clear();
        let mut status = lock(&self.outputs.status);
        (status.state, status.since, status.out_queue) = (crate::fsm::State::Idle, Instant::now(), 0);
        (status.negotiated, status.member) = (None, None);
        (status.local_addr, status.remote_addr) = (None, None);
        drop(status);
        lock(&self.outputs.learned).take();
        if let Some((_, member)) = self.member.take() {
            lock(&self.shared.rib).leave(member);
        }
    }
}

/// The families that go with neither a next hop of the session's own kind nor with one that was given (RFC 8950 is how
/// IPv4 gets one all the same).
fn unreachable(group: &UpdateGroup, remote: Option<SocketAddr>) -> Vec<Family> {
    let over_v4 = remote.is_some_and(|addr| addr.ip().to_canonical().is_ipv4());
    let has = |family: &Family| match *family {
        Family::IPV4_UNICAST => over_v4 || group.extended_next_hop || group.next_hops.v4.is_some(),
        _ => !over_v4 || group.next_hops.v6.is_some(),
    };
    group.families.iter().copied().filter(|family| !has(family)).collect()
}
