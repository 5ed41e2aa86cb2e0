//! The topology of every interop test: two routers, two nodes, one segment per router.
//!
//! ```text
//!   r1 10.0.1.1, fd00:1::1 ──┬── n1 eth1 10.0.1.11, fd00:1::11     r2 10.0.2.1, fd00:2::1 ──┬── n1 eth2 …
//!   (bridge br0)             └── n2 eth1 10.0.1.12, fd00:1::12     (bridge br0)             └── n2 eth2 …
//! ```
//! Each router's namespace holds its segment as the bridge `br0`, with a port `to-n1` and one `to-n2`.
//! The addresses are the same in every test; namespaces keep parallel tests apart.

use crate::fault::{During, Fault, Result, ensure};
use crate::netns::{Netns, PREFIX};
use crate::proc::run;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

/// The interface in a router's namespace that carries all of its traffic.
pub const ROUTER_LINK: &str = "br0";

/// The port BGP listens on.
pub const BGP_PORT: u16 = 179;

/// Two routers and two nodes, cabled and addressed; nothing runs in them yet.
#[derive(Debug)]
pub struct Topology {
    /// `r1` and `r2`.
    pub routers: [Arc<Netns>; 2],
    /// `n1` and `n2`.
    pub nodes: [Arc<Netns>; 2],
    dir: tempfile::TempDir,
}

impl Topology {
    /// Makes it.
    ///
    /// # Errors
    /// When one of the `ip` commands fails.
    pub fn new() -> Result<Self> {
        let dir = tempfile::Builder::new().prefix(&format!("{PREFIX}-{}-", std::process::id())).tempdir()?;
        // FRR gives its rights up and must still reach its own directory below this one.
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o711))?;
        let routers = [Arc::new(Netns::new("r1")?), Arc::new(Netns::new("r2")?)];
        let nodes = [Arc::new(Netns::new("n1")?), Arc::new(Netns::new("n2")?)];
        let topology = Self { routers, nodes, dir };
        for (segment, router) in (1..).zip(&topology.routers) {
            bridge(router, &topology.nodes, segment)?;
        }
        Ok(topology)
    }

    /// Cables another namespace to both nodes as the router of a segment of its own, e.g. for management.
    ///
    /// # Errors
    /// When one of the `ip` commands fails.
    pub fn attach(&self, netns: &Netns, segment: u8) -> Result<()> {
        bridge(netns, &self.nodes, segment)
    }

    /// A directory of this test's own, removed with the topology.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }
}

/// Makes `br0` in `router`, at `.1` of the segment, with a port to each node.
fn bridge(router: &Netns, nodes: &[Arc<Netns>; 2], segment: u8) -> Result<()> {
    router.ip(&["link", "add", ROUTER_LINK, "type", "bridge", "mcast_snooping", "0"])?;
    for (host, node) in (1..).zip(nodes) {
        cable(node, host, router, segment)?;
    }
    router.ip(&["link", "set", ROUTER_LINK, "up"])?;
    address(router, ROUTER_LINK, segment, 1)
}

fn cable(node: &Netns, host: u8, router: &Netns, segment: u8) -> Result<()> {
    let (port, link) = (format!("to-n{host}"), format!("eth{segment}"));
    let pair = ["link", "add", &port, "type", "veth", "peer", "name", &link, "netns", node.name()];
    router.ip(&pair)?;
    router.ip(&["link", "set", &port, "master", ROUTER_LINK, "up"])?;
    node.ip(&["link", "set", &link, "up"])?;
    address(node, &link, segment, 10 + host)
}

fn address(netns: &Netns, link: &str, segment: u8, host: u8) -> Result<()> {
    netns.ip(&["address", "add", &format!("10.0.{segment}.{host}/24"), "dev", link])?;
    netns.ip(&["address", "add", &format!("fd00:{segment}::{host}/64"), "dev", link, "nodad"])?;
    Ok(())
}

/// Cuts a node off from one router without a word to anybody: every frame is dropped in both directions
/// while the link stays up, so that neither FIN nor RST nor a loss of carrier tells of it.
///
/// # Errors
/// What `nft` says.
pub fn cut(node: &Netns, segment: u8) -> Result<()> {
    let link = format!("eth{segment}");
    let rules = format!(
        "table netdev cut_{link} {{
           chain in {{ type filter hook ingress device \"{link}\" priority 0; policy drop; }}
           chain out {{ type filter hook egress device \"{link}\" priority 0; policy drop; }}
         }}"
    );
    node.exec(&["nft", &rules]).during("cutting the link")?;
    Ok(())
}

/// Lets TCP connections be made between a node and a router, but drops every segment with data.
///
/// Both sides' dials succeed and both sides' OPENs wait: once mended, they collide for certain.
///
/// # Errors
/// What `nft` says.
pub fn muffle(node: &Netns, segment: u8) -> Result<()> {
    let link = format!("eth{segment}");
    // No OPEN is shorter than 29 octets, no header of a SYN longer than 60 (IPv4) or 80 (IPv6), and after
    // the handshake 8 less. On the way out the frame's own 14 octets count as well.
    let rules = format!(
        "table netdev cut_{link} {{
           chain in {{ type filter hook ingress device \"{link}\" priority 0; policy accept;
             meta protocol ip meta l4proto tcp meta length > 80 drop
             meta protocol ip6 meta l4proto tcp meta length > 100 drop; }}
           chain out {{ type filter hook egress device \"{link}\" priority 0; policy accept;
             meta protocol ip meta l4proto tcp meta length > 94 drop
             meta protocol ip6 meta l4proto tcp meta length > 114 drop; }}
         }}"
    );
    node.exec(&["nft", &rules]).during("muffling the link")?;
    Ok(())
}

