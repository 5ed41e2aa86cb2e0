//! How far away a peer may be: the time to live of what we send, and the least of what we take (RFC 5082).

use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;

use socket2::SockRef;

use super::sockopt::{SockOpt, set};

/// How far away a peer may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hops {
    /// What we send has the kernel's time to live, what comes may have any.
    #[default]
    Any,
    /// What we send dies after so many hops: 1 for a peer on the same link.
    AtMost(u8),
    /// Generalized TTL security (RFC 5082): what we send starts at 255, what has come further than so many hops is
    /// dropped. 1 for a peer on the same link.
    Secured(u8),
}

/// Gives a socket back the kernel's own time to live.
const DEFAULT: u32 = u32::MAX;

impl Hops {
    /// The time to live of what we send; `None` keeps the kernel's.
    #[must_use]
    pub fn ttl(self) -> Option<u8> {
        match self {
            Self::Any => None,
            Self::AtMost(hops) => Some(hops),
            Self::Secured(_) => Some(255),
        }
    }

    /// The least time to live of what is taken: each router on the way takes one off 255 (RFC 5082 §3).
    #[must_use]
    pub fn least(self) -> Option<u8> {
        match self {
            Self::Any | Self::AtMost(_) => None,
            Self::Secured(hops) => Some(255 - hops.saturating_sub(1)),
        }
    }

    /// Puts both on a socket, whatever it had before.
    pub(super) fn set(self, socket: &impl AsFd, peer: IpAddr) -> io::Result<()> {
        let ttl = self.ttl().map_or(DEFAULT, u32::from);
        let least = u32::from(self.least().unwrap_or(0)).to_ne_bytes(); // 0 takes everything
        match peer {
            IpAddr::V4(_) => {
                SockRef::from(socket).set_ttl_v4(ttl)?;
                set(socket, SockOpt::MinTtl, &least)
            }
            IpAddr::V6(_) => {
                SockRef::from(socket).set_unicast_hops_v6(ttl)?;
                set(socket, SockOpt::MinHopCount, &least)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc5082_3_the_least_time_to_live_is_255_less_the_routers_between() {
        let least =
            [Hops::Secured(1), Hops::Secured(2), Hops::Secured(255), Hops::Secured(0)].map(Hops::least);
        assert_eq!(least, [Some(255), Some(254), Some(1), Some(255)]);
        assert_eq!((Hops::AtMost(1).least(), Hops::Any.least()), (None, None));
        assert_eq!(
            (Hops::Secured(3).ttl(), Hops::AtMost(3).ttl(), Hops::Any.ttl()),
            (Some(255), Some(3), None)
        );
    }
}
