//! What goes into an engine, and what it may refuse.

use std::net::IpAddr;
use std::time::Instant;

use crate::session::{Hops, SessionId};

/// A datagram and what the kernel says about it.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// What was in it.
    pub payload: &'a [u8],
    /// By its port: 3784 or 4784.
    pub hops: Hops,
    /// Who sent it.
    pub source: IpAddr,
    /// Which address of ours it was sent to.
    pub destination: IpAddr,
    /// The link it came in on.
    pub interface: u32,
    /// Its TTL or hop limit on arrival.
    pub ttl: u8,
    /// When it arrived, by the kernel's clock.
    pub at: Instant,
}

/// Why a session was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// There is one with this path.
    #[error("session {0} has this path already")]
    Exists(SessionId),
    /// Multicast, unspecified, mixed families, or link-local without a link.
    #[error("the path cannot carry a session: {0}")]
    Path(&'static str),
    /// [`Limits::sessions`] is reached.
    #[error("there are {0} sessions already, the most there may be")]
    Full(usize),
    /// A Desired Min TX Interval of zero.
    #[error("the transmit interval must not be zero")]
    Interval,
}

/// What bounds memory against any peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Sessions at most.
    pub sessions: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { sessions: 16_384 } // as many as RFC 5881 §4 has source ports
    }
}
