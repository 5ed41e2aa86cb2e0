//! What is counted where it happens.

use std::collections::BTreeMap;
use std::time::Duration;

use prometheus::proto::MetricFamily;

use super::family::{Family, number, size};

/// The reasons of `egress_errors_total`, each shown from the start.
const REASONS: [&str; 10] = [
    "not_leading",
    "kube_api",
    "kube_conflict",
    "foreign_deployment",
    "row_clash",
    "no_router",
    "nb_not_connected",
    "nb_lost",
    "nb_conflict",
    "nb_refused",
];

/// Upper bounds of the buckets for passes, in seconds: most write nothing and take less than a millisecond, those that wait
/// for an API server take seconds.
const BOUNDS: [f64; 10] = [0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

/// How long passes took.
#[derive(Debug, Default)]
struct Passes {
    count: u64,
    seconds: f64,
    below: [u64; BOUNDS.len()],
}

/// All counters.
#[derive(Debug, Default)]
pub(super) struct Counted {
    passes: BTreeMap<&'static str, Passes>,
    troubles: BTreeMap<&'static str, u64>,
    pub(super) queue: (usize, usize),
}

impl Counted {
    pub(super) fn pass(&mut self, kind: &'static str, took: Duration) {
        let passes = self.passes.entry(kind).or_default();
        let seconds = took.as_secs_f64();
        passes.count += 1;
        passes.seconds += seconds;
        for (bound, below) in BOUNDS.iter().zip(&mut passes.below) {
            *below += u64::from(seconds <= *bound);
        }
    }

    pub(super) fn trouble(&mut self, reason: &'static str) {
        *self.troubles.entry(reason).or_default() += 1;
    }

    pub(super) fn families(&self) -> Vec<MetricFamily> {
        let mut passes =
            Family::histogram("egress_pass_seconds", "Time of passes over one object, by its kind.");
        for (kind, one) in &self.passes {
            let buckets: Vec<(f64, u64)> = BOUNDS.into_iter().zip(one.below).collect();
            passes = passes.observed(&[("kind", kind)], one.seconds, one.count, &buckets);
        }
        let mut troubles = Family::counter(
            "egress_errors_total",
            "What passes could not do, by reason; each is tried again.",
        );
        for reason in REASONS {
            let count = self.troubles.get(reason).copied().unwrap_or_default();
            troubles = troubles.with(&[("reason", reason)], number(count));
        }
        let conflicts = self.troubles.get("nb_conflict").copied().unwrap_or_default();
        let conflicts = Family::counter(
            "egress_nb_conflicts_total",
            "Transactions that the northbound database refused because somebody else was faster.",
        )
        .with(&[], number(conflicts));
        let (waiting, failing) = self.queue;
        let queue =
            Family::gauge("egress_queue_objects", "Objects that wait for a pass, or failed in their last.")
                .with(&[("state", "waiting")], size(waiting))
                .with(&[("state", "failing")], size(failing));
        [passes, troubles, conflicts, queue].map(Family::done).into()
    }
}
