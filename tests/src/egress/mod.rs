//! Labs of the egress controller.

pub mod traffic;
