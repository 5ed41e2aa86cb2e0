//! The command line; what flags must hold is `config`'s to check.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

/// Egress gateways of VPCs: objects of the API server in, rows of OVN's northbound database out.
#[derive(Debug, Parser)]
#[command(name = "egress", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to do; without it: run
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Flags of run
    #[command(flatten)]
    pub run: RunFlags,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve gateways until told to stop
    Run(RunFlags),
    /// Say why an object has the rows it has; reads the API server and the databases itself
    Explain(ExplainFlags),
    /// Print the definitions of the kinds that egress serves, for kubectl apply
    Crds(CrdsFlags),
}

/// Where everything is.
#[derive(Clone, Debug, Args)]
pub struct PlaceFlags {
    /// Northbound database: unix:PATH, tcp:HOST:PORT or ssl:HOST:PORT, several of a cluster comma separated
    #[arg(
        long,
        value_name = "REMOTE,...",
        env = "OVN_NB_DB",
        default_value = "unix:/var/run/ovn/ovnnb_db.sock"
    )]
    pub ovn_nb: String,
    /// Southbound database, the same way
    #[arg(
        long,
        value_name = "REMOTE,...",
        env = "OVN_SB_DB",
        default_value = "unix:/var/run/ovn/ovnsb_db.sock"
    )]
    pub ovn_sb: String,
    /// Our private key for ssl:, PEM; read anew at each connect
    #[arg(long, value_name = "FILE", env = "OVN_PRIVATE_KEY")]
    pub ovn_private_key: Option<PathBuf>,
    /// Our certificate for ssl:, PEM
    #[arg(long, value_name = "FILE", env = "OVN_CERTIFICATE")]
    pub ovn_certificate: Option<PathBuf>,
    /// Certificate of who signed the servers' certificates, PEM
    #[arg(long, value_name = "FILE", env = "OVN_CA_CERT")]
    pub ovn_ca_cert: Option<PathBuf>,
    /// How to reach the API server; without it: as the Pod this is
    #[arg(long, value_name = "FILE", env = "KUBECONFIG")]
    pub kubeconfig: Option<PathBuf>,
    /// API group whose VpcEgressGateways are served; another one than Kube-OVN's to work beside it
    #[arg(long, value_name = "GROUP", env = "EGRESS_GROUP", default_value = "kubeovn.io")]
    pub group: String,
    /// Rows of custom VPCs: static routes, policies, or what fits (auto)
    #[arg(long, value_name = "FORM", env = "EGRESS_CUSTOM_VPC_ROWS", default_value = "auto")]
    pub custom_vpc_rows: String,
    /// Name of the default VPC
    #[arg(long, value_name = "NAME", env = "EGRESS_DEFAULT_VPC", default_value = "ovn-cluster")]
    pub default_vpc: String,
    /// Image of gateway pods whose VpcEgressGateway names none
    #[arg(long, value_name = "IMAGE", env = "EGRESS_GATEWAY_IMAGE", default_value = "egress-gateway:latest")]
    pub gateway_image: String,
    /// Least severity of log lines: error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL", env = "EGRESS_LOG_LEVEL", default_value = "info")]
    pub log_level: String,
}

/// Flags of run.
#[derive(Clone, Debug, Args)]
pub struct RunFlags {
    /// Where everything is
    #[command(flatten)]
    pub places: PlaceFlags,
    /// Elect a leader among replicas; without, this one writes at once
    #[arg(long, value_name = "BOOL", env = "EGRESS_LEADER_ELECT", num_args = 0..=1, require_equals = true,
          action = ArgAction::Set, default_value = "true", default_missing_value = "true")]
    pub leader_elect: bool,
    /// Namespace of the Lease
    #[arg(long, value_name = "NAMESPACE", env = "POD_NAMESPACE", default_value = "kube-system")]
    pub lease_namespace: String,
    /// Name of the Lease; default: egress for the group kubeovn.io, egress.GROUP for another
    #[arg(long, value_name = "NAME", env = "EGRESS_LEASE_NAME")]
    pub lease_name: Option<String>,
    /// How long a leader that falls silent keeps others waiting, in seconds, 3 to 600
    #[arg(long, value_name = "SECONDS", env = "EGRESS_LEASE_DURATION", default_value = "15")]
    pub lease_duration: String,
    /// Who we are among replicas; default: $POD_NAME, or the host's name, with a random end
    #[arg(long, value_name = "NAME", env = "EGRESS_IDENTITY")]
    pub identity: Option<String>,
    /// Where metrics and health are served: :PORT, ADDRESS:PORT, or off
    #[arg(long, value_name = "ADDRESS", env = "EGRESS_METRICS_ADDRESS", default_value = ":10668")]
    pub metrics_address: String,
}

/// Flags of explain.
#[derive(Clone, Debug, Args)]
pub struct ExplainFlags {
    /// veg/NAMESPACE/NAME or vpc/NAME
    #[arg(value_name = "OBJECT")]
    pub object: String,
    /// text or json
    #[arg(short, long, value_name = "FORM", default_value = "text")]
    pub output: String,
    /// Where everything is
    #[command(flatten)]
    pub places: PlaceFlags,
    /// How long to wait for the API server and the databases, in seconds, 1 to 600
    #[arg(long, value_name = "SECONDS", default_value = "10")]
    pub timeout: String,
}

/// Flags of crds.
#[derive(Clone, Debug, Args)]
pub struct CrdsFlags {
    /// API group of the definitions
    #[arg(long, value_name = "GROUP", default_value = "kubeovn.io")]
    pub group: String,
}
