//! The command line: `run` under the flags of kube-ovn-speaker, the debug commands, the demo.

pub mod go;

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;

/// Announces annotated Kubernetes objects to BGP routers. Without a command: `run`.
#[derive(Debug, Parser)]
#[command(name = "speaker", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Flags of `run`.
    #[command(flatten)]
    pub run: RunFlags,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Announce (the default)
    Run(Box<RunFlags>),
    /// Show neighbours, one neighbour, or what one was sent (adj-out)
    Neighbor(NeighborArgs),
    /// Show the prefixes that are wanted and the objects that want them
    Rib(RibArgs),
    /// Show the running speaker as a whole
    Status(ShowArgs),
    /// Run the main job on built-in manifests with two built-in routers: no cluster, no privilege
    Demo(DemoArgs),
    /// Behave as GoBGP's command of that name; so does this program when it is called gobgp
    #[command(disable_help_flag = true)]
    Gobgp(GobgpArgs),
}

/// Arguments of `gobgp`, which has a command line of its own.
#[derive(Debug, Args)]
pub struct GobgpArgs {
    /// As GoBGP's command takes them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<OsString>,
}

/// Flags of `run`, named as kube-ovn-speaker names them.
#[derive(Clone, Debug, Default, Args)]
pub struct RunFlags {
    /// IPv4 addresses of the routers, comma separated, repeatable
    #[arg(long, value_name = "IP,...", value_delimiter = ',', action = ArgAction::Append)]
    pub neighbor_address: Vec<IpAddr>,
    /// IPv6 addresses of the routers, comma separated, repeatable
    #[arg(long, value_name = "IP,...", value_delimiter = ',', action = ArgAction::Append)]
    pub neighbor_ipv6_address: Vec<IpAddr>,
    /// AS number of the routers, required
    #[arg(long, value_name = "AS", value_parser = go::number, default_value = "0", hide_default_value = true, overrides_with = "neighbor_as")]
    pub neighbor_as: u32,
    /// Our AS number, required
    #[arg(long, value_name = "AS", value_parser = go::number, default_value = "0", hide_default_value = true, overrides_with = "cluster_as")]
    pub cluster_as: u32,
    /// BGP identifier; default: the IPv4 address in $POD_IPS, then $POD_IP
    #[arg(long, value_name = "IP", overrides_with = "router_id")]
    pub router_id: Option<IpAddr>,
    /// Name of this node, for the policy `local`, required
    #[arg(
        long,
        value_name = "NAME",
        env = "NODE_NAME",
        default_value = "",
        hide_default_value = true,
        overrides_with = "node_name"
    )]
    pub node_name: String,
    /// Addresses of this node, told as next hop in place of the Pod's; one per family
    #[arg(long, value_name = "IP,...", value_delimiter = ',', action = ArgAction::Append)]
    pub node_ips: Vec<IpAddr>,
    /// How long a router may be silent, 3s to 65535s
    #[arg(long, value_name = "TIME", value_parser = go::duration, default_value = "90s", overrides_with = "holdtime")]
    pub holdtime: Duration,
    /// Wait for the routers to connect; never dial
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
          default_value = "false", default_missing_value = "true", value_parser = go::boolean,
          overrides_with = "passivemode")]
    pub passivemode: bool,
    /// Hops an eBGP router may be away; 1: on the same link
    #[arg(long, value_name = "N", value_parser = go::number, default_value = "1", overrides_with = "ebgp_multihop")]
    pub ebgp_multihop: u32,
    /// Announce ClusterIPs of annotated Services
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
          default_value = "false", default_missing_value = "true", value_parser = go::boolean,
          overrides_with = "announce_cluster_ip")]
    pub announce_cluster_ip: bool,
    /// Announce the EIPs of a VPC NAT gateway
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
          default_value = "false", default_missing_value = "true", value_parser = go::boolean,
          overrides_with = "nat_gw_mode")]
    pub nat_gw_mode: bool,
    /// How to reach the API server; default: as a Pod of the cluster
    #[arg(long, value_name = "FILE", overrides_with = "kubeconfig")]
    pub kubeconfig: Option<PathBuf>,
    /// Read the objects from the YAML files of this directory and follow their changes, required
    #[arg(long, value_name = "DIR", overrides_with = "manifests")]
    pub manifests: Option<PathBuf>,
    /// Configuration for what flags cannot say (TOML)
    #[arg(long, value_name = "FILE", overrides_with = "config")]
    pub config: Option<PathBuf>,
    /// Port for dialing and listening; below 1024 listening needs CAP_NET_BIND_SERVICE
    #[arg(long, value_name = "PORT", default_value_t = 179, overrides_with = "bgp_port")]
    pub bgp_port: u16,
    /// Port of /metrics, /healthz, /livez and /readyz
    #[arg(long, value_name = "PORT", default_value_t = 10667, overrides_with = "pprof_port")]
    pub pprof_port: u16,
    /// Serve metrics and health
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
          default_value = "true", default_missing_value = "true", value_parser = go::boolean,
          overrides_with = "enable_metrics")]
    pub enable_metrics: bool,
    /// Socket of the debug commands; default: /run/kube-ovn-speaker.sock, or one in /tmp for other users than root
    #[arg(long, value_name = "PATH", overrides_with = "socket")]
    pub socket: Option<PathBuf>,
    /// Address of the GoBGP API
    #[arg(long, value_name = "IP", default_value = "127.0.0.1", overrides_with = "grpc_host")]
    pub grpc_host: Option<IpAddr>,
    /// Port of the GoBGP API
    #[arg(long, value_name = "PORT", default_value = "50051", overrides_with = "grpc_port")]
    pub grpc_port: Option<u16>,
    /// Let clients of the GoBGP API change routes and neighbours
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, action = ArgAction::Set,
          default_value = "false", default_missing_value = "true", value_parser = go::boolean,
          overrides_with = "grpc_writable")]
    pub grpc_writable: bool,
}

/// What every debug command takes.
#[derive(Clone, Debug, Args)]
pub struct ShowArgs {
    /// Form of the output
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    pub output: Output,
    /// Socket of the running speaker
    #[arg(long, value_name = "PATH")]
    pub socket: Option<PathBuf>,
}

/// Forms of output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people
    Table,
    /// For programs; documented in docs/cli.md
    Json,
}

/// Arguments of `neighbor`.
#[derive(Clone, Debug, Args)]
pub struct NeighborArgs {
    /// One neighbour
    pub address: Option<IpAddr>,
    /// What to show of it
    #[arg(value_enum, requires = "address")]
    pub view: Option<NeighborView>,
    /// Output and socket.
    #[command(flatten)]
    pub show: ShowArgs,
}

/// Views of one neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NeighborView {
    /// What it was sent
    AdjOut,
}

/// Arguments of `rib`.
#[derive(Clone, Debug, Args)]
pub struct RibArgs {
    /// Only this prefix; an address without a length is a host route
    #[arg(value_parser = prefix)]
    pub prefix: Option<IpNet>,
    /// Output and socket.
    #[command(flatten)]
    pub show: ShowArgs,
}

fn prefix(text: &str) -> Result<IpNet, String> {
    let host = text.parse::<IpAddr>().map(IpNet::from);
    host.or_else(|_| text.parse()).map_err(|_| format!("{text:?} is neither an address nor a prefix"))
}

/// Arguments of `demo`.
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// Keep running after the summary, until Ctrl-C
    #[arg(long)]
    pub hold: bool,
}
