//! Every series against values set by hand, read by a parser of the test's own; and a session that comes and goes.

mod exposition;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bgp::fsm::{self, State};
use bgp::net::{Dialing, Engine, Hops, MessageCounts, PeerConfig, PeerStatus};
use bgp::rib::NextHops;
use bgp::{Asn, Family, HoldTime, RouterId};
use exposition::{Exposition, Labels, labels};
use speaker::announce::{Announcer, Identity};
use speaker::logging::Counts;
use speaker::metrics::Metrics;
use speaker::plan::Settings;
use speaker::policy::Policy;
use speaker::stages::WatchEnd;
use speaker::view::{Batch, Change, Kind, Object, Subnet};

fn peer(number: u8, at: SocketAddr) -> PeerConfig {
    PeerConfig {
        next_hops: NextHops { v4: Some(Ipv4Addr::new(192, 0, 2, number)), v6: None, link_local: None },
        ..PeerConfig::new(
            Dialing { remote: at, local: None, hops: Hops::Any },
            fsm::Config {
                dial: false,
                listen: true,
                ..fsm::Config::new(
                    (
                        Asn::new(65000).expect("legal"),
                        RouterId::new(Ipv4Addr::new(10, 0, 0, number)).expect("legal"),
                    ),
                    Asn::new(65000 + u32::from(number)).expect("legal"),
                    HoldTime::new(90).expect("legal"),
                    vec![Family::IPV4_UNICAST],
                )
            },
        )
    }
}

fn logged() -> Counts {
    Counts { lines: [30, 20, 10], bytes: [3000, 2000, 1000], dropped: 7 }
}

fn metrics(node: &str, engine: Engine) -> Metrics {
    let fsm::Config { local_as, router_id, .. } = peer(1, ([127, 0, 0, 1], 1).into()).session;
    let identity = Identity { node: node.to_owned(), local_as, router_id };
    let settings = Settings::Node { name: node.into(), announce_cluster_ip: false, local_only: false };
    Metrics::new(Arc::new(Announcer::new(Arc::new(engine), identity, settings)), logged)
}

fn scrape(metrics: &Metrics) -> Exposition {
    Exposition::parse(&metrics.text().expect("text"))
}

/// A status of an engine's own making, all of whose numbers differ.
async fn status(addr: &str, state: State, base: u64) -> PeerStatus {
    let engine = Engine::new();
    let addr: IpAddr = addr.parse().expect("an address");
    engine.add_peer(peer(7, (addr, 179).into()));
    let mut status = engine.peer(addr).expect("just added");
    let counts = |at: u64| MessageCounts {
        open: at + 1,
        update: at + 2,
        notification: at + 4,
        keepalive: at + 8,
        route_refresh: at + 16,
        withdraw_update: at + 32,
        withdraw_prefix: at + 64,
        discarded: at + 128,
    };
    (status.state, status.flaps, status.out_queue) = (state, base + 5, base + 6);
    (status.sent, status.received) = (counts(base + 1000), counts(base + 2000));
    (status.advertised, status.current) = (usize::try_from(base + 9).expect("small"), base == 0);
    status
}

