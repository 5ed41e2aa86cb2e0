//! The speaker against a real API server, started with the arguments an existing DaemonSet has.
//!
//! n1 may be given a proxy that spoils what the API server says; n2 always talks to it directly, and shows what
//! a healthy speaker does meanwhile.

mod annotate;
mod bulk;
mod credentials;
mod events;
mod intent;
mod lab;
mod local_only;
mod outage;
mod rights;
mod scrape;
mod spoiled;
mod start;
mod stop;
pub(crate) mod table;

pub use annotate::{annotations, eips};
pub use bulk::bulk;
pub use credentials::credentials;
pub use events::events;
pub use intent::intent;
pub use local_only::local_only;
pub use outage::outages;
pub use rights::{least_rights, rights_taken};
pub use scrape::scrape;
pub use spoiled::spoiled;
pub use start::start;
pub use stop::{leaving, staying};
