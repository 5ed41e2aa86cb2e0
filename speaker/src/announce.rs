//! The last step of the pipeline: what the plan says goes to the BGP engine, what it noticed goes to the log.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bgp::net::Engine;
use bgp::rib::RouteAttrs;
use bgp::{Asn, RouterId};
use ipnet::IpNet;
use tokio::sync::watch;
use tracing::{debug, info, warn};

use crate::byhand::{ByHand, ByHandError, Handle};
use crate::events::Recorder;
use crate::intent::{Assumed, Intent};
use crate::plan::{Plan, Settings};
use crate::stages::Stages;
use crate::view::{Batch, Change, Kind};

/// The reason of what is announced because it was wanted last.
pub const FROM_INTENT: &str = "from the last intent";

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
    beside: Mutex<Beside>,
    /// Grows with every change of what the plan wants.
    version: AtomicU64,
    /// Every source has listed once.
    synced: watch::Sender<bool>,
    notices: Mutex<BTreeMap<&'static str, u64>>,
    /// Who tells the objects' owners; nobody until there is one.
    events: OnceLock<Recorder>,
}

/// What is wanted beside the plan. Locked before the plan where both are.
#[derive(Default)]
struct Beside {
    by_hand: ByHand,
    /// Nothing, once everything was listed.
    assumed: Assumed,
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
            beside: Mutex::default(),
            version: AtomicU64::new(0),
            synced: watch::Sender::new(false),
            notices: Mutex::default(),
            events: OnceLock::new(),
        }
    }

    /// From now on notices are told to this one, too. Only the first call counts.
    pub fn tell(&self, events: Recorder) {
        let _ = self.events.set(events);
    }

    /// Who tells the objects' owners, if anybody does.
    #[must_use]
    pub fn events(&self) -> Option<&Recorder> {
        self.events.get()
    }

    /// Carries out what a source saw. The first batch of a source that has listed everything opens the tap.
    pub fn handle(&self, batch: Batch) {
        let (synced, waited) = (batch.synced, batch.noticed.elapsed());
        let listed = self.count(&batch.changes);
        let outcome = lock(&self.plan).apply_batch(batch.changes);
        let attrs = RouteAttrs::default();
        // Held until the engine knows: who adds or removes by hand meanwhile looks at the plan as it is now.
        let mut beside = lock(&self.beside);
        let Beside { by_hand, assumed } = &*beside;
        let announce = outcome.announce.iter().map(|net| (*net, Some(by_hand.get(net).unwrap_or(&attrs))));
        let assumed = |net: &IpNet| assumed.contains(net).then_some(&attrs);
        let withdraw = outcome.withdraw.iter().map(|net| (*net, by_hand.get(net).or_else(|| assumed(net))));
        self.engine.apply_noticed(withdraw.chain(announce), batch.noticed);
        if synced && !self.is_synced() {
            self.settle(&mut beside);
        }
        drop(beside);
        listed.into_iter().for_each(|kind| self.stages.synced(kind));
        if !outcome.announce.is_empty() || !outcome.withdraw.is_empty() {
            self.version.fetch_add(1, Ordering::Release);
            let elapsed = batch.noticed.elapsed();
            let elapsed_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
            let (announced, withdrawn) = (outcome.announce.len(), outcome.withdraw.len());
            self.stages.planned((announced, withdrawn), waited, elapsed);
            debug!(announced, withdrawn, elapsed_us, "wanted prefixes changed");
        }
        for notice in &outcome.notices {
            if !notice.is_told() {
                *lock(&self.notices).entry(notice.name()).or_default() += 1;
                warn!(object = %notice.key(), reason = notice.name(), "{notice}");
            }
            self.events.get().into_iter().for_each(|events| events.tell(notice));
        }
        if synced && !self.engine.is_released() {
            let wanted = lock(&self.plan).prefixes().count();
            info!(wanted, "every source has listed: announcing begins");
            self.engine.release();
        }
    }

    /// Every source has listed for the first time: what is announced because it was wanted last stays if it is wanted,
    /// and goes if it is not.
    fn settle(&self, beside: &mut Beside) {
        let assumed = std::mem::take(&mut beside.assumed);
        let plan = lock(&self.plan);
        let gone = assumed.prefixes().filter(|net| plan.reasons(net).next().is_none());
        let gone: Vec<IpNet> = gone.copied().collect();
        drop(plan);
        self.engine.apply(gone.iter().map(|net| (*net, beside.by_hand.get(net))));
        self.stages.all_synced();
        self.synced.send_replace(true);
        if !assumed.is_empty() {
            let stayed = assumed.len() - gone.len();
            info!(
                stayed,
                withdrawn = gone.len(),
                "every source has listed: what was wanted last is confirmed"
            );
        }
    }

    /// Announces what was wanted last until every source has listed. Without effect once they have.
    pub fn assume(&self, intent: Intent) {
        let confirmed = intent.confirmed;
        let mut beside = lock(&self.beside);
        if self.is_synced() {
            return;
        }
        beside.assumed = Assumed::of(intent);
        let Beside { by_hand, assumed } = &*beside;
        let attrs = RouteAttrs::default();
        let count = assumed.len();
        self.engine.apply(assumed.prefixes().map(|net| (*net, Some(by_hand.get(net).unwrap_or(&attrs)))));
        drop(beside);
        let not_listed = self.stages.unlisted().map(Kind::name).collect::<Vec<_>>().join(", ");
        warn!(
            prefixes = count,
            confirmed,
            not_listed,
            "the API server has not listed everything yet: announcing what was wanted last"
        );
        self.engine.release();
    }

    /// How many prefixes are announced because they were wanted last; `None` once every source has listed, or if nothing
    /// is known of that.
    #[must_use]
    pub fn assumed(&self) -> Option<usize> {
        let beside = lock(&self.beside);
        (!self.is_synced() && self.engine.is_released()).then(|| beside.assumed.len())
    }

    /// Whether every source has listed once.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        *self.synced.borrow()
    }

    /// Until every source has listed once.
    pub async fn until_synced(&self) {
        // The other end is ours.
        let _ = self.synced.subscribe().wait_for(|synced| *synced).await;
    }

    /// Grows whenever what the plan wants changes.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// What the plan wants, in no order.
    #[must_use]
    pub fn wanted(&self) -> Vec<IpNet> {
        lock(&self.plan).prefixes().collect()
    }

    /// Wants a prefix whatever the plan says, until it is removed by hand. Host bits are cleared.
    ///
    /// # Errors
    /// [`ByHandError`].
    pub fn add_by_hand(&self, prefix: IpNet, attrs: RouteAttrs) -> Result<Handle, ByHandError> {
        let prefix = prefix.trunc();
        let mut beside = lock(&self.beside);
        let handle = beside.by_hand.add(prefix, attrs.clone())?;
        self.engine.apply([(prefix, Some(&attrs))]);
        drop(beside);
        info!(%prefix, "route added by hand");
        Ok(handle)
    }

    /// Takes back what was added by hand and picked by `which`; what the plan wants, too, stays. Returns how many.
    pub fn remove_by_hand(&self, which: impl Fn(&IpNet, &Handle) -> bool) -> usize {
        let mut beside = lock(&self.beside);
        let gone = beside.by_hand.remove(which);
        let plan = lock(&self.plan);
        let attrs = RouteAttrs::default();
        let wanted = |net: &IpNet| plan.reasons(net).next().is_some() || beside.assumed.contains(net);
        self.engine.apply(gone.iter().map(|net| (*net, wanted(net).then_some(&attrs))));
        drop((plan, beside));
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

    /// Wanted prefixes with the objects that want them, sorted: all of them, or the one asked for. What is only assumed
    /// has [`FROM_INTENT`] in place of an object.
    #[must_use]
    pub fn routes(&self, only: Option<IpNet>) -> Vec<(IpNet, Vec<String>)> {
        let beside = lock(&self.beside);
        let plan = lock(&self.plan);
        let reasons = |prefix: &IpNet| {
            let mut all: Vec<String> = plan.reasons(prefix).map(|key| key.to_string()).collect();
            all.sort_unstable();
            if all.is_empty() && beside.assumed.contains(prefix) {
                all.push(FROM_INTENT.to_owned());
            }
            all
        };
        let wanted: Vec<IpNet> = match only {
            Some(prefix) => vec![prefix],
            None => plan.prefixes().chain(beside.assumed.prefixes().copied()).collect(),
        };
        let mut all: Vec<_> = wanted.into_iter().map(|prefix| (prefix, reasons(&prefix))).collect();
        all.retain(|(_, reasons)| !reasons.is_empty());
        all.sort_unstable_by_key(|(prefix, _)| *prefix);
        all.dedup_by_key(|(prefix, _)| *prefix);
        all
    }

    /// How often each kind of notice was given.
    #[must_use]
    pub fn notices(&self) -> HashMap<String, u64> {
        lock(&self.notices).iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }
}
