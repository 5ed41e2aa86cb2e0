//! Who is at the other end of a link (unnumbered peering): the routers the kernel knows there.
//!
//! A router is a neighbour that says so of itself, in router advertisements or in answers to solicitations (the
//! kernel keeps the flag in its neighbour table, whether it takes the advertised routes or not), or the gateway of a
//! default route learned from an advertisement. Asking needs no privilege; sending solicitations would, so a router
//! is seen with its next advertisement, or at once where the kernel solicits by itself (`accept_ra`, with
//! `forwarding` on `accept_ra=2`, when the link comes up).

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::{Ipv6Addr, SocketAddrV6};
use std::time::Duration;

use bgp::net::Link;
use futures_util::TryStreamExt;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage, RouteProtocol};
use rtnetlink::MulticastGroup;
use tokio::sync::mpsc;
use tracing::{info, warn};

use super::kernel::Kernel;

/// Changes after which another router may be there.
const NEIGHBORS: [MulticastGroup; 3] =
    [MulticastGroup::Neigh, MulticastGroup::Link, MulticastGroup::Ipv6Route];

/// Between two looks: the table of a large subnet changes all the time.
const PAUSE: Duration = Duration::from_millis(50);

/// When the kernel refused or failed, it is asked again after this.
const AGAIN: Duration = Duration::from_secs(1);

