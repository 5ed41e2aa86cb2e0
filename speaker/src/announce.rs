//! The last step of the pipeline: what the plan says goes to the BGP engine, what it noticed goes to the log.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bgp::net::Engine;
use bgp::rib::RouteAttrs;
use bgp::{Asn, RouterId};
use ipnet::IpNet;
use tracing::{debug, info, warn};

use crate::byhand::{ByHand, ByHandError, Handle};
use crate::plan::{Plan, Settings};
use crate::stages::Stages;
use crate::view::{Batch, Change, Kind};

/// Who is announcing.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Name of this node, lower case.
    pub node: String,
    /// Our AS.
    pub local_as: Asn,
    /// Our BGP identifier.
    pub router_id: RouterId,
}

/// Keeps the engine's wanted routes equal to the plan's.
pub struct Announcer {
    engine: Arc<Engine>,
    identity: Identity,
    stages: Arc<Stages>,
    plan: Mutex<Plan>,
    by_hand: Mutex<ByHand>,
    notices: Mutex<BTreeMap<&'static str, u64>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Announcer {
    /// An announcer that wants nothing yet.
    #[must_use]
    pub fn new(engine: Arc<Engine>, identity: Identity, settings: Settings) -> Self {
        let stages = Stages::default();
        settings.kinds().iter().for_each(|kind| stages.watches(*kind));
        let plan = Mutex::new(Plan::new(settings));
        Self {
            engine,
            identity,
            stages: Arc::new(stages),
            plan,
            by_hand: Mutex::default(),
            notices: Mutex::default(),
        }
    }

    /// Carries out what a source saw. The first batch of a source that has listed everything opens the tap.
    pub fn handle(&self, batch: Batch) {
        let (synced, waited) = (batch.synced, batch.noticed.elapsed());
        let listed = self.count(&batch.changes);
        let outcome = lock(&self.plan).apply_batch(batch.changes);
        let attrs = RouteAttrs::default();
        // Held until the engine knows: who adds or removes by hand meanwhile looks at the plan as it is now.
        let by_hand = lock(&self.by_hand);
        let announce = outcome.announce.iter().map(|net| (*net, Some(by_hand.get(net).unwrap_or(&attrs))));
        let withdraw = outcome.withdraw.iter().map(|net| (*net, by_hand.get(net)));
        self.engine.apply_noticed(withdraw.chain(announce), batch.noticed);
        drop(by_hand);
        listed.into_iter().for_each(|kind| self.stages.synced(kind));
        if !outcome.announce.is_empty() || !outcome.withdraw.is_empty() {
            let elapsed = batch.noticed.elapsed();
            let elapsed_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
            let (announced, withdrawn) = (outcome.announce.len(), outcome.withdraw.len());
            self.stages.planned((announced, withdrawn), waited, elapsed);
            debug!(announced, withdrawn, elapsed_us, "wanted prefixes changed");
        }
        for notice in &outcome.notices {
            *lock(&self.notices).entry(notice.name()).or_default() += 1;
            warn!(object = %notice.key(), reason = notice.name(), "{notice}");
        }
        if synced && !self.engine.is_released() {
            let wanted = lock(&self.plan).prefixes().count();
            info!(wanted, "every source has listed: announcing begins");
            self.stages.all_synced();
            self.engine.release();
        }
    }

    /// Wants a prefix whatever the plan says, until it is removed by hand. Host bits are cleared.
    ///
    /// # Errors
    /// [`ByHandError`].
    pub fn add_by_hand(&self, prefix: IpNet, attrs: RouteAttrs) -> Result<Handle, ByHandError> {
        let prefix = prefix.trunc();
        let mut by_hand = lock(&self.by_hand);
        let handle = by_hand.add(prefix, attrs.clone())?;
        self.engine.apply([(prefix, Some(&attrs))]);
        drop(by_hand);
        info!(%prefix, "route added by hand");
        Ok(handle)
    }

    /// Takes back what was added by hand and picked by `which`; what the plan wants, too, stays. Returns how many.
    pub fn remove_by_hand(&self, which: impl Fn(&IpNet, &Handle) -> bool) -> usize {
        let mut by_hand = lock(&self.by_hand);
        let gone = by_hand.remove(which);
        let plan = lock(&self.plan);
        let attrs = RouteAttrs::default();
        let planned = |net: &IpNet| plan.reasons(net).next().is_some();
        self.engine.apply(gone.iter().map(|net| (*net, planned(net).then_some(&attrs))));
        drop((plan, by_hand));
        if !gone.is_empty() {
            info!(count = gone.len(), "routes added by hand removed");
        }
        gone.len()
    }

    /// Counts events; returns the kinds whose lists are complete with these changes.
    fn count(&self, changes: &[Change]) -> Vec<Kind> {
        let mut listed = Vec::new();
        for change in changes {
            match change {
                Change::Put(object) => self.stages.event(object.kind(), true),
                Change::Remove(key) => self.stages.event(key.kind, false),
                Change::ListDone(kind) => listed.push(*kind),
                Change::Keep(_) | Change::ListBegun(_) => {}
            }
        }
        listed
    }

    /// The engine behind it.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Who is announcing.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What the stages of the pipeline count.
    #[must_use]
    pub fn stages(&self) -> &Arc<Stages> {
        &self.stages
    }

    /// Wanted prefixes with the objects that want them, sorted: all of them, or the one asked for.
    #[must_use]
    pub fn routes(&self, only: Option<IpNet>) -> Vec<(IpNet, Vec<String>)> {
        let plan = lock(&self.plan);
        let reasons = |prefix: &IpNet| plan.reasons(prefix).map(|key| key.to_string()).collect::<Vec<_>>();
        let mut all: Vec<(IpNet, Vec<String>)> = match only {
            Some(prefix) => vec![(prefix, reasons(&prefix))],
            None => plan.prefixes().map(|prefix| (prefix, reasons(&prefix))).collect(),
        };
        all.retain(|(_, reasons)| !reasons.is_empty());
        all.sort_unstable_by_key(|(prefix, _)| *prefix);
        all.iter_mut().for_each(|(_, reasons)| reasons.sort_unstable());
        all
    }

    /// How often each kind of notice was given.
    #[must_use]
    pub fn notices(&self) -> HashMap<String, u64> {
        lock(&self.notices).iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }
}
