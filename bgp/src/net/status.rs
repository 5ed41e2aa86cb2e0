//! What can be asked about a peer while its task runs.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use super::PeerConfig;
use crate::fsm::{EndReason, Negotiated, State};
use crate::rib::{MemberId, NextHops};
use crate::types::{Asn, HoldTime};

/// Messages of one direction, by type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageCounts {
    /// OPEN.
    pub open: u64,
    /// UPDATE.
    pub update: u64,
    /// NOTIFICATION.
    pub notification: u64,
    /// KEEPALIVE.
    pub keepalive: u64,
    /// ROUTE-REFRESH.
    pub route_refresh: u64,
    /// UPDATEs that withdraw something; counted in `update` too.
    pub withdraw_update: u64,
    /// Prefixes withdrawn by those.
    pub withdraw_prefix: u64,
    /// Messages that could not be used.
    pub discarded: u64,
}

impl MessageCounts {
    pub(super) fn count(&mut self, kind: u8) {
        use crate::wire::kind;
        match kind {
            kind::OPEN => self.open += 1,
            kind::UPDATE => self.update += 1,
            kind::NOTIFICATION => self.notification += 1,
            kind::KEEPALIVE => self.keepalive += 1,
            _ => self.route_refresh += 1,
        }
    }

    /// All types together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.open + self.update + self.notification + self.keepalive + self.route_refresh
    }
}

/// A peer as it is now.
#[derive(Clone, Debug)]
pub struct PeerStatus {
    /// Its address.
    pub addr: IpAddr,
    /// The port dialed.
    pub port: u16,
    /// Our AS.
    pub local_as: Asn,
    /// Its AS, as configured.
    pub peer_as: Asn,
    /// The hold time we propose.
    pub hold_time: HoldTime,
    /// State of the session.
    pub state: State,
    /// When it entered that state.
    pub since: Instant,
    /// What the OPENs settled, while Established.
    pub negotiated: Option<Negotiated>,
    /// Our end of the connection, while Established.
    pub local_addr: Option<SocketAddr>,
    /// What we tell it to send traffic to.
    pub next_hops: NextHops,
    /// Messages sent since the start.
    pub sent: MessageCounts,
    /// Messages received since the start.
    pub received: MessageCounts,
    /// Prefixes the peer holds from us.
    pub advertised: usize,
    /// Whether nothing waits to be sent to it.
    pub current: bool,
    /// Messages that wait for the socket to take them.
    pub out_queue: u64,
    /// When the session was last Established.
    pub last_established: Option<Instant>,
    /// Times the session was Established and ended.
    pub flaps: u64,
    /// Why the last connection or attempt ended, and when.
    pub last_end: Option<(Instant, EndReason)>,
    pub(super) member: Option<MemberId>,
}

impl PeerStatus {
    pub(super) fn new(config: &PeerConfig) -> Self {
        Self {
            addr: config.dialing.remote.ip(),
            port: config.dialing.remote.port(),
            local_as: config.session.local_as,
            peer_as: config.session.peer_as,
            hold_time: config.session.hold_time,
            state: State::Idle,
            since: Instant::now(),
            negotiated: None,
            local_addr: None,
            next_hops: config.next_hops,
            sent: MessageCounts::default(),
            received: MessageCounts::default(),
            advertised: 0,
            current: false,
            out_queue: 0,
            last_established: None,
            flaps: 0,
            last_end: None,
            member: None,
        }
    }
}
