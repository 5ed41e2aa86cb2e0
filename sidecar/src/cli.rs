//! The command line, and which program this is by the name it was called by.

use std::ffi::OsStr;
use std::path::Path;

use clap::{Args, Parser, Subcommand};

use crate::nat::cli::{NatFlags, StatusFlags};

/// Which of its programs the binary is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// `sidecar`, and any name not known.
    Sidecar,
    /// `bfdd-beacon`.
    Beacon,
    /// `bfdd-control`.
    Control,
    /// `kube-ovn-bfdd-supervisor`.
    Supervisor,
}

impl Program {
    /// By the last part of `argv[0]`.
    #[must_use]
    pub fn called(name: Option<&OsStr>) -> Self {
        let name = name.and_then(|path| Path::new(path).file_name());
        match name.and_then(OsStr::to_str) {
            Some("bfdd-beacon") => Self::Beacon,
            Some("bfdd-control") => Self::Control,
            Some("kube-ovn-bfdd-supervisor") => Self::Supervisor,
            _ => Self::Sidecar,
        }
    }
}

/// `sidecar`.
#[derive(Debug, Parser)]
#[command(name = "sidecar", version, about = "Runs in gateway pods: answers BFD, keeps NAT rules")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Answers BFD: a session with every peer from every address, and speaks first.
    Bfd(BfdFlags),
    /// Programs NAT and policy routing of an egress gateway, and keeps them.
    Nat(NatFlags),
    /// Says what is programmed, and whether all is as wanted (exit code 0; 1: not; 4: nobody to ask).
    Status(StatusFlags),
    /// As the program bfdd-beacon.
    #[command(disable_help_flag = true)]
    BfddBeacon(Words),
    /// As the program bfdd-control.
    #[command(disable_help_flag = true)]
    BfddControl(Words),
    /// As the program kube-ovn-bfdd-supervisor.
    #[command(disable_help_flag = true)]
    KubeOvnBfddSupervisor(Words),
}

/// The arguments of another program.
#[derive(Debug, Args)]
pub struct Words {
    /// As that program takes them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<String>,
}

/// Flags of `sidecar bfd`. Values are read later, by the same code as the variables that stand in for them.
#[derive(Clone, Debug, Default, Args)]
pub struct BfdFlags {
    /// Wait until a peer speaks, as OpenBFDD does.
    #[arg(long)]
    pub passive: bool,
    /// Tell peers AdminDown at the end instead of falling silent [BFDD_GOODBYE, default off].
    #[arg(long)]
    pub goodbye: bool,
    /// Address to answer on; 0.0.0.0 and :: are all of their family [POD_IPS, default both].
    #[arg(long, value_name = "IP", value_delimiter = ',')]
    pub listen: Vec<String>,
    /// Whom to have sessions with [BFD_PEER_IPS, default none].
    #[arg(long, value_name = "IP", value_delimiter = ',')]
    pub peer: Vec<String>,
    /// Interval of our packets in milliseconds [BFD_MIN_TX, default 1000].
    #[arg(long, value_name = "MS")]
    pub min_tx: Option<String>,
    /// Least interval of packets to us in milliseconds; 0: send none [BFD_MIN_RX, default 1000].
    #[arg(long, value_name = "MS")]
    pub min_rx: Option<String>,
    /// Packets that may be lost in a row, 1 to 255 [BFD_MULTI, default 3].
    #[arg(long, value_name = "N")]
    pub multiplier: Option<String>,
    /// Where bfdd-control is answered; repeatable [default 127.0.0.1:957 and 127.0.0.1:958].
    #[arg(long, value_name = "IP:PORT")]
    pub control: Vec<String>,
    /// Where metrics and health are served; empty: nowhere [BFDD_METRICS_ADDRESS, default :10669].
    #[arg(long, value_name = "[IP]:PORT")]
    pub metrics_address: Option<String>,
    /// Least TTL or hop limit of packets that are taken [default 254, with --multihop 1].
    #[arg(long, value_name = "N")]
    pub min_ttl: Option<String>,
    /// Run at this real-time priority, 1 to 99; needs CAP_SYS_NICE.
    #[arg(long, value_name = "N")]
    pub real_time_priority: Option<String>,
    /// Sessions over many hops: port 4784 (RFC 5883).
    #[arg(long)]
    pub multihop: bool,
}
