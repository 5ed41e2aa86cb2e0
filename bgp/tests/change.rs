//! Peers that come, go and are configured anew while the engine runs: what it costs them, and that it costs no
//! other.

mod wire_peer;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bgp::HoldTime;
use bgp::fsm::{EndReason, Restart, State};
use bgp::net::{Admin, Engine, PeerConfig, Reconfigured};
use bgp::rib::NextHops;
use bgp::wire::{Attr, Capability, Message, Notification, Update};
use tokio::net::TcpListener;

use wire_peer::{Raw, announce, host, listening, net, next_hops, peer, soon, until, waiting};

/// An engine with two established peers, 2 and 3, and what they last saw.
async fn two_peers(network: u8) -> (Engine, SocketAddr, Raw, Raw) {
    let (one, at) = listening(network, |_| {});
    one.add_peer(waiting(1, 3, host(network, 3)));
    announce(&one, [net("10.0.0.0/8")]);
    one.release();
    let mut peers = Vec::new();
    for number in [2, 3] {
        let mut raw = Raw::connect(host(network, number), at).await.expect("connected");
        raw.handshake(number, 90).await;
        raw.update().await;
        peers.push(raw);
    }
    until("both", || one.established() == 2).await;
    let third = peers.pop().expect("two");
    (one, at, peers.pop().expect("two"), third)
}

fn since(engine: &Engine, network: u8, number: u8) -> (Instant, u64) {
    let status = engine.peer(host(network, number)).expect("a peer");
    (status.since, status.flaps)
}

#[tokio::test]
async fn what_does_not_differ_does_nothing() {
    let (one, _at, _second, _third) = two_peers(80).await;
    let before = since(&one, 80, 2);
    one.path_changed(host(80, 2), next_hops(7));
    assert_eq!(one.reconfigure(waiting(1, 2, host(80, 2))), Some(Reconfigured::Nothing));
    assert_eq!(one.reconfigure(waiting(1, 9, host(80, 9))), None);
    until("the way found out since is kept", || {
        one.peer(host(80, 2)).expect("one").next_hops == next_hops(7)
    })
    .await;
    assert_eq!(since(&one, 80, 2), before);
}

#[tokio::test]
async fn a_changed_policy_and_next_hop_are_announced_without_a_reset() {
    let (one, _at, mut raw, _other) = two_peers(81).await;
    let before = (since(&one, 81, 2), since(&one, 81, 3));
    let mut config = waiting(1, 2, host(81, 2));
    config.policy.communities = vec![0xfde8_0064];
    assert_eq!(one.reconfigure(config.clone()), Some(Reconfigured::Applied));
    let update = raw.update().await;
    assert!(update.attrs.contains(&Attr::Communities(vec![0xfde8_0064])), "{update:?}");
    config.next_hops = NextHops { v4: Some([192, 0, 2, 77].into()), ..next_hops(1) };
    assert_eq!(one.reconfigure(config.clone()), Some(Reconfigured::Applied));
    let update = raw.update().await;
    assert!(update.attrs.contains(&Attr::NextHop([192, 0, 2, 77].into())), "{update:?}");
    // Back to what is found out: the last stands until something is.
    config.next_hops = NextHops::default();
    assert_eq!(one.reconfigure(config), Some(Reconfigured::Applied));
    one.path_changed(host(81, 2), next_hops(8));
    let update = raw.update().await;
    assert!(update.attrs.contains(&Attr::NextHop([192, 0, 2, 8].into())), "{update:?}");
    assert_eq!((since(&one, 81, 2), since(&one, 81, 3)), before);
}

