//! The series of BFD against values set by hand, read by a parser of the test's own.

mod exposition;
mod watched;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use bfd::State;
use bfd::engine::Counters;
use bfd::net::SocketCounters;
use bgp::net::Engine;
use bgp::{Asn, RouterId};
use exposition::{Exposition, Labels, labels};
use speaker::announce::{Announcer, Identity};
use speaker::liveness::{Liveness, Snapshot};
use speaker::logging::Counts;
use speaker::metrics::Metrics;
use speaker::plan::Settings;
use watched::watched;

fn metrics() -> Metrics {
    let local_as = Asn::new(65000).expect("legal");
    let router_id = RouterId::new(Ipv4Addr::LOCALHOST).expect("legal");
    let identity = Identity { node: "node-a".to_owned(), local_as, router_id };
    let settings = Settings::Node { name: "node-a".into(), announce_cluster_ip: false, local_only: false };
    let counts = || Counts { lines: [0; 3], bytes: [0; 3], dropped: 0 };
    Metrics::new(Arc::new(Announcer::new(Arc::new(Engine::new()), identity, settings)), counts)
}

fn snapshot() -> Snapshot {
    let engine =
        Counters { received: 1000, invalid: 1, ttl: 20, auth: 300, unknown: 4, dropped: 5, stalls: 6 };
    let sockets =
        SocketCounters { overflow: 70, receive_errors: 8, send_errors: 9, ..SocketCounters::default() };
    let mut none = watched("10.1.1.2", State::Down, 0);
    none.session = None;
    let sessions = vec![watched("10.1.1.1", State::Up, 100), none];
    Snapshot { engine, sockets, lost_time: Duration::from_millis(1500), sessions }
}

fn of(prefix: &str, seen: &Exposition) -> BTreeMap<(String, Labels), f64> {
    seen.samples.clone().into_iter().filter(|((name, _), _)| name.starts_with(prefix)).collect()
}

#[test]
fn upstreams_series_have_its_names_labels_types_and_scale() {
    let text = metrics().text_of(&[], Some(&snapshot())).expect("text");
    let seen = Exposition::parse(&text);
    let mut expected: BTreeMap<(String, Labels), f64> = BTreeMap::new();
    for (name, value) in [
        ("received_packets", 1000.0),
        ("received_drop", 75.0),
        ("received_error", 8.0),
        ("invalid_packet", 321.0),
        ("unknown_peer", 4.0),
    ] {
        expected
            .insert((format!("kube_ovn_speaker_bfd_server_{name}"), labels(&[("node", "node-a")])), value);
    }
    // Init is 4; of a session that there is none of all is 0.
    for (peer, values) in [("10.1.1.1", [1.0, 1.0, 4.0, 101.0, 103.0, 102.0]), ("10.1.1.2", [0.0; 6])] {
        let names = [
            "up",
            "session_state",
            "remote_session_state",
            "failure_transitions",
            "transmitted_packets",
            "received_packets",
        ];
        for (name, value) in names.into_iter().zip(values) {
            let of = labels(&[("node", "node-a"), ("peer", peer)]);
            expected.insert((format!("kube_ovn_speaker_bfd_peer_{name}"), of), value);
        }
    }
    assert_eq!(of("kube_ovn_speaker_bfd_", &seen), expected);
    for name in seen.names("kube_ovn_speaker_bfd_") {
        assert_eq!(seen.types[name], "gauge", "{name}");
        assert!(seen.helps.contains_key(name), "{name}");
    }
}

#[test]
fn states_have_upstreams_numbers_and_what_was_never_heard_has_none() {
    for (state, number) in [(State::Up, 1.0), (State::Down, 2.0), (State::AdminDown, 3.0), (State::Init, 4.0)]
    {
        let mut one = watched("10.1.1.1", state, 0);
        if let Some(session) = &mut one.session {
            (session.remote_state, session.last_heard) =
                (state, session.last_heard.filter(|_| state != State::Up));
        }
        let now = Snapshot { sessions: vec![one], ..Snapshot::default() };
        let seen = Exposition::parse(&metrics().text_of(&[], Some(&now)).expect("text"));
        let of = |name: &str| {
            let name = format!("kube_ovn_speaker_bfd_peer_{name}");
            seen.value(&name, &[("node", "node-a"), ("peer", "10.1.1.1")])
        };
        assert_eq!(of("session_state"), Some(number), "{state}");
        let remote = if state == State::Up { 0.0 } else { number };
        assert_eq!(of("remote_session_state"), Some(remote), "{state}");
        assert_eq!(of("up"), Some(f64::from(u8::from(state == State::Up))));
    }
}

#[test]
fn ours_tell_reasons_stalls_and_detection_times() {
    let seen = Exposition::parse(&metrics().text_of(&[], Some(&snapshot())).expect("text"));
    for (reason, value) in [
        ("invalid", 1.0),
        ("ttl", 20.0),
        ("auth", 300.0),
        ("unknown_peer", 4.0),
        ("no_room", 5.0),
        ("socket_full", 70.0),
    ] {
        assert_eq!(
            seen.value("speaker_bfd_refused_packets_total", &[("reason", reason)]),
            Some(value),
            "{reason}"
        );
    }
    assert_eq!(seen.value("speaker_bfd_stalls_total", &[]), Some(6.0));
    assert_eq!(seen.value("speaker_bfd_lost_seconds_total", &[]), Some(1.5));
    assert_eq!(seen.value("speaker_bfd_send_errors_total", &[]), Some(9.0));
    assert_eq!(seen.value("speaker_bfd_detection_seconds", &[("peer", "10.1.1.1")]), Some(0.28));
    assert_eq!(seen.value("speaker_bfd_detection_seconds", &[("peer", "10.1.1.2")]), None);
    assert_eq!(seen.types["speaker_bfd_lost_seconds_total"], "counter");
}

#[tokio::test]
async fn without_bfd_there_is_no_series_of_it() {
    let text = metrics().with_liveness(Liveness::default()).scrape().await.expect("text");
    assert!(!text.contains("bfd"), "{text}");
}

/// What is exported and what is documented are the same.
#[test]
fn every_series_is_documented() {
    let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/metrics.md");
    let docs = std::fs::read_to_string(docs).expect("a file of ours");
    let seen = Exposition::parse(&metrics().text_of(&[], Some(&snapshot())).expect("text"));
    let names: Vec<_> = seen.types.keys().filter(|name| name.contains("bfd")).collect();
    assert_eq!(names.len(), 16, "{names:?}");
    for name in names {
        assert!(docs.contains(&format!("| `{name}`")), "{name} is not documented");
    }
}
