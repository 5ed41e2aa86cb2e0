//! What each stage of the pipeline counts on its way: shared by all of them, atomics only, read when scraped.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use bgp::net::Latency;

use crate::view::Kind;

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    fn add(&self, count: usize) {
        self.0.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Why a watch ended; the next one begins at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchEnd {
    /// The server closed it, as it does after some minutes.
    Closed,
    /// The server no longer has what we saw last (410 Gone): everything is listed anew.
    Expired,
    /// The connection broke, or the server told an error.
    Error,
    /// Nothing came for too long, not even a bookmark.
    Silent,
}

impl WatchEnd {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; 4] = [Self::Closed, Self::Expired, Self::Error, Self::Silent];

    /// A word out of a closed set, for metrics and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Expired => "expired",
            Self::Error => "error",
            Self::Silent => "silent",
        }
    }
}

/// What the source of one kind of object counts.
#[derive(Debug, Default)]
pub(crate) struct SourceCounts {
    pub(crate) watched: AtomicBool,
    pub(crate) synced: AtomicBool,
    /// When the server last showed that what is known of the kind is what there is, in seconds since 1970.
    heard: AtomicU64,
    /// Since when the server does not answer as it should, in seconds since 1970; 0: it does.
    pub(crate) troubled: AtomicU64,
    pub(crate) put: Counter,
    pub(crate) removed: Counter,
    pub(crate) listed: Counter,
    pub(crate) lists_failed: Counter,
    pub(crate) watch_ends: [Counter; WatchEnd::ALL.len()],
}

/// Counters of the stages between the objects and the engine.
#[derive(Debug, Default)]
pub struct Stages {
    sources: [SourceCounts; Kind::ALL.len()],
    pub(crate) announced: Counter,
    pub(crate) withdrawn: Counter,
    pub(crate) source: Latency,
    pub(crate) plan: Latency,
    pub(crate) event_to_rib: Latency,
    pub(crate) next_hop_changes: Counter,
    pub(crate) reloads_taken: Counter,
    pub(crate) reloads_refused: Counter,
}

impl Stages {
    pub(crate) fn source(&self, kind: Kind) -> Option<&SourceCounts> {
        self.sources.get(kind as usize)
    }

    /// Objects of this kind are needed: nothing is announced before they have been listed once.
    pub fn watches(&self, kind: Kind) {
        if let Some(source) = self.source(kind) {
            source.watched.store(true, Ordering::Relaxed);
        }
    }

    /// An object came or changed (`put`), or went.
    pub fn event(&self, kind: Kind, put: bool) {
        if let Some(source) = self.source(kind) {
            if put { &source.put } else { &source.removed }.add(1);
        }
    }

    /// A list was read to its end.
    pub fn list_completed(&self, kind: Kind) {
        if let Some(source) = self.source(kind) {
            source.listed.add(1);
        }
    }

    /// The server does not answer as it should, or does so again. Only the first failure of several tells since when.
    pub fn troubled(&self, kind: Kind, is_so: bool) {
        let Some(source) = self.source(kind) else { return };
        match is_so {
            true => {
                let _ = source.troubled.compare_exchange(0, now(), Ordering::Relaxed, Ordering::Relaxed);
            }
            false => source.troubled.store(0, Ordering::Relaxed),
        }
    }

    /// How long the server has not answered as it should about a kind; `None`: it does.
    #[must_use]
    pub fn trouble(&self, kind: Kind) -> Option<Duration> {
        let since = self.source(kind)?.troubled.load(Ordering::Relaxed);
        (since != 0).then(|| Duration::from_secs(now().saturating_sub(since)))
    }

    /// The server was heard: what is known of the kind is what there is.
    pub fn heard(&self, kind: Kind) {
        if let Some(source) = self.source(kind) {
            source.heard.store(now(), Ordering::Relaxed);
        }
    }

    /// Since when nothing was heard of some kind that is watched, in seconds since 1970; none if nothing ever was.
    pub fn confirmed(&self) -> Option<u64> {
        let watched = Kind::ALL.into_iter().filter(|kind| self.is_watched(*kind));
        let heard = watched.filter_map(|kind| Some(self.source(kind)?.heard.load(Ordering::Relaxed)));
        heard.min().filter(|oldest| *oldest != 0)
    }

    /// A list was refused, broke off or made no sense; it is tried again.
    pub fn list_failed(&self, kind: Kind) {
        if let Some(source) = self.source(kind) {
            source.lists_failed.add(1);
        }
    }

    /// A watch ended.
    pub fn watch_ended(&self, kind: Kind, why: WatchEnd) {
        if let Some(count) = self.source(kind).and_then(|source| source.watch_ends.get(why as usize)) {
            count.add(1);
        }
    }

    /// The kind has been listed once since the start.
    pub fn synced(&self, kind: Kind) {
        if let Some(source) = self.source(kind) {
            source.synced.store(true, Ordering::Relaxed);
        }
    }

    /// Every watched kind has.
    pub fn all_synced(&self) {
        Kind::ALL.into_iter().filter(|kind| self.is_watched(*kind)).for_each(|kind| self.synced(kind));
    }

    /// The plan changed that many prefixes, to be announced and withdrawn. It began `waited` after the source noticed
    /// their cause, and the engine had them `took` after it.
    pub fn planned(&self, (announce, withdraw): (usize, usize), waited: Duration, took: Duration) {
        self.announced.add(announce);
        self.withdrawn.add(withdraw);
        self.source.observe(waited);
        self.plan.observe(took.saturating_sub(waited));
        self.event_to_rib.observe(took);
    }

    /// A neighbour is to send traffic to another address than before.
    pub fn next_hop_changed(&self) {
        self.next_hop_changes.add(1);
    }

    /// The configuration was read again, and taken over or refused.
    pub fn reloaded(&self, taken: bool) {
        if taken { &self.reloads_taken } else { &self.reloads_refused }.add(1);
    }

    fn is_watched(&self, kind: Kind) -> bool {
        self.source(kind).is_some_and(|source| source.watched.load(Ordering::Relaxed))
    }

    /// Watched kinds that have not been listed yet.
    pub fn unlisted(&self) -> impl Iterator<Item = Kind> {
        let listed = |kind| self.source(kind).is_some_and(|source| source.synced.load(Ordering::Relaxed));
        Kind::ALL.into_iter().filter(move |kind| self.is_watched(*kind) && !listed(*kind))
    }
}

/// In seconds since 1970.
fn now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs())
}
