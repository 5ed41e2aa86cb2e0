//! What the peer announces: kept to be shown, stale while it restarts, counted against its limit.

use std::time::Instant;

use tracing::{info, warn};

use super::{PeerTask, lock};
use crate::fsm::{Event, Negotiated};
use crate::rib::Learned;
use crate::types::Family;
use crate::wire::Update;

impl PeerTask {
    /// The session is up: what was kept of the last one is still there, as stale.
    pub(super) fn begin_learning(&mut self, with: &Negotiated) {
        self.prefix_warned = false;
        let mut learned = lock(&self.outputs.learned);
        match &mut *learned {
            Some(kept) => kept.resume(with.families.clone()),
            none => {
                let local_as = self.config.session.local_as;
                *none = Some(Learned::new(local_as, with.families.clone(), Instant::now()));
            }
        }
    }

    pub(super) fn learn(&mut self, update: &Update) {
        let mut learned = lock(&self.outputs.learned);
        if learned.as_mut().is_some_and(|learned| learned.update(Instant::now(), update)) {
            let peer = self.config.addr;
            warn!(%peer, kept = Learned::MAX_PATHS, "the peer announces more than is kept to be shown, the rest is only counted");
        }
        drop(learned);
        self.check_prefixes();
    }

    /// Warns once a session at four fifths of what the peer may announce; what is more than that ends the session.
    pub(super) fn check_prefixes(&mut self) {
        let (Some(limit), true) = (self.config.max_prefixes, self.member.is_some()) else { return };
        let most = {
            let learned = lock(&self.outputs.learned);
            let Some(learned) = &*learned else { return };
            let counts = |family: &Family| (*family, learned.counts(*family).received);
            self.config.session.families.iter().map(counts).max_by_key(|(_, count)| *count)
        };
        let (Some((family, prefixes)), peer) = (most, self.config.addr) else { return };
        if prefixes > u64::from(limit) {
            warn!(%peer, %family, limit, "the peer announces more prefixes than it may");
            self.handle(Event::PrefixLimit { family, limit });
        } else if prefixes.saturating_mul(5) >= u64::from(limit).saturating_mul(4) && !self.prefix_warned {
            self.prefix_warned = true;
            warn!(%peer, %family, prefixes, limit, "the peer announces nearly as many prefixes as it may");
        }
    }

    /// The peer restarts: what it announced is kept past the end of the session (RFC 4724 §4.2).
    pub(super) fn retain(&mut self, time: std::time::Duration) {
        self.retained = true;
        if let Some(learned) = &mut *lock(&self.outputs.learned) {
            learned.retain_stale();
        }
        info!(peer = %self.config.addr, seconds = time.as_secs(), "the peer restarts, what it announced is kept");
    }

    /// What is stale goes, of one family or of all.
    pub(super) fn purge(&mut self, family: Option<Family>) {
        let mut learned = lock(&self.outputs.learned);
        match (&mut *learned, family) {
            (kept, None) if self.member.is_none() => *kept = None, // without a session all of it is stale
            (Some(kept), _) => kept.purge_stale(family),
            (None, _) => {}
        }
    }

    /// The peer repeats a family, from its beginning or to its end (RFC 7313 §4).
    pub(super) fn refreshed(&mut self, family: Family, begins: bool) {
        match (&mut *lock(&self.outputs.learned), begins) {
            (Some(learned), true) => learned.begin_refresh(family),
            (Some(learned), false) => learned.end_refresh(family),
            (None, _) => {}
        }
    }
}
