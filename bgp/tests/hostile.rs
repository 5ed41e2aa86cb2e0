//! The worst peers and strangers, on real sockets: what they get, and that others notice nothing.

mod wire_peer;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use bgp::Family;
use bgp::net::Engine;
use bgp::wire::{Attr, Message, Notification, Update};
use tokio::io::AsyncWriteExt;

use wire_peer::{Raw, announce, host, listening, net, soon, until, waiting};

/// The engine, where it listens, and peer 2 with a session on which `10.0.0.0/8` was announced.
async fn with_a_session(network: u8) -> (Engine, SocketAddr, Raw) {
    let (one, at) = listening(network, |_| {});
    announce(&one, [net("10.0.0.0/8")]);
    one.release();
    let mut raw = Raw::connect(host(network, 2), at).await.expect("connected");
    raw.handshake(2, 90).await;
    raw.update().await;
    (one, at, raw)
}

/// A new prefix reaches the peer on the session it had all the time.
async fn still_served(one: &Engine, raw: &mut Raw) {
    announce(one, [net("10.1.0.0/16")]);
    assert_eq!(raw.update().await.nlri.len(), 1);
    assert_eq!(one.peers()[0].flaps, 0);
}

fn header(length: u16, kind: u8) -> Vec<u8> {
    [&[0xff; 16][..], &length.to_be_bytes(), &[kind]].concat()
}

#[tokio::test]
async fn a_flood_of_strangers_is_closed_and_counted() {
    const FLOOD: u64 = 400;
    let (one, at, mut raw) = with_a_session(100).await;
    for _ in 0..FLOOD {
        // Octets sent before the end make it a reset: nothing of them may be read.
        if let Ok(mut stranger) = Raw::connect(host(100, 99), at).await {
            let _ = stranger.stream.write_all(&Raw::octets(&Raw::open(2, 90))).await;
            assert_eq!(stranger.receive().await, None);
        }
    }
    until("counted", || one.refused_connections() == FLOOD).await;
    still_served(&one, &mut raw).await;
}

#[tokio::test]
async fn connections_beside_a_session_are_refused_and_it_stands() {
    let (one, at, mut raw) = with_a_session(101).await;
    let mut answers = 0;
    for _ in 0..100 {
        let mut more = Raw::connect(host(101, 2), at).await.expect("connected");
        if let Some(message) = more.receive().await {
            assert_eq!(message, Message::Notification(Notification::new(6, 7, &[])), "collision (RFC 4486)");
            answers += 1;
        }
    }
    assert!(answers > 0);
    still_served(&one, &mut raw).await;
}

#[tokio::test]
async fn a_peer_that_reads_nothing_cannot_make_us_collect_keepalives() {
    let (one, at, _raw) = with_a_session(102).await;
    // The kernel's buffers first.
    let mut round = 0;
    until("the buffers are full", || {
        round += 1;
        let attrs = bgp::rib::RouteAttrs::new(Some(round), Vec::new()).expect("few");
        let nets = (0..30_000_u32).map(|at| ipnet::Ipv4Net::from(Ipv4Addr::from(0x0b00_0000 + at)).into());
        one.apply(nets.map(|net| (net, Some(&attrs))));
        one.peers()[0].out_queue > 0
    })
    .await;
    let before = one.peers()[0].out_queue;
    for _ in 0..50 {
        let mut more = Raw::connect(host(102, 2), at).await.expect("connected");
        more.receive().await;
    }
    let after = one.peers()[0].out_queue;
    assert!(after <= before + 1, "each draws a KEEPALIVE on the session: {before} to {after}");
}

#[tokio::test]
async fn of_half_open_connections_the_newest_lives_alone() {
    let (one, at) = listening(103, |_| {});
    one.release();
    let mut silent = Vec::new();
    for part in 0..20 {
        let mut raw = Raw::connect(host(103, 2), at).await.expect("connected");
        raw.stream.write_all(&header(29, 1)[..part.min(19)]).await.expect("the engine reads");
        silent.push(raw);
    }
    let mut last = Raw::connect(host(103, 2), at).await.expect("connected");
    last.handshake(2, 90).await;
    until("established", || one.established() == 1).await;
    for raw in &mut silent {
        // Each got our OPEN (or was closed before it), and then the end.
        while let Some(message) = raw.receive().await {
            assert!(matches!(message, Message::Open(_) | Message::Notification(_)), "{message:?}");
        }
    }
    assert_eq!(one.peers()[0].flaps, 0);
}

#[tokio::test]
async fn rfc4271_6_1_lengths_that_cannot_be_are_answered_with_themselves() {
    let (one, at) = listening(104, |_| {});
    // Below the header, beyond the maximum, and each type at a length it cannot have.
    let lengths = [(0, 4), (18, 4), (4097, 2), (65535, 2), (28, 1), (22, 2), (20, 3), (20, 4), (22, 5)];
    let mut flaps = 0;
    for (length, kind) in lengths {
        for early in [true, false] {
            if early && (kind == 2 || kind == 5) {
                continue; // out of order before it is too short
            }
            let mut raw = Raw::connect(host(104, 2), at).await.expect("connected");
            if !early {
                raw.handshake(2, 90).await;
                until("established", || one.established() == 1).await;
                flaps += 1;
            }
            let mut octets = header(length, kind);
            octets.resize(usize::from(length).clamp(19, 4096), 0);
            raw.stream.write_all(&octets).await.expect("the engine reads");
            let note = raw.farewell().await;
            let expected = match kind {
                5 => Notification::new(7, 1, &octets[..22]), // RFC 7313 §5
                _ => Notification::new(1, 2, &length.to_be_bytes()),
            };
            assert_eq!(note, expected, "length {length} of type {kind}");
            until("down", || one.established() == 0).await;
        }
    }
    assert_eq!(one.peers()[0].flaps, flaps);
}

