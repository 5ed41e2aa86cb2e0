//! Addresses as commands and flags write them: no port, no mask, a zone only where it means something.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};

/// Where the kernel tells the index and the name of every link with an IPv6 address. Of this thread's network
/// namespace, other than `/sys/class/net`, which may show another one's.
const LINKS: &str = "/proc/thread-self/net/if_inet6";

/// An address, and the link it is on where it is link-local.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// The index of the link; 0: none said. Never another with an address that is not link-local.
    pub interface: u32,
}

impl Address {
    /// Reads `192.0.2.1`, `2001:db8::1` or `fe80::1%eth0`; `None` for anything else, also for a link that is not there.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let Some((ip, zone)) = text.split_once('%') else {
            return Some(Self { ip: text.parse().ok()?, interface: 0 });
        };
        let ip: Ipv6Addr = ip.parse().ok()?;
        if !ip.is_unicast_link_local() {
            return None;
        }
        let interface = match zone.parse() {
            Ok(0) | Err(_) => links().into_iter().find(|(_, name)| name == zone)?.0,
            Ok(index) => index,
        };
        Some(Self { ip: ip.into(), interface })
    }

    /// An address as a session's path has it: the link counts only where it says something.
    #[must_use]
    pub fn on_link(ip: IpAddr, interface: u32) -> Self {
        match ip {
            IpAddr::V6(v6) if v6.is_unicast_link_local() => Self { ip, interface },
            _ => Self { ip, interface: 0 },
        }
    }

    /// Whether both are IPv4 or both IPv6.
    #[must_use]
    pub fn same_family(&self, other: &Self) -> bool {
        self.ip.is_ipv4() == other.ip.is_ipv4()
    }
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        Self { ip, interface: 0 }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ip.fmt(f)?;
        match self.interface {
            0 => Ok(()),
            index => match link_name(index) {
                Some(name) => write!(f, "%{name}"),
                None => write!(f, "%{index}"),
            },
        }
    }
}

/// Indices and names of the links that have an IPv6 address.
fn links() -> Vec<(u32, String)> {
    let table = std::fs::read_to_string(LINKS).unwrap_or_default();
    table
        .lines()
        .filter_map(|line| {
            let mut fields = line.split_whitespace().skip(1);
            let index = u32::from_str_radix(fields.next()?, 16).ok()?;
            Some((index, fields.last()?.to_owned()))
        })
        .collect()
}

/// The name of a link; `None` if there is none of this index.
#[must_use]
pub fn link_name(interface: u32) -> Option<String> {
    links().into_iter().find(|(index, _)| *index == interface).map(|(_, name)| name)
}

/// The address the kernel would send from to this one; `None` without a route. Nothing is sent.
#[must_use]
pub fn source_towards(remote: Address) -> Option<IpAddr> {
    let any: IpAddr = match remote.ip {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    let to: SocketAddr = match remote.ip {
        IpAddr::V4(ip) => (ip, 3784).into(),
        IpAddr::V6(ip) => SocketAddrV6::new(ip, 3784, 0, remote.interface).into(),
    };
    socket.connect(to).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<String> {
        Address::parse(text).map(|address| address.to_string())
    }

    #[test]
    fn addresses_are_echoed_in_canonical_form() {
        assert_eq!(shown("10.99.0.1").as_deref(), Some("10.99.0.1"));
        assert_eq!(shown("FD00:0:0::0001").as_deref(), Some("fd00::1"));
        assert_eq!(shown("::").as_deref(), Some("::"));
    }

    #[test]
    fn what_is_no_bare_address_is_refused() {
        for text in
            ["", "10.0.0.01", "10.0.0.1:3784", "10.0.0.1/32", "[::1]", "fd00::1%lo", "10.0.0.1%lo", "x"]
        {
            assert_eq!(Address::parse(text), None, "{text}");
        }
        assert_eq!(Address::parse("fe80::1%no-such-link"), None);
    }

    #[test]
    fn a_link_local_address_carries_its_link() {
        assert_eq!(Address::parse("fe80::1%7").map(|address| address.interface), Some(7));
        assert_eq!(Address::on_link("fd00::1".parse().unwrap(), 7).interface, 0);
    }
}
