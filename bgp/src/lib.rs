//! BGP-4 for a speaker that originates routes: codec, state machine and RIB without any I/O, and a thin driver.
//!
//! `types` ◄ [`wire`] ◄ [`fsm`], [`rib`] ◄ `net` (feature `net`, tokio). The core is a function of
//! (state, time, event); the driver owns sockets, tasks and clocks and decides nothing.

pub mod fsm;
#[cfg(feature = "net")]
pub mod net;
pub mod rib;
mod types;
pub mod wire;

pub use types::{Asn, Family, HoldTime, RouterId};
