//! What OVN's databases say: which columns are monitored, and what of them decides.

mod build;
pub mod cells;
mod features;
mod tables;
mod touched;
mod watch;

pub use build::network;
pub use tables::{northbound, southbound};
pub use touched::Contents;
pub use watch::{Databases, Linked, Places};
