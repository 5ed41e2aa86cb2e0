//! What each neighbour is told to send traffic to: the source address the kernel uses towards it.
//!
//! Asked once per neighbour at the start and again at every change of routes, addresses or links that rtnetlink
//! reports. A lookup that fails keeps the last good answer: the session may well outlive the moment.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;

use bgp::rib::NextHops;
use futures_util::StreamExt;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage};
use rtnetlink::{Handle, MulticastGroup};
use tokio::sync::mpsc;
use tracing::{info, warn};

/// Changes after which a source address may be another one.
const GROUPS: [MulticastGroup; 6] = [
    MulticastGroup::Link,
    MulticastGroup::Ipv4Ifaddr,
    MulticastGroup::Ipv4Route,
    MulticastGroup::Ipv6Ifaddr,
    MulticastGroup::Ipv6Route,
    MulticastGroup::Ipv4Rule,
];

/// A neighbour's new next hops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The neighbour.
    pub neighbor: IpAddr,
    /// What it is to be told.
    pub next_hops: NextHops,
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

/// Follows the kernel's routes to a set of neighbours.
pub struct Tracker {
    handle: Handle,
    substitution: Substitution,
    known: HashMap<IpAddr, Known>,
}

/// What the kernel last said about one neighbour.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    source: Option<IpAddr>,
    failing: bool,
}

impl Tracker {
    /// Opens the netlink socket and asks for each neighbour once; the returned future then reports changes.
    ///
    /// # Errors
    /// The system refused a netlink socket.
    pub async fn start(
        neighbors: &[IpAddr],
        substitution: Substitution,
        changes: mpsc::Sender<Change>,
    ) -> io::Result<(HashMap<IpAddr, NextHops>, impl Future<Output = ()> + Send + use<>)> {
        let (connection, handle, events) = rtnetlink::new_multicast_connection(&GROUPS)?;
        let driver = tokio::spawn(connection);
        let known = neighbors.iter().map(|neighbor| (*neighbor, Known::default())).collect();
        let mut tracker = Self { handle, substitution, known };
        tracker.refresh().await;
        let first =
            tracker.known.iter().map(|(neighbor, known)| (*neighbor, next_hops(known.source))).collect();
        let follow = async move {
            tracker.follow(events, changes).await;
            driver.abort();
        };
        Ok((first, follow))
    }

    async fn follow<E>(
        mut self,
        mut events: impl futures_util::Stream<Item = E> + Unpin + Send,
        to: mpsc::Sender<Change>,
    ) {
        while events.next().await.is_some() {
            // One look answers for every event that is already there.
            while let Some(Some(_)) = futures_util::FutureExt::now_or_never(events.next()) {}
            for change in self.refresh().await {
                if to.send(change).await.is_err() {
                    return;
                }
            }
        }
        warn!("the kernel's route events ended: next hops are not followed any more");
    }

    /// Asks for every neighbour; returns those whose answer is a new one.
    async fn refresh(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        for (neighbor, known) in &mut self.known {
            match source_towards(&self.handle, *neighbor).await {
                Ok(source) => {
                    let source = self.substitution.apply(source);
                    let before = known.source.replace(source);
                    if before != Some(source) {
                        let before = before.map(tracing::field::display);
                        info!(%neighbor, from = before, to = %source, "next hop towards the neighbour");
                        changes.push(Change { neighbor: *neighbor, next_hops: next_hops(Some(source)) });
                    }
                    known.failing = false;
                }
                // Said once: route events may come by the hundred while the route is away.
                Err(cause) if !std::mem::replace(&mut known.failing, true) => match known.source {
                    Some(kept) => {
                        warn!(%neighbor, %kept, %cause, "no route to the neighbour, its next hop is kept")
                    }
                    None => {
                        warn!(%neighbor, %cause, "no route to the neighbour, nothing is announced to it yet")
                    }
                },
                Err(_) => {}
            }
        }
        changes
    }
}

/// The family of the source is the neighbour's: its other family is not announced over that session.
fn next_hops(source: Option<IpAddr>) -> NextHops {
    match source {
        Some(IpAddr::V4(v4)) => NextHops { v4: Some(v4), v6: None },
        Some(IpAddr::V6(v6)) => NextHops { v4: None, v6: Some(v6) },
        None => NextHops::default(),
    }
}

/// Why there is no next hop.
#[derive(Debug, thiserror::Error)]
enum NoSource {
    #[error("{0}")]
    Kernel(rtnetlink::Error),
    #[error("the kernel's route has no usable source address")]
    Unusable,
}

/// `ip route get NEIGHBOR`: the preferred source of the route the kernel would take.
async fn source_towards(handle: &Handle, neighbor: IpAddr) -> Result<IpAddr, NoSource> {
    let mut question = RouteMessage::default();
    let (family, bits, destination) = match neighbor {
        IpAddr::V4(addr) => (AddressFamily::Inet, 32, RouteAddress::Inet(addr)),
        IpAddr::V6(addr) => (AddressFamily::Inet6, 128, RouteAddress::Inet6(addr)),
    };
    question.header.address_family = family;
    question.header.destination_prefix_length = bits;
    question.attributes.push(RouteAttribute::Destination(destination));
    let mut answers = std::pin::pin!(handle.route().get(question).execute());
    let route = answers.next().await.ok_or(NoSource::Unusable)?.map_err(NoSource::Kernel)?;
    let source = route.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::PrefSource(RouteAddress::Inet(addr)) => Some(IpAddr::V4(*addr)),
        RouteAttribute::PrefSource(RouteAddress::Inet6(addr)) => Some(IpAddr::V6(*addr)),
        _ => None,
    });
    let usable = |source: &IpAddr| source.is_ipv4() == neighbor.is_ipv4() && !source.is_unspecified();
    source.filter(usable).ok_or(NoSource::Unusable)
}
