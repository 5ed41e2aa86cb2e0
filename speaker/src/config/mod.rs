//! From flags, environment and file to a [`Config`] whose every value is legal; every problem is told in one pass.

mod check;
mod environment;
mod problems;
mod unserved;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use bgp::{Asn, Family, HoldTime, RouterId, fsm, net};

use crate::cli::{RunFlags, all};
use crate::logging;
use crate::nexthop::Substitution;

pub use check::default_socket;
pub use environment::Environment;
pub use problems::Problems;

/// All that `run` needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// What is announced.
    pub mode: Mode,
    /// Name of this node, lower case; empty for a gateway.
    pub node: String,
    /// Our AS.
    pub local_as: Asn,
    /// Our BGP identifier.
    pub router_id: RouterId,
    /// The routers.
    pub neighbors: Vec<net::PeerConfig>,
    /// Take connections on this port, on all addresses.
    pub listen: Option<u16>,
    /// Where the objects come from.
    pub source: Source,
    /// Socket of the debug commands.
    pub socket: PathBuf,
    /// Where the GoBGP API is served.
    pub grpc: SocketAddr,
    /// Whether it may change routes and neighbours.
    pub grpc_writable: bool,
    /// Port of metrics and health; `None`: neither is served.
    pub http_port: Option<u16>,
    /// Where the log goes.
    pub log: logging::Settings,
    /// Which source addresses become another next hop.
    pub substitution: Substitution,
    /// The addresses of ours that may be used; a family without any in this list may use all.
    pub allowed_sources: Vec<IpAddr>,
    /// What is not wrong but hardly meant, for the log, a line each.
    pub warnings: Vec<String>,
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

impl Config {
    /// Checks everything and says all that is wrong at once.
    ///
    /// # Errors
    /// Every problem, each with the flag or field, the value and the rule.
    pub fn resolve(flags: &RunFlags, environment: &Environment) -> Result<Self, Problems> {
        let (mut problems, mut warnings) = (Problems::default(), Vec::new());
        let pod_ips = environment.addresses();
        check::missing(flags, &mut problems);
        check::families(flags, &mut problems);
        unserved::refuse(flags, &mut problems, &mut warnings);
        let file =
            flags.config.as_deref().and_then(|path| check::file(path, &mut problems)).unwrap_or_default();
        let hold_time = check::hold_time(flags.holdtime, &mut problems);
        let router_id = flags.router_id.as_ref().and_then(|given| given.0.first().copied());
        let router_id = check::router_id(router_id, &pod_ips, &mut problems);
        let ttl = check::ttl(flags.ebgp_multihop, &mut problems);
        let bgp_port = check::port("--bgp-port", flags.bgp_port, &mut problems);
        let grpc = check::grpc(flags, &mut problems);
        let http_port = match flags.enable_metrics {
            true => check::port("--pprof-port", flags.pprof_port, &mut problems),
            false => None,
        };
        let source = check::source(flags, &mut problems);
        let log = check::log(flags, &mut problems);
        let mode = mode(flags, environment, &mut warnings);
        let (local_as, peer_as) = (Asn::new(flags.cluster_as), Asn::new(flags.neighbor_as));
        let (true, Some(local_as), Some(peer_as), Some(router_id), Some(hold_time), Some(port), Some(grpc)) =
            (problems.is_empty(), local_as, peer_as, router_id, hold_time, bgp_port, grpc)
        else {
            return Err(problems);
        };
        let listens = flags.passivemode || file.listen;
        let session = Session { local_as, peer_as, router_id, hold_time, listens, dials: !flags.passivemode };
        let addresses = unique(all(&flags.neighbor_address).chain(all(&flags.neighbor_ipv6_address)));
        // iBGP keeps the kernel's default.
        let hops = ttl.filter(|_| local_as != peer_as).map_or(net::Hops::Any, net::Hops::AtMost);
        let allowed = all(&flags.allowed_source_addresses).chain(all(&flags.allowed_source_ipv6_addresses));
        Ok(Self {
            node: if flags.nat_gw_mode { String::new() } else { flags.node_name.to_lowercase() },
            mode,
            local_as,
            router_id,
            neighbors: addresses.map(|addr| session.neighbor(addr, port, hops)).collect(),
            listen: listens.then_some(port),
            source,
            socket: flags.socket.clone().unwrap_or_else(default_socket),
            grpc,
            grpc_writable: flags.grpc_writable,
            http_port,
            log,
            substitution: Substitution { pod_ips, node_ips: one_per_family(all(&flags.node_ips)) },
            allowed_sources: unique(allowed).collect(),
            warnings,
        })
    }
}

fn mode(flags: &RunFlags, environment: &Environment, warnings: &mut Vec<String>) -> Mode {
    if !flags.nat_gw_mode {
        return Mode::Node { announce_cluster_ip: flags.announce_cluster_ip };
    }
    if flags.announce_cluster_ip {
        warnings.push("--announce-cluster-ip: is without effect with --nat-gw-mode".to_owned());
    }
    if environment.gateway_name.is_none() {
        warnings.push("GATEWAY_NAME: is empty: nothing is announced".to_owned());
    }
    Mode::NatGateway { gateway: environment.gateway_name.clone() }
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
    fn neighbor(&self, addr: IpAddr, port: u16, hops: net::Hops) -> net::PeerConfig {
        let family = if addr.is_ipv4() { Family::IPV4_UNICAST } else { Family::IPV6_UNICAST };
        net::PeerConfig::new(
            net::Dialing { remote: (addr, port).into(), local: None, hops },
            fsm::Config {
                dial: self.dials,
                listen: self.listens,
                hostname: hostname(),
                ..fsm::Config::new(
                    (self.local_as, self.router_id),
                    self.peer_as,
                    self.hold_time,
                    vec![family],
                )
            },
        )
    }
}

/// Told to the routers' operators in the FQDN capability.
pub(crate) fn hostname() -> Option<String> {
    rustix::system::uname().nodename().to_str().ok().map(str::to_owned).filter(|name| !name.is_empty())
}

/// The last of each family wins, as upstream has it.
fn one_per_family(all: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    let (v4, v6): (Vec<_>, Vec<_>) = all.partition(IpAddr::is_ipv4);
    v4.last().into_iter().chain(v6.last()).copied().collect()
}

fn unique(all: impl Iterator<Item = IpAddr>) -> impl Iterator<Item = IpAddr> {
    let mut seen = std::collections::HashSet::new();
    all.filter(move |addr| seen.insert(*addr))
}
