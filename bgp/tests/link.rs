//! Peers on a link: link-local addresses with their scope, and a peer named by its link alone. In a network namespace
//! of its own, for which root or a system that lets others make one is needed.

mod wire_peer;

use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};
use std::process::Command;
use std::time::Duration;

use bgp::net::{Engine, Link, Password, PeerAddr, PeerConfig};

use wire_peer::{announce, net, peer, until};

const INSIDE: &str = "BGP_TEST_INSIDE_NAMESPACE";

/// Runs this test once more inside a namespace with a pair of links, `left` (fe80::1) and `right` (fe80::2); `true`
/// where that is the case.
fn inside(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        let script = "ip link set lo up; ip link add left type veth peer name right
            for one in left right; do ip link set $one addrgenmode none; ip link set $one up; done
            ip addr add fe80::1/64 dev left nodad; ip addr add fe80::2/64 dev right nodad";
        assert!(Command::new("sh").args(["-ec", script]).status().expect("a shell").success());
        return true;
    }
    let ways: [&[&str]; 2] = [&["--net"], &["--user", "--map-root-user", "--net"]];
    let works = |way: &[&str]| {
        Command::new("unshare").args(way).arg("true").status().is_ok_and(|status| status.success())
    };
    let way =
        ways.into_iter().find(|way| works(way)).expect("no network namespace to be had: run it as root");
    let program = std::env::current_exe().expect("a path");
    let mut again = Command::new("unshare");
    again.args(way).arg(program).args([test, "--exact", "--nocapture"]).env(INSIDE, "1");
    assert!(again.status().expect("unshare").success(), "inside the namespace");
    false
}

fn link(name: &str) -> Link {
    Link::new(name).expect("a name")
}

fn ip(text: &str) -> Ipv6Addr {
    text.parse().expect("an address")
}

fn named(name: PeerAddr, (local, remote): (u8, u8), port: u16, dials: bool) -> PeerConfig {
    let at = SocketAddr::new(name.ip(), port);
    let mut config = peer(local, remote, at, name.ip());
    (config.addr, config.dialing.local) = (name, None);
    (config.session.dial, config.session.listen) = (dials, !dials);
    config.password = Password::new(b"over the link");
    config
}

#[tokio::test]
async fn link_local_peers_are_told_apart_by_their_link() {
    if !inside("link_local_peers_are_told_apart_by_their_link") {
        return;
    }
    let (one, two) = (Engine::new(), Engine::new());
    let at = one.listen(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 0)).expect("a free port");
    // The same address on the other link is somebody else.
    let (right, left) = (
        PeerAddr::link_local(ip("fe80::1"), link("right")),
        PeerAddr::link_local(ip("fe80::1"), link("left")),
    );
    one.add_peer(named(left, (1, 9), 179, false));
    one.add_peer(named(right, (1, 2), 179, false));
    announce(&one, [net("2001:db8::/32")]);
    one.release();
    let theirs = PeerAddr::link_local(ip("fe80::2"), link("left"));
    two.add_peer(named(theirs, (2, 1), at.port(), true));
    until("established", || one.established() == 1 && two.established() == 1).await;
    assert_eq!(one.peer(right).expect("a peer").remote_addr.map(|at| at.ip()), Some(ip("fe80::1").into()));
    until("routes", || two.peers()[0].received.update > 0).await;
    assert_eq!(one.refused_connections(), 0);
}

#[tokio::test]
async fn a_peer_named_by_its_link_is_dialed_once_it_is_found() {
    if !inside("a_peer_named_by_its_link_is_dialed_once_it_is_found") {
        return;
    }
    let (one, two) = (Engine::new(), Engine::new());
    let at = one.listen(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 0)).expect("a free port");
    let (right, left) = (PeerAddr::unnumbered(link("right")), PeerAddr::unnumbered(link("left")));
    one.add_peer(named(right, (1, 2), 179, false));
    one.found(right, Some(SocketAddrV6::new(ip("fe80::1"), 0, 0, 0)));
    two.add_peer(named(left, (2, 1), at.port(), true));
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (_, reason) = two.peers()[0].last_end.clone().expect("nobody to dial yet");
    assert!(reason.to_string().contains("no router was found on left yet"), "{reason}");
    two.found(left, Some(SocketAddrV6::new(ip("fe80::2"), 0, 0, 0)));
    until("established", || one.established() == 1 && two.established() == 1).await;
    two.found(left, None);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!((two.established(), two.peers()[0].flaps), (1, 0), "a session outlives the moment");
}
