//! Bidirectional Forwarding Detection (RFC 5880, 5881, 5883): codec and sessions without any I/O, and a thin driver.
//!
//! `types` ◄ [`packet`] ◄ [`session`] ◄ [`engine`] ◄ `net` (feature `net`, a thread of its own). The core is a function
//! of (state, time, event): thousands of sessions run on a virtual clock in a test. The driver owns sockets and clocks
//! and decides nothing. Nothing here knows BGP, OVN or Kubernetes.

pub mod engine;
#[cfg(feature = "net")]
pub mod net;
pub mod packet;
pub mod session;
mod types;

pub use types::{DetectMult, Diagnostic, Discriminator, Micros, State};
