//! Who leads: one of several replicas writes, the others watch.
//!
//! `elector` decides, without a clock or a socket; `drive` asks and writes the Lease; `pulse` watches the Lease of
//! somebody else.
//!
//! No clock is compared with another machine's. A candidate counts the time of a Lease from when it first saw that form
//! of it, and takes it over when it has not changed for a whole lease duration. A leader counts from before it sent its
//! last renewal that was taken, and stops writing at two thirds of the duration. So two never lead at once as long as
//! one machine's second is not half another's.

mod drive;
mod elector;
mod pulse;

pub use drive::{Leadership, Place, release, run};
pub use elector::{Elector, Record, Seen, Step, Timing};
pub use pulse::{Beat, Pulse};
