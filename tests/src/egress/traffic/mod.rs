//! Traffic through egress gateways: who answers it, who sends it, and what it shows of a fail-over.
//!
//! [`server`] says to each client which address it came from; [`flows`] asks it every 10 ms and keeps when it answered.
//! [`site`] is a VPC with clients, [`outside`] the network that [`gateway`]s lead to; [`hand`] writes rows without the
//! control loop; [`lab`] is all of it, [`rounds`] measure what a failure does.

pub mod flows;
pub mod gateway;
pub mod hand;
pub mod lab;
pub mod outside;
pub mod rounds;
pub mod server;
pub mod site;
