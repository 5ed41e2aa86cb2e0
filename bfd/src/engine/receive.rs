//! From a datagram to its session (RFC 5880 §6.8.6 up to authentication, RFC 5881 §5).
//!
//! Departs from RFC 5880 §6.8.6 in one case: a packet in state Down whose Your Discriminator we do not know, or know as
//! another peer's, is taken as if that were zero, so its addresses decide. OVN goes on using the discriminator it knew
//! after this end restarted, and would be discarded until its detection time is over. A forger gains nothing: he could
//! have sent zero.

use std::time::Instant;

use super::path::{self, is_link_local};
use super::{Action, Datagram, Engine, SessionId};
use crate::packet::{AuthSection, ControlPacket};
use crate::session::{Arrival, Path, Role};
use crate::types::State;

impl Engine {
    /// Takes a datagram (RFC 5880 §6.8.6). `now` is not before `datagram.at`.
    pub fn receive(&mut self, now: Instant, datagram: &Datagram<'_>, out: &mut Vec<Action>) {
        self.clock.set(now);
        self.counters.received += 1;
        let Ok((packet, section)) = ControlPacket::decode(datagram.payload) else {
            self.counters.invalid += 1;
            return;
        };
        match self.select(&packet, datagram) {
            Some(id) => self.deliver(id, (&packet, section.as_ref()), datagram, out),
            None if self.allowed.contains(&datagram.source) => {
                self.greet((&packet, section.as_ref()), datagram, out);
            }
            None => self.counters.unknown += 1,
        }
    }

    /// The session that is meant.
    fn select(&self, packet: &ControlPacket, datagram: &Datagram<'_>) -> Option<SessionId> {
        let Some(number) = packet.your_discriminator else {
            return self.registry.by_address(datagram);
        };
        let named = self
            .registry
            .by_discriminator(number)
            .filter(|id| self.sessions.get(id).is_some_and(|entry| fits(&entry.session.path, datagram)));
        match packet.state {
            State::Down => named.or_else(|| self.registry.by_address(datagram)),
            State::AdminDown | State::Init | State::Up => named,
        }
    }

    /// Hands a packet to its session, if TTL and authentication are right.
    fn deliver(
        &mut self,
        id: SessionId,
        (packet, section): (&ControlPacket, Option<&AuthSection<'_>>),
        datagram: &Datagram<'_>,
        out: &mut Vec<Action>,
    ) {
        let at = self.clock.past(datagram.at);
        let counters = &mut self.counters;
        let Some(entry) = self.sessions.get_mut(&id) else { return };
        if datagram.ttl < entry.session.settings().min_ttl {
            counters.ttl += 1;
            return;
        }
        let now = self.clock.now();
        let mut turn = crate::session::Turn { now, clock: &self.clock, rng: &mut self.rng, out };
        let Some(verified) = entry.session.authenticate(datagram.payload, (packet, section), &turn) else {
            counters.auth += 1;
            return;
        };
        entry.session.receive(packet, Arrival { at, destination: datagram.destination, verified }, &mut turn);
        self.timers.follow(entry);
    }

    /// A packet of an allowed address that is of no session makes one, if it would be taken by it.
    fn greet(
        &mut self,
        (packet, section): (&ControlPacket, Option<&AuthSection<'_>>),
        datagram: &Datagram<'_>,
        out: &mut Vec<Action>,
    ) {
        let Datagram { hops, source: remote, destination, .. } = *datagram;
        let on_link = is_link_local(remote) || is_link_local(destination);
        let interface = if on_link { datagram.interface } else { 0 };
        let path = Path { hops, local: Some(destination), remote, interface };
        // Init and Up are words to a session that was, and so is a discriminator with AdminDown.
        let named = packet.your_discriminator.is_some() && packet.state != State::Down;
        if named || path::check(&path).is_err() {
            self.counters.unknown += 1;
        } else if datagram.ttl < self.passive.min_ttl {
            self.counters.ttl += 1;
        } else if self.sessions.len() >= self.limits.sessions {
            self.counters.dropped += 1;
        } else if !self.authentic(datagram.payload, section) {
            self.counters.auth += 1;
        } else {
            let id = self.make(path, (Role::Passive, self.passive.clone()), true, out);
            out.push(Action::Opened(id, path));
            self.deliver(id, (packet, section), datagram, out);
        }
    }

    /// Whether a packet has the key that passive sessions are told.
    fn authentic(&self, payload: &[u8], section: Option<&AuthSection<'_>>) -> bool {
        match (section, &self.passive.auth) {
            (None, None) => true,
            (Some(section), Some(auth)) => crate::packet::verify(payload, section, auth).is_some(),
            _ => false,
        }
    }
}

/// Whether a datagram came along a session's path, as far as one that names the session has to. Which address of ours
/// it was sent to does not matter; the link does where the address means nothing without.
fn fits(path: &Path, datagram: &Datagram<'_>) -> bool {
    let link = !is_link_local(path.remote) || path.interface == datagram.interface;
    path.hops == datagram.hops && path.remote == datagram.source && link
}
