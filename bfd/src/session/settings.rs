//! What a session is told: where the other end is, and how fast to talk.

use std::net::IpAddr;

use crate::packet::Auth;
use crate::types::{DetectMult, Micros};

/// Over how many hops a session runs, which decides its UDP port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Hops {
    /// One, port 3784 (RFC 5881).
    #[default]
    Single,
    /// Any number, port 4784 (RFC 5883).
    Multi,
}

impl Hops {
    /// The UDP port packets are sent to and listened on.
    #[must_use]
    pub const fn port(self) -> u16 {
        match self {
            Self::Single => 3784,
            Self::Multi => 4784,
        }
    }
}

/// The two ends of a session. No two sessions of an engine have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    /// Over how many hops.
    pub hops: Hops,
    /// Our address; `None`: the one the kernel chooses, and packets to any of ours are taken.
    pub local: Option<IpAddr>,
    /// The other end.
    pub remote: IpAddr,
    /// The index of the link; 0: any. Never 0 with a link-local address on either end.
    pub interface: u32,
}

/// Who speaks first (RFC 5880 §6.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Role {
    /// This end sends from the start.
    #[default]
    Active,
    /// This end is silent until it hears the other one.
    Passive,
}

/// What can be changed while a session stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The least interval at which to send while Up; not zero. Not less than a second is in force while not Up.
    pub desired_min_tx: Micros,
    /// The least interval at which packets can be taken; 0 asks the other end to send none.
    pub required_min_rx: Micros,
    /// How many of our packets the other end may miss.
    pub detect_mult: DetectMult,
    /// What the C bit says of us.
    pub control_plane_independent: bool,
    /// The least TTL or hop limit that is taken: 255 for a single hop (RFC 5881 §5).
    pub min_ttl: u8,
    /// Packets are signed, and taken only signed, if given.
    pub auth: Option<Auth>,
    /// Derive our discriminator from the two addresses, so that a restart of this process keeps it: for other ends that
    /// go on using the old one (OVN). Otherwise it is random.
    pub stable_discriminator: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            desired_min_tx: Micros::SECOND,
            required_min_rx: Micros::SECOND,
            detect_mult: DetectMult::DEFAULT,
            control_plane_independent: false,
            min_ttl: 255,
            auth: None,
            stable_discriminator: false,
        }
    }
}
