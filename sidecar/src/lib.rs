//! The sidecar of gateway pods: answers BFD, as `sidecar bfd` and by the names of the programs it stands in for, and
//! keeps NAT and policy routing of an egress gateway, as `sidecar nat`.
//!
//! [`cli`] and [`config`] say what was asked for; [`beacon`] holds the sessions wanted equal to those there are;
//! [`control`] carries commands, [`command`] reads them, [`status`] prints sessions; [`run`] puts the parts together. [`nat`] is apart from all that.

pub mod address;
pub mod beacon;
pub mod cli;
pub mod command;
pub mod config;
pub mod control;
pub mod daemonize;
pub mod http;
pub mod logging;
pub mod metrics;
pub mod nat;
pub mod probe;
pub mod run;
pub mod status;
pub mod supervisor;
pub mod syslog;

/// Of this program, as `version` tells it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
