//! Questions to the kernel: which source address it uses towards a neighbour, and when that may have changed.

use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use bgp::net::{Link, PeerAddr};
use futures_util::{StreamExt, TryStreamExt};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::{AddressAttribute, AddressHeaderFlags, AddressMessage, AddressScope};
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage};
use rtnetlink::{Handle, MulticastGroup};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// Changes after which a source address may be another one.
pub(super) const ROUTES: [MulticastGroup; 7] = [
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
    #[error("there is no interface {0}")]
    Link(Link),
    #[error("interface {0} has no link-local address")]
    NoLinkLocal(Link),
}

/// What to tell a neighbour to send traffic to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) addr: IpAddr,
    /// Our link-local address, where the neighbour is on that link.
    pub(super) link_local: Option<Ipv6Addr>,
}

/// The usable IPv6 addresses of a link.
#[derive(Debug, Default)]
struct OnLink {
    link_local: Option<Ipv6Addr>,
    global: Option<Ipv6Addr>,
    /// A global one is not usable yet (RFC 4862 §5.4).
    tentative: bool,
}

impl OnLink {
    /// Takes an address in; of several the lowest stays, so that the answer does not depend on their order.
    fn add(&mut self, address: &AddressMessage) {
        let lowest = |one: &mut Option<Ipv6Addr>, ip| *one = Some(one.map_or(ip, |other| other.min(ip)));
        let (header, flags) = (&address.header, address.header.flags);
        let unchecked = flags.contains(AddressHeaderFlags::Tentative)
            && !flags.contains(AddressHeaderFlags::Optimistic)
            && !flags.contains(AddressHeaderFlags::Dadfailed);
        if header.family != AddressFamily::Inet6 {
            return;
        }
        self.tentative |= unchecked && header.scope == AddressScope::Universe;
        let passing = AddressHeaderFlags::Dadfailed | AddressHeaderFlags::Deprecated;
        if unchecked || flags.intersects(passing) {
            return;
        }
        for attribute in &address.attributes {
            match (attribute, header.scope) {
                (AddressAttribute::Address(IpAddr::V6(ip)), AddressScope::Link) => {
                    lowest(&mut self.link_local, *ip)
                }
                (AddressAttribute::Address(IpAddr::V6(ip)), AddressScope::Universe) => {
                    lowest(&mut self.global, *ip)
                }
                _ => {}
            }
        }
    }
}

/// Two sockets: a burst of events that overruns the one must not cost an answer on the other.
pub(super) struct Kernel {
    handle: Handle,
    changed: Arc<Notify>,
    _tasks: JoinSet<()>,
}

impl Kernel {
    /// A kernel that tells of changes in these groups.
    pub(super) fn open(groups: &[MulticastGroup]) -> io::Result<Self> {
        let (questions, handle, _) = rtnetlink::new_connection()?;
        let (monitor, _, mut events) = rtnetlink::new_multicast_connection(groups)?;
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

    /// Until something of its groups has changed since the last call.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// What a neighbour is to be told. `on_link`: it is one hop away, so a route through a gateway (the default
    /// route, while the link's own is missing) is none.
    pub(super) async fn source_towards(&self, neighbor: PeerAddr, on_link: bool) -> Result<Source, NoSource> {
        let ask = async {
            match neighbor.link() {
                Some(link) => self.ask_link(link).await,
                None => self.ask(neighbor.ip(), on_link).await,
            }
        };
        tokio::time::timeout(PATIENCE, ask).await.unwrap_or(Err(NoSource::Silent))
    }

    /// The index of a link at present: one that is made anew has another.
    pub(super) async fn link_index(&self, link: Link) -> Option<u32> {
        let mut answers = std::pin::pin!(self.handle.link().get().match_name(link.name()).execute());
        Some(answers.try_next().await.ok()??.header.index)
    }

    /// A neighbour on a link is told that link's addresses: a global one, if there is any, and the link-local one
    /// (RFC 2545 §3).
    async fn ask_link(&self, link: Link) -> Result<Source, NoSource> {
        let index = self.link_index(link).await.ok_or(NoSource::Link(link))?;
        let found = self.addresses(index).await?;
        let local = found.link_local.ok_or(NoSource::NoLinkLocal(link))?;
        Ok(Source { addr: found.global.unwrap_or(local).into(), link_local: Some(local) })
    }

    /// `ip route get NEIGHBOR`: the source of the route the kernel would take.
    async fn ask(&self, neighbor: IpAddr, on_link: bool) -> Result<Source, NoSource> {
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
        let shared = gateway.is_none_or(|gateway| gateway == neighbor);
        let Some(link) = link.filter(|_| source.is_ipv6()) else {
            return Ok(Source { addr: source, link_local: None });
        };
        let found = self.addresses(link).await?;
        // Meanwhile the kernel lends the address of another interface, which the router may not be able to reach.
        if found.tentative {
            return Err(NoSource::Tentative);
        }
        Ok(Source { addr: source, link_local: found.link_local.filter(|_| shared) })
    }

    async fn addresses(&self, link: u32) -> Result<OnLink, NoSource> {
        let addresses = self.handle.address().get().set_link_index_filter(link).execute();
        let mut addresses = std::pin::pin!(addresses);
        let mut found = OnLink::default();
        while let Some(address) = addresses.try_next().await.map_err(NoSource::Kernel)? {
            found.add(&address);
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
