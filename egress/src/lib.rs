//! Egress gateways of VPCs: watch → [`view`] → [`plan`] (pure) → [`apply`] (one transaction for each object).

pub mod access;
pub mod apply;
pub mod ask;
pub mod cli;
pub mod config;
pub mod definitions;
pub mod events;
pub mod explain;
pub mod http;
pub mod lease;
pub mod logging;
pub mod metrics;
pub mod network;
pub mod plan;
pub mod readiness;
pub mod rows;
pub mod run;
pub mod source;
pub mod spec;
pub mod status;
pub mod subject;
pub mod view;
pub mod workload;
