//! What a packet does to a session (RFC 5880 §6.8.6), from "Set bfd.RemoteDiscr" on; what comes before is the engine's.

use std::net::IpAddr;

use super::auth::Verified;
use super::clock::Moment;
use super::{Reason, Remote, Session, Turn};
use crate::packet::{AuthSection, ControlPacket};
use crate::types::{Diagnostic, State};

/// How a packet came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// When.
    pub(crate) at: Moment,
    /// To which address of ours.
    pub(crate) destination: IpAddr,
    /// It is authentic.
    pub(crate) verified: Verified,
}

impl Session {
    /// Whether a packet is authentic (RFC 5880 §6.7); `None`: it is to be discarded.
    pub(crate) fn authenticate(
        &self,
        payload: &[u8],
        (packet, section): (&ControlPacket, Option<&AuthSection<'_>>),
        turn: &Turn<'_>,
    ) -> Option<Verified> {
        self.auth.check((payload, packet), section, self.settings.auth.as_ref(), turn.clock.awake())
    }

    /// Takes a packet that is this session's.
    pub(crate) fn receive(&mut self, packet: &ControlPacket, arrival: Arrival, turn: &mut Turn<'_>) {
        self.remember(packet, arrival, turn);
        let mut news = false;
        if self.timing.heard(packet.fin) && self.state == State::Up {
            news = self.timing.change(self.pace(), turn.now); // what was set while the last poll sequence ran
        }
        if self.state != State::AdminDown {
            // In AdminDown the packet is discarded here, and a poll stays without an answer.
            news |= self.step(packet.state, turn);
            if packet.poll {
                self.answer(turn); // carries the news as well
            } else if news {
                self.send(turn);
            }
        }
        self.reconsider(turn);
    }

    fn remember(&mut self, packet: &ControlPacket, arrival: Arrival, turn: &Turn<'_>) {
        self.received += 1;
        if self.path.local.is_none() {
            self.local_heard = Some(arrival.destination);
        }
        self.remote = Remote {
            state: packet.state,
            diagnostic: packet.diagnostic,
            discriminator: Some(packet.my_discriminator),
            detect_mult: Some(packet.detect_mult),
            desired_min_tx: packet.desired_min_tx,
            required_min_rx: packet.required_min_rx,
            independent: packet.control_plane_independent,
            demand: packet.demand,
        };
        let heard = (arrival.at, turn.clock.awake_at(arrival.at));
        let heard = self.heard.map_or(heard, |(at, awake)| (at.max(heard.0), awake.max(heard.1)));
        self.heard = Some(heard);
        let silence = self.detection().map(|time| heard.1.after(time.saturating_mul(2)));
        self.auth.accept(arrival.verified, silence);
    }

    /// The state machine. Whether the state changed.
    fn step(&mut self, received: State, turn: &mut Turn<'_>) -> bool {
        const NEIGHBOR: Diagnostic = Diagnostic::NEIGHBOR_DOWN;
        let (to, diagnostic, reason) = match (self.state, received) {
            _ if self.forced => return false, // held down (RFC 5880 §6.8.18)
            (State::Init | State::Up, State::AdminDown) => (State::Down, NEIGHBOR, Reason::NeighborAdminDown),
            (State::Up, State::Down) => (State::Down, NEIGHBOR, Reason::NeighborDown),
            (State::Down, State::Down) => (State::Init, self.diagnostic, Reason::Handshake),
            (State::Down, State::Init) | (State::Init, State::Init | State::Up) => {
                (State::Up, Diagnostic::NONE, Reason::Handshake)
            }
            (State::Down, State::AdminDown | State::Up)
            | (State::Init, State::Down)
            | (State::Up, State::Init | State::Up)
            | (State::AdminDown, _) => return false,
        };
        self.enter((to, diagnostic), reason, turn);
        true
    }
}
