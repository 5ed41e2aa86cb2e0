//! NAT and policy routing in an egress gateway's pod: what a gateway has to have, kept so.
//!
//! Pure: [`settings`] (what was asked for), [`rules`] (iptables), [`routing`] (policy rules and a table) and [`sysctl`]
//! say what is to be changed where something is so and so. Thin: [`kernel`] (rtnetlink) and [`iptables`] (the programs)
//! look and do, [`pass`] is one look with what follows from it, [`run`] the passes, [`report`] what is told of them.

pub mod cli;
pub mod command;
pub mod flavour;
pub mod http;
pub mod iptables;
pub mod kernel;
mod message;
pub mod metrics;
pub mod pass;
pub mod report;
pub mod routing;
pub mod rules;
pub mod run;
pub mod settings;
pub mod sysctl;
mod watch;
