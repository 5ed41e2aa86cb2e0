//! A client behind both routers, and what answers it on the nodes.
//!
//! ```text
//!              ┌─ r1 ─┐ 10.0.1.0/24 ── n1 eth1, n2 eth1
//!   client ────┤      (ECMP, by addresses and ports)
//!              └─ r2 ─┘ 10.0.2.0/24 ── n1 eth2, n2 eth2
//!   client ◄────────────── kube ◄───── n1 eth9, n2 eth9 (answers)
//! ```
//! Only the way there uses what speakers announce, so that nothing but routes decides whether a probe arrives: answers
//! come back by the management segment, whatever happens to the links under test.

use super::probe::{Probing, Responder};
use crate::fault::{During, Result};
use crate::netns::Netns;
use crate::topology::Topology;
use std::net::IpAddr;
use std::sync::Arc;

/// Where the client is, whichever way packets take.
pub(super) const HOME: [&str; 2] = ["10.0.100.1", "fd00:100::1"];

/// What both nodes answer at.
pub const CLUSTER: [&str; 2] = ["10.18.0.7", "fd00:10:18::7"];

/// What n1 answers at.
pub const LOCAL: [&str; 2] = ["10.17.0.5", "fd00:10:17::5"];

/// The client, and the nodes' answers.
#[derive(Debug)]
pub struct Client {
    responders: Vec<Responder>,
    netns: Arc<Netns>,
}

impl Client {
    /// Cables it, and has the nodes answer.
    ///
    /// # Errors
    /// What `ip` says, or an address that cannot be bound.
    pub(super) fn start(topology: &Topology, kube: &Arc<Netns>) -> Result<Self> {
        let netns = Arc::new(Netns::new("client")?);
        let [r1, r2] = &topology.routers;
        for (segment, peer) in [(101, r1), (102, r2), (109, kube)] {
            cable(&netns, peer, segment)?;
        }
        for home in HOME {
            own(&netns, home)?;
        }
        let hops = |hop: fn(u8) -> String| [101, 102].map(hop);
        let [a, b] = hops(|segment| format!("10.0.{segment}.1"));
        let ways = ["nexthop", "via", &a, "nexthop", "via", &b];
        netns.ip(&[&["route", "add", "default", "src", HOME[0]], &ways[..]].concat())?;
        let [a, b] = hops(|segment| format!("fd00:{segment}::1"));
        let ways = ["nexthop", "via", &a, "nexthop", "via", &b];
        netns.ip(&[&["-6", "route", "add", "default", "src", HOME[1]], &ways[..]].concat())?;
        for forwarder in [&netns, r1, r2, kube] {
            forward(forwarder)?;
        }
        let mut responders = Vec::new();
        for (node, answered) in topology.nodes.iter().zip([&[CLUSTER, LOCAL][..], &[CLUSTER]]) {
            for address in answered.iter().flatten() {
                own(node, address)?;
                responders.push(Responder::start(node, address.parse()?)?);
            }
        }
        Ok(Self { responders, netns })
    }

    /// Starts to probe all addresses of Pods.
    ///
    /// # Errors
    /// When sockets cannot be had.
    pub fn probe(&self) -> Result<Probing> {
        let targets = [CLUSTER, LOCAL].concat();
        let targets: Vec<IpAddr> = targets.iter().map(|target| Ok(target.parse()?)).collect::<Result<_>>()?;
        Probing::start(&self.netns, &targets)
    }

    /// Its namespace.
    #[must_use]
    pub fn netns(&self) -> &Arc<Netns> {
        &self.netns
    }

    /// How many sockets answer.
    #[must_use]
    pub fn responders(&self) -> usize {
        self.responders.len()
    }
}

/// Gives a namespace an address wherever packets for it arrive.
fn own(netns: &Netns, address: &str) -> Result<()> {
    // For a moment the kernel otherwise takes an address for one that somebody else may have, even on `lo`.
    let now: &[&str] = if address.contains(':') { &["nodad"] } else { &[] };
    netns.ip(&[&["address", "add", address, "dev", "lo"], now].concat()).map(drop)
}

/// A link of its own to a router, which learns where the client is.
fn cable(client: &Netns, peer: &Netns, segment: u8) -> Result<()> {
    let link = format!("eth{segment}");
    let pair = ["link", "add", "to-client", "type", "veth", "peer", "name", &link, "netns", client.name()];
    peer.ip(&pair)?;
    for (netns, link, host) in [(peer, "to-client", 1), (client, &link, 2)] {
        netns.ip(&["link", "set", link, "up"])?;
        netns.ip(&["address", "add", &format!("10.0.{segment}.{host}/24"), "dev", link])?;
        netns.ip(&["address", "add", &format!("fd00:{segment}::{host}/64"), "dev", link, "nodad"])?;
    }
    peer.ip(&["route", "add", HOME[0], "via", &format!("10.0.{segment}.2")])?;
    peer.ip(&["route", "add", HOME[1], "via", &format!("fd00:{segment}::2")])?;
    Ok(())
}

/// Forwards both families, and spreads flows over equal ways by their ports.
fn forward(netns: &Netns) -> Result<()> {
    netns.enter(|| {
        let knobs = [
            ("ipv4/ip_forward", "1"),
            ("ipv6/conf/all/forwarding", "1"),
            ("ipv4/fib_multipath_hash_policy", "1"),
            ("ipv6/fib_multipath_hash_policy", "1"),
        ];
        knobs
            .iter()
            .try_for_each(|(knob, value)| std::fs::write(format!("/proc/sys/net/{knob}"), value).during(knob))
    })
}
