//! The interop matrix: a cell for each feature and router, each judged by the router's own table or log, each with
//! something that must not work beside what must. `docs/interop.md` is written from a run, and a run fails when the
//! file says something else.
//!
//! [`feature`] has the features and their labs, [`rows`] what the table says of them, [`absent`] the cells a router cannot have, with its own words; the other modules are
//! the labs. [`run`] does what `cargo test --test interop_matrix` says.

pub mod absent;
mod addresses;
pub(crate) mod bench;
mod capability;
mod dialing;
pub mod feature;
pub(crate) mod monitor;
mod plain;
mod report;
mod restart;
pub mod rows;
pub mod run;
mod transport;