/// Types of upstream with their values where the first six count from `at`.
fn messages(at: f64, total: f64) -> [(&'static str, f64); 9] {
    [
        ("open", at + 1.0),
        ("update", at + 2.0),
        ("keepalive", at + 8.0),
        ("notification", at + 4.0),
        ("refresh", at + 16.0),
        ("withdraw_update", at + 32.0),
        ("withdraw_prefix", at + 64.0),
        ("discarded", at + 128.0),
        ("total", total),
    ]
}

#[tokio::test]
async fn upstreams_series_have_its_names_labels_types_and_words() {
    let peers =
        [status("10.1.1.1", State::Established, 0).await, status("fd00::1", State::OpenSent, 100).await];
    let totals: Vec<_> =
        peers.iter().map(|peer| [&peer.sent, &peer.received].map(MessageCounts::total)).collect();
    let text = metrics("node-a", Engine::new()).text_of(&peers, None).expect("text");
    let seen = Exposition::parse(&text);

    let mut expected: BTreeMap<(String, Labels), f64> = BTreeMap::new();
    let mut expect = |name: &str, pairs: &[(&str, &str)], value: f64| {
        expected.insert((format!("kube_ovn_speaker_bgp_peer_{name}"), labels(pairs)), value);
    };
    for (addr, gauges) in [("10.1.1.1", [1.0, 6.0, 5.0, 6.0]), ("fd00::1", [0.0, 4.0, 105.0, 106.0])] {
        let names = ["up", "session_state", "flap_count", "out_queue"];
        for (name, value) in names.into_iter().zip(gauges) {
            expect(name, &[("node", "node-a"), ("peer", addr), ("peer_asn", "65007")], value);
        }
    }
    for (addr, base, total) in [("10.1.1.1", 0.0, totals[0]), ("fd00::1", 100.0, totals[1])] {
        let [sent, received] = total.map(|total| total as f64);
        let directions =
            [("sent_messages", base + 1000.0, sent), ("received_messages", base + 2000.0, received)];
        for (name, at, total) in directions {
            for (kind, value) in messages(at, total) {
                expect(name, &[("node", "node-a"), ("peer", addr), ("type", kind)], value);
            }
        }
    }
    let ours = seen.samples.clone().into_iter().filter(|((name, _), _)| name.starts_with("kube_ovn_"));
    assert_eq!(ours.collect::<BTreeMap<_, _>>(), expected);
    assert!(totals[0][0] > 5000, "a total adds up what it totals");
    for name in seen.names("kube_ovn_") {
        assert_eq!(seen.types[name], "gauge", "{name}");
        assert!(seen.helps.contains_key(name), "{name}");
    }
}

#[tokio::test]
async fn session_states_have_upstreams_numbers() {
    let states = [
        (State::Idle, 1.0),
        (State::Connect, 2.0),
        (State::Active, 3.0),
        (State::OpenSent, 4.0),
        (State::OpenConfirm, 5.0),
        (State::Established, 6.0),
    ];
    for (state, number) in states {
        let text =
            metrics("", Engine::new()).text_of(&[status("10.1.1.1", state, 0).await], None).expect("text");
        let of = [("node", ""), ("peer", "10.1.1.1"), ("peer_asn", "65007")];
        let seen = Exposition::parse(&text);
        assert_eq!(seen.value("kube_ovn_speaker_bgp_peer_session_state", &of), Some(number), "{state:?}");
        let up = f64::from(u8::from(state == State::Established));
        assert_eq!(seen.value("kube_ovn_speaker_bgp_peer_up", &of), Some(up), "{state:?}");
    }
}

#[test]
fn the_log_is_counted_by_level_as_klog_does() {
    let seen = scrape(&metrics("node-a", Engine::new()));
    for (level, lines, bytes) in [("INFO", 30.0, 3000.0), ("WARN", 20.0, 2000.0), ("ERROR", 10.0, 1000.0)] {
        assert_eq!(seen.value("klog_lines_total", &[("level", level)]), Some(lines));
        assert_eq!(seen.value("klog_bytes_total", &[("level", level)]), Some(bytes));
    }
    assert_eq!((&*seen.types["klog_lines_total"], &*seen.types["klog_bytes_total"]), ("gauge", "gauge"));
    assert_eq!(seen.value("speaker_log_lines_dropped_total", &[]), Some(7.0));
    assert_eq!(seen.types["speaker_log_lines_dropped_total"], "counter");
}

fn subnet(name: &str, cidrs: &[&str], policy: Policy) -> Object {
    Object::Subnet(Subnet {
        name: name.into(),
        policy,
        cidrs: cidrs.iter().map(|cidr| cidr.parse().expect("a prefix")).collect(),
        bad_cidrs: Box::default(),
        ready: true,
        nat_outgoing: false,
    })
}

fn batch(changes: Vec<Change>, synced: bool) -> Batch {
    Batch { changes, noticed: Instant::now(), synced }
}

#[test]
fn the_pipeline_counts_what_it_does() {
    let metrics = metrics("node-a", Engine::new());
    let announcer = metrics.announcer();
    let before = scrape(&metrics);
    assert_eq!(before.value("speaker_source_synced", &[("kind", "subnet")]), Some(0.0));
    assert_eq!(before.value("speaker_released", &[]), Some(0.0));

    let web = subnet("web", &["10.16.0.0/16", "10.20.0.0/16", "fd00::/64"], Policy::Cluster);
    let typo = subnet("typo", &["10.17.0.0/16"], Policy::Invalid("ture".into()));
    let key = web.key();
    announcer.handle(batch(vec![Change::Put(web), Change::Put(typo)], true));
    let seen = scrape(&metrics);
    let value = |name: &str, pairs: &[(&str, &str)]| seen.value(name, pairs);
    assert_eq!(value("speaker_wanted_prefixes", &[("family", "ipv4")]), Some(2.0));
    assert_eq!(value("speaker_wanted_prefixes", &[("family", "ipv6")]), Some(1.0));
    assert_eq!(value("speaker_plan_changes_total", &[("change", "announce")]), Some(3.0));
    assert_eq!(value("speaker_plan_changes_total", &[("change", "withdraw")]), Some(0.0));
    assert_eq!(value("speaker_source_events_total", &[("kind", "subnet"), ("change", "put")]), Some(2.0));
    assert_eq!(value("speaker_notices_total", &[("reason", "policy-invalid")]), Some(1.0));
    assert_eq!(value("speaker_event_to_rib_seconds_count", &[]), Some(1.0));
    assert_eq!(value("speaker_source_synced", &[("kind", "pod")]), Some(1.0));
    assert_eq!(value("speaker_released", &[]), Some(1.0));
    assert_eq!(value("speaker_source_synced", &[("kind", "service")]), None, "nobody needs Services");

    announcer.handle(batch(vec![Change::Remove(key)], true));
    let seen = scrape(&metrics);
    let removed = [("kind", "subnet"), ("change", "remove")];
    assert_eq!(seen.value("speaker_source_events_total", &removed), Some(1.0));
    assert_eq!(seen.value("speaker_plan_changes_total", &[("change", "withdraw")]), Some(3.0));
    assert_eq!(seen.value("speaker_wanted_prefixes", &[("family", "ipv4")]), Some(0.0));
}

#[test]
fn only_kinds_that_are_needed_have_series() {
    let kinds = |settings: Settings| -> Vec<Kind> { settings.kinds().to_vec() };
    let node =
        |announce_cluster_ip| Settings::Node { name: "a".into(), announce_cluster_ip, local_only: false };
    assert_eq!(kinds(node(false)), [Kind::Subnet, Kind::Pod]);
    assert_eq!(kinds(node(true)), [Kind::Subnet, Kind::Pod, Kind::Service]);
    assert_eq!(kinds(Settings::NatGateway { name: None }), [Kind::Eip]);
    for kind in Kind::ALL {
        let metrics = metrics("node-a", Engine::new());
        metrics.announcer().stages().watches(kind);
        let seen = scrape(&metrics);
        assert_eq!(seen.value("speaker_source_synced", &[("kind", kind.name())]), Some(0.0), "{kind:?}");
    }
}

#[test]
fn a_kind_counts_as_listed_once_its_list_is_complete() {
    let metrics = metrics("node-a", Engine::new());
    let announcer = metrics.announcer();
    announcer.handle(batch(vec![Change::ListBegun(Kind::Subnet)], false));
    assert_eq!(announcer.stages().unlisted().collect::<Vec<_>>(), [Kind::Subnet, Kind::Pod]);
    announcer.handle(batch(vec![Change::ListDone(Kind::Subnet)], false));
    assert_eq!(announcer.stages().unlisted().collect::<Vec<_>>(), [Kind::Pod]);
}

#[test]
fn sources_tell_of_lists_and_watches() {
    let metrics = metrics("node-a", Engine::new());
    let stages = metrics.announcer().stages();
    assert_eq!(stages.unlisted().collect::<Vec<_>>(), [Kind::Subnet, Kind::Pod]);
    stages.list_failed(Kind::Pod);
    stages.list_failed(Kind::Pod);
    stages.list_completed(Kind::Pod);
    stages.synced(Kind::Pod);
    for (why, times) in
        [(WatchEnd::Closed, 1), (WatchEnd::Expired, 2), (WatchEnd::Error, 3), (WatchEnd::Silent, 4)]
    {
        (0..times).for_each(|_| stages.watch_ended(Kind::Pod, why));
    }
    stages.next_hop_changed();
    assert_eq!(stages.unlisted().collect::<Vec<_>>(), [Kind::Subnet]);
    let seen = scrape(&metrics);
    let pod = |name: &str, label: &str, word: &str| seen.value(name, &[("kind", "pod"), (label, word)]);
    assert_eq!(pod("speaker_source_lists_total", "result", "completed"), Some(1.0));
    assert_eq!(pod("speaker_source_lists_total", "result", "failed"), Some(2.0));
    for (word, times) in [("closed", 1.0), ("expired", 2.0), ("error", 3.0), ("silent", 4.0)] {
        assert_eq!(pod("speaker_source_watch_ends_total", "cause", word), Some(times), "{word}");
    }
    assert_eq!(seen.series("speaker_source_watch_ends_total").len(), 8, "zeros of the other kind, too");
    assert_eq!(seen.value("speaker_source_synced", &[("kind", "pod")]), Some(1.0));
    assert_eq!(seen.value("speaker_source_synced", &[("kind", "subnet")]), Some(0.0));
    assert_eq!(seen.value("speaker_next_hop_changes_total", &[]), Some(1.0));
}

#[test]
fn latencies_fall_into_buckets_whose_upper_bound_belongs_to_them() {
    let metrics = metrics("node-a", Engine::new());
    for micros in [50, 51, 1_000, 5_000_000, 5_000_001] {
        let took = Duration::from_micros(micros);
        metrics.announcer().stages().planned((1, 0), took / 2, took);
    }
    let seen = scrape(&metrics);
    assert_eq!(seen.types["speaker_event_to_rib_seconds"], "histogram");
    let upto = |bound: &str| seen.value("speaker_event_to_rib_seconds_bucket", &[("le", bound)]);
    let buckets =
        [("0.00005", 1.0), ("0.0001", 2.0), ("0.0005", 2.0), ("0.001", 3.0), ("2.5", 3.0), ("5", 4.0)];
    for (bound, count) in buckets {
        assert_eq!(upto(bound), Some(count), "le={bound}");
    }
    assert_eq!(upto("+Inf"), Some(5.0));
    assert_eq!(seen.value("speaker_event_to_rib_seconds_count", &[]), Some(5.0));
    let sum = seen.value("speaker_event_to_rib_seconds_sum", &[]).expect("a sum");
    assert!((sum - 10.001_102).abs() < 1e-9, "{sum}");
}

#[test]
fn the_process_and_the_build_are_described() {
    let seen = scrape(&metrics("node-a", Engine::new()));
    let value = |name: &str| seen.value(name, &[]).unwrap_or_else(|| panic!("no {name}"));
    assert_eq!(seen.types["process_cpu_seconds_total"], "counter");
    assert!(value("process_cpu_seconds_total") >= 0.0);
    assert!(value("process_resident_memory_bytes") > 1e6 && value("process_open_fds") >= 3.0);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    assert!((now.as_secs_f64() - value("process_start_time_seconds")).abs() < 3600.0);
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    assert_eq!(seen.value("speaker_build_info", &version), Some(1.0));
}

#[tokio::test]
async fn a_node_name_cannot_forge_a_series() {
    let node = "a\"} 1\nforged 1\\";
    let text = metrics(node, Engine::new()).text_of(&[status("10.1.1.1", State::Idle, 0).await], None);
    let seen = Exposition::parse(&text.expect("text"));
    let of = [("node", node), ("peer", "10.1.1.1"), ("peer_asn", "65007")];
    assert_eq!(seen.value("kube_ovn_speaker_bgp_peer_up", &of), Some(0.0));
    assert!(seen.names("forged").is_empty());
}