#[tokio::test]
async fn what_the_open_says_ends_that_session_alone_and_it_comes_back() {
    let (one, at, mut raw, _other) = two_peers(82).await;
    let other = since(&one, 82, 3);
    let mut config = waiting(1, 2, host(82, 2));
    config.session.hold_time = HoldTime::new(30).expect("legal");
    assert_eq!(one.reconfigure(config), Some(Reconfigured::Restarted));
    assert_eq!(raw.farewell().await, Notification::new(6, 6, &[]));
    until("shown", || one.peer(host(82, 2)).expect("a peer").hold_time.seconds() == 30).await;
    let mut raw = Raw::connect(host(82, 2), at).await.expect("connected");
    raw.send(&Raw::open(2, 90)).await;
    let Some(Message::Open(open)) = raw.receive().await else { panic!("no OPEN") };
    assert_eq!(open.hold_time.seconds(), 30);
    raw.receive().await;
    raw.send(&Message::Keepalive).await;
    raw.update().await;
    assert_eq!((since(&one, 82, 3), since(&one, 82, 2).1), (other, 1));
}

#[tokio::test]
async fn rfc8538_4_1_a_session_begun_anew_by_configuration_keeps_forwarding_and_was_no_restart() {
    // The peer keeps our routes after Cease/6; with F unset it would drop them with the next OPEN (RFC 4724 §4.2).
    let restarting = |hold| {
        let mut config = waiting(1, 2, host(88, 2));
        let (time, long_lived) = (60, None);
        config.session.restart =
            Some(Restart { time, restarted: false, forwarding: false, notification: true, long_lived });
        config.session.hold_time = HoldTime::new(hold).expect("legal");
        config
    };
    let (one, at) = listening(88, |config| *config = restarting(90));
    one.release();
    // R is 8, F is 0x80 (RFC 4724 §3).
    for (flags, forwarding) in [(4, 0), (4, 0x80)] {
        let mut raw = Raw::connect(host(88, 2), at).await.expect("connected");
        raw.send(&Raw::open(2, 90)).await;
        let Some(Message::Open(open)) = raw.receive().await else { panic!("no OPEN") };
        let offered = open.capabilities.into_iter().find_map(|one| match one {
            Capability::GracefulRestart(offered) => Some((offered.flags, offered.families[0].1)),
            _ => None,
        });
        assert_eq!(offered, Some((flags, forwarding)));
        raw.receive().await;
        raw.send(&Message::Keepalive).await;
        until("up", || one.established() == 1).await;
        one.reconfigure(restarting(30));
        if forwarding == 0 {
            assert_eq!(raw.farewell().await, Notification::new(6, 6, &[]));
        }
    }
}

#[tokio::test]
async fn a_peer_that_is_down_by_order_stays_so_when_it_is_configured_anew() {
    let (one, at, mut raw, _other) = two_peers(83).await;
    one.administer(host(83, 2), Admin::Disable(String::new())).expect("a peer");
    raw.farewell().await;
    let mut config = waiting(1, 2, host(83, 2));
    config.session.hold_time = HoldTime::new(30).expect("legal");
    one.reconfigure(config);
    until("shown", || one.peer(host(83, 2)).expect("a peer").hold_time.seconds() == 30).await;
    assert_eq!(one.peer(host(83, 2)).expect("a peer").state, State::Idle);
    let mut raw = Raw::connect(host(83, 2), at).await.expect("connected");
    assert!(!matches!(raw.receive().await, Some(Message::Open(_))), "taken all the same");
}

#[tokio::test]
async fn rfc4486_4_a_removed_peer_is_told_so_and_may_come_again() {
    let (one, at, mut raw, mut other) = two_peers(84).await;
    let before = since(&one, 84, 3);
    assert!(one.remove_peer(host(84, 2), "rack 5 is gone"));
    assert!(!one.remove_peer(host(84, 2), ""));
    let note = raw.farewell().await;
    assert_eq!((note.code, note.subcode), (6, 3));
    assert_eq!(note, Notification::cease(3, "rack 5 is gone"));
    assert!(one.peer(host(84, 2)).is_none());
    let mut stranger = Raw::connect(host(84, 2), at).await.expect("connected");
    assert_eq!(stranger.receive().await, None);
    assert_eq!(one.refused_connections(), 1);
    one.add_peer(waiting(1, 2, host(84, 2)));
    let mut again = Raw::connect(host(84, 2), at).await.expect("connected");
    again.handshake(2, 90).await;
    assert_eq!(again.update().await.nlri.len(), 1);
    announce(&one, [net("10.1.0.0/16")]);
    assert_eq!(other.update().await.nlri.len(), 1);
    assert_eq!(since(&one, 84, 3), before);
}

