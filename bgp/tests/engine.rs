//! The driver on real sockets: engines, and peers made by hand, on loopback addresses and free ports.

mod wire_peer;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bgp::Family;
use bgp::fsm::EndReason;
use bgp::net::Engine;
use bgp::rib::RouteAttrs;
use bgp::wire::{Message, Notification, Update};
use ipnet::{IpNet, Ipv4Net};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use wire_peer::{Raw, Seen, host, listening, next_hops, peer, soon, until, waiting};

fn net(text: &str) -> IpNet {
    text.parse().expect("a prefix")
}

fn hosts(count: u32) -> impl Iterator<Item = IpNet> {
    (0..count).map(|at| Ipv4Net::from(std::net::Ipv4Addr::from(0x0a00_0000 + at)).into())
}

fn announce(engine: &Engine, nets: impl IntoIterator<Item = IpNet>) {
    let attrs = RouteAttrs::default();
    engine.apply(nets.into_iter().map(|net| (net, Some(&attrs))));
}

fn withdraw(engine: &Engine, nets: impl IntoIterator<Item = IpNet>) {
    engine.apply(nets.into_iter().map(|net| (net, None)));
}

/// Two engines joined on a network: the first waits, the second dials and tells what it sees.
fn joined(network: u8) -> (Engine, Engine, Seen) {
    let (one, at) = listening(network, |_| {});
    let (two, (inbound, seen)) = (Engine::new(), Seen::new());
    let mut config = peer(2, 1, at, host(network, 2));
    config.inbound = Some(inbound);
    two.add_peer(config);
    (one, two, seen)
}

#[tokio::test]
async fn routes_of_both_families_come_and_go_over_one_session() {
    let (one, two, mut seen) = joined(1);
    let (v4, v6) = (net("203.0.113.7/32"), net("2001:db8:7::/48"));
    announce(&one, [v4, v6, net("198.51.100.0/24")]);
    until("established", || one.established() == 1 && two.established() == 1).await;
    // Sessions come up before every source has listed; nothing is said on them.
    let before = one.peer(host(1, 2)).expect("a peer");
    assert_eq!((before.sent.update, before.advertised, before.current), (0, 0, false));
    one.release();
    seen.until("both tables", |seen| seen.ended.len() == 2 && seen.table.len() == 3).await;
    assert_eq!(seen.table[&v4], next_hops(1).of(Family::IPV4_UNICAST).expect("one"));
    assert_eq!(seen.table[&v6], next_hops(1).of(Family::IPV6_UNICAST).expect("one"));
    let advertised = one.advertised(host(1, 2)).expect("a peer");
    assert_eq!(
        advertised.iter().map(|one| one.prefix).collect::<Vec<_>>(),
        seen.table.keys().copied().collect::<Vec<_>>()
    );

    withdraw(&one, [v4, v6]);
    seen.until("withdrawals", |seen| seen.table.len() == 1).await;

    announce(&one, [v4, v6]);
    one.path_changed(host(1, 2), next_hops(9));
    let moved = |seen: &Seen, net: &IpNet, family| seen.table.get(net).copied() == next_hops(9).of(family);
    seen.until("new next hops", |seen| {
        moved(seen, &v4, Family::IPV4_UNICAST) && moved(seen, &v6, Family::IPV6_UNICAST)
    })
    .await;
    seen.until("the other prefix, too", |seen| moved(seen, &net("198.51.100.0/24"), Family::IPV4_UNICAST))
        .await;
    assert_eq!((one.peers()[0].flaps, seen.ended.len()), (0, 2), "same session, no second End-of-RIB");
}

