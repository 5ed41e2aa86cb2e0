//! What is due next, of all sessions: packets in real time, silence in time awake.
//!
//! A packet that is heard moves its session's detection deadline; its entry here stays where it was and is moved when it
//! comes up. So a packet costs a comparison, and a session's entry moves about once per detection time.

use std::collections::BTreeSet;

use super::SessionId;
use crate::session::Session;
use crate::session::clock::{Awake, Moment};

/// Detection entries this close are looked at along with what is due, for most of them were overtaken by packets: it
/// saves a wake-up each. In nanoseconds.
const AHEAD: u64 = 1_000_000;

/// A session and where it stands here.
pub(super) struct Entry {
    pub(super) session: Session,
    due: Option<Moment>,
    /// Not after the session's real deadline.
    watched: Option<Awake>,
}

impl Entry {
    pub(super) fn new(session: Session) -> Self {
        Self { session, due: None, watched: None }
    }
}

/// See the module.
#[derive(Default)]
pub(super) struct Timers {
    due: BTreeSet<(Moment, SessionId)>,
    watched: BTreeSet<(Awake, SessionId)>,
}

impl Timers {
    /// Follows what a session's deadlines have become.
    pub(super) fn follow(&mut self, entry: &mut Entry) {
        let id = entry.session.id;
        let due = entry.session.due();
        if entry.due != due {
            if let Some(old) = entry.due {
                self.due.remove(&(old, id));
            }
            if let Some(new) = due {
                self.due.insert((new, id));
            }
            entry.due = due;
        }
        match (entry.watched, entry.session.expires()) {
            (Some(watched), Some(expires)) if watched <= expires => {}
            (None, None) => {}
            (_, expires) => self.watch(entry, expires),
        }
    }

    /// Puts the detection entry there.
    fn watch(&mut self, entry: &mut Entry, at: Option<Awake>) {
        let id = entry.session.id;
        if let Some(old) = entry.watched {
            self.watched.remove(&(old, id));
        }
        if let Some(new) = at {
            self.watched.insert((new, id));
        }
        entry.watched = at;
    }

    /// A session is gone.
    pub(super) fn forget(&mut self, entry: &Entry) {
        let id = entry.session.id;
        if let Some(at) = entry.due {
            self.due.remove(&(at, id));
        }
        if let Some(at) = entry.watched {
            self.watched.remove(&(at, id));
        }
    }

    /// The first session with something to do by now.
    pub(super) fn due(&self, now: Moment) -> Option<SessionId> {
        self.due.first().filter(|(at, _)| *at <= now).map(|(_, id)| *id)
    }

    /// The first session whose detection entry has come up, or nearly.
    pub(super) fn watched(&self, now: Awake) -> Option<SessionId> {
        self.watched.first().filter(|(at, _)| *at <= now.after(AHEAD)).map(|(_, id)| *id)
    }

    /// Looks at a session whose entry has come up.
    pub(super) fn judge(&mut self, entry: &mut Entry, now: Awake) -> Verdict {
        let expires = entry.session.expires();
        match expires {
            Some(at) if at <= now => Verdict::Expired,
            Some(_) if expires == entry.watched => Verdict::NotYet,
            _ => {
                self.watch(entry, expires);
                Verdict::Heard
            }
        }
    }

    /// The first deadlines.
    pub(super) fn next(&self) -> (Option<Moment>, Option<Awake>) {
        (self.due.first().map(|(at, _)| *at), self.watched.first().map(|(at, _)| *at))
    }
}

/// What came of [`Timers::judge`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The session's peer was silent for the detection time.
    Expired,
    /// It was heard meanwhile; the entry was moved.
    Heard,
    /// The entry is right, and in the future: so are all behind it.
    NotYet,
}