/// Follows who is at the other end of each link and tells it once and at each change: the router's link-local address with the
/// link's index as scope, or that there is none any more. Of several the lowest address is taken, and kept as long as
/// it is there. Ends with its receiver only.
pub async fn neighbors_on_link(links: Vec<Link>, to: mpsc::Sender<(Link, Option<SocketAddrV6>)>) {
    let mut told: HashMap<Link, Option<SocketAddrV6>> = HashMap::new();
    let mut warned = false;
    while !to.is_closed() {
        let cause = match Kernel::open(&NEIGHBORS) {
            Ok(kernel) => follow(&kernel, &links, &mut told, &to).await,
            Err(cause) => cause.to_string(),
        };
        if !std::mem::replace(&mut warned, true) {
            warn!(%cause, "cannot ask the kernel for the routers on a link, trying again");
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Returns what keeps it from going on.
async fn follow(
    kernel: &Kernel,
    links: &[Link],
    told: &mut HashMap<Link, Option<SocketAddrV6>>,
    to: &mpsc::Sender<(Link, Option<SocketAddrV6>)>,
) -> String {
    loop {
        for link in links {
            let routers = match kernel.link_index(*link).await {
                Some(index) => routers(kernel, index).await.map(|all| (index, all)),
                None => Ok((0, BTreeSet::new())),
            };
            let (index, routers) = match routers {
                Ok(found) => found,
                Err(error) => return error.to_string(),
            };
            let before = told.get(link).copied();
            let now = choose(before.flatten(), index, &routers);
            if before == Some(now) {
                continue;
            }
            match (now, before) {
                (Some(at), _) => {
                    let others = routers.len().saturating_sub(1);
                    info!(%link, router = %at.ip(), others, "router found on the link");
                }
                (None, Some(_)) => info!(%link, "the router on the link is gone"),
                (None, None) => info!(%link, "no router on the link yet"),
            }
            told.insert(*link, now);
            if to.send((*link, now)).await.is_err() {
                return "nobody wants to know".to_owned();
            }
        }
        kernel.changed().await;
        tokio::time::sleep(PAUSE).await;
    }
}

/// The one told before while it is there, else the lowest.
fn choose(before: Option<SocketAddrV6>, index: u32, routers: &BTreeSet<Ipv6Addr>) -> Option<SocketAddrV6> {
    let kept = before.map(|at| *at.ip()).filter(|ip| routers.contains(ip));
    kept.or_else(|| routers.first().copied()).map(|ip| SocketAddrV6::new(ip, 0, 0, index))
}

async fn routers(kernel: &Kernel, index: u32) -> io::Result<BTreeSet<Ipv6Addr>> {
    let handle = kernel.handle();
    let mut found = BTreeSet::new();
    let neighbors = handle.neighbours().get().set_address_family(AddressFamily::Inet6).execute();
    let mut neighbors = std::pin::pin!(neighbors);
    while let Some(neighbor) = neighbors.try_next().await.map_err(io::Error::other)? {
        found.extend(router(&neighbor).filter(|_| neighbor.header.ifindex == index));
    }
    let mut every = RouteMessage::default();
    every.header.address_family = AddressFamily::Inet6;
    let mut routes = std::pin::pin!(handle.route().get(every).execute());
    while let Some(route) = routes.try_next().await.map_err(io::Error::other)? {
        found.extend(gateway(&route, index));
    }
    Ok(found)
}

/// The link-local address of a neighbour that calls itself a router and was not found dead.
fn router(neighbor: &NeighbourMessage) -> Option<Ipv6Addr> {
    let header = &neighbor.header;
    if !header.flags.contains(NeighbourFlags::Router) || header.state == NeighbourState::Failed {
        return None;
    }
    neighbor.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::Destination(NeighbourAddress::Inet6(ip)) if ip.is_unicast_link_local() => {
            Some(*ip)
        }
        _ => None,
    })
}

/// The gateway of a default route over the link that a router advertised.
fn gateway(route: &RouteMessage, index: u32) -> Option<Ipv6Addr> {
    let default = route.header.destination_prefix_length == 0;
    let over = |attribute: &RouteAttribute| matches!(attribute, RouteAttribute::Oif(over) if *over == index);
    if !default || route.header.protocol != RouteProtocol::Ra || !route.attributes.iter().any(over) {
        return None;
    }
    route.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Gateway(RouteAddress::Inet6(ip)) if ip.is_unicast_link_local() => Some(*ip),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Ipv6Addr {
        text.parse().expect("an address")
    }

    fn neighbor(addr: &str, flags: NeighbourFlags, state: NeighbourState) -> NeighbourMessage {
        let mut message = NeighbourMessage::default();
        (message.header.flags, message.header.state) = (flags, state);
        message.attributes.push(NeighbourAttribute::Destination(NeighbourAddress::Inet6(ip(addr))));
        message
    }

    #[test]
    fn routers_say_so_of_themselves() {
        let (flag, stale) = (NeighbourFlags::Router, NeighbourState::Stale);
        assert_eq!(router(&neighbor("fe80::1", flag, stale)), Some(ip("fe80::1")));
        assert_eq!(router(&neighbor("fe80::1", NeighbourFlags::empty(), stale)), None, "a host");
        assert_eq!(router(&neighbor("fd00::1", flag, stale)), None, "not of the link alone");
        assert_eq!(router(&neighbor("fe80::1", flag, NeighbourState::Failed)), None, "dead");
    }

    #[test]
    fn the_lowest_is_taken_and_kept_while_it_is_there() {
        let all = |texts: &[&str]| texts.iter().map(|text| ip(text)).collect::<BTreeSet<_>>();
        let at = |text: &str| Some(SocketAddrV6::new(ip(text), 0, 0, 7));
        assert_eq!(choose(None, 7, &all(&["fe80::3", "fe80::2"])), at("fe80::2"));
        assert_eq!(choose(at("fe80::3"), 7, &all(&["fe80::3", "fe80::2"])), at("fe80::3"));
        assert_eq!(choose(at("fe80::9"), 7, &all(&["fe80::3", "fe80::2"])), at("fe80::2"));
        assert_eq!(choose(at("fe80::9"), 7, &all(&[])), None);
        let moved = choose(at("fe80::3"), 8, &all(&["fe80::3"])).expect("one");
        assert_eq!(moved.scope_id(), 8, "the link was made anew");
    }
}
