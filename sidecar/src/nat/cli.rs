//! The command line of `sidecar nat`.

use clap::{Args, Subcommand};

/// Flags of `sidecar nat`. Values are read later, by the same code as the variables that stand in for them.
#[derive(Clone, Debug, Default, Args)]
pub struct NatFlags {
    /// Once or for a look, instead of for as long as the pod lives.
    #[command(subcommand)]
    pub action: Option<NatAction>,
    /// Print what would be changed, and change nothing.
    #[arg(long, global = true)]
    pub dry_run: bool,
    /// Next hop towards the VPC, one of each family [INTERNAL_GATEWAY_IPV4, INTERNAL_GATEWAY_IPV6].
    #[arg(long, value_name = "IP", value_delimiter = ',', global = true)]
    pub internal_gateway: Vec<String>,
    /// Next hop towards the outside, one of each family [EXTERNAL_GATEWAY_IPV4, EXTERNAL_GATEWAY_IPV6].
    #[arg(long, value_name = "IP", value_delimiter = ',', global = true)]
    pub external_gateway: Vec<String>,
    /// Source that leaves with the gateway's address [SNAT_SOURCES_IPV4, SNAT_SOURCES_IPV6].
    #[arg(long, value_name = "CIDR", value_delimiter = ',', global = true)]
    pub snat_source: Vec<String>,
    /// Source that keeps its address [NO_SNAT_SOURCES_IPV4, NO_SNAT_SOURCES_IPV6].
    #[arg(long, value_name = "CIDR", value_delimiter = ',', global = true)]
    pub no_snat_source: Vec<String>,
    /// What comes from the VPC with any other source leaves with the gateway's address [SNAT_OTHERS, default off].
    #[arg(long, global = true)]
    pub snat_others: bool,
    /// Which iptables: auto, nft or legacy; auto is the one that has rules, or else works [SIDECAR_IPTABLES, default auto].
    #[arg(long, value_name = "FLAVOUR", global = true)]
    pub iptables: Option<String>,
    /// Where the loop is asked; @sidecar-nat is an abstract socket [SIDECAR_NAT_SOCKET, default the abstract one of that name].
    #[arg(long, value_name = "PATH", global = true)]
    pub socket: Option<String>,
    /// Where metrics and health are served; empty: nowhere [NAT_METRICS_ADDRESS, default nowhere].
    #[arg(long, value_name = "[IP]:PORT", global = true)]
    pub metrics_address: Option<String>,
}

/// What `sidecar nat` does other than to keep the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum NatAction {
    /// Set sysctls and rules once; for an init container, which may write sysctls.
    Prepare,
    /// Exit with 0 if the loop answers and looks; for an exec probe.
    Live,
    /// Exit with 0 if the loop found or made everything as wanted; for an exec probe.
    Ready,
}

/// Flags of `sidecar status`.
#[derive(Clone, Debug, Default, Args)]
pub struct StatusFlags {
    /// How it is printed: text or json.
    #[arg(short, long, value_name = "FORM", default_value = "text", value_parser = ["text", "json"])]
    pub output: String,
    /// Where the loop is asked; @sidecar-nat is an abstract socket [SIDECAR_NAT_SOCKET, default the abstract one of that name].
    #[arg(long, value_name = "PATH")]
    pub socket: Option<String>,
}
