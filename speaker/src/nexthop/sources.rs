//! Which of our addresses may be used, and which of them is told as another one.

use std::net::IpAddr;

use bgp::net::PeerAddr;
use bgp::rib::NextHops;

use super::kernel::{NoSource, Source};

/// What becomes of the source address that the kernel names.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Addresses told as others.
    pub substitution: Substitution,
    /// The addresses that may be used; a family without any here may use all.
    pub allowed: Vec<IpAddr>,
}

/// Addresses that must not be told as they are: a speaker without the host's network sees its Pod's address where
/// routers must send to the node's (`POD_IPS` → `--node-ips`).
#[derive(Clone, Debug, Default)]
pub struct Substitution {
    /// Our Pod's addresses.
    pub pod_ips: Vec<IpAddr>,
    /// The node's, one per family at most.
    pub node_ips: Vec<IpAddr>,
}

impl Substitution {
    fn apply(&self, source: IpAddr) -> IpAddr {
        let node = self.node_ips.iter().find(|node| node.is_ipv4() == source.is_ipv4());
        match node {
            Some(node) if self.pod_ips.contains(&source) => *node,
            _ => source,
        }
    }
}

impl Sources {
    /// The flag whose list rules over the family of this address, if it has one.
    fn flag(&self, of: IpAddr) -> Option<&'static str> {
        self.allowed.iter().find(|one| one.is_ipv4() == of.is_ipv4()).map(|one| match one {
            IpAddr::V4(_) => "--allowed-source-addresses",
            IpAddr::V6(_) => "--allowed-source-ipv6-addresses",
        })
    }

    /// What to tell as next hop: a listed source as it is, as upstream has it, others after the substitution. On a
    /// link whose global address may not be used, the link-local one, which no list can name, serves alone.
    pub(super) fn judge(&self, neighbor: PeerAddr, source: Source) -> Result<Source, NoSource> {
        let Source { addr, link_local } = source;
        let own = link_local.map(IpAddr::V6).filter(|_| neighbor.link().is_some());
        if own == Some(addr) {
            return Ok(source);
        }
        match (self.flag(addr), own) {
            (None, _) => {
                let told = self.substitution.apply(addr);
                Ok(Source { addr: told, link_local: link_local.filter(|_| told == addr) })
            }
            (Some(_), _) if self.allowed.contains(&addr) => Ok(source),
            (Some(_), Some(own)) => Ok(Source { addr: own, link_local }),
            (Some(flag), None) => Err(NoSource::NotAllowed { addr, flag }),
        }
    }

    /// Where the session with a neighbour that is told these next hops must come from; `None` leaves it to the kernel. Until
    /// the kernel has named a listed address, the first of the list stands in for it: no other is ever used. On a
    /// named link both ends use their link-local addresses.
    #[must_use]
    pub fn local(&self, neighbor: PeerAddr, told: NextHops) -> Option<IpAddr> {
        if neighbor.link().is_some() {
            return None;
        }
        let neighbor = neighbor.ip();
        let mut listed = self.allowed.iter().copied().filter(|one| one.is_ipv4() == neighbor.is_ipv4());
        let first = listed.next()?;
        let told = match neighbor {
            IpAddr::V4(_) => told.v4.map(IpAddr::V4),
            IpAddr::V6(_) => told.v6.map(IpAddr::V6),
        };
        Some(told.filter(|one| self.allowed.contains(one)).unwrap_or(first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn peer(text: &str) -> PeerAddr {
        text.parse().expect("a name")
    }

    /// What a neighbour is told in place of this source.
    fn judged(sources: &Sources, source: &str) -> Result<IpAddr, NoSource> {
        let source = Source { addr: ip(source), link_local: None };
        sources.judge(peer("10.0.0.1"), source).map(|told| told.addr)
    }

    fn pinned() -> Sources {
        let substitution = Substitution {
            pod_ips: vec![ip("10.0.0.9"), ip("fd00::9")],
            node_ips: vec![ip("192.168.0.1"), ip("fd01::1")],
        };
        Sources { substitution, allowed: vec![ip("10.0.0.9"), ip("10.0.0.8")] }
    }

    #[test]
    fn a_list_rules_over_its_own_family_only() {
        let sources = pinned();
        assert_eq!(judged(&sources, "10.0.0.8").ok(), Some(ip("10.0.0.8")));
        assert_eq!(
            judged(&sources, "10.0.0.9").ok(),
            Some(ip("10.0.0.9")),
            "a listed source is told as it is"
        );
        assert_eq!(judged(&sources, "fd00::9").ok(), Some(ip("fd01::1")), "IPv6 has no list");
        let refused = judged(&sources, "10.0.0.7").expect_err("not listed").to_string();
        assert_eq!(
            refused,
            "the kernel's source address 10.0.0.7 is not listed in --allowed-source-addresses"
        );
        let told = NextHops { v4: Some([10, 0, 0, 8].into()), v6: None, link_local: None };
        assert_eq!(sources.local(peer("10.0.0.1"), told), Some(ip("10.0.0.8")));
        assert_eq!(sources.local(peer("10.0.0.1"), NextHops::default()), Some(ip("10.0.0.9")));
        assert_eq!(sources.local(peer("fd00::1"), told), None, "IPv6 has no list");
    }

    #[test]
    fn only_the_pods_own_address_is_replaced_and_only_within_its_family() {
        let (pod_ips, node_ips) = (vec![ip("10.16.0.9"), ip("fd00::9")], vec![ip("192.168.0.1")]);
        let substitution = Substitution { pod_ips, node_ips };
        assert_eq!(substitution.apply(ip("10.16.0.9")), ip("192.168.0.1"));
        assert_eq!(substitution.apply(ip("10.16.0.8")), ip("10.16.0.8"));
        assert_eq!(substitution.apply(ip("fd00::9")), ip("fd00::9"));
    }

    #[test]
    fn on_a_link_the_link_local_address_serves_alone_where_a_list_forbids_the_other() {
        let link = peer("fe80::1%eth0");
        let source = |addr| Source { addr: ip(addr), link_local: Some("fe80::9".parse().expect("one")) };
        let mut sources = pinned();
        let told = sources.judge(link, source("fd00::9")).expect("some");
        assert_eq!(
            (told.addr, told.link_local),
            (ip("fd01::1"), None),
            "the node's address is not on this link"
        );
        sources.allowed = vec![ip("fd00::7")];
        assert_eq!(sources.judge(link, source("fd00::7")).ok(), Some(source("fd00::7")));
        assert_eq!(sources.judge(link, source("fd00::8")).ok(), Some(source("fe80::9")));
        assert_eq!(sources.judge(link, source("fe80::9")).ok(), Some(source("fe80::9")));
        assert!(sources.judge(peer("fd00::1"), source("fd00::8")).is_err(), "elsewhere the list rules");
        assert_eq!(sources.local(link, NextHops::default()), None);
    }
}
