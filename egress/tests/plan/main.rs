//! Plans, compared with what the real kube-ovn-controller wrote for the same objects and with rules written by hand.
#![allow(
    clippy::unwrap_used,
    clippy::type_complexity,
    missing_docs,
    unreachable_pub,
    reason = "test support"
)]

mod custom_vpc;
mod default_vpc;
mod explain;
mod held;
mod members;
mod ports;
mod properties;
mod selectors;
mod sides;
mod static_form;
mod status;
mod world;
