//! From flags, environment and file to a [`Config`] whose every value is legal; every problem is told in one pass.

mod bfd;
mod check;
mod environment;
mod file;
mod neighbor;
mod password;
mod problems;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use bgp::net::PeerAddr;
use bgp::{Asn, RouterId};

use crate::cli::{RunFlags, all};
use crate::logging;
use crate::nexthop::Substitution;
use crate::pod::OwnPod;
use file::File;
use neighbor::Common;

pub use bfd::{BfdOptions, BfdProfile};
pub use check::default_socket;
pub use environment::Environment;
pub(crate) use file::bfd_method_name;
pub use file::community_text;
pub use neighbor::{Neighbor, Peer};
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
    pub neighbors: Vec<Neighbor>,
    /// What all BFD sessions have in common.
    pub bfd: BfdOptions,
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
    /// The configuration file and the files it names: a change of one of them is a reload.
    pub files: Vec<PathBuf>,
    /// Where what a restart has to know is kept; `None`: nowhere.
    pub state_dir: Option<PathBuf>,
    /// How old what was wanted last may be for a start without the API server; `None`: such a start announces nothing.
    pub intent_max_age: Option<Duration>,
    /// Whether objects get Events.
    pub events: bool,
    /// Which Pod this is, if it is one.
    pub pod: Option<OwnPod>,
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
        /// Whether the Pods of this node are all that is watched.
        local_only: bool,
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
        let file = flags.config.as_deref().map(|path| file::read(path, &mut problems)).unwrap_or_default();
        check::missing(flags, &file, &mut problems);
        check::families(flags, &mut problems);
        let common = common(flags, &file, &pod_ips, (&mut problems, &mut warnings));
        let grpc = check::grpc(flags, &mut problems);
        let http_port = match flags.enable_metrics {
            true => check::port("--pprof-port", flags.pprof_port, &mut problems),
            false => None,
        };
        let source = check::source(flags, &mut problems);
        check::intent(flags, &source, &mut warnings);
        let log = check::log(flags, &mut problems);
        let mode = mode(flags, environment, &mut warnings);
        let neighbors =
            common.as_ref().map(|common| neighbors(common, flags, &file, (&mut problems, &mut warnings)));
        let (true, Some(common), Some(neighbors), Some(grpc)) =
            (problems.is_empty(), common, neighbors, grpc)
        else {
            problems.files = flags.config.iter().cloned().chain(file.secrets).collect();
            return Err(problems);
        };
        let listens = neighbors.iter().any(|one| one.peer.0.session.listen);
        Ok(Self {
            node: if flags.nat_gw_mode { String::new() } else { flags.node_name.to_lowercase() },
            mode,
            local_as: common.local_as,
            router_id: common.router_id,
            neighbors,
            bfd: bfd::options(&file),
            listen: listens.then_some(common.port),
            source,
            socket: flags.socket.clone().unwrap_or_else(default_socket),
            grpc,
            grpc_writable: flags.grpc_writable,
            http_port,
            log,
            substitution: Substitution { pod_ips, node_ips: one_per_family(all(&flags.node_ips)) },
            allowed_sources: common.allowed_sources,
            files: flags.config.iter().cloned().chain(file.secrets).collect(),
            state_dir: check::state_dir(flags),
            intent_max_age: Some(flags.intent_max_age).filter(|age| !age.is_zero()),
            events: flags.events,
            pod: environment.pod.clone(),
            warnings,
        })
    }
}

/// What flags say about all neighbours; `None` with at least one problem told.
fn common(
    flags: &RunFlags,
    file: &File,
    pod_ips: &[IpAddr],
    (problems, warnings): (&mut Problems, &mut Vec<String>),
) -> Option<Common> {
    let bfd = bfd::common(flags, warnings);
    let hold_time = check::hold_time(flags.holdtime, problems);
    let somewhere = file.neighbors.iter().map(|one| &one.given).chain([&file.defaults]);
    let restarts =
        flags.graceful_restart || somewhere.into_iter().any(|one| one.graceful_restart == Some(true));
    let graceful_restart_time = check::restart_time(flags, restarts, (problems, warnings));
    let password = check::password(flags, problems);
    let router_id = flags.router_id.as_ref().and_then(|given| given.0.first().copied());
    let router_id = check::router_id(router_id, pod_ips, problems);
    let ttl = check::ttl(flags.ebgp_multihop, problems);
    let port = check::port("--bgp-port", flags.bgp_port, problems);
    let allowed = all(&flags.allowed_source_addresses).chain(all(&flags.allowed_source_ipv6_addresses));
    Some(Common {
        // Zero was told as missing.
        local_as: Asn::new(flags.cluster_as)?,
        router_id: router_id?,
        peer_as: Asn::new(flags.neighbor_as),
        hold_time: hold_time?,
        ttl: ttl?,
        port: port?,
        dials: !flags.passivemode,
        listens: flags.passivemode || file.listen,
        password,
        graceful_restart: flags.graceful_restart,
        graceful_restart_time,
        extended_next_hop: flags.extended_nexthop,
        allowed_sources: unique(allowed).collect(),
        bfd,
    })
}

/// The neighbours of flags, then those of the file alone.
fn neighbors(
    common: &Common,
    flags: &RunFlags,
    file: &File,
    (problems, warnings): (&mut Problems, &mut Vec<String>),
) -> Vec<Neighbor> {
    let entry = |addr: PeerAddr| file.neighbors.iter().find(|one| one.addr == addr);
    let of_flags: Vec<PeerAddr> = check::neighbors(flags).collect();
    let of_file = file.neighbors.iter().map(|one| one.addr).filter(|addr| !of_flags.contains(addr));
    let all: Vec<PeerAddr> = of_flags.iter().copied().chain(of_file).collect();
    all.into_iter()
        .filter_map(|addr| {
            let own = entry(addr);
            let given = own.map(|one| one.given.clone()).unwrap_or_default().over(&file.defaults);
            // Without it the aggregated sentence tells.
            let told = own.is_none() && given.peer_as.is_none() && common.peer_as.is_none();
            (!told).then(|| common.neighbor(addr, (given, own.map(|one| &one.place)), problems, warnings))?
        })
        .collect()
}

fn mode(flags: &RunFlags, environment: &Environment, warnings: &mut Vec<String>) -> Mode {
    if !flags.nat_gw_mode {
        let RunFlags { announce_cluster_ip, local_only, .. } = *flags;
        return Mode::Node { announce_cluster_ip, local_only };
    }
    if flags.announce_cluster_ip {
        warnings.push("--announce-cluster-ip: is without effect with --nat-gw-mode".to_owned());
    }
    if flags.local_only {
        warnings.push("--local-only: is without effect with --nat-gw-mode".to_owned());
    }
    if environment.gateway_name.is_none() {
        warnings.push("GATEWAY_NAME: is empty: nothing is announced".to_owned());
    }
    Mode::NatGateway { gateway: environment.gateway_name.clone() }
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
