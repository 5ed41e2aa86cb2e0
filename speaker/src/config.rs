//! From flags and file to a [`Config`] whose every value is legal; every problem is told in one pass.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bgp::{Asn, Family, HoldTime, RouterId, fsm, net, rib};
use serde::Deserialize;

use crate::cli::RunFlags;
use crate::nexthop::Substitution;

/// All that `run` needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// Name of this node, lower case.
    pub node: String,
    /// Our AS.
    pub local_as: Asn,
    /// Our BGP identifier.
    pub router_id: RouterId,
    /// The routers.
    pub neighbors: Vec<net::PeerConfig>,
    /// Take connections on this port, on all addresses.
    pub listen: Option<u16>,
    /// What is announced.
    pub mode: Mode,
    /// Where the objects come from.
    pub source: Source,
    /// Socket of the debug commands.
    pub socket: PathBuf,
    /// Port of metrics and health; `None`: neither is served.
    pub http_port: Option<u16>,
    /// Where the GoBGP API is served.
    pub grpc: SocketAddr,
    /// Whether its clients may change routes and neighbours.
    pub grpc_writable: bool,
    /// Which source addresses become another next hop.
    pub substitution: Substitution,
}

/// The two jobs; there is no both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Pods, Subnets and Services, on a node.
    Node {
        /// Whether Services are announced.
        announce_cluster_ip: bool,
    },
    /// IptablesEIPs, beside a VPC NAT gateway.
    NatGateway {
        /// The gateway whose EIPs are announced; without a name nothing is.
        gateway: Option<String>,
    },
}

/// Where the objects come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A directory of manifests, followed.
    Manifests(PathBuf),
    /// The API server.
    Cluster {
        /// How to reach it; `None`: as a Pod of the cluster.
        kubeconfig: Option<PathBuf>,
    },
}

/// What the configuration file may say. More comes with per-neighbour configuration.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// Take connections besides dialing; collisions are resolved as RFC 4271 §6.8 says.
    #[serde(default)]
    listen: bool,
}

/// Everything that is wrong with flags, environment and file, a line each.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct Problems(Vec<String>);

impl Problems {
    fn add(&mut self, at: &str, value: impl std::fmt::Display, rule: &str) {
        self.0.push(format!("{at}: {value} {rule}"));
    }
}

/// The process environment, as far as it counts.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `POD_IPS`.
    pub pod_ips: Option<String>,
    /// `POD_IP`.
    pub pod_ip: Option<String>,
}

impl Environment {
    /// That of this process.
    #[must_use]
    pub fn read() -> Self {
        let var = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self { pod_ips: var("POD_IPS"), pod_ip: var("POD_IP") }
    }

    /// One address, or two of different families; any other shape counts as no address, as upstream has it.
    fn addresses(&self) -> Vec<IpAddr> {
        let text = self.pod_ips.as_ref().or(self.pod_ip.as_ref());
        let parsed: Option<Vec<IpAddr>> =
            text.map(|text| text.split(',').map(|one| one.trim().parse().ok()).collect()).unwrap_or_default();
        match parsed.as_deref() {
            Some([one]) => vec![*one],
            Some([one, two]) if one.is_ipv4() != two.is_ipv4() => vec![*one, *two],
            _ => Vec::new(),
        }
    }
}

