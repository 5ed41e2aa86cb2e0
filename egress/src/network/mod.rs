//! What OVN's databases say: which columns are monitored, and what of them decides.

mod build;
pub mod cells;
mod features;
mod link;
mod tables;
mod touched;
mod watch;

pub use build::network;
pub use link::link_text;
pub use tables::{northbound, southbound};
pub use touched::Contents;
pub use watch::{Databases, Linked, Places};
