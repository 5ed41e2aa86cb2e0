//! What the fuzz targets do with their octets, and what must hold whatever these are.
//!
//! Each target is a function of its input alone. Seeds come from the vectors of the codec's tests (`seeds.pl`).

pub mod bfd;
pub mod counters;
pub mod digest;
pub mod frame;
pub mod open;
pub mod ovn;
pub mod script;
pub mod session;
pub mod update;