impl Config {
    /// Checks everything and says all that is wrong at once.
    ///
    /// # Errors
    /// Every problem, each with the flag or field, the value and the rule.
    pub fn resolve(flags: &RunFlags, environment: &Environment) -> Result<Self, Problems> {
        let mut problems = Problems(Vec::new());
        let pod_ips = environment.addresses();
        missing(flags, &mut problems);
        families(flags, &mut problems);
        let file = flags.config.as_deref().and_then(|path| file(path, &mut problems)).unwrap_or_default();
        let hold_time = hold_time(flags.holdtime, &mut problems);
        let router_id = router_id(flags.router_id, &pod_ips, &mut problems);
        let ttl = u8::try_from(flags.ebgp_multihop).ok().filter(|ttl| *ttl != 0);
        if flags.bgp_port == 0 {
            problems.add("--bgp-port", 0, "must be 1 to 65535");
        }
        if flags.grpc_port == Some(0) {
            problems.add("--grpc-port", 0, "must be 1 to 65535");
        }
        if ttl.is_none() {
            problems.add("--ebgp-multihop", flags.ebgp_multihop, "must be 1 to 255");
        }
        let (local_as, peer_as) = (Asn::new(flags.cluster_as), Asn::new(flags.neighbor_as));
        let (true, Some(local_as), Some(peer_as), Some(router_id), Some(hold_time)) =
            (problems.0.is_empty(), local_as, peer_as, router_id, hold_time)
        else {
            return Err(problems);
        };
        let listens = flags.passivemode || file.listen;
        let session = Session { local_as, peer_as, router_id, hold_time, listens, dials: !flags.passivemode };
        let addresses = flags.neighbor_address.iter().chain(&flags.neighbor_ipv6_address);
        let ttl = ttl.filter(|_| local_as != peer_as); // iBGP keeps the kernel's default
        Ok(Self {
            node: flags.node_name.to_lowercase(),
            local_as,
            router_id,
            neighbors: unique(addresses).map(|addr| session.neighbor(addr, flags.bgp_port, ttl)).collect(),
            listen: listens.then_some(flags.bgp_port),
            mode: if flags.nat_gw_mode {
                Mode::NatGateway {
                    gateway: std::env::var("GATEWAY_NAME").ok().filter(|name| !name.is_empty()),
                }
            } else {
                Mode::Node { announce_cluster_ip: flags.announce_cluster_ip }
            },
            source: match &flags.manifests {
                Some(dir) => Source::Manifests(dir.clone()),
                None => Source::Cluster { kubeconfig: flags.kubeconfig.clone() },
            },
            socket: flags.socket.clone().unwrap_or_else(default_socket),
            http_port: flags.enable_metrics.then_some(flags.pprof_port),
            grpc: SocketAddr::new(
                flags.grpc_host.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
                flags.grpc_port.unwrap_or(50051),
            ),
            grpc_writable: flags.grpc_writable,
            substitution: Substitution { pod_ips, node_ips: one_per_family(&flags.node_ips) },
        })
    }
}

/// What all neighbours share as long as there are only flags.
struct Session {
    local_as: Asn,
    peer_as: Asn,
    router_id: RouterId,
    hold_time: HoldTime,
    listens: bool,
    dials: bool,
}

impl Session {
    fn neighbor(&self, addr: IpAddr, port: u16, ttl: Option<u8>) -> net::PeerConfig {
        let family = if addr.is_ipv4() { Family::IPV4_UNICAST } else { Family::IPV6_UNICAST };
        net::PeerConfig {
            dialing: net::Dialing { remote: (addr, port).into(), local: None, ttl },
            session: fsm::Config {
                local_as: self.local_as,
                peer_as: self.peer_as,
                router_id: self.router_id,
                hold_time: self.hold_time,
                families: vec![family],
                dial: self.dials,
                listen: self.listens,
                hostname: hostname(),
            },
            next_hops: rib::NextHops::default(),
            inbound: None,
        }
    }
}

/// Told to the routers' operators in the FQDN capability.
pub(crate) fn hostname() -> Option<String> {
    rustix::system::uname().nodename().to_str().ok().map(str::to_owned).filter(|name| !name.is_empty())
}

