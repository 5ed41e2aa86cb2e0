//! The command line: `run` under the flags of kube-ovn-speaker, the debug commands, the demo.

pub mod go;
mod klog;
mod run;

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;

use bgp::net::{Link, PeerAddr};
use clap::{Args, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;

use crate::prepare::Owner;

pub use klog::KlogFlags;
pub(crate) use run::all;
pub use run::{RunFlags, Secret};

/// Announces annotated Kubernetes objects to BGP routers. Without a command: `run`.
#[derive(Debug, Parser)]
#[command(name = "speaker", version, args_conflicts_with_subcommands = true, args_override_self = true)]
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
    /// Check flags, --config and --manifests; print what they would do, and touch nothing
    Check(Box<CheckArgs>),
    /// Show neighbours, one neighbour or its routes; reset, shut down or enable one or all
    Neighbor(NeighborArgs),
    /// Show the prefixes that are wanted and the objects that want them
    Rib(RibArgs),
    /// Show BFD with the neighbours, or with one
    Bfd(BfdArgs),
    /// Show the running speaker as a whole
    Status(ShowArgs),
    /// Run the main job on built-in manifests with two built-in routers: no cluster, no privilege
    Demo(DemoArgs),
    /// Make a directory that the speaker may write to as another user: for the init container of its Pod
    Prepare(PrepareArgs),
    /// Behave as GoBGP's command of that name; so does this program when it is called gobgp
    #[command(disable_help_flag = true)]
    Gobgp(GobgpArgs),
}

/// Arguments of `check`.
#[derive(Clone, Debug, Args)]
pub struct CheckArgs {
    /// Form of the output
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    pub output: Output,
    /// What `run` would be given.
    #[command(flatten)]
    pub run: RunFlags,
}

/// Arguments of `prepare`.
#[derive(Clone, Debug, Args)]
pub struct PrepareArgs {
    /// The directory; made if it is missing
    #[arg(long)]
    pub dir: PathBuf,
    /// Whose it shall be; its mode is set to 0770
    #[arg(long, value_name = "UID:GID")]
    pub owner: Owner,
}

/// Arguments of `gobgp`, which has a command line of its own.
#[derive(Debug, Args)]
pub struct GobgpArgs {
    /// As GoBGP's command takes them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub arguments: Vec<OsString>,
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
    /// One neighbour: its address, fe80::1%eth0, the link it is at, or, for what is done, all
    #[arg(value_name = "ADDR", value_parser = neighbor)]
    pub address: Option<String>,
    /// What to show of it, or do to it
    #[arg(value_enum, requires = "address")]
    pub what: Option<NeighborVerb>,
    /// For the router's operator, with reset and shutdown
    #[arg(requires = "what")]
    pub text: Option<String>,
    /// Output and socket.
    #[command(flatten)]
    pub show: ShowArgs,
}

/// Arguments of `bfd`.
#[derive(Clone, Debug, Args)]
pub struct BfdArgs {
    /// One neighbour: its address, fe80::1%eth0, or the link it is at
    #[arg(value_name = "ADDR", value_parser = neighbor)]
    pub address: Option<String>,
    /// Output and socket.
    #[command(flatten)]
    pub show: ShowArgs,
}

/// What can be shown of one neighbour, or done to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NeighborVerb {
    /// What it was sent and holds
    AdjOut,
    /// What it announces
    AdjIn,
    /// End the session, then come back
    Reset,
    /// Exchange all routes once more without ending the session
    Softreset,
    /// End the session and stay down
    Shutdown,
    /// Come back after shutdown
    Enable,
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

/// What a neighbour may be called. What looks like an address has to be one, or a slip of the finger would be taken for
/// the name of a link.
fn neighbor(text: &str) -> Result<String, String> {
    let like_an_address =
        text.contains([':', '%']) || text.bytes().all(|one| one.is_ascii_digit() || one == b'.');
    let is_one = match like_an_address {
        true => text.parse::<PeerAddr>().is_ok(),
        false => Link::new(text).is_some(),
    };
    is_one
        .then(|| text.to_owned())
        .ok_or_else(|| format!("{text:?} is neither an address nor the name of a link"))
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