#[tokio::test]
async fn abandoned_peers_hear_nothing() {
    let (one, at, mut raw, mut other) = two_peers(85).await;
    soon("the end", one.abandon()).await;
    while let Some(message) = raw.receive().await {
        assert!(!matches!(message, Message::Notification(_)), "{message:?}");
    }
    while let Some(message) = other.receive().await {
        assert!(!matches!(message, Message::Notification(_)), "{message:?}");
    }
    let again = soon("no", Raw::connect(host(85, 2), at)).await;
    assert!(again.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn rfc4486_4_too_many_prefixes_end_the_session() {
    let (one, at) = listening(86, |config| config.max_prefixes = Some(4));
    one.release();
    let mut raw = Raw::connect(host(86, 2), at).await.expect("connected");
    raw.handshake(2, 90).await;
    let prefixes = |range: std::ops::Range<u8>| {
        let attrs = vec![
            Attr::Origin(bgp::wire::Origin::Igp),
            Attr::AsPath(vec![bgp::wire::Segment::sequence(wire_peer::asn(2))]),
            Attr::NextHop([192, 0, 2, 9].into()),
        ];
        let nlri = range.map(|at| format!("10.{at}.0.0/16").parse().expect("a prefix")).collect();
        Message::Update(Update { attrs, nlri, ..Update::default() })
    };
    raw.send(&prefixes(0..4)).await;
    raw.send(&prefixes(0..4)).await; // the same again are not more
    let count = || one.peers()[0].learned.first().map_or(0, |(_, counts)| counts.received);
    until("four", || count() == 4).await;
    assert_eq!(one.established(), 1);
    raw.send(&prefixes(4..5)).await;
    // AFI 1, SAFI 1, then the limit in four octets.
    assert_eq!(raw.farewell().await, Notification::new(6, 1, &[0, 1, 1, 0, 0, 0, 4]));
    until("down", || one.established() == 0).await;
    assert!(matches!(&one.peers()[0].last_end, Some((_, EndReason::Sent(note))) if note.subcode == 1));
}

#[tokio::test]
async fn a_lower_limit_counts_at_once() {
    let listener = TcpListener::bind(SocketAddr::new(host(87, 2), 0)).await.expect("a free port");
    let engine = Engine::new();
    let config = |limit| PeerConfig {
        max_prefixes: limit,
        ..peer(1, 2, listener.local_addr().expect("bound"), host(87, 1))
    };
    engine.add_peer(config(None));
    let (stream, _) = soon("a dial", listener.accept()).await.expect("accepted");
    let mut raw = Raw::new(stream);
    raw.handshake(2, 90).await;
    let attrs = vec![
        Attr::Origin(bgp::wire::Origin::Igp),
        Attr::AsPath(vec![bgp::wire::Segment::sequence(wire_peer::asn(2))]),
        Attr::NextHop([192, 0, 2, 9].into()),
    ];
    let nlri = vec!["10.0.0.0/16".parse().expect("a prefix"), "10.1.0.0/16".parse().expect("a prefix")];
    raw.send(&Message::Update(Update { attrs, nlri, ..Update::default() })).await;
    until("two", || engine.peers()[0].learned.first().is_some_and(|(_, counts)| counts.received == 2)).await;
    assert_eq!(engine.reconfigure(config(Some(2))), Some(Reconfigured::Applied));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(engine.established(), 1);
    assert_eq!(engine.reconfigure(config(Some(1))), Some(Reconfigured::Applied));
    assert_eq!(raw.farewell().await.subcode, 1);
}
