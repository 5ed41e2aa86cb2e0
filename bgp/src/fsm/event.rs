//! What goes into a [`super::Peer`] and what comes out of it.

use std::fmt;
use std::time::Duration;

use super::negotiate::Negotiated;
use crate::types::Family;
use crate::wire::{Fault, Message, Notification, Update};

/// The driver's name for one TCP connection; never used twice for one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// Who opened a connection; a peer has at most one of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// We dialed.
    Dialed,
    /// The peer dialed, we accepted.
    Accepted,
}

/// What BFD says of the way to a peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Bfd {
    /// Nothing: it is off, was never up, or was taken down on purpose at the other end, which is no failure (RFC 5882
    /// §3.2). BGP goes its own way.
    #[default]
    Silent,
    /// It was not up yet and BGP is to wait for it: the peer is neither dialed nor let in before [`Bfd::Up`]. A session
    /// that stands goes on.
    Awaited,
    /// The way is good: the peer is dialed at once, whatever happened before.
    Up,
    /// The way was good and is not any more: the session ends with Cease/10.
    Down {
        /// Nothing tells a dead way from a peer that restarts, so what is kept after a NOTIFICATION is kept; else it is the
        /// way, and where the peer would keep routes a hard reset has it drop them (RFC 5882 §4.3, RFC 8538 §4).
        keep: bool,
        /// How long the peer is not dialed, unless [`Bfd::Up`] comes first; it is let in if it dials. `None`: as
        /// [`Bfd::Awaited`].
        hold: Option<Duration>,
    },
}

/// Something that happened to a peer.
#[derive(Clone, Debug)]
pub enum Event {
    /// Administrative start.
    Start,
    /// Administrative stop: say why on every connection, then stay down until [`Event::Start`]. Neither side keeps
    /// routes: where NOTIFICATIONs are graceful, a hard reset says so (RFC 8538 §4).
    Stop(Notification),
    /// The speaker goes away for good: the same as [`Event::Stop`].
    Leave(Notification),
    /// The speaker goes away to come back: connections end without a word, so that a peer that speaks graceful restart
    /// keeps our routes (RFC 4724 §4.2). Down until [`Event::Start`].
    Abandon,
    /// Administrative reset: say why on every connection, then come back as after any loss. Where NOTIFICATIONs are
    /// graceful, both sides keep their routes meanwhile (RFC 8538 §4).
    Reset(Notification),
    /// The peer announced more prefixes of a family than it may: the session ends, nothing is kept, and the peer is
    /// left alone for [`super::PREFIX_LIMIT_IDLE`] (RFC 4486 §4).
    PrefixLimit {
        /// The family with too many.
        family: Family,
        /// How many it may announce.
        limit: u32,
    },
    /// BFD has something to say of the way to the peer.
    Bfd(Bfd),
    /// The Established connection's socket took octets. If some still wait, [`Event::Blocked`] has to follow.
    Wrote,
    /// Octets wait for the Established connection's socket and it takes none (RFC 9687 §4.3). May be repeated.
    Blocked,
    /// Ask the peer for everything again, if it can be asked (RFC 2918).
    AskAgain,
    /// Dial at once, anew if a dial is under way: the way to the peer has changed.
    DialNow,
    /// The dial asked for by [`Action::Dial`] succeeded.
    Connected(ConnId),
    /// The dial asked for by [`Action::Dial`] failed.
    DialFailed(String),
    /// The listener took a connection from the peer.
    Accepted(ConnId),
    /// A message arrived.
    Received(ConnId, Message),
    /// Octets arrived that are no message; nothing more will be read from that connection.
    Broken(ConnId, Fault),
    /// The connection is gone.
    Lost(ConnId, String),
    /// A deadline may have passed.
    Tick,
}

/// Something the driver has to do. Order matters.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Open a TCP connection; answer with `Connected` or `DialFailed`.
    Dial,
    /// Give up the dial under way; it must not be answered any more.
    AbandonDial,
    /// Write a message.
    Send(ConnId, Message),
    /// Close the connection once what was sent has left; report nothing more about it.
    Close(ConnId),
    /// The session is Established: announce on this connection.
    Up(ConnId, Box<Negotiated>),
    /// An attempt or a session ended. Sent for every connection, and for a failed dial. Of a session that had been
    /// up, everything the peer announced goes, unless [`Action::Retain`] came just before.
    Ended {
        /// Whether it had been Established: announcements must stop.
        was_up: bool,
        /// Why.
        reason: EndReason,
    },
    /// The peer wants a family announced again.
    Refresh(Family),
    /// The peer begins to announce a family again: what it does not announce before the end is gone (RFC 7313 §4).
    RefreshBegins(Family),
    /// The peer has announced all of a family again (RFC 7313 §4).
    RefreshEnds(Family),
    /// The peer announced or withdrew.
    Update(Update),
    /// The session is lost and the peer restarts gracefully: keep what it announced, as stale (RFC 4724 §4.2).
    Retain {
        /// How long at most before the peer must be back; [`Action::Purge`] says when it is over.
        time: Duration,
    },
    /// Drop what is stale of one family, or of all.
    Purge(Option<Family>),
}

/// Why an attempt or a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// We sent this. A hold timer that expired is one of them.
    Sent(Notification),
    /// The peer said something that ends the session; we answered with the fault's NOTIFICATION.
    Fault(Fault),
    /// The peer sent this.
    Received(Notification),
    /// TCP ended without a NOTIFICATION; the text is the system's.
    Lost(String),
    /// The TCP connection could not be opened; the text is the system's.
    DialFailed(String),
    /// A newer connection from the same peer took its place.
    Replaced,
    /// We left without a word, to come back.
    Abandoned,
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sent(note) => write!(f, "sent {note}"),
            Self::Fault(fault) => write!(f, "{fault}; sent {}", Notification::from(fault)),
            Self::Received(note) => write!(f, "received {note}"),
            Self::Lost(cause) => write!(f, "connection lost: {cause}"),
            Self::DialFailed(cause) => write!(f, "cannot connect: {cause}"),
            Self::Replaced => f.write_str("replaced by a newer connection"),
            Self::Abandoned => f.write_str("closed without a NOTIFICATION, to restart gracefully"),
        }
    }
}

impl EndReason {
    /// What the peer is to be told about it, if that is ours to tell.
    #[must_use]
    pub fn notification(&self) -> Option<Notification> {
        match self {
            Self::Sent(note) => Some(note.clone()),
            Self::Fault(fault) => Some(fault.into()),
            Self::Received(_) | Self::Lost(_) | Self::DialFailed(_) | Self::Replaced | Self::Abandoned => {
                None
            }
        }
    }
}

/// The session's state in the words of RFC 4271 §8.2.2, the furthest of its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Stopped, or waiting for the retry timer.
    Idle,
    /// A dial is under way.
    Connect,
    /// Waiting for the peer, or for the retry timer while listening.
    Active,
    /// Our OPEN is out.
    OpenSent,
    /// Both OPENs are accepted.
    OpenConfirm,
    /// Routes may flow.
    Established,
}

impl State {
    /// The name operators know.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "Idle",
            Self::Connect => "Connect",
            Self::Active => "Active",
            Self::OpenSent => "OpenSent",
            Self::OpenConfirm => "OpenConfirm",
            Self::Established => "Established",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
