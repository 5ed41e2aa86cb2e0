//! The API server's objects: each kind is listed once and then watched, for ever.
//!
//! `parse` strips an object to what decides, `store` holds what is known and says which gateways and VPCs a change
//! touches, `watch` keeps one kind of it equal to the API server. A list that failed or ended early takes nothing away;
//! an object that cannot be read leaves the last good form of it in force and is told.

mod affected;
mod change;
mod controller;
mod kinds;
mod parse;
mod pod;
mod store;
mod watch;

pub use controller::look as controller;
pub use kinds::{Kind, Served};
pub(crate) use parse::is_applied;
pub use store::{Marks, Store};
pub use watch::start;
