//! Traffic through egress gateways: who answers it, who sends it, and what it shows of a fail-over.
//!
//! [`server`] says to each client which address it came from; [`flows`] asks it every 10 ms and keeps when it answered.

pub mod flows;
pub mod server;
