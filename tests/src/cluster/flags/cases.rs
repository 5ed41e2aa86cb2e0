//! Each flag with what the router shows of it, and beside it what it shows without.

use super::{CIDR, CLUSTER_IP, Deployed, Lab, NEVER, SOON};
use crate::fault::{During, Result, ensure};
use crate::netns::Netns;
use crate::router::{Bfd, Dialing, Hops, Session};
use crate::scenario::lab::addresses;
use crate::topology::{connections, move_source};
use crate::wait;
use std::sync::Arc;

const KEY: &str = "s3cr3t-of-the-rack";

/// The router as published speakers know it.
const NEAR: [&str; 3] =
    ["--neighbor-address=10.0.1.1", "--neighbor-ipv6-address=fd00:1::1", "--announce-cluster-ip=false"];

/// What the router holds of the Subnet from both nodes.
const BOTH: [[&str; 3]; 4] = [
    [CIDR[0], "10.0.1.11", "10.0.1.11"],
    [CIDR[0], "10.0.1.12", "10.0.1.12"],
    [CIDR[1], "fd00:1::11", "fd00:1::11"],
    [CIDR[1], "fd00:1::12", "fd00:1::12"],
];

/// And of the Service from n1.
const SERVICE: [[&str; 3]; 2] =
    [[CLUSTER_IP[0], "10.0.1.11", "10.0.1.11"], [CLUSTER_IP[1], "fd00:1::11", "fd00:1::11"]];

/// Flags that leave each other alone, at once: `--announce-cluster-ip`, graceful restart and its time, BFD with its three
/// numbers, and the lists of sources, which have the next hop stay while n2's follows an address that is not listed, and
/// follow to one that is.
///
/// # Errors
/// What differs at the router.
pub fn tuned(lab: &mut Lab) -> Result<()> {
    lab.route(Session { bfd: Some(Bfd::new(100, 3)), ..Session::default() }, Dialing::Passive)?;
    lab.deploy(Deployed {
        both: &NEAR,
        with: &[
            "--announce-cluster-ip",
            "--graceful-restart",
            "--graceful-restart-time=77s",
            "--enable-bfd",
            "--bfd-min-tx=150",
            "--bfd-min-rx=200",
            "--bfd-detection-multiplier=4",
            "--allowed-source-addresses=10.0.1.11,10.0.1.31",
            "--allowed-source-ipv6-addresses=fd00:1::11,fd00:1::31",
        ],
        without: &[],
        host_network: true,
    })?;
    lab.becomes_and_stays(&[&BOTH[..], &SERVICE].concat()).during("--announce-cluster-ip")?;
    graceful_restart(lab).during("--graceful-restart-time")?;
    wait::until("BFD", SOON, || bfd(lab)).during("--enable-bfd")?;
    sources(lab).during("--allowed-source-addresses")
}

fn graceful_restart(lab: &Lab) -> Result<()> {
    for (address, seconds) in [("10.0.1.11", 77), ("fd00:1::11", 77), ("10.0.1.12", 0)] {
        let told = lab.neighbor(address)?;
        let timer = &told["gracefulRestartInfo"]["timers"]["receivedRestartTimer"];
        let right = timer.as_u64().unwrap_or_default() == seconds;
        ensure(right, || format!("{address}: {}", told["gracefulRestartInfo"]))?;
    }
    Ok(())
}

fn bfd(lab: &Lab) -> Result<()> {
    let peers = lab.router()?.frr("show bfd peers json")?;
    let peers = peers.as_array().map(Vec::as_slice).unwrap_or_default();
    for [n1, n2] in [["10.0.1.11", "10.0.1.12"], ["fd00:1::11", "fd00:1::12"]] {
        let of =
            |address: &str| peers.iter().find(|peer| peer["peer"] == address).cloned().unwrap_or_default();
        let (with, without) = (of(n1), of(n2));
        let right = with["status"] == "up"
            && with["remote-transmit-interval"] == 150
            && with["remote-receive-interval"] == 200
            && with["remote-detect-multiplier"] == 4;
        ensure(right, || with.to_string())?;
        ensure(without["status"] != "up" && without["status"].is_string(), || without.to_string())?;
    }
    Ok(())
}

/// From `.11` to `.91`, which n1 may not use, and to `.31`, which it may; n2, without a list, goes along to `.92`.
fn sources(lab: &Lab) -> Result<()> {
    let [n1, n2] = &lab.topology.nodes;
    let table = |first: u8, second: u8| -> Vec<[String; 3]> {
        let row = |prefix: &str, net: &str, hop: u8, peer: u8| {
            [prefix.to_owned(), format!("{net}{hop}"), format!("{net}{peer}")]
        };
        let mut rows = Vec::new();
        for (prefix, net) in [(CIDR[0], "10.0.1."), (CIDR[1], "fd00:1::")] {
            rows.extend([row(prefix, net, first, 11), row(prefix, net, second, 12)]);
        }
        let service = [(CLUSTER_IP[0], "10.0.1."), (CLUSTER_IP[1], "fd00:1::")];
        rows.extend(service.map(|(prefix, net)| row(prefix, net, first, 11)));
        rows
    };
    let shows = |rows: Vec<[String; 3]>| {
        let rows: Vec<[&str; 3]> = rows.iter().map(|row| row.each_ref().map(String::as_str)).collect();
        lab.becomes_and_stays(&rows)
    };
    let before = connections(lab.router()?.netns())?;
    move_source(n1, 1, 11, 91)?;
    move_source(n2, 1, 12, 92)?;
    shows(table(11, 92)).during("not listed")?;
    move_source(n1, 1, 91, 11)?;
    move_source(n2, 1, 92, 12)?;
    move_source(n1, 1, 11, 31)?;
    shows(table(31, 12)).during("listed")?;
    move_source(n1, 1, 31, 11)?;
    let after = connections(lab.router()?.netns())?;
    ensure(before == after, || format!("other connections: {before:?}, then {after:?}"))
}

