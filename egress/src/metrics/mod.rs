//! What Prometheus gets; `docs/egress-metrics.md` explains each series.
//!
//! `counted` is what is counted where it happens; everything else is read off the parts when somebody asks.

mod counted;
mod family;
mod read;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kubeovn::VpcEgressGateway;
use prometheus::TextEncoder;

use crate::events::Recorder;
use crate::network::Databases;
use crate::plan::GatewayPlan;
use crate::readiness::Readiness;
use crate::view::Name;
use counted::Counted;

/// `Content-Type` of what [`Metrics::scrape`] gives.
pub const TEXT_FORMAT: &str = prometheus::TEXT_FORMAT;

/// What is read off when somebody asks.
pub struct Parts {
    /// Whether it works.
    pub readiness: Readiness,
    /// The databases.
    pub databases: Databases,
    /// Events.
    pub recorder: Recorder,
}

/// What the last pass over a gateway found.
struct Facts {
    ready: bool,
    phase: String,
    used: usize,
    unused: usize,
    last_resort: bool,
}

/// All series.
pub struct Metrics {
    parts: Parts,
    gateways: Mutex<BTreeMap<Name, Facts>>,
    counted: Mutex<Counted>,
}

impl Metrics {
    /// Of these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self { parts, gateways: Mutex::default(), counted: Mutex::default() }
    }

    /// Whether it works.
    #[must_use]
    pub fn readiness(&self) -> &Readiness {
        &self.parts.readiness
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn gateways(&self) -> MutexGuard<'_, BTreeMap<Name, Facts>> {
        self.gateways.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A pass took so long.
    pub fn pass(&self, kind: &'static str, took: Duration) {
        self.counted().pass(kind, took);
    }

    /// A pass could not do something, for this reason.
    pub fn trouble(&self, reason: &'static str) {
        self.counted().trouble(reason);
    }

    /// How many objects wait for their pass, and how many of them because it failed.
    pub fn queue(&self, lengths: (usize, usize)) {
        self.counted().queue = lengths;
    }

    /// What a pass over a gateway found.
    pub fn gateway(&self, name: &Name, object: &VpcEgressGateway, plan: &GatewayPlan) {
        if object.metadata.deletion_timestamp.is_some() {
            return self.forget(name);
        }
        let used = plan.members.iter().filter(|member| member.used).count();
        let facts = Facts {
            ready: plan.status.ready,
            phase: plan.status.phase.clone(),
            used,
            unused: plan.members.len() - used,
            last_resort: plan.last_resort,
        };
        self.gateways().insert(name.clone(), facts);
    }

    /// The gateway is gone.
    pub fn forget(&self, name: &Name) {
        self.gateways().remove(name);
    }

    /// Another replica knows of them.
    pub fn forget_all(&self) {
        self.gateways().clear();
    }

    /// The page.
    ///
    /// # Errors
    /// Should there be none: values and names are ours.
    pub fn scrape(&self) -> prometheus::Result<String> {
        let mut families = read::gateways(&self.gateways());
        families.extend(self.counted().families());
        families.extend(read::parts(&self.parts));
        families.retain(|family| !family.get_metric().is_empty()); // the encoder refuses a family without series
        let process = prometheus::default_registry().gather();
        families.extend(process.into_iter().filter(|family| family.name().starts_with("process_")));
        TextEncoder::new().encode_to_string(&families)
    }
}