/// One of the directions of a link, seen from the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the router to the node.
    In,
    /// From the node to the router.
    Out,
}

/// Drops BFD between a node and a router in one direction, and nothing else: what ends then ended because of BFD.
///
/// # Errors
/// What `nft` says.
pub fn silence(node: &Netns, segment: u8, way: Way) -> Result<()> {
    let link = format!("eth{segment}");
    let hook = if way == Way::In { "ingress" } else { "egress" };
    let rules = format!(
        "table netdev cut_{link} {{
           chain bfd {{ type filter hook {hook} device \"{link}\" priority 0; policy accept;
             udp dport {{ 3784, 4784 }} drop; }}
         }}"
    );
    node.exec(&["nft", &rules]).during("dropping BFD")?;
    Ok(())
}

/// Undoes [`cut`], [`silence`] and [`muffle`].
///
/// # Errors
/// What `nft` says.
pub fn mend(node: &Netns, segment: u8) -> Result<()> {
    node.exec(&["nft", &format!("delete table netdev cut_eth{segment}")]).during("mending the link")?;
    Ok(())
}

/// Moves what node `host` uses as its source towards router `segment`, from `.<from>` to `.<to>`.
///
/// The address `from` stays unless it is the extra one (it ends in 1 where the first ones end in 11, 12),
/// because the BGP sessions live on the first one. The route moves before an address goes: the kernel
/// drops an IPv4 route whose preferred source is deleted.
///
/// # Errors
/// What `ip` says.
pub fn move_source(node: &Netns, segment: u8, from: u8, to: u8) -> Result<()> {
    let link = format!("eth{segment}");
    let extra = from.max(to);
    if extra == to {
        address(node, &link, segment, to)?;
    }
    let (v4, v6) = (format!("10.0.{segment}"), format!("fd00:{segment}:"));
    let (net4, src4) = (format!("{v4}.0/24"), format!("{v4}.{to}"));
    node.ip(&["route", "replace", &net4, "dev", &link, "proto", "kernel", "scope", "link", "src", &src4])?;
    let (net6, src6) = (format!("{v6}:/64"), format!("{v6}:{to}"));
    node.ip(&["route", "replace", &net6, "dev", &link, "proto", "kernel", "metric", "256", "src", &src6])?;
    if extra == from {
        node.ip(&["address", "delete", &format!("{v4}.{from}/24"), "dev", &link])?;
        node.ip(&["address", "delete", &format!("{v6}:{from}/64"), "dev", &link])?;
    }
    Ok(())
}

/// An established TCP connection of the BGP port, as seen from inside `netns`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Connection {
    /// The other end's address.
    pub peer: IpAddr,
    /// Local and remote port: the same pair means the same connection.
    pub ports: (u16, u16),
}

/// All established BGP connections of the namespace.
///
/// # Errors
/// When `ss` prints something else than expected.
pub fn connections(netns: &Netns) -> Result<BTreeSet<Connection>> {
    let filter = "( sport = :179 or dport = :179 )";
    let text = run(&["ip", "netns", "exec", netns.name(), "ss", "-Htn", "state", "established", filter])?;
    text.lines().map(connection).collect()
}

fn connection(line: &str) -> Result<Connection> {
    let odd = || Fault::new(format!("a line of ss not understood: {line:?}"));
    let mut fields = line.split_whitespace().skip(2);
    let (_, near) = fields.next().and_then(|field| field.rsplit_once(':')).ok_or_else(odd)?;
    let (peer, far) = fields.next().and_then(|field| field.rsplit_once(':')).ok_or_else(odd)?;
    let peer = peer.trim_matches(['[', ']']).parse()?;
    let port = |text: &str| text.parse().map_err(|_| odd());
    Ok(Connection { peer, ports: (port(near)?, port(far)?) })
}

/// Fails unless something listens on the BGP port of the namespace.
///
/// # Errors
/// When nothing does, or `ss` fails.
pub fn listens(netns: &Netns) -> Result<()> {
    let text = netns.exec(&["ss", "-Hltn", "sport = :179"])?;
    ensure(!text.trim().is_empty(), || "nothing listens on port 179".to_owned())
}
