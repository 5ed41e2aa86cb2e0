//! What a session looks like from outside.

use std::time::{Duration, Instant};

use super::{Path, Role, SessionId, Settings};
use crate::types::{DetectMult, Diagnostic, Discriminator, Micros, State};

/// Why a session changed its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The two ends are coming up: Down to Init, or to Up.
    Handshake,
    /// Nothing was heard for the detection time.
    Expired,
    /// The other end said Down.
    NeighborDown,
    /// The other end said AdminDown: no sign of a broken path (RFC 5882 §3.2).
    NeighborAdminDown,
    /// Asked for on this side.
    Local,
}

/// One change of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Before.
    pub from: State,
    /// After.
    pub to: State,
    /// Why.
    pub reason: Reason,
    /// What goes into our packets.
    pub diagnostic: Diagnostic,
    /// Whether the other end's C bit was set in the last packet heard (RFC 5882 §4.3).
    pub remote_independent: bool,
    /// When the last valid packet arrived, by the kernel's clock; `None`: never.
    pub last_heard: Option<Instant>,
}

/// A state and when it was entered, for a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The state.
    pub state: State,
    /// Whether it was forced by an administrator.
    pub forced: bool,
    /// When.
    pub at: Instant,
}

/// Everything there is to show of a session.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// Its number; counts from 1, never used twice.
    pub id: SessionId,
    /// Its ends.
    pub path: Path,
    /// Our address in the last packet heard, where the path does not say it.
    pub local_heard: Option<std::net::IpAddr>,
    /// Who spoke first.
    pub role: Role,
    /// What it was told.
    pub settings: Settings,
    /// Our state.
    pub state: State,
    /// Held in its state by an administrator.
    pub forced: bool,
    /// Sends nothing, on request.
    pub suspended: bool,
    /// Our diagnostic.
    pub diagnostic: Diagnostic,
    /// Our discriminator.
    pub discriminator: Discriminator,
    /// The other end's state, as last heard; Down before.
    pub remote_state: State,
    /// The other end's diagnostic.
    pub remote_diagnostic: Diagnostic,
    /// The other end's discriminator; `None`: not known, or forgotten after a silence (RFC 5880 §6.8.1).
    pub remote_discriminator: Option<Discriminator>,
    /// The other end's multiplier; `None`: never heard.
    pub remote_detect_mult: Option<DetectMult>,
    /// The other end's Desired Min TX Interval.
    pub remote_desired_min_tx: Micros,
    /// The other end's Required Min RX Interval; 1 µs before anything was heard (RFC 5880 §6.8.1).
    pub remote_required_min_rx: Micros,
    /// The other end's C bit.
    pub remote_independent: bool,
    /// Our Desired Min TX Interval in force: at least a second while not Up.
    pub desired_min_tx: Micros,
    /// Our Required Min RX Interval in force.
    pub required_min_rx: Micros,
    /// Waits for the end of a poll sequence before it is in force.
    pub pending_min_tx: Option<Micros>,
    /// Waits for the end of a poll sequence before it is in force.
    pub pending_min_rx: Option<Micros>,
    /// At which packets are sent before jitter; zero: none are.
    pub transmit_interval: Duration,
    /// How long the other end may be silent; zero: for ever.
    pub detection_time: Duration,
    /// The last changes of state, newest first, at most eight; Init is left out.
    pub history: Vec<Recorded>,
    /// Times the session went from Up to Down.
    pub failures: u64,
    /// Valid packets received.
    pub received: u64,
    /// Packets handed to the driver.
    pub transmitted: u64,
    /// When the last valid packet arrived.
    pub last_heard: Option<Instant>,
}