fn missing(flags: &RunFlags, problems: &mut Problems) {
    let mut missing = Vec::new();
    if flags.neighbor_address.is_empty() && flags.neighbor_ipv6_address.is_empty() {
        missing.push("at least one of --neighbor-address or --neighbor-ipv6-address must be specified");
    }
    if flags.neighbor_as == 0 {
        missing.push("--neighbor-as must be specified");
    }
    if flags.cluster_as == 0 {
        missing.push("--cluster-as must be specified");
    }
    if flags.node_name.is_empty() && !flags.nat_gw_mode {
        missing.push("--node-name or the environment's NODE_NAME must be specified");
    }
    if !missing.is_empty() {
        problems.0.push(format!("missing required flags: {}", missing.join("; ")));
    }
}

fn families(flags: &RunFlags, problems: &mut Problems) {
    for addr in flags.neighbor_address.iter().filter(|addr| !addr.is_ipv4()) {
        problems.add("--neighbor-address", addr, "must be an IPv4 address");
    }
    for addr in flags.neighbor_ipv6_address.iter().filter(|addr| addr.to_canonical().is_ipv4()) {
        problems.add("--neighbor-ipv6-address", addr, "must be an IPv6 address");
    }
    let all = flags.neighbor_address.iter().chain(&flags.neighbor_ipv6_address);
    for addr in all {
        if addr.is_unspecified() || addr.is_multicast() {
            problems.add("neighbour address", addr, "must be the address of one host");
        }
        if matches!(addr, IpAddr::V6(v6) if v6.is_unicast_link_local()) {
            problems.add("--neighbor-ipv6-address", addr, "is link-local, which is not supported yet");
        }
    }
}

fn file(path: &Path, problems: &mut Problems) -> Option<File> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| problems.add("--config", path.display(), &format!("cannot be read: {error}")))
        .ok()?;
    toml::from_str(&text)
        .map_err(|error| problems.add("--config", path.display(), &format!("is not valid: {error}")))
        .ok()
}

/// Whole seconds; 65536s, which upstream lets pass and then sends as 0, means the largest there is.
fn hold_time(wanted: Duration, problems: &mut Problems) -> Option<HoldTime> {
    let legal = (Duration::from_secs(3)..=Duration::from_secs(65536)).contains(&wanted);
    let seconds = u16::try_from(wanted.as_secs()).unwrap_or(u16::MAX);
    let hold_time = HoldTime::new(seconds).filter(|_| legal);
    if hold_time.is_none() {
        problems.add("--holdtime", format_args!("{wanted:?}"), "must be 3s to 65535s");
    }
    hold_time
}

fn router_id(flag: Option<IpAddr>, pod_ips: &[IpAddr], problems: &mut Problems) -> Option<RouterId> {
    let chosen = flag.or_else(|| pod_ips.iter().copied().find(IpAddr::is_ipv4));
    match chosen {
        None => problems
            .0
            .push("--router-id: not given, and neither POD_IPS nor POD_IP has an IPv4 address".into()),
        Some(IpAddr::V4(id)) if id != Ipv4Addr::UNSPECIFIED => return RouterId::new(id),
        Some(other) => problems.add("--router-id", other, "must be an IPv4 address other than 0.0.0.0"),
    }
    None
}

/// The last of each family wins, as upstream has it.
fn one_per_family(all: &[IpAddr]) -> Vec<IpAddr> {
    let last = |v4: bool| all.iter().rev().copied().find(move |addr| addr.is_ipv4() == v4);
    last(true).into_iter().chain(last(false)).collect()
}

fn unique<'a>(all: impl Iterator<Item = &'a IpAddr>) -> impl Iterator<Item = IpAddr> {
    let mut seen = std::collections::HashSet::new();
    all.copied().filter(move |addr| seen.insert(*addr))
}

/// Where the debug commands find the speaker of the same user.
#[must_use]
pub fn default_socket() -> PathBuf {
    let user = rustix::process::geteuid();
    match user.is_root() {
        true => "/run/kube-ovn-speaker.sock".into(),
        false => format!("/tmp/kube-ovn-speaker-{}.sock", user.as_raw()).into(),
    }
}