/// `--auth-password`: who has another key has no session.
///
/// # Errors
/// What differs at the router.
pub fn password(lab: &mut Lab) -> Result<()> {
    lab.route(Session { password: Some(KEY), ..Session::default() }, Dialing::Passive)?;
    lab.deploy(Deployed {
        both: &NEAR,
        with: &[&format!("--auth-password={KEY}")],
        without: &["--auth-password=another"],
        host_network: true,
    })?;
    lab.becomes_and_stays(&[BOTH[0], BOTH[2]])
}

/// `--extended-nexthop`: IPv4 prefixes over a session between IPv6 addresses, down to the router's kernel; IPv6 prefixes
/// stay.
///
/// # Errors
/// What differs at the router.
pub fn extended_next_hop(lab: &mut Lab) -> Result<()> {
    let session = Session { both_families: true, extended_next_hop: true, ..Session::default() };
    lab.route(session, Dialing::Passive)?;
    lab.deploy(Deployed {
        both: &["--neighbor-ipv6-address=fd00:1::1"],
        with: &["--extended-nexthop"],
        without: &[],
        host_network: true,
    })?;
    lab.becomes_and_stays(&[[CIDR[0], "fd00:1::11", "fd00:1::11"], BOTH[2], BOTH[3]])?;
    wait::until("the kernel's route", SOON, || {
        let shown = lab.topology.routers[0].ip(&["-j", "route", "show", CIDR[0]])?;
        let routes: serde_json::Value = serde_json::from_str(&shown)?;
        ensure(routes[0]["via"]["family"] == "inet6" && routes[1].is_null(), || shown)
    })
    .map(drop)
}

/// `--ebgp-multihop=2`: a router behind r1. With one hop allowed there is no session.
///
/// # Errors
/// What differs at the router.
pub fn multihop(lab: &mut Lab) -> Result<()> {
    let far = Arc::new(Netns::new("far")?);
    let r1 = Arc::clone(&lab.topology.routers[0]);
    behind(&r1, &far)?;
    for node in &lab.topology.nodes {
        node.ip(&["route", "add", "10.0.50.0/24", "via", "10.0.1.1"])?;
    }
    let outcome = lab
        .route_in(&far, Session { hops: Hops::Routed(2), ..Session::default() }, Dialing::Passive)
        .and_then(|()| {
            lab.deploy(Deployed {
                both: &["--neighbor-address=10.0.50.2"],
                with: &["--ebgp-multihop=2"],
                without: &[],
                host_network: true,
            })
        })
        .and_then(|()| lab.becomes_and_stays(&[BOTH[0]]));
    let outcome = outcome.map_err(|fault| lab.explain(&fault));
    lab.router = None; // before its namespace goes
    outcome
}

/// Cables `far` to `r1`, which forwards.
fn behind(r1: &Netns, far: &Netns) -> Result<()> {
    r1.ip(&["link", "add", "to-far", "type", "veth", "peer", "name", "br0", "netns", far.name()])?;
    for (netns, link, address) in [(r1, "to-far", "10.0.50.1/24"), (far, "br0", "10.0.50.2/24")] {
        netns.ip(&["address", "add", address, "dev", link])?;
        netns.ip(&["link", "set", link, "up"])?;
    }
    far.ip(&["route", "add", "10.0.1.0/24", "via", "10.0.50.1"])?;
    r1.enter(|| Ok(std::fs::write("/proc/sys/net/ipv4/ip_forward", "1")?))
}

/// `--node-ips`: speakers in the Pod network, whose sessions arrive from the node by its NAT. Routers are told the node;
/// without the flag they are told the Pod, which they cannot reach.
///
/// # Errors
/// What differs at the router.
pub fn node_ips(lab: &mut Lab) -> Result<()> {
    lab.route(Session { hops: Hops::Routed(255), ..Session::default() }, Dialing::Passive)?;
    lab.deploy(Deployed {
        both: &["--neighbor-address=10.0.1.1", "--ebgp-multihop=2"],
        with: &["--node-ips=10.0.1.11,fd00:1::11"],
        without: &[],
        host_network: false,
    })?;
    let get = ["-n", "kube-system", "get", "pod", "-l", "app=speaker-n2", "-o"];
    let pod = lab.cluster.kubectl(&[&get[..], &["jsonpath={.items[*].status.podIP}"]].concat())?;
    ensure(pod.starts_with("10.88.2."), || format!("the speaker on n2 is at {pod:?}"))?;
    lab.becomes_and_stays(&[BOTH[0], [CIDR[0], &pod, "10.0.1.12"]])
}

/// `--passivemode`: the speaker is dialed, at port 179, and never dials; without the flag nothing listens there.
///
/// # Errors
/// What differs at the router.
pub fn passive(lab: &mut Lab) -> Result<()> {
    lab.route(Session::default(), Dialing::Active)?;
    lab.deploy(Deployed { both: &NEAR, with: &["--passivemode"], without: &[], host_network: true })?;
    lab.becomes(&BOTH)?;
    wait::stays("who dialed whom", NEVER, || {
        let now = connections(lab.router()?.netns())?;
        ensure(now.len() == 4, || format!("not four connections: {now:?}"))?;
        for (host, passive) in [(1, true), (2, false)] {
            for address in addresses(1, host) {
                let found = now.iter().find(|one| one.peer == address);
                let theirs = found.map(|one| one.ports.1 == 179);
                ensure(theirs == Some(passive), || format!("{address}: {now:?}"))?;
            }
        }
        Ok(())
    })
}
