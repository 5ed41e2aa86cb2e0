//! Series that kube-ovn-speaker does not have: each stage from the objects to the routers.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use bgp::Family as Afi;
use bgp::net::PeerStatus;
use bgp::rib::NextHops;

use super::family::{Family, number};
use crate::announce::Announcer;
use crate::events::Recorder;
use crate::logging::Counts;
use crate::nexthop::Troubles;
use crate::stages::{Stages, WatchEnd};
use crate::view::Kind;

/// All of them but those of single peers.
pub(super) fn stages(announcer: &Announcer, log: &Counts) -> Vec<Family> {
    let mut all = source(announcer.stages());
    all.extend(plan(announcer));
    all.extend(delays(announcer));
    all.extend(announcer.events().map(events));
    let released = announcer.engine().is_released();
    all.push(
        Family::gauge(
            "speaker_released",
            "Whether announcing began: every source has listed once, or what was wanted last is announced.",
        )
        .with(&[], number(u64::from(released))),
    );
    all.push(
        Family::counter("speaker_log_lines_dropped_total", "Log lines lost because nothing took them.")
            .with(&[], number(log.dropped)),
    );
    all.push(
        Family::gauge("speaker_build_info", "Always 1; the version is in the label.")
            .with(&[("version", env!("CARGO_PKG_VERSION"))], 1.0),
    );
    all
}

/// Only of kinds that are watched, but of those from the first scrape on, so that rates see the first event.
fn source(stages: &Stages) -> Vec<Family> {
    let mut events = Family::counter("speaker_source_events_total", "Objects that came, changed or went.");
    let mut lists = Family::counter("speaker_source_lists_total", "Lists read from the API server.");
    let mut ends = Family::counter("speaker_source_watch_ends_total", "Watches that ended, by cause.");
    let mut trouble = Family::gauge(
        "speaker_source_trouble",
        "Whether the API server does not answer as it should about the kind.",
    );
    let mut synced =
        Family::gauge("speaker_source_synced", "Whether the kind has been listed once since the start.");
    for kind in Kind::ALL {
        let watched = stages.source(kind).filter(|source| source.watched.load(Ordering::Relaxed));
        let Some(source) = watched else { continue };
        let kind = ("kind", kind.name());
        events.add(&[kind, ("change", "put")], number(source.put.get()));
        events.add(&[kind, ("change", "remove")], number(source.removed.get()));
        lists.add(&[kind, ("result", "completed")], number(source.listed.get()));
        lists.add(&[kind, ("result", "failed")], number(source.lists_failed.get()));
        for (why, count) in WatchEnd::ALL.into_iter().zip(&source.watch_ends) {
            ends.add(&[kind, ("cause", why.name())], number(count.get()));
        }
        let troubled = source.troubled.load(Ordering::Relaxed) != 0;
        trouble.add(&[kind], number(u64::from(troubled)));
        synced.add(&[kind], number(u64::from(source.synced.load(Ordering::Relaxed))));
    }
    vec![events, lists, ends, trouble, synced]
}

fn plan(announcer: &Announcer) -> Vec<Family> {
    let (stages, engine) = (announcer.stages(), announcer.engine());
    let changes =
        Family::counter("speaker_plan_changes_total", "Prefixes that became wanted, or no longer so.")
            .with(&[("change", "announce")], number(stages.announced.get()))
            .with(&[("change", "withdraw")], number(stages.withdrawn.get()));
    let latency = Family::histogram(
        "speaker_event_to_rib_seconds",
        "From the moment the source noticed a change of wanted prefixes until the engine had it.",
    )
    .with_latency(&[], &stages.event_to_rib);
    let mut notices = Family::counter("speaker_notices_total", "Warnings about single objects, by reason.");
    for (reason, count) in announcer.notices().into_iter().collect::<BTreeMap<_, _>>() {
        notices.add(&[("reason", &reason)], number(count));
    }
    let wanted = |family| number(u64::try_from(engine.wanted_len(family)).unwrap_or(u64::MAX));
    let prefixes = Family::gauge("speaker_wanted_prefixes", "Prefixes that are to be announced.")
        .with(&[("family", "ipv4")], wanted(Afi::IPV4_UNICAST))
        .with(&[("family", "ipv6")], wanted(Afi::IPV6_UNICAST));
    let next_hops = Family::counter(
        "speaker_next_hop_changes_total",
        "Times a neighbor was to send traffic to another address than before.",
    )
    .with(&[], number(stages.next_hop_changes.get()));
    let reloads = Family::counter("speaker_config_reloads_total", "Times the configuration was read again.")
        .with(&[("result", "applied")], number(stages.reloads_taken.get()))
        .with(&[("result", "refused")], number(stages.reloads_refused.get()));
    vec![changes, latency, notices, prefixes, next_hops, reloads]
}

fn events(recorder: &Recorder) -> Family {
    let mut all =
        Family::counter("speaker_events_total", "Kubernetes Events about objects, by what became of them.");
    for (told, count) in recorder.counts() {
        all.add(&[("result", told.name())], number(count));
    }
    all
}

/// What became of a change from the moment the source noticed it until the kernel had it.
fn delays(announcer: &Announcer) -> [Family; 2] {
    let (stages, timing) = (announcer.stages(), announcer.engine().timing());
    let each = [
        ("source", &stages.source),
        ("plan", &stages.plan),
        ("wake", &timing.wake),
        ("encode", &timing.encode),
        ("write", &timing.write),
    ];
    let mut stage = Family::histogram(
        "speaker_stage_seconds",
        "What each stage takes of the way of a change; the last three count once for every peer.",
    );
    for (name, latency) in each {
        stage = stage.with_latency(&[("stage", name)], latency);
    }
    let whole = Family::histogram(
        "speaker_event_to_wire_seconds",
        "From the moment the source noticed a change until the kernel had all of it, once for every peer.",
    );
    [stage, whole.with_latency(&[], &timing.event_to_wire)]
}

/// What each peer holds.
pub(super) fn peers(peers: &[PeerStatus]) -> [Family; 2] {
    let mut advertised =
        Family::gauge("speaker_peer_advertised_prefixes", "Prefixes the peer was sent and holds from us.");
    let mut current = Family::gauge("speaker_peer_current", "Whether nothing waits to be sent to the peer.");
    for peer in peers {
        let addr = peer.addr.to_string();
        let held = u64::try_from(peer.advertised).unwrap_or(u64::MAX);
        advertised.add(&[("peer", &addr)], number(held));
        current.add(&[("peer", &addr)], number(u64::from(peer.current)));
    }
    [advertised, current]
}

/// Whether each peer can be told where to send traffic to.
pub(super) fn next_hops(peers: &[PeerStatus], troubles: &Troubles) -> [Family; 2] {
    let mut missing = Family::gauge(
        "speaker_peer_next_hop_missing",
        "Whether no next hop is known towards the peer, so that nothing is announced to it.",
    );
    let mut kept = Family::gauge(
        "speaker_peer_next_hop_kept",
        "Whether there is no way to the peer at present, so that the last good next hop stays.",
    );
    for peer in peers {
        let addr = peer.addr.to_string();
        let none = peer.next_hops == NextHops::default();
        let stays = troubles.of(peer.addr).is_some_and(|trouble| trouble.kept.is_some());
        missing.add(&[("peer", &addr)], number(u64::from(none)));
        kept.add(&[("peer", &addr)], number(u64::from(stays && !none)));
    }
    [missing, kept]
}
