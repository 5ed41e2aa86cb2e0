//! The speaker: turns annotated Kubernetes objects into BGP announcements.
//!
//! [`source`] (what changed) → [`view`] (only what decides) → [`plan`] (which prefixes, and why not) →
//! [`announce`] → `bgp`. Beside it [`nexthop`] follows the kernel; [`api`] answers the debug commands, [`gobgp`] those of
//! GoBGP's tools, [`http`] tells [`metrics`] and health, and [`logging`] takes what all of them have to say.

pub mod announce;
pub mod api;
pub mod byhand;
pub mod check;
pub mod cli;
pub mod config;
pub mod demo;
pub mod events;
mod files;
pub mod gobgp;
pub mod http;
pub mod intent;
pub mod leave;
pub mod liveness;
pub mod logging;
pub mod metrics;
pub mod nexthop;
pub mod object;
pub mod plan;
pub mod pod;
pub mod policy;
pub mod prepare;
mod readiness;
pub mod restart;
pub mod roster;
pub mod run;
pub mod source;
pub mod stages;
pub mod view;
