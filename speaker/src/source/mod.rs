//! Where objects come from. A source turns what it sees into [`crate::view::Batch`]es and decides nothing else.
//!
//! The contract of every source: it listens before it lists, so that nothing falls between; `synced` is true from
//! the first complete listing on; what cannot be read keeps its last good version, and only an object that is truly
//! gone is removed.

pub mod kubernetes;
pub mod manifests;
