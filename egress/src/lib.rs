//! Egress gateways of VPCs: watch → [`view`] → [`plan`] (pure) → apply (one transaction for each object).

pub mod explain;
pub mod plan;
pub mod rows;
pub mod spec;
pub mod view;
pub mod workload;