#[tokio::test]
async fn a_storm_of_notifications_ends_one_session_once_and_is_not_answered() {
    let (one, at, mut raw) = with_a_session(105).await;
    let storm = Raw::octets(&Message::Notification(Notification::new(6, 2, &[]))).repeat(1000);
    let _ = raw.stream.write_all(&storm).await;
    while let Some(message) = raw.receive().await {
        assert!(!matches!(message, Message::Notification(_)), "RFC 4271 §6: no answer to one");
    }
    until("down", || one.peers()[0].flaps == 1).await;
    let mut raw = Raw::connect(host(105, 2), at).await.expect("connected");
    raw.handshake(2, 90).await;
    raw.update().await;
    assert_eq!((one.established(), one.peers()[0].flaps), (1, 1));
}

#[tokio::test]
async fn rfc4271_6_5_silence_for_a_hold_time_ends_the_session() {
    let (one, at) = listening(106, |_| {});
    let mut raw = Raw::connect(host(106, 2), at).await.expect("connected");
    raw.handshake(2, 3).await;
    until("established", || one.established() == 1).await;
    let begin = Instant::now();
    assert_eq!(raw.farewell().await, Notification::new(4, 0, &[]));
    assert!(begin.elapsed() > Duration::from_millis(2500), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn what_was_never_announced_may_be_withdrawn() {
    let (one, _at, mut raw) = with_a_session(107).await;
    for part in 0..20_u32 {
        let first = 0x0b00_0000 + part * 800;
        let withdrawn = (first..first + 800).map(|at| Ipv4Addr::from(at).into()).collect();
        raw.send(&Message::Update(Update { withdrawn, ..Update::default() })).await;
    }
    until("taken", || one.peers()[0].received.withdraw_prefix == 16_000).await;
    assert!(one.peers()[0].learned.iter().all(|(_, counts)| counts.received == 0));
    still_served(&one, &mut raw).await;
}

#[tokio::test]
async fn a_peer_may_only_come_to_the_address_it_is_dialed_from() {
    let one = Engine::new();
    let mut config = waiting(1, 2, host(108, 2));
    config.dialing.local = Some(host(108, 1));
    one.add_peer(config);
    let port = one.listen((Ipv4Addr::UNSPECIFIED, 0).into()).expect("a free port").port();
    let mut wrong = Raw::connect(host(108, 2), SocketAddr::new(host(108, 7), port)).await.expect("connected");
    assert_eq!(wrong.receive().await, None);
    assert_eq!(one.refused_connections(), 1);
    let mut right = Raw::connect(host(108, 2), SocketAddr::new(host(108, 1), port)).await.expect("connected");
    right.handshake(2, 90).await;
    until("established", || one.established() == 1).await;
}

#[tokio::test]
async fn a_peer_that_is_only_dialed_is_not_taken() {
    let (one, at) = listening(109, |config| config.session.listen = false);
    let mut raw = Raw::connect(host(109, 2), at).await.expect("connected");
    while let Some(message) = raw.receive().await {
        assert!(matches!(message, Message::Notification(_)), "{message:?}");
    }
    assert_eq!(one.established(), 0);
}

#[tokio::test]
async fn rfc4271_6_2_opens_that_cannot_be_are_refused_with_the_reason() {
    let (one, at) = listening(110, |_| {});
    let good = Raw::octets(&Raw::open(2, 90));
    let with = |at: usize, octets: &[u8]| {
        let mut open = good.clone();
        open[at..at + octets.len()].copy_from_slice(octets);
        open
    };
    // Offsets of the OPEN: header 19, version 19, AS 20, hold time 22, identifier 24.
    let wrong_as = Raw::octets(&Raw::open(3, 90));
    let cases = [
        (with(19, &[3]), (2, 1), vec![0, 4]), // the version we do speak
        (wrong_as, (2, 2), vec![]),
        (with(24, &[0, 0, 0, 0]), (2, 3), vec![]),
        (with(22, &[0, 1]), (2, 6), vec![]),
        (with(22, &[0, 2]), (2, 6), vec![]),
        (with(0, &[0]), (1, 1), vec![]), // a marker that is none is a header error
    ];
    for (octets, codes, data) in cases {
        let mut raw = Raw::connect(host(110, 2), at).await.expect("connected");
        raw.stream.write_all(&octets).await.expect("the engine reads");
        let note = raw.farewell().await;
        assert_eq!(((note.code, note.subcode), &note.data), (codes, &data), "{note}");
    }
    assert_eq!(one.peers()[0].flaps, 0);
}

#[tokio::test]
async fn routes_in_single_octets_count_like_any_other() {
    let (one, _at, mut raw) = with_a_session(111).await;
    raw.stream.set_nodelay(true).expect("a socket");
    let attrs = vec![
        Attr::Origin(bgp::wire::Origin::Igp),
        Attr::AsPath(vec![bgp::wire::Segment::sequence(wire_peer::asn(2))]),
        Attr::NextHop([192, 0, 2, 9].into()),
    ];
    let nlri = vec!["10.9.0.0/16".parse().expect("a prefix")];
    for octet in Raw::octets(&Message::Update(Update { attrs, nlri, ..Update::default() })) {
        raw.stream.write_all(&[octet]).await.expect("the engine reads");
        soon("a turn", tokio::task::yield_now()).await;
    }
    until("learned", || {
        one.peers()[0]
            .learned
            .iter()
            .any(|(family, counts)| *family == Family::IPV4_UNICAST && counts.received == 1)
    })
    .await;
    still_served(&one, &mut raw).await;
}
