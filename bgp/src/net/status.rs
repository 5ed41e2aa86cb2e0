//! What can be asked about a peer while its task runs.

use std::net::SocketAddr;
use std::time::Instant;

use super::PeerAddr;
use super::told::Told;
use crate::fsm::{BfdHold, EndReason, Negotiated, State};
use crate::rib::{Batch, LearnedCounts, MemberId, NextHops};
use crate::types::{Asn, Family, HoldTime, RouterId};
use crate::wire::{Attr, Capability, Update};

/// A peer's session moved to another state, or its administrator did something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateChange {
    /// The peer's name.
    pub addr: PeerAddr,
    /// The state it is in now.
    pub state: State,
    /// Whether it is administratively up.
    pub enabled: bool,
    /// When.
    pub at: Instant,
}

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
    /// Prefixes withdrawn by those, an UPDATE's that count as withdrawn (RFC 7606) among them.
    pub withdraw_prefix: u64,
    /// Messages that could not be used: not readable when received, not to be expressed when sent.
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

    /// What an UPDATE withdraws; End-of-RIB withdraws nothing.
    pub(super) fn count_withdrawals(&mut self, update: &Update) {
        let multiprotocol = update.attrs.iter().map(|attr| match attr {
            Attr::MpUnreach(unreach) => unreach.prefixes.len(),
            _ => 0,
        });
        let prefixes = update.withdrawn.len() + multiprotocol.sum::<usize>();
        self.withdraw_update += u64::from(prefixes > 0);
        self.withdraw_prefix += u64::try_from(prefixes).unwrap_or(0);
    }

    /// A batch that was queued.
    pub(super) fn count_batch(&mut self, batch: &Batch) {
        let number = |count: usize| u64::try_from(count).unwrap_or(0);
        self.update += number(batch.frames.len().saturating_sub(batch.markers));
        self.route_refresh += number(batch.markers);
        self.withdraw_update += number(batch.withdrawing);
        self.withdraw_prefix += number(batch.withdrawn);
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
    /// Its name.
    pub addr: PeerAddr,
    /// The port dialed.
    pub port: u16,
    /// Our AS.
    pub local_as: Asn,
    /// Its AS, as configured.
    pub peer_as: Asn,
    /// The hold time we propose.
    pub hold_time: HoldTime,
    /// Families we exchange with it, as configured.
    pub families: Vec<Family>,
    /// The capabilities of our OPEN; the peer's are in `negotiated`.
    pub capabilities: Vec<Capability>,
    /// Its BGP identifier in the current or the last session.
    pub peer_id: Option<RouterId>,
    /// Administratively up; one that is not stays down until it is enabled again.
    pub enabled: bool,
    /// State of the session.
    pub state: State,
    /// Whether it waits for BFD.
    pub bfd_hold: BfdHold,
    /// When it entered that state.
    pub since: Instant,
    /// What the OPENs settled, while Established.
    pub negotiated: Option<Negotiated>,
    /// Our end of the connection, while Established.
    pub local_addr: Option<SocketAddr>,
    /// The peer's end of it.
    pub remote_addr: Option<SocketAddr>,
    /// What we tell it to send traffic to.
    pub next_hops: NextHops,
    /// Messages sent since the start.
    pub sent: MessageCounts,
    /// Messages received since the start.
    pub received: MessageCounts,
    /// Prefixes the peer holds from us.
    pub advertised: usize,
    /// The same by family.
    pub advertised_by_family: Vec<(Family, usize)>,
    /// Whether nothing waits to be sent to it.
    pub current: bool,
    /// Messages that wait for the socket to take them.
    pub out_queue: u64,
    /// When the session was last Established.
    pub last_established: Option<Instant>,
    /// When an Established session last ended.
    pub last_down: Option<Instant>,
    /// What it announces at present, by family.
    pub learned: Vec<(Family, LearnedCounts)>,
    /// Times the session was Established and ended.
    pub flaps: u64,
    /// Why the last connection or attempt ended, and when.
    pub last_end: Option<(Instant, EndReason)>,
    pub(super) member: Option<MemberId>,
}

impl PeerStatus {
    pub(super) fn new(told: &Told) -> Self {
        let session = &told.config.session;
        Self {
            addr: told.config.addr,
            port: told.config.dialing.remote.port(),
            local_as: session.local_as,
            peer_as: session.peer_as,
            hold_time: session.hold_time,
            families: session.families.clone(),
            capabilities: session.open().capabilities,
            peer_id: None,
            enabled: true,
            state: State::Idle,
            bfd_hold: BfdHold::No,
            since: Instant::now(),
            negotiated: None,
            local_addr: None,
            remote_addr: None,
            next_hops: told.path.next_hops,
            sent: MessageCounts::default(),
            received: MessageCounts::default(),
            advertised: 0,
            advertised_by_family: Vec::new(),
            current: false,
            out_queue: 0,
            last_established: None,
            last_down: None,
            learned: Vec::new(),
            flaps: 0,
            last_end: None,
            member: None,
        }
    }

    /// Shows another configuration from now on; what was counted stays.
    pub(super) fn show(&mut self, told: &Told) {
        let new = Self::new(told);
        self.port = new.port;
        (self.local_as, self.peer_as, self.hold_time) = (new.local_as, new.peer_as, new.hold_time);
        (self.families, self.capabilities) = (new.families, new.capabilities);
    }
}
