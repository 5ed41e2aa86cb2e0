//! Questions to the kernel: which source address it uses towards a neighbour, and when that may have changed.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::AddressHeaderFlags;
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage};
use rtnetlink::{Handle, MulticastGroup};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// Changes after which a source address may be another one.
const GROUPS: [MulticastGroup; 7] = [
    MulticastGroup::Link,
    MulticastGroup::Ipv4Ifaddr,
    MulticastGroup::Ipv4Route,
    MulticastGroup::Ipv4Rule,
    MulticastGroup::Ipv6Ifaddr,
    MulticastGroup::Ipv6Route,
    MulticastGroup::Ipv6Rule,
];

/// An answer takes microseconds; one that takes this long was lost.
const PATIENCE: Duration = Duration::from_secs(1);

/// Why there is no source address.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoSource {
    #[error("{0}")]
    Kernel(rtnetlink::Error),
    #[error("the kernel did not answer")]
    Silent,
    #[error("the kernel's route has no source address")]
    None,
    #[error("the kernel's source address {0} is not of the neighbour's family")]
    Family(IpAddr),
    #[error("the kernel's source address {addr} is not listed in {flag}")]
    NotAllowed { addr: IpAddr, flag: &'static str },
    #[error(
        "the route leads through gateway {0}, but the neighbour must be on the link (see --ebgp-multihop)"
    )]
    Gateway(IpAddr),
    #[error("the interface's addresses are still being checked for duplicates")]
    Tentative,
}

/// Two sockets: a burst of events that overruns the one must not cost an answer on the other.
pub(super) struct Kernel {
    handle: Handle,
    changed: Arc<Notify>,
    _tasks: JoinSet<()>,
}

impl Kernel {
    pub(super) fn open() -> io::Result<Self> {
        let (questions, handle, _) = rtnetlink::new_connection()?;
        let (monitor, _, mut events) = rtnetlink::new_multicast_connection(&GROUPS)?;
        let changed = Arc::new(Notify::new());
        let mut tasks = JoinSet::new();
        tasks.spawn(questions);
        tasks.spawn(monitor);
        let wake = Arc::clone(&changed);
        // Always reading, so that events never pile up: one permit stands for any number of them.
        tasks.spawn(async move {
            while events.next().await.is_some() {
                wake.notify_one();
            }
        });
        Ok(Self { handle, changed, _tasks: tasks })
    }

    /// Until routes, rules, addresses or links have changed since the last call.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// `ip route get NEIGHBOR`: the source of the route the kernel would take. `on_link`: the neighbour is one hop
    /// away, so a route through a gateway (the default route, while the link's own is missing) is none.
    pub(super) async fn source_towards(&self, neighbor: IpAddr, on_link: bool) -> Result<IpAddr, NoSource> {
        let ask = self.ask(neighbor, on_link);
        tokio::time::timeout(PATIENCE, ask).await.unwrap_or(Err(NoSource::Silent))
    }

    async fn ask(&self, neighbor: IpAddr, on_link: bool) -> Result<IpAddr, NoSource> {
        let mut answers = std::pin::pin!(self.handle.route().get(question(neighbor)).execute());
        let route = answers.next().await.ok_or(NoSource::None)?.map_err(NoSource::Kernel)?;
        let (mut source, mut gateway, mut link) = (None, None, None);
        for attribute in &route.attributes {
            match attribute {
                RouteAttribute::PrefSource(addr) => source = ip(addr),
                RouteAttribute::Gateway(addr) => gateway = ip(addr),
                RouteAttribute::Oif(index) => link = Some(*index),
                _ => {}
            }
        }
        // A gateway that is the neighbour itself is on the link, however the route is written.
        if let Some(gateway) = gateway.filter(|gateway| on_link && *gateway != neighbor) {
            return Err(NoSource::Gateway(gateway));
        }
        if let Some(source) = source.filter(|source| source.is_ipv4() != neighbor.is_ipv4()) {
            return Err(NoSource::Family(source));
        }
        let usable = |source: &IpAddr| {
            let far = is_link_local(*source) && !is_link_local(neighbor);
            !source.is_unspecified() && !far
        };
        let source = source.filter(usable).ok_or(NoSource::None)?;
        // Meanwhile the kernel lends the address of another interface, which the router may not be able to reach.
        if let Some(link) = link.filter(|_| source.is_ipv6())
            && self.has_tentative(link).await?
        {
            return Err(NoSource::Tentative);
        }
        Ok(source)
    }

    /// Whether a global IPv6 address of the link is not usable yet (RFC 4862 §5.4).
    async fn has_tentative(&self, link: u32) -> Result<bool, NoSource> {
        let addresses = self.handle.address().get().set_link_index_filter(link).execute();
        let mut addresses = std::pin::pin!(addresses);
        let mut found = false;
        while let Some(address) = addresses.try_next().await.map_err(NoSource::Kernel)? {
            let header = address.header;
            let global = header.scope == netlink_packet_route::address::AddressScope::Universe;
            let waiting = header.flags.contains(AddressHeaderFlags::Tentative)
                && !header.flags.contains(AddressHeaderFlags::Optimistic)
                && !header.flags.contains(AddressHeaderFlags::Dadfailed);
            found |= header.family == AddressFamily::Inet6 && global && waiting;
        }
        Ok(found)
    }
}

fn question(neighbor: IpAddr) -> RouteMessage {
    let mut question = RouteMessage::default();
    let (family, bits, destination) = match neighbor {
        IpAddr::V4(addr) => (AddressFamily::Inet, 32, RouteAddress::Inet(addr)),
        IpAddr::V6(addr) => (AddressFamily::Inet6, 128, RouteAddress::Inet6(addr)),
    };
    question.header.address_family = family;
    question.header.destination_prefix_length = bits;
    question.attributes.push(RouteAttribute::Destination(destination));
    question
}

fn ip(addr: &RouteAddress) -> Option<IpAddr> {
    match addr {
        RouteAddress::Inet(addr) => Some(IpAddr::V4(*addr)),
        RouteAddress::Inet6(addr) => Some(IpAddr::V6(*addr)),
        _ => None,
    }
}

/// IPv6 only: a router must not be told such a next hop for want of a global address.
fn is_link_local(addr: IpAddr) -> bool {
    matches!(addr, IpAddr::V6(addr) if addr.is_unicast_link_local())
}
