//! What is due next, of all sessions: packets in real time, silence in time awake.
//!
//! A packet that is heard moves its session's detection deadline; its entry here stays where it was and is moved when it
//! comes up. So a packet costs a comparison, and a session's entry moves about once per detection time.

use std::collections::{BTreeMap, BTreeSet};

use super::SessionId;
use crate::session::Session;
use crate::session::clock::{Awake, Moment};

/// Detection entries this close are looked at along with what is due, for most of them were overtaken by packets: it
/// saves a wake-up each. Nor is the clock looked at more often. In nanoseconds.
const AHEAD: u64 = 4_000_000;

/// A session and where it stands here.
pub(super) struct Entry {
    pub(super) session: Session,
    due: Option<Moment>,
    /// Not after the session's real deadline.
    watched: Option<Awake>,
    beat: Option<u64>,
}

impl Entry {
    pub(super) fn new(session: Session) -> Self {
        Self { session, due: None, watched: None, beat: None }
    }
}

/// See the module.
#[derive(Default)]
pub(super) struct Timers {
    due: BTreeSet<(Moment, SessionId)>,
    watched: BTreeSet<(Awake, SessionId)>,
    /// How often sessions want the clock looked at, and how many of them.
    beats: BTreeMap<u64, usize>,
    /// When it was last.
    ran: Moment,
}

impl Timers {
    /// Timers were run.
    pub(super) fn ran(&mut self, now: Moment) {
        self.ran = self.ran.max(now);
    }

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
        let beat = entry.session.beat();
        if entry.beat != beat {
            self.beat(entry.beat, beat);
            entry.beat = beat;
        }
    }

    /// A session wants the clock looked at so often, no longer as before.
    fn beat(&mut self, old: Option<u64>, new: Option<u64>) {
        if let Some(new) = new {
            *self.beats.entry(new).or_default() += 1;
        }
        if let Some(old) = old
            && let Some(count) = self.beats.get_mut(&old)
        {
            *count -= 1;
            if *count == 0 {
                self.beats.remove(&old);
            }
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
        self.beat(entry.beat, None);
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

    /// The shortest of all sessions' beats, in nanoseconds.
    pub(super) fn shortest_beat(&self) -> Option<u64> {
        self.beats.first_key_value().map(|(beat, _)| *beat)
    }

    /// The first deadlines.
    pub(super) fn next(&self) -> (Option<Moment>, Option<Awake>) {
        let beat = self.shortest_beat().map(|beat| self.ran.after(beat.max(AHEAD)));
        let due = self.due.first().map(|(at, _)| *at);
        (due.into_iter().chain(beat).min(), self.watched.first().map(|(at, _)| *at))
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
