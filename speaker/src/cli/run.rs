//! The flags of `run`: those of kube-ovn-speaker under their names, and our own.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args};

use super::go::{self, Addresses, Neighbors};
use super::klog::KlogFlags;

/// Flags of `run`, named as kube-ovn-speaker names them; what they must hold is `config`'s to check.
#[derive(Clone, Debug, Args)]
pub struct RunFlags {
    /// IPv4 addresses of the routers, comma separated, repeatable
    #[arg(long, value_name = "IP,...", value_parser = go::neighbors, action = ArgAction::Append)]
    pub neighbor_address: Vec<Neighbors>,
    /// IPv6 addresses of the routers, comma separated, repeatable; link-local ones as fe80::1%eth0
    #[arg(long, value_name = "IP,...", value_parser = go::neighbors, action = ArgAction::Append)]
    pub neighbor_ipv6_address: Vec<Neighbors>,
    /// AS number of the routers, required
    #[arg(long, value_name = "AS", value_parser = go::number, default_value = "0", hide_default_value = true)]
    pub neighbor_as: u32,
    /// Our AS number, required
    #[arg(long, value_name = "AS", value_parser = go::number, default_value = "0", hide_default_value = true)]
    pub cluster_as: u32,
    /// BGP identifier; default: the IPv4 address in $POD_IPS, then $POD_IP
    #[arg(long, value_name = "IP", value_parser = go::address)]
    pub router_id: Option<Addresses>,
    /// Name of this node, for the policy `local`; required without --nat-gw-mode
    #[arg(long, value_name = "NAME", env = "NODE_NAME", default_value = "", hide_default_value = true)]
    pub node_name: String,
    /// Addresses of this node, told as next hop in place of the Pod's; one per family
    #[arg(long, value_name = "IP,...", value_parser = go::addresses, action = ArgAction::Append)]
    pub node_ips: Vec<Addresses>,
    /// Our addresses that IPv4 sessions and next hops may use; default: any
    #[arg(long, value_name = "IP,...", value_parser = go::addresses, action = ArgAction::Append)]
    pub allowed_source_addresses: Vec<Addresses>,
    /// Our addresses that IPv6 sessions and next hops may use; default: any
    #[arg(long, value_name = "IP,...", value_parser = go::addresses, action = ArgAction::Append)]
    pub allowed_source_ipv6_addresses: Vec<Addresses>,
    /// TCP MD5 key of all routers, 1 to 80 octets; password-file in --config keeps it out of the arguments
    #[arg(long, value_name = "KEY", default_value = "", hide_default_value = true)]
    pub auth_password: Secret,
    /// How long a router may be silent, 3s to 65535s
    #[arg(long, value_name = "TIME", value_parser = go::duration, default_value = "90s")]
    pub holdtime: Duration,
    /// Have routers keep our routes while we restart (RFC 4724)
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
          default_value = "false", default_missing_value = "true", value_parser = go::boolean)]
    pub graceful_restart: bool,
    /// How long routers keep our routes while we restart, 1s to 4095s
    #[arg(long, value_name = "TIME", value_parser = go::duration, default_value = "90s")]
    pub graceful_restart_time: Duration,
    /// Accepted and checked, 1s to 18h: no neighbour is ever made to wait for another
    #[arg(long, value_name = "TIME", value_parser = go::duration, default_value = "360s")]
    pub graceful_restart_deferral_time: Duration,
    /// Wait for the routers to connect; never dial
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
          default_value = "false", default_missing_value = "true", value_parser = go::boolean)]
    pub passivemode: bool,
    /// Hops an eBGP router may be away; 1: on the same link
    #[arg(long, value_name = "N", value_parser = go::number, default_value = "1")]
    pub ebgp_multihop: u32,
    /// IPv4 prefixes over IPv6 sessions, too (RFC 8950)
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
          default_value = "false", default_missing_value = "true", value_parser = go::boolean)]
    pub extended_nexthop: bool,
    /// Announce ClusterIPs of annotated Services
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
          default_value = "false", default_missing_value = "true", value_parser = go::boolean)]
    pub announce_cluster_ip: bool,
    /// Be the sidecar of a VPC NAT gateway: announce EIPs of $GATEWAY_NAME and nothing else
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
          default_value = "false", default_missing_value = "true", value_parser = go::boolean)]
    pub nat_gw_mode: bool,
    /// BFD with the routers (RFC 5880): a dead path ends the session within the detection time
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
          default_value = "false", default_missing_value = "true", value_parser = go::boolean)]
    pub enable_bfd: bool,
    /// Between two BFD packets of ours, in ms, 1 to 4294967
    #[arg(long, value_name = "MS", value_parser = go::number, default_value = "1000")]
    pub bfd_min_tx: u32,
    /// Between two BFD packets that we can take, in ms, 1 to 4294967
    #[arg(long, value_name = "MS", value_parser = go::number, default_value = "1000")]
    pub bfd_min_rx: u32,
    /// Lost BFD packets that mean a dead path, 1 to 255
    #[arg(long, value_name = "N", value_parser = go::number, default_value = "3")]
    pub bfd_detection_multiplier: u32,
    /// Read the objects from the YAML files of this directory and follow their changes; no API server is used
    #[arg(long, value_name = "DIR")]
    pub manifests: Option<PathBuf>,
    /// How to reach the API server; default: as a Pod of the cluster
    #[arg(long, value_name = "FILE", value_parser = go::path, default_value = "", hide_default_value = true)]
    pub kubeconfig: PathBuf,
    /// Watch the Pods of this node alone, for clusters whose Pods say `local`; one that says cluster is announced from
    /// its own node only
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
          default_value = "false", default_missing_value = "true", value_parser = go::boolean)]
    pub local_only: bool,
    /// Start without the API server from what was wanted last, if it was known to be right this recently; 0s: never
    #[arg(long, value_name = "TIME", value_parser = go::duration, default_value = "0s")]
    pub intent_max_age: Duration,
    /// Tell what is wrong with single objects as Events of theirs, where that is granted
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
          default_value = "true", default_missing_value = "true", value_parser = go::boolean)]
    pub events: bool,
    /// Configuration for what flags cannot say (TOML)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where what a restart has to know is kept; default: the directory of the log file, or /var/log/kube-ovn
    #[arg(long, value_name = "DIR", value_parser = go::path, default_value = "", hide_default_value = true)]
    pub state_dir: PathBuf,
    /// Port for dialing and listening; below 1024 listening needs CAP_NET_BIND_SERVICE
    #[arg(long, value_name = "PORT", value_parser = go::integer, default_value = "179")]
    pub bgp_port: i32,
    /// Address of the GoBGP API
    #[arg(long, value_name = "IP", value_parser = go::address, default_value = "127.0.0.1")]
    pub grpc_host: Addresses,
    /// Port of the GoBGP API
    #[arg(long, value_name = "PORT", value_parser = go::integer, default_value = "50051")]
    pub grpc_port: i32,
    /// Let the GoBGP API change routes and neighbours
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
          default_value = "false", default_missing_value = "true", value_parser = go::boolean)]
    pub grpc_writable: bool,
    /// Port of metrics and health
    #[arg(long, value_name = "PORT", value_parser = go::integer, default_value = "10667")]
    pub pprof_port: i32,
    /// Serve metrics and health
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
          default_value = "true", default_missing_value = "true", value_parser = go::boolean)]
    pub enable_metrics: bool,
    /// Socket of the debug commands; default: /run/kube-ovn-speaker.sock, or one in /tmp for other users than root
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// Mode of the log file, octal
    #[arg(long, value_name = "MODE", default_value = "640", help_heading = "Logging")]
    pub log_perm: String,
    /// Flags of the log.
    #[command(flatten)]
    pub log: KlogFlags,
}

impl RunFlags {
    /// Whether there is a neighbour among the flags.
    pub(crate) fn names_neighbors(&self) -> bool {
        let all = [&self.neighbor_address, &self.neighbor_ipv6_address].into_iter().flatten();
        all.into_iter().any(|one| !one.0.is_empty())
    }
}

/// All addresses of a flag that was given any number of times.
pub(crate) fn all(given: &[Addresses]) -> impl Iterator<Item = IpAddr> {
    given.iter().flat_map(|one| one.0.iter().copied())
}

/// A value that nothing prints: neither `Debug` nor an error.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn octets(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "(none)" } else { "(hidden)" })
    }
}
