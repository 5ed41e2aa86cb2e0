//! The change log: which prefixes changed after which generation, and what they were before.
//!
//! Holds only what some reader still lacks. Between two neighbouring reader positions a prefix keeps one entry, so
//! however long a reader stands still and however much comes and goes, the log is bounded by readers × table.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use super::{AttrId, Generation};

#[derive(Clone, Copy, Debug)]
struct Entry<P> {
    generation: Generation,
    prefix: P,
    /// What the prefix carried just before this change; `None`: it was not wanted.
    before: Option<AttrId>,
}

#[derive(Debug)]
pub(super) struct Log<P> {
    entries: VecDeque<Entry<P>>,
    /// Length after the last compaction: the next one waits for it to double.
    settled: usize,
}

impl<P> Default for Log<P> {
    fn default() -> Self {
        Self { entries: VecDeque::new(), settled: 0 }
    }
}

impl<P: Copy + Eq + Hash> Log<P> {
    pub(super) fn push(&mut self, generation: Generation, prefix: P, before: Option<AttrId>) {
        self.entries.push_back(Entry { generation, prefix, before });
    }

    /// Entries of changes after `since`.
    pub(super) fn len_after(&self, since: Generation) -> usize {
        self.entries.len() - self.start(since)
    }

    fn start(&self, since: Generation) -> usize {
        self.entries.partition_point(|entry| entry.generation <= since)
    }

    /// Each prefix changed after `since`, once, with what it carried at `since`.
    pub(super) fn changed_after(
        &self,
        since: Generation,
    ) -> HashMap<P, Option<AttrId>, foldhash::fast::RandomState> {
        let mut first = HashMap::default();
        for entry in self.entries.range(self.start(since)..) {
            first.entry(entry.prefix).or_insert(entry.before);
        }
        first
    }

    /// Drops what lies at or before every reader. No reader: everything.
    pub(super) fn trim(&mut self, readers: &[Generation]) {
        match readers.iter().min() {
            None => self.entries = VecDeque::new(),
            Some(oldest) => {
                let start = self.start(*oldest);
                self.entries.drain(..start);
                if self.entries.is_empty() {
                    self.entries = VecDeque::new(); // give the memory of a burst back
                }
            }
        }
        self.settled = self.settled.min(self.entries.len());
    }

    /// Merges the entries of a prefix that no reader tells apart, once the log has doubled since the last time.
    /// `now` says what the prefix carries at present.
    pub(super) fn compact(&mut self, readers: &[Generation], now: impl Fn(&P) -> Option<AttrId>) {
        const SMALL: usize = 4096;
        if self.entries.len() < SMALL.max(self.settled.saturating_mul(2)) {
            return;
        }
        let mut positions = readers.to_vec();
        positions.sort_unstable();
        // Readers at or before `generation`: changes with the same number are alike to every reader.
        let span = |generation| positions.partition_point(|at| *at < generation);
        let mut first: HashMap<(P, usize), Option<AttrId>, foldhash::fast::RandomState> = HashMap::default();
        for entry in &self.entries {
            first.entry((entry.prefix, span(entry.generation))).or_insert(entry.before);
        }
        let mut after: HashMap<P, Option<AttrId>, foldhash::fast::RandomState> = HashMap::default();
        let mut kept = VecDeque::with_capacity(first.len());
        for entry in self.entries.iter().rev() {
            // The last entry of the span takes the place of all; the others find nothing left to remove.
            let Some(before) = first.remove(&(entry.prefix, span(entry.generation))) else { continue };
            let then = after.insert(entry.prefix, before).unwrap_or_else(|| now(&entry.prefix));
            if before != then {
                kept.push_front(Entry { before, ..*entry });
            }
        }
        self.entries = kept;
        self.settled = self.entries.len();
    }
}
