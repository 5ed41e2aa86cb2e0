//! What is tested, the same for every kind of router: two speakers against a pair of real routers.
//!
//! Each scenario is one start of the lab with several steps, since starting is what costs time; a fault
//! names its step. All tables are compared as a whole: a path too many fails like a path too few.

mod api;
pub mod bfd;
mod failures;
pub mod kube;
pub(crate) mod lab;
mod lifecycle;
mod modes;
mod nexthop;
mod paths;
mod table;

pub use api::{api_changes, api_shows};
pub use failures::failures;
pub use lifecycle::lifecycle;
pub use modes::{collision, ibgp, passive};
pub use nexthop::pinned;
pub use paths::paths;
pub use table::{compare, parse};
