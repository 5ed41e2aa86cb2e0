//! One session: the state machine of RFC 5880 §6.8, timers as data, no clock and no socket.

mod settings;
mod status;

pub use settings::{Hops, Path, Role, Settings};
pub use status::{Change, Reason, Recorded, Status};
