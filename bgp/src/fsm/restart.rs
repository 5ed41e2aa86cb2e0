//! What is kept of a peer that restarts gracefully (RFC 4724 §4.2, RFC 8538 §4).
//!
//! Only the helper's part needs a memory. As the one that restarts, this speaker defers nothing: it originates its
//! routes and selects none, so it waits for no neighbour's End-of-RIB (RFC 4724 §4.1) and a dead neighbour holds up
//! nobody. R and F of its own OPEN are [`super::Config::open`]'s.

use std::time::{Duration, Instant};

use super::config::LONGEST_RESTART;
use super::event::{Action, EndReason};
use super::negotiate::Negotiated;
use crate::types::Family;

/// How long a peer that is back may take to its End-of-RIB (the stale timer, RFC 8538 §4.1).
const STALE_TIME: Duration = Duration::from_secs(180);

/// The families of which stale routes are kept, and for how long.
#[derive(Clone, Debug, Default)]
pub(super) struct Helper {
    stale: Vec<Family>,
    /// There is one as long as something is stale.
    until: Option<Instant>,
}

impl Helper {
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.until
    }

    /// A session ended: its routes are kept for as long as the peer asked, or not at all.
    pub(super) fn session_ended(
        &mut self,
        now: Instant,
        with: &Negotiated,
        reason: &EndReason,
        out: &mut Vec<Action>,
    ) {
        let before = std::mem::take(self);
        let Some(restart) = &with.restart else { return };
        let time = Duration::from_secs(restart.time.min(LONGEST_RESTART).into());
        let listed = |family: &Family| restart.families.iter().any(|(of, _)| of == family);
        let (stale, gone): (Vec<Family>, Vec<Family>) = with.families.iter().copied().partition(listed);
        if !is_graceful(reason, restart.notification) || time.is_zero() || stale.is_empty() {
            return;
        }
        if before.until.is_some() {
            out.push(Action::Purge(None)); // the peer restarts again before it was done with the last time
        }
        out.push(Action::Retain { time });
        out.extend(gone.into_iter().map(|family| Action::Purge(Some(family))));
        *self = Self { stale, until: Some(now + time) };
    }

    /// The peer is back: what it did not keep forwarding for is not to be used any longer.
    pub(super) fn session_up(&mut self, now: Instant, with: &Negotiated, out: &mut Vec<Action>) {
        let kept = |family: &Family| {
            let restart = with.restart.as_ref();
            let forwards = restart.is_some_and(|restart| restart.families.contains(&(*family, true)));
            forwards && with.families.contains(family)
        };
        let (stale, gone) = std::mem::take(&mut self.stale).into_iter().partition(kept);
        self.stale = stale;
        out.extend(Vec::into_iter(gone).map(|family| Action::Purge(Some(family))));
        self.until = (!self.stale.is_empty()).then(|| now + STALE_TIME);
    }

    /// The peer has announced all it has of a family.
    pub(super) fn end_of_rib(&mut self, family: Family, out: &mut Vec<Action>) {
        if let Some(at) = self.stale.iter().position(|of| *of == family) {
            self.stale.swap_remove(at);
            out.push(Action::Purge(Some(family)));
            self.until = self.until.filter(|_| !self.stale.is_empty());
        }
    }

    pub(super) fn tick(&mut self, now: Instant, out: &mut Vec<Action>) {
        if self.until.is_some_and(|at| at <= now) {
            self.give_up(out);
        }
    }

    /// Nothing is kept any longer.
    pub(super) fn give_up(&mut self, out: &mut Vec<Action>) {
        if std::mem::take(self).until.is_some() {
            out.push(Action::Purge(None));
        }
    }
}

/// Whether a session that ended so is a restart, `notification` being what both said about N (RFC 4724 §4.2,
/// RFC 8538 §4).
fn is_graceful(reason: &EndReason, notification: bool) -> bool {
    match reason {
        EndReason::Lost(_) | EndReason::Replaced => true,
        EndReason::Sent(note) | EndReason::Received(note) => notification && !note.is_hard_reset(),
        EndReason::Fault(_) => notification,
        EndReason::DialFailed(_) | EndReason::Abandoned => false,
    }
}
