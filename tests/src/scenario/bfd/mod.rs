//! The speaker's BFD against FRR and BIRD: what their own tables say, and a capture of all of it, judged.
//!
//! `lab` is the lab of all of them; `session` brings sessions up and changes them while they run, [`failures`] breaks
//! the path one way at a time, [`restarts`] ends one side or the other, [`strict`] has BGP wait.

mod failures;
mod lab;
mod restarts;
mod session;
mod strict;

pub use failures::failures;
pub use restarts::{graceful, restarts};
pub use session::{link_local, multihop, signed, single_hop};
pub use strict::{lenient, strict};
