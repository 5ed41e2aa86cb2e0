//! One family's wanted routes, their packed form, and how a member is brought from one generation to the present.

use std::collections::HashMap;

use super::log::Log;
use super::member::Cursor;
use super::pack::{Block, Encoder, blocks, patch};
use super::{AttrId, Batch, Generation};
use crate::wire::{Decode, refresh};

/// The whole table in wire form at one generation: sorted, so the same routes give the same octets.
#[derive(Debug)]
struct Packed {
    at: Generation,
    blocks: Vec<Block>,
}

/// What changed between a generation and the present, in wire form; kept for the members that ask the same.
#[derive(Clone, Debug)]
struct Delta {
    since: Generation,
    until: Generation,
    withdrawn: Option<Block>,
    announced: Vec<Block>,
}

#[derive(Debug)]
pub(super) struct Table<P> {
    live: HashMap<P, AttrId, foldhash::fast::RandomState>,
    generation: Generation,
    log: Log<P>,
    /// Someone will want to know what changes from now on.
    logging: bool,
    packed: Option<Packed>,
    delta: Option<Delta>,
    /// The generation of the change under way, once it has changed anything.
    changing: bool,
}

impl<P> Default for Table<P> {
    fn default() -> Self {
        Self {
            live: HashMap::default(),
            generation: 0,
            log: Log::default(),
            logging: false,
            packed: None,
            delta: None,
            changing: false,
        }
    }
}

impl<P: Decode> Table<P> {
    pub(super) fn generation(&self) -> Generation {
        self.generation
    }

    pub(super) fn live(&self) -> impl ExactSizeIterator<Item = (P, AttrId)> {
        self.live.iter().map(|(prefix, attrs)| (*prefix, *attrs))
    }

    /// Starts a change; `watched`: some member will ask for the difference.
    pub(super) fn begin(&mut self, watched: bool) {
        self.logging = watched || self.packed.is_some();
        self.changing = false;
    }

    /// One prefix of the change. Setting what already holds is no change.
    pub(super) fn set(&mut self, prefix: P, attrs: Option<AttrId>) {
        let before = match attrs {
            Some(attrs) => self.live.insert(prefix, attrs),
            None => self.live.remove(&prefix),
        };
        if before == attrs {
            return;
        }
        if !std::mem::replace(&mut self.changing, true) {
            self.generation += 1;
        }
        if self.logging {
            self.log.push(self.generation, prefix, before);
        }
    }

    /// After a change or a pull: the log keeps what `readers` lack, the packed table stays near the present.
    pub(super) fn tidy(&mut self, mut readers: Vec<Generation>, pack: bool) {
        if self.delta.as_ref().is_some_and(|delta| readers.iter().all(|at| *at >= delta.until)) {
            self.delta = None;
        }
        let stale = |packed: &Packed| self.log.len_after(packed.at) > (self.live.len() / 4).max(1024);
        if pack && self.packed.as_ref().is_none_or(stale) {
            let old = self.packed.take();
            self.packed = Some(self.pack(old));
        }
        readers.extend(self.packed.as_ref().map(|packed| packed.at));
        self.log.trim(&readers);
        self.log.compact(&readers, |prefix| self.live.get(prefix).copied());
    }

    /// The table as it is now. An older packed one, whose successors the log has, is patched: much cheaper than
    /// sorting everything again.
    fn pack(&self, old: Option<Packed>) -> Packed {
        let blocks = match old {
            Some(old) => {
                let changed = self.log.changed_after(old.at).into_iter();
                let changed =
                    changed.map(|(prefix, before)| (prefix, before, self.live.get(&prefix).copied()));
                patch(old.blocks, changed)
            }
            None => {
                let mut all: Vec<(AttrId, P)> =
                    self.live.iter().map(|(prefix, attrs)| (*attrs, *prefix)).collect();
                all.sort_unstable();
                blocks(&all)
            }
        };
        Packed { at: self.generation, blocks }
    }

    /// Appends what brings a member from `cursor` to the present, which is returned.
    pub(super) fn send(&mut self, cursor: Cursor, encoder: &Encoder<'_>, batch: &mut Batch) -> Generation {
        let whole = match cursor {
            Cursor::At(since) => {
                self.send_delta(since, encoder, batch);
                false
            }
            // Withdrawals first: a refresh repeats what is wanted and says nothing of what is not.
            Cursor::Resend(since) => {
                self.send_delta(since, encoder, batch);
                true
            }
            Cursor::Fresh => true,
        };
        if whole {
            let packed = match self.packed.take() {
                Some(packed) if self.still_holds(&packed) => packed,
                old => self.pack(old),
            };
            let again = matches!(cursor, Cursor::Resend(_));
            if again {
                encoder.refresh_marker(P::FAMILY, refresh::BEGINS, batch);
            }
            encoder.announce(P::FAMILY, &packed.blocks, batch);
            self.send_delta(packed.at, encoder, batch);
            if again {
                encoder.refresh_marker(P::FAMILY, refresh::ENDS, batch);
            }
            self.packed = Some(packed);
        }
        if cursor == Cursor::Fresh {
            encoder.end_of_rib(P::FAMILY, batch);
        }
        self.generation
    }

    /// Whether all that is packed is wanted as it was: else a slow member would hold, until it has read on, what
    /// is not wanted any more.
    fn still_holds(&self, packed: &Packed) -> bool {
        self.log.changed_after(packed.at).values().all(Option::is_none)
    }

    fn send_delta(&mut self, since: Generation, encoder: &Encoder<'_>, batch: &mut Batch) {
        if since == self.generation {
            return;
        }
        let known = self.delta.take().filter(|delta| (delta.since, delta.until) == (since, self.generation));
        let delta = known.unwrap_or_else(|| self.delta_since(since));
        if let Some(block) = &delta.withdrawn {
            encoder.withdraw(P::FAMILY, block, batch);
        }
        encoder.announce(P::FAMILY, &delta.announced, batch);
        self.delta = Some(delta);
    }

    fn delta_since(&self, since: Generation) -> Delta {
        let (mut gone, mut wanted) = (Vec::new(), Vec::new());
        for (prefix, before) in self.log.changed_after(since) {
            match (before, self.live.get(&prefix).copied()) {
                (before, now) if before == now => {} // came and went
                (_, Some(attrs)) => wanted.push((attrs, prefix)),
                (_, None) => gone.push((AttrId(0), prefix)),
            }
        }
        gone.sort_unstable();
        wanted.sort_unstable();
        let withdrawn = blocks(&gone).pop();
        Delta { since, until: self.generation, withdrawn, announced: blocks(&wanted) }
    }

    /// How many prefixes a member brought to `since` holds.
    pub(super) fn count_at(&self, since: Generation) -> usize {
        self.log.changed_after(since).iter().fold(self.live.len(), |count, (prefix, before)| {
            count + usize::from(before.is_some()) - usize::from(self.live.contains_key(prefix))
        })
    }

    /// What a member brought to `since` holds, in no order.
    pub(super) fn sent_at(&self, since: Generation) -> impl Iterator<Item = (P, AttrId)> {
        let changed = self.log.changed_after(since);
        let then: Vec<(P, AttrId)> =
            changed.iter().filter_map(|(prefix, before)| Some((*prefix, (*before)?))).collect();
        self.live().filter(move |(prefix, _)| !changed.contains_key(prefix)).chain(then)
    }
}
