//! What Prometheus gets: read from the engine and the [`crate::stages::Stages`] at the moment of a scrape, so never stale.
//!
//! `upstream` has the series of kube-ovn-speaker under its names, `own` those of our stages, `bfd` those of BFD. A peer that is gone
//! leaves no series. `docs/metrics.md` lists all of them.

mod bfd;
mod family;
mod own;
mod upstream;

use std::sync::Arc;

use bgp::net::PeerStatus;
use prometheus::TextEncoder;
use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::MetricFamily;

pub use prometheus::TEXT_FORMAT;

use crate::announce::Announcer;
use crate::liveness::{Liveness, Snapshot};
use crate::logging::Counts;
use crate::nexthop::Troubles;

/// All that can be scraped from one speaker.
pub struct Metrics {
    announcer: Arc<Announcer>,
    log: fn() -> Counts,
    liveness: Liveness,
    troubles: Arc<Troubles>,
    process: ProcessCollector,
}

impl Metrics {
    /// Metrics of what this announcer and its engine do; `log` tells what was logged so far.
    #[must_use]
    pub fn new(announcer: Arc<Announcer>, log: fn() -> Counts) -> Self {
        let (liveness, troubles) = (Liveness::default(), Arc::default());
        Self { announcer, log, liveness, troubles, process: ProcessCollector::for_self() }
    }

    /// These with the neighbours there is no way to.
    #[must_use]
    pub fn with_troubles(self, troubles: Arc<Troubles>) -> Self {
        Self { troubles, ..self }
    }

    /// These with BFD.
    #[must_use]
    pub fn with_liveness(self, liveness: Liveness) -> Self {
        Self { liveness, ..self }
    }

    /// The announcing half.
    #[must_use]
    pub fn announcer(&self) -> &Announcer {
        &self.announcer
    }

    /// The neighbours there is no way to.
    #[must_use]
    pub fn troubles(&self) -> &Troubles {
        &self.troubles
    }

    /// Everything as it is now, in the text format 0.0.4.
    ///
    /// # Errors
    /// As [`Metrics::text`].
    pub async fn scrape(&self) -> prometheus::Result<String> {
        let bfd = self.liveness.snapshot().await;
        self.text_of(&self.announcer.engine().peers(), bfd.as_ref())
    }

    /// The same without BFD.
    ///
    /// # Errors
    /// The encoder refuses a family without a series; none such is given to it.
    pub fn text(&self) -> prometheus::Result<String> {
        self.text_of(&self.announcer.engine().peers(), None)
    }

    /// The same with these peers and this BFD in place of the engine's.
    ///
    /// # Errors
    /// As [`Metrics::text`].
    pub fn text_of(&self, peers: &[PeerStatus], bfd: Option<&Snapshot>) -> prometheus::Result<String> {
        let log = (self.log)();
        let mut families = upstream::peers(&self.announcer.identity().node, peers);
        families.extend(upstream::log(&log));
        families.extend(own::stages(&self.announcer, &log));
        families.extend(own::peers(peers));
        families.extend(own::next_hops(peers, &self.troubles));
        families.extend(bfd.into_iter().flat_map(|now| bfd::all(&self.announcer.identity().node, now)));
        let mut all: Vec<MetricFamily> = families.into_iter().filter_map(family::Family::finish).collect();
        all.extend(self.process.collect());
        TextEncoder::new().encode_to_string(&all)
    }
}
