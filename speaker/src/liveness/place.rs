//! Where sessions run: the two ends of one, and the sockets all of them need.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};

use bfd::net::Listen;
use bfd::session::{Hops, Path};
use bgp::net::{Link, PeerAddr};

use super::Wish;

/// The other end: address, and the index of the link where the address needs it.
fn remote(peer: PeerAddr, at: Option<SocketAddrV6>) -> Result<SocketAddr, String> {
    let index = |link: Link| link.index().ok_or_else(|| format!("there is no link {link}"));
    match (peer.ip(), peer.link()) {
        (_, Some(link)) if peer.is_unnumbered() => {
            let at = at.ok_or_else(|| format!("no router is found on {link} yet"))?;
            Ok(SocketAddrV6::new(*at.ip(), 0, 0, index(link)?).into())
        }
        (IpAddr::V6(v6), Some(link)) => Ok(SocketAddrV6::new(v6, 0, 0, index(link)?).into()),
        (ip, _) => Ok((ip, 0).into()),
    }
}

/// The two ends of a neighbour's session as things are now. `bgp` is our end of its BGP session while there is one: that
/// the way of those two is watched is the point of it, and routers know BFD sessions by it. So it stays there though the
/// next session is to come from elsewhere: a next hop that moves must end neither.
///
/// # Errors
/// Why there cannot be one, for people.
pub(super) fn path(peer: PeerAddr, wish: &Wish, bgp: Option<IpAddr>) -> Result<Path, String> {
    let mut remote = remote(peer, wish.at)?;
    let hops = wish.profile.hops;
    remote.set_port(hops.port());
    let local = match bgp.or(wish.local) {
        Some(local) => local,
        None => source(remote).map_err(|error| format!("the kernel knows no way to it: {error}"))?,
    };
    let interface = match remote {
        SocketAddr::V6(v6) => v6.scope_id(),
        SocketAddr::V4(_) => 0,
    };
    Ok(Path { hops, local: Some(local), remote: remote.ip(), interface })
}

/// The address the kernel would send from. Nothing is sent.
fn source(to: SocketAddr) -> std::io::Result<IpAddr> {
    let any: SocketAddr = match to {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any)?;
    socket.connect(to)?;
    Ok(socket.local_addr()?.ip())
}

/// The sockets that these neighbours need, on these addresses of ours, on all if there are none.
pub(super) fn listens<'a>(
    wanted: impl Iterator<Item = (PeerAddr, &'a Wish)>,
    on: &[IpAddr],
) -> BTreeSet<(bool, IpAddr)> {
    let all = [IpAddr::from(Ipv4Addr::UNSPECIFIED), Ipv6Addr::UNSPECIFIED.into()];
    let on = if on.is_empty() { &all[..] } else { on };
    let needs = |(peer, wish): (PeerAddr, &Wish)| (wish.profile.hops == Hops::Multi, peer.ip().is_ipv4());
    let needs: BTreeSet<(bool, bool)> = wanted.map(needs).collect();
    let sockets = needs.into_iter().flat_map(|(multi, v4)| {
        on.iter().filter(move |addr| addr.is_ipv4() == v4).map(move |addr| (multi, *addr))
    });
    sockets.collect()
}

/// One of [`listens`] in the driver's words.
pub(super) fn listen((multi, address): (bool, IpAddr)) -> Listen {
    Listen { hops: if multi { Hops::Multi } else { Hops::Single }, address, device: None }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bfd::session::Settings;

    use super::*;
    use crate::config::BfdProfile;

    fn wish(hops: Hops, local: Option<&str>) -> Wish {
        let hold = Some(Duration::from_secs(30));
        let profile = BfdProfile { hops, settings: Settings::default(), hold };
        let local = local.map(|text| text.parse().expect("an address"));
        Wish { profile, enabled: true, local, at: None, looks: 0, born: 0 }
    }

    fn peer(text: &str) -> PeerAddr {
        text.parse().expect("a name")
    }

    #[test]
    fn a_session_comes_from_where_bgps_does_else_from_the_address_that_is_pinned_else_from_the_kernels() {
        let pinned = wish(Hops::Single, Some("127.0.0.3"));
        let given = path(peer("127.0.0.9"), &pinned, None).expect("a way");
        assert_eq!((given.local, given.interface), (Some([127, 0, 0, 3].into()), 0));
        let moved = path(peer("127.0.0.9"), &pinned, Some([127, 0, 0, 4].into())).expect("a way");
        assert_eq!(moved.local, Some([127, 0, 0, 4].into()), "that session stands: routers know it by this");
        let found = path(peer("127.0.0.9"), &wish(Hops::Multi, None), None).expect("a way");
        assert_eq!(
            (found.local, found.hops),
            (Some([127, 0, 0, 1].into()), Hops::Multi),
            "as for any 127.0.0.0/8"
        );
        let as_bgp = path(peer("127.0.0.9"), &wish(Hops::Single, None), Some([127, 0, 0, 4].into()));
        assert_eq!(as_bgp.expect("a way").local, Some([127, 0, 0, 4].into()));
    }

    #[test]
    fn link_local_neighbours_have_their_link() {
        let on_lo = path(peer("fe80::1%lo"), &wish(Hops::Single, Some("fe80::2")), None).expect("a way");
        assert_eq!(on_lo.interface, 1, "lo is the first of any namespace");
        let gone = path(peer("fe80::1%nolink0"), &wish(Hops::Single, None), None);
        assert_eq!(gone, Err("there is no link nolink0".to_owned()));
        let unnumbered = PeerAddr::unnumbered(Link::new("lo").expect("a name"));
        let mut wish = wish(Hops::Single, Some("fe80::2"));
        assert_eq!(path(unnumbered, &wish, None), Err("no router is found on lo yet".to_owned()));
        wish.at = Some(SocketAddrV6::new("fe80::7".parse().expect("an address"), 179, 0, 1));
        let found = path(unnumbered, &wish, None).expect("a way");
        assert_eq!((found.remote.to_string().as_str(), found.interface), ("fe80::7", 1));
    }

    #[test]
    fn sockets_are_those_that_the_neighbours_need() {
        let (single, multi) = (wish(Hops::Single, None), wish(Hops::Multi, None));
        let sockets = |wanted: &[(&str, &Wish)], on: &[IpAddr]| -> Vec<String> {
            let wanted: Vec<_> = wanted.iter().map(|(name, wish)| (peer(name), *wish)).collect();
            let all = listens(wanted.into_iter(), on).into_iter().map(listen);
            all.map(|one| format!("{} {}", one.address, one.hops.port())).collect()
        };
        assert_eq!(sockets(&[("10.0.0.1", &single), ("10.0.0.2", &single)], &[]), ["0.0.0.0 3784"]);
        assert_eq!(sockets(&[("10.0.0.1", &single), ("fd00::2", &multi)], &[]), ["0.0.0.0 3784", ":: 4784"]);
        let on = [[127, 0, 0, 2].into(), [127, 0, 0, 3].into()];
        assert_eq!(sockets(&[("10.0.0.1", &single)], &on), ["127.0.0.2 3784", "127.0.0.3 3784"]);
        assert!(sockets(&[("fd00::2", &single)], &on).is_empty(), "none of that family is allowed");
    }
}
