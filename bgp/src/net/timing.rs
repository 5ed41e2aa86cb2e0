//! How long changes take on their way to the peers, counted in buckets: atomics only, read at any time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::rib::Due;

/// How long things took, counted in buckets.
#[derive(Debug, Default)]
pub struct Latency {
    /// One for each of [`Latency::BOUNDS`], and one for what took longer still.
    buckets: [AtomicU64; Self::BOUNDS.len() + 1],
    nanos: AtomicU64,
}

impl Latency {
    /// Upper bounds of the buckets, in microseconds. What took just as long belongs to the bucket.
    pub const BOUNDS: [u64; 18] = [
        10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
        1_000_000, 2_500_000, 5_000_000,
    ];

    /// Counts one.
    pub fn observe(&self, took: Duration) {
        let slot = Self::BOUNDS.partition_point(|bound| Duration::from_micros(*bound) < took);
        if let Some(bucket) = self.buckets.get(slot) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// How often each bucket was hit, not accumulated; the last one is what was longer than every bound.
    #[must_use]
    pub fn buckets(&self) -> [u64; Self::BOUNDS.len() + 1] {
        std::array::from_fn(|at| self.buckets.get(at).map_or(0, |bucket| bucket.load(Ordering::Relaxed)))
    }

    /// How many were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets().iter().sum()
    }

    /// All together, in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        Duration::from_nanos(self.nanos.load(Ordering::Relaxed)).as_secs_f64()
    }
}

/// The stages of a change from the RIB to the peers; each is counted once for every peer and write. What a write
/// carries may be several changes: the oldest counts. A whole table, for a peer that is new or asked again, does not.
#[derive(Debug, Default)]
pub struct Timing {
    /// From the RIB having the change to the peer's task beginning to pack: its turn on a thread, and what it had to
    /// finish before.
    pub wake: Latency,
    /// Until the UPDATEs were packed, the RIB's lock included.
    pub encode: Latency,
    /// Until the kernel had taken the last octet.
    pub write: Latency,
    /// From the moment the cause was noticed ([`super::Engine::apply_noticed`]) until the kernel had the last octet.
    pub event_to_wire: Latency,
}

impl Timing {
    /// A batch was packed by a task that began at `begun`.
    pub(super) fn packed(&self, due: Due, begun: Instant) -> Writing {
        let packed = Instant::now();
        self.wake.observe(begun.saturating_duration_since(due.applied));
        self.encode.observe(packed.saturating_duration_since(begun));
        Writing { packed, noticed: due.noticed }
    }

    /// All of it has left.
    pub(super) fn written(&self, writing: Writing) {
        let now = Instant::now();
        self.write.observe(now.saturating_duration_since(writing.packed));
        self.event_to_wire.observe(now.saturating_duration_since(writing.noticed));
    }
}

/// A batch on its way into the kernel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writing {
    packed: Instant,
    noticed: Instant,
}
