//! How a peer is named: by its address, by a link-local address and the link it is on, or by the link alone.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// The name of a network interface, 1 to 15 octets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link {
    octets: [u8; 15],
    len: u8,
}

impl Link {
    /// The interface of this name; `None` if the kernel could not have one called so.
    #[must_use]
    pub fn new(name: &str) -> Option<Self> {
        let legal = |octet: u8| octet.is_ascii_graphic() && octet != b'/' && octet != b':';
        let (len, mut octets) = (u8::try_from(name.len()).ok()?, [0; 15]);
        if name.is_empty() || matches!(name, "." | "..") || !name.bytes().all(legal) {
            return None;
        }
        octets.get_mut(..name.len())?.copy_from_slice(name.as_bytes());
        Some(Self { octets, len })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        // Only ASCII gets in.
        self.octets.get(..self.len.into()).and_then(|name| str::from_utf8(name).ok()).unwrap_or_default()
    }

    /// The index the kernel has for it at present; `None` while there is no such link.
    #[must_use]
    pub fn index(self) -> Option<u32> {
        super::sockopt::link_index(self)
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.name(), f)
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A peer's name, the same for as long as it is configured: `10.0.0.1`, `fd00::1`, `fe80::1%eth0` or, for whoever
/// speaks BGP at the other end of a link (unnumbered), `eth0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerAddr {
    ip: IpAddr,
    link: Option<Link>,
}

impl PeerAddr {
    /// The peer at a link-local address of a link.
    #[must_use]
    pub fn link_local(addr: Ipv6Addr, link: Link) -> Self {
        Self { ip: addr.into(), link: Some(link) }
    }

    /// The peer at the other end of a link, whatever its address.
    #[must_use]
    pub fn unnumbered(link: Link) -> Self {
        Self::link_local(Ipv6Addr::UNSPECIFIED, link)
    }

    /// Its address; `::` while it is named by its link alone.
    #[must_use]
    pub fn ip(&self) -> IpAddr {
        self.ip
    }

    /// The link it is on, where that is part of its name.
    #[must_use]
    pub fn link(&self) -> Option<Link> {
        self.link
    }

    /// Whether it is named by its link alone.
    #[must_use]
    pub fn is_unnumbered(&self) -> bool {
        self.link.is_some() && self.ip.is_unspecified()
    }
}

impl From<IpAddr> for PeerAddr {
    fn from(ip: IpAddr) -> Self {
        Self { ip, link: None }
    }
}

impl fmt::Display for PeerAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.link {
            Some(link) if self.is_unnumbered() => link.fmt(f),
            Some(link) => write!(f, "{}%{link}", self.ip),
            None => self.ip.fmt(f),
        }
    }
}

/// No name of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an IP address, a link-local one as fe80::1%LINK")]
pub struct NotAPeer;

impl FromStr for PeerAddr {
    type Err = NotAPeer;

    /// Reads an address; the name of a link alone is not one, for any word could be.
    fn from_str(text: &str) -> Result<Self, NotAPeer> {
        let Some((addr, link)) = text.split_once('%') else {
            return text.parse::<IpAddr>().map(Self::from).map_err(|_| NotAPeer);
        };
        let addr: Ipv6Addr = addr.parse().map_err(|_| NotAPeer)?;
        let link = Link::new(link).filter(|_| addr.is_unicast_link_local()).ok_or(NotAPeer)?;
        Ok(Self::link_local(addr, link))
    }
}
