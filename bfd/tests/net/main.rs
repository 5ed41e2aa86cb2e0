//! The driver on real sockets. Each test runs in a process and a network namespace of its own (needs `unshare` and
//! `ip`, and root or user namespaces), so none meets another, nor a BFD daemon of this host.
#![cfg(feature = "net")]
#![allow(clippy::unwrap_used, reason = "support of tests")]

mod driver;
mod hostile;
mod pair;
mod stall;
mod support;
mod wire;
