//! The last changes of state.

use super::clock::Moment;
use crate::types::State;

/// How many are kept.
const KEPT: usize = 8;

/// One of them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Entry {
    pub(super) state: State,
    pub(super) forced: bool,
    pub(super) at: Moment,
}

/// A ring; Init is left out, as it is only passed through.
#[derive(Debug, Default)]
pub(super) struct History {
    ring: [Entry; KEPT],
    /// How many were ever put in.
    count: usize,
}

impl History {
    /// Notes a state, unless it is the one noted last.
    pub(super) fn note(&mut self, entry: Entry) {
        let same = self
            .newest_first()
            .next()
            .is_some_and(|last| (last.state, last.forced) == (entry.state, entry.forced));
        if entry.state == State::Init || same {
            return;
        }
        if let Some(place) = self.ring.get_mut(self.count % KEPT) {
            *place = entry;
            self.count = self.count.wrapping_add(1);
        }
    }

    /// What was noted.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = &Entry> {
        let oldest = self.count.saturating_sub(KEPT);
        (oldest..self.count).rev().filter_map(|number| self.ring.get(number % KEPT))
    }
}