#[tokio::test]
async fn rfc9003_a_shutdown_is_explained_and_its_routes_vanish() {
    let (one, two, mut seen) = joined(2);
    announce(&one, hosts(3));
    one.release();
    seen.until("the table", |seen| seen.table.len() == 3).await;
    soon("shutdown", one.shutdown("moving to rack 5")).await;
    seen.until("the end", |seen| seen.downs == 1).await;
    let (_, reason) = two.peer(host(2, 1)).expect("a peer").last_end.expect("an end");
    assert_eq!(reason, EndReason::Received(Notification::shutdown("moving to rack 5")));
    assert!(seen.table.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_stops_reading_holds_nobody_back_and_queues_nothing_more() {
    const ALL: u32 = 60_000;
    let (one, at) = listening(3, |_| {});
    one.add_peer(waiting(1, 3, host(3, 3)));
    announce(&one, hosts(ALL));
    one.release();
    let mut slow = Raw::connect(host(3, 2), at).await.expect("connected");
    slow.handshake(2, 90).await;
    let (two, (inbound, mut seen)) = (Engine::new(), Seen::new());
    let mut config = peer(3, 1, at, host(3, 3));
    config.inbound = Some(inbound);
    two.add_peer(config);
    let queued = || one.peer(host(3, 2)).expect("a peer").sent.update;
    let mut half_way = 0;
    // Half a megabyte a round: the kernel's buffers are full long before the half.
    for round in 0..26 {
        half_way = if round == 14 { queued() } else { half_way };
        withdraw(&one, hosts(ALL).skip(10));
        seen.until("the withdrawals", |seen| seen.table.len() == 10).await;
        announce(&one, hosts(ALL));
        seen.until("the table beside the slow peer", |seen| seen.table.len() == ALL as usize).await;
    }
    assert_eq!(queued(), half_way, "nothing more was queued for a peer that takes nothing");
    // When it reads again it gets what was under way, and then only what differs.
    let mut held = BTreeSet::new();
    while held.len() < ALL as usize || !one.peer(host(3, 2)).expect("a peer").current {
        let Some(Message::Update(update)) = slow.receive().await else { continue };
        update.withdrawn.iter().for_each(|net| assert!(held.remove(net), "{net} was never announced"));
        held.extend(update.nlri);
    }
    assert!(queued() <= half_way + 2 * u64::from(ALL / 700), "one catch-up, not twelve");
}

#[tokio::test]
async fn messages_in_single_octets_are_put_together() {
    let (inbound, mut seen) = Seen::new();
    let (_one, at) = listening(4, |config| config.inbound = Some(inbound));
    let mut raw = Raw::connect(host(4, 2), at).await.expect("connected");
    raw.stream.set_nodelay(true).expect("a socket");
    let update = Update { withdrawn: vec!["10.0.0.0/8".parse().expect("a prefix")], ..Update::default() };
    let marker = Message::Update(Update::end_of_rib(Family::IPV4_UNICAST));
    for message in [Raw::open(2, 90), Message::Keepalive, Message::Update(update), marker] {
        for octet in Raw::octets(&message) {
            raw.stream.write_all(&[octet]).await.expect("the engine reads");
            tokio::task::yield_now().await;
        }
    }
    seen.until("End-of-RIB", |seen| seen.ended == [Family::IPV4_UNICAST]).await;
}

#[tokio::test]
async fn rfc4271_6_1_garbage_is_answered_with_a_notification() {
    let (one, at) = listening(5, |_| {});
    for early in [true, false] {
        let mut raw = Raw::connect(host(5, 2), at).await.expect("connected");
        if !early {
            raw.handshake(2, 90).await;
            until("established", || one.established() == 1).await;
        }
        raw.stream.write_all(b"GET / HTTP/1.1\r\nHost: router\r\n\r\n").await.expect("the engine reads");
        assert_eq!(raw.farewell().await, Notification::new(1, 1, &[]));
        until("down", || one.established() == 0).await;
    }
    assert_eq!(one.peers()[0].flaps, 1);
}

#[tokio::test]
async fn after_garbage_the_peer_is_dialed_again_within_seconds() {
    let listener = TcpListener::bind(SocketAddr::new(host(6, 2), 0)).await.expect("a free port");
    let engine = Engine::new();
    engine.add_peer(peer(1, 2, listener.local_addr().expect("bound"), host(6, 1)));
    let mut last = Instant::now();
    for round in 0..3 {
        let (stream, from) = soon("a dial", listener.accept()).await.expect("accepted");
        assert_eq!(from.ip(), host(6, 1), "dialed from the address configured");
        assert!(round == 0 || last.elapsed() < Duration::from_secs(5));
        let mut raw = Raw::new(stream);
        raw.stream.write_all(&[0; 64]).await.expect("the engine reads");
        assert_eq!(raw.farewell().await, Notification::new(1, 1, &[]));
        last = Instant::now();
    }
}

#[tokio::test]
async fn a_connection_from_an_unknown_address_is_closed_without_a_word() {
    let (_one, at) = listening(7, |_| {});
    let mut stranger = Raw::connect(host(7, 99), at).await.expect("connected");
    let mut scrap = [0; 16];
    let read = soon("the end", stranger.stream.read(&mut scrap)).await;
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rfc4271_6_8_two_engines_that_dial_each_other_settle() {
    for network in 10..20 {
        let (one, two) = (Engine::new(), Engine::new());
        let [at_one, at_two] = [(&one, 1), (&two, 2)].map(|(engine, number)| {
            engine.listen(SocketAddr::new(host(network, number), 0)).expect("a free port")
        });
        let both = |mut config: bgp::net::PeerConfig| {
            config.session.listen = true;
            config
        };
        one.add_peer(both(peer(1, 2, at_two, host(network, 1))));
        two.add_peer(both(peer(2, 1, at_one, host(network, 2))));
        announce(&one, hosts(10));
        announce(&two, hosts(20));
        one.release();
        two.release();
        let advertised = |engine: &Engine| engine.peers()[0].advertised;
        until("both hold both tables", || (advertised(&one), advertised(&two)) == (10, 20)).await;
        // Both ends mean the same connection: one dialed it from a port of its own, the other accepted it.
        let ports = [&one, &two].map(|engine| engine.peers()[0].local_addr.expect("established").port());
        assert!((ports[0] == at_one.port()) != (ports[1] == at_two.port()), "{ports:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_messages_does_not_keep_our_keepalives_from_leaving() {
    let (_one, at) = listening(8, |_| {});
    let mut raw = Raw::connect(host(8, 2), at).await.expect("connected");
    raw.handshake(2, 3).await;
    let flood: Vec<u8> = Raw::octets(&Message::Update(Update::default())).repeat(10_000);
    let (mut input, mut output) = raw.stream.into_split();
    let flooding = tokio::spawn(async move { while output.write_all(&flood).await.is_ok() {} });
    let mut octets = [0; 4096];
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_secs(5) {
        // Three seconds without a word, and a peer that keeps to the hold time ends the session.
        let read = tokio::time::timeout(Duration::from_secs(3), input.read(&mut octets)).await;
        assert!(matches!(read, Ok(Ok(1..))), "{read:?} after {:?}", begin.elapsed());
    }
    flooding.abort();
}
