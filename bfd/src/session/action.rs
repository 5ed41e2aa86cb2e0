//! What comes out of a session, and what an administrator puts in; [`crate::engine`] passes both on.

use std::fmt;

use super::{Change, Path};
use crate::packet::Encoded;
use crate::types::{Diagnostic, State};

/// A session's number; counts from 1, never used twice in one engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u32);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Something the driver has to do, or to tell. Order matters.
#[derive(Clone, Debug)]
pub enum Action {
    /// Send this from the session's own socket.
    Transmit(SessionId, Encoded),
    /// A passive session was made by a packet of an allowed peer.
    Opened(SessionId, Path),
    /// The session is gone; its socket may be closed.
    Closed(SessionId, Path),
    /// Its state changed.
    Changed(SessionId, Path, Change),
}

/// What an administrator does to one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Hold it in AdminDown or Down, with this diagnostic in its packets. Other states are ignored.
    Force(State, Diagnostic),
    /// Let it come up again.
    Release,
    /// Send nothing, but keep its state.
    Suspend,
    /// Send again.
    Resume,
    /// A passive session speaks from now on.
    Activate,
}
