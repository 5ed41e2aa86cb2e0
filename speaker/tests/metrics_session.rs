//! The gauges of a peer follow its session: nothing is kept between scrapes.

mod exposition;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bgp::net::{Dialing, Engine, Hops, PeerConfig};
use bgp::rib::NextHops;
use bgp::{Asn, Family, HoldTime, RouterId, fsm};
use exposition::Exposition;
use speaker::announce::{Announcer, Identity};
use speaker::logging::Counts;
use speaker::metrics::Metrics;
use speaker::plan::Settings;
use speaker::policy::Policy;
use speaker::view::{Batch, Change, Object, Subnet};

/// Addresses of this test alone: the engine tells peers by address.
const OURS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 61, 0, 1));
const THEIRS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 61, 0, 2));

fn asn(number: u8) -> Asn {
    Asn::new(65000 + u32::from(number)).expect("legal")
}

fn id(number: u8) -> RouterId {
    RouterId::new(Ipv4Addr::new(10, 0, 0, number)).expect("legal")
}

/// The peer `remote` of an engine that is `local`; the one with the higher number dials.
fn peer(local: u8, remote: u8, dialing: Dialing) -> PeerConfig {
    PeerConfig {
        next_hops: NextHops { v4: Some(Ipv4Addr::new(192, 0, 2, local)), v6: None, link_local: None },
        ..PeerConfig::new(
            dialing,
            fsm::Config {
                dial: local > remote,
                listen: local < remote,
                ..fsm::Config::new(
                    (asn(local), id(local)),
                    asn(remote),
                    HoldTime::new(90).expect("legal"),
                    vec![Family::IPV4_UNICAST],
                )
            },
        )
    }
}

/// Scrapes until it is so.
async fn until(metrics: &Metrics, what: &str, is_so: impl Fn(&Exposition) -> bool) -> Exposition {
    let begun = Instant::now();
    loop {
        let text = metrics.text().expect("text");
        let seen = Exposition::parse(&text);
        if is_so(&seen) {
            return seen;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}: not yet in\n{text}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn of_peer(seen: &Exposition, name: &str) -> Option<f64> {
    let name = format!("kube_ovn_speaker_bgp_peer_{name}");
    seen.value(&name, &[("node", "node-a"), ("peer", "127.61.0.2"), ("peer_asn", "65002")])
}

fn messages(seen: &Exposition, direction: &str, kind: &str) -> f64 {
    let name = format!("kube_ovn_speaker_bgp_peer_{direction}_messages");
    let of = [("node", "node-a"), ("peer", "127.61.0.2"), ("type", kind)];
    seen.value(&name, &of).expect("a series")
}

fn own(seen: &Exposition, name: &str) -> Option<f64> {
    seen.value(&format!("speaker_peer_{name}"), &[("peer", "127.61.0.2")])
}

fn one_prefix() -> Batch {
    let subnet = Subnet {
        name: "web".into(),
        policy: Policy::Cluster,
        cidrs: Box::new(["10.16.0.0/16".parse().expect("a prefix")]),
        bad_cidrs: Box::default(),
        ready: true,
        nat_outgoing: false,
    };
    let changes = vec![Change::Put(Object::Subnet(subnet))];
    Batch { changes, noticed: Instant::now(), synced: true }
}

#[tokio::test]
async fn gauges_follow_a_session_up_and_down() {
    let engine = Arc::new(Engine::new());
    let at = engine.listen(SocketAddr::new(OURS, 0)).expect("a port");
    let identity = Identity { node: "node-a".into(), local_as: asn(1), router_id: id(1) };
    let settings = Settings::Node { name: "node-a".into(), announce_cluster_ip: false, local_only: false };
    let announcer = Announcer::new(Arc::clone(&engine), identity, settings);
    let metrics = Metrics::new(Arc::new(announcer), Counts::default);
    assert!(Exposition::parse(&metrics.text().expect("text")).names("kube_ovn_").is_empty(), "no peer yet");

    engine.add_peer(peer(1, 2, Dialing { remote: (THEIRS, 179).into(), local: None, hops: Hops::Any }));
    let waiting = until(&metrics, "a peer that waits", |seen| of_peer(seen, "up") == Some(0.0)).await;
    assert_eq!((own(&waiting, "advertised_prefixes"), own(&waiting, "current")), (Some(0.0), Some(0.0)));

    metrics.announcer().handle(one_prefix());
    let other = Engine::new();
    other.add_peer(peer(2, 1, Dialing { remote: at, local: Some(THEIRS), hops: Hops::Any }));
    let up = until(&metrics, "up with one prefix", |seen| {
        of_peer(seen, "up") == Some(1.0) && own(seen, "advertised_prefixes") == Some(1.0)
    })
    .await;
    assert_eq!((of_peer(&up, "session_state"), of_peer(&up, "flap_count")), (Some(6.0), Some(0.0)));
    assert_eq!(own(&up, "current"), Some(1.0));
    assert_eq!((messages(&up, "sent", "open"), messages(&up, "received", "open")), (1.0, 1.0));
    assert_eq!(messages(&up, "sent", "update"), 2.0, "the table and End-of-RIB");
    assert_eq!(messages(&up, "received", "notification"), 0.0);

    other.shutdown("done").await;
    let down = until(&metrics, "down", |seen| of_peer(seen, "up") == Some(0.0)).await;
    assert_eq!(of_peer(&down, "flap_count"), Some(1.0));
    assert_ne!(of_peer(&down, "session_state"), Some(6.0));
    assert_eq!(messages(&down, "received", "notification"), 1.0);
    assert_eq!((own(&down, "advertised_prefixes"), own(&down, "current")), (Some(0.0), Some(0.0)));
    assert_eq!(down.value("speaker_wanted_prefixes", &[("family", "ipv4")]), Some(1.0), "still wanted");
}
