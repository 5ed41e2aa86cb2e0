//! What an administrator asks of a running engine, and what it counts and tells, on loopback addresses and free ports.

mod wire_peer;

use std::net::SocketAddr;
use std::time::Duration;

use bgp::fsm::State;
use bgp::net::{Admin, AdminError, Engine, MessageCounts};
use bgp::rib::RouteAttrs;
use bgp::wire::{Attr, Capability, Message, Notification, Open};
use bgp::{Family, HoldTime, RouterId};
use ipnet::{IpNet, Ipv4Net};
use tokio::net::TcpListener;
use tokio::sync::broadcast::error::RecvError;

use wire_peer::{Raw, Seen, asn, host, listening, peer, soon, until, waiting};

fn net(text: &str) -> IpNet {
    text.parse().expect("a prefix")
}

fn announce(engine: &Engine, nets: impl IntoIterator<Item = IpNet>) {
    let attrs = RouteAttrs::default();
    engine.apply(nets.into_iter().map(|net| (net, Some(&attrs))));
}

/// An engine that dials host 2 of a network, and the listener there.
async fn dialing(network: u8) -> (Engine, TcpListener) {
    let listener = TcpListener::bind(SocketAddr::new(host(network, 2), 0)).await.expect("a free port");
    let engine = Engine::new();
    engine.add_peer(peer(1, 2, listener.local_addr().expect("bound"), host(network, 1)));
    (engine, listener)
}

async fn accept(listener: &TcpListener) -> Raw {
    let (stream, _) = soon("a dial", listener.accept()).await.expect("accepted");
    let mut raw = Raw::new(stream);
    raw.handshake(2, 90).await;
    raw
}

/// Reads to the next End-of-RIB and returns the IPv4 prefixes before it.
async fn table(raw: &mut Raw) -> Vec<Ipv4Net> {
    let mut all = Vec::new();
    loop {
        match raw.receive().await.expect("a session") {
            Message::Update(update) if update.ends_rib_of().is_some() => return all,
            Message::Update(update) => all.extend(update.nlri),
            _ => {}
        }
    }
}

#[tokio::test]
async fn withdrawals_are_counted_at_both_ends_and_end_of_rib_is_none() {
    let (one, at) = listening(40, |_| {});
    let (two, (inbound, mut seen)) = (Engine::new(), Seen::new());
    let mut config = peer(2, 1, at, host(40, 2));
    config.inbound = Some(inbound);
    two.add_peer(config);
    announce(&one, ["10.0.0.1/32", "10.0.0.2/32", "10.0.0.3/32", "fd00::1/128", "fd00::2/128"].map(net));
    one.release();
    seen.until("both tables", |seen| seen.ended.len() == 2 && seen.table.len() == 5).await;
    let withdrawn = |counts: MessageCounts| (counts.withdraw_update, counts.withdraw_prefix);
    let sent = || one.peer(host(40, 2)).expect("a peer").sent;
    let received = || two.peer(host(40, 1)).expect("a peer").received;
    assert_eq!((withdrawn(sent()), withdrawn(received())), ((0, 0), (0, 0)));
    one.apply(["10.0.0.1/32", "10.0.0.2/32", "fd00::1/128"].map(|text| (net(text), None)));
    seen.until("withdrawals", |seen| seen.table.len() == 2).await;
    assert_eq!(withdrawn(sent()), (2, 3), "one UPDATE for each family");
    assert_eq!((withdrawn(received()), received().update), ((2, 3), sent().update));
    let status = two.peer(host(40, 1)).expect("a peer");
    let learned: Vec<_> = status.learned.iter().map(|(_, counts)| counts.received).collect();
    assert_eq!(learned, [1, 1]);
    assert_eq!(
        one.peer(host(40, 2)).expect("a peer").advertised_by_family.iter().map(|one| one.1).sum::<usize>(),
        2
    );
}

#[tokio::test]
async fn what_cannot_be_read_counts_as_discarded() {
    let (one, at) = listening(41, |_| {});
    let mut raw = Raw::connect(host(41, 2), at).await.expect("connected");
    raw.handshake(2, 90).await;
    until("established", || one.established() == 1).await;
    let mut refresh = Raw::octets(&Message::RouteRefresh { family: Family::IPV4_UNICAST, subtype: 0 });
    refresh.push(0);
    refresh[17] += 1; // one octet too long
    tokio::io::AsyncWriteExt::write_all(&mut raw.stream, &refresh).await.expect("the engine reads");
    raw.farewell().await;
    assert_eq!(one.peers()[0].received.discarded, 1);
}

#[tokio::test]
async fn messages_wait_in_the_queue_while_the_peer_does_not_read_and_go_with_the_session() {
    let (one, at) = listening(42, |_| {});
    one.release();
    let mut raw = Raw::connect(host(42, 2), at).await.expect("connected");
    raw.handshake(2, 90).await;
    let hosts = || (0..60_000_u32).map(|at| Ipv4Net::from(std::net::Ipv4Addr::from(0x0a00_0000 + at)).into());
    let mut rounds = 0_u32;
    until("the buffers are full", || {
        rounds += 1;
        let attrs = RouteAttrs::new(Some(rounds), Vec::new()).expect("few");
        one.apply(hosts().map(|net: IpNet| (net, Some(&attrs))));
        one.peers()[0].out_queue > 0
    })
    .await;
    drop(raw);
    until("down", || one.established() == 0).await;
    assert_eq!(one.peers()[0].out_queue, 0);
}

#[tokio::test]
async fn capabilities_of_both_sides_are_shown_and_the_identifier_outlives_the_session() {
    let (one, at) = listening(43, |_| {});
    let mut raw = Raw::connect(host(43, 2), at).await.expect("connected");
    let id = RouterId::new([10, 9, 8, 7].into()).expect("not zero");
    let strange = Capability::Unknown { code: 239, value: vec![1, 2, 3] };
    let open = Open::new(asn(2), HoldTime::new(90).expect("legal"), id).with(strange.clone());
    raw.send(&Message::Open(open.clone())).await;
    let Some(Message::Open(ours)) = raw.receive().await else { panic!("no OPEN") };
    raw.receive().await;
    raw.send(&Message::Keepalive).await;
    until("established", || one.established() == 1).await;
    let status = one.peer(host(43, 2)).expect("a peer");
    assert_eq!(status.capabilities, ours.capabilities);
    assert_eq!(status.negotiated.expect("a session").capabilities, open.capabilities);
    assert!(status.last_established.is_some() && status.last_down.is_none());
    drop(raw);
    until("down", || one.established() == 0).await;
    let status = one.peer(host(43, 2)).expect("a peer");
    assert_eq!((status.peer_id, status.negotiated), (Some(id), None));
    assert!(status.last_down >= status.last_established && status.learned.is_empty());
}

#[tokio::test]
async fn a_reset_and_a_shutdown_say_why_and_the_session_comes_back() {
    let (one, listener) = dialing(44).await;
    let mut states = one.subscribe();
    let expected = [
        (Admin::Reset("new optics".to_owned()), Notification::cease(4, "new optics")),
        (Admin::Shutdown("night".to_owned()), Notification::cease(2, "night")),
        (Admin::Reset(String::new()), Notification::new(6, 4, &[])),
    ];
    for (flaps, (what, note)) in (1..).zip(expected) {
        let mut raw = accept(&listener).await;
        until("established", || one.established() == 1).await;
        one.administer(host(44, 2), what).expect("a peer");
        assert_eq!(raw.farewell().await, note);
        until("down", || one.peers()[0].flaps == flaps).await;
        assert!(one.peers()[0].enabled);
    }
    let _back = accept(&listener).await;
    let mut seen = Vec::new();
    while seen.iter().filter(|state| **state == State::Established).count() < 4 {
        let change = soon("a change", states.recv()).await.expect("few enough");
        assert_eq!((change.addr, change.enabled), (host(44, 2).into(), true));
        seen.push(change.state);
    }
    let rounds: Vec<_> = seen.split_inclusive(|state| *state == State::Established).collect();
    assert!(rounds.iter().all(|round| round.ends_with(&[
        State::OpenSent,
        State::OpenConfirm,
        State::Established
    ])));
}

#[tokio::test]
async fn a_disabled_peer_stays_down_until_it_is_enabled() {
    let (one, listener) = dialing(45).await;
    let mut raw = accept(&listener).await;
    until("established", || one.established() == 1).await;
    one.administer(host(45, 2), Admin::Disable("rack moves".to_owned())).expect("a peer");
    assert_eq!(raw.farewell().await, Notification::shutdown("rack moves"));
    let status = one.peer(host(45, 2)).expect("a peer");
    assert_eq!((status.enabled, status.state), (false, State::Idle));
    // The first try after any other end comes within 0.7 s.
    let dialed = tokio::time::timeout(Duration::from_millis(1500), listener.accept()).await;
    assert!(dialed.is_err(), "dialed all the same");
    one.path_changed(host(45, 2), wire_peer::next_hops(5));
    assert!(tokio::time::timeout(Duration::from_millis(300), listener.accept()).await.is_err());
    one.administer(host(45, 2), Admin::Enable).expect("a peer");
    let _back = accept(&listener).await;
    until("established again", || one.established() == 1).await;
    assert!(one.peers()[0].enabled);
    assert_eq!(one.administer(host(45, 9), Admin::Enable), Err(AdminError::Unknown(host(45, 9).into())));
}

#[tokio::test]
async fn rfc2918_soft_resets_send_again_and_ask_again() {
    let (one, at) = listening(46, |_| {});
    announce(&one, ["10.0.0.1/32", "10.0.0.2/32"].map(net));
    one.release();
    for refreshes in [true, false] {
        let mut raw = Raw::connect(host(46, 2), at).await.expect("connected");
        let Message::Open(mut open) = Raw::open(2, 90) else { panic!("no OPEN") };
        if refreshes {
            open = open.with(Capability::RouteRefresh);
        }
        raw.send(&Message::Open(open)).await;
        raw.send(&Message::Keepalive).await;
        assert_eq!(table(&mut raw).await.len(), 2);
        one.administer(host(46, 2), Admin::RefreshIn).expect("a peer");
        one.administer(host(46, 2), Admin::RefreshOut).expect("a peer");
        if refreshes {
            let asked = Message::RouteRefresh { family: Family::IPV4_UNICAST, subtype: 0 };
            assert_eq!(raw.receive().await, Some(asked));
        }
        let Some(Message::Update(again)) = raw.receive().await else { panic!("not sent again") };
        assert_eq!(again.nlri.len(), 2);
        drop(raw);
        until("down", || one.established() == 0).await;
    }
}

#[tokio::test]
async fn a_subscriber_that_does_not_read_misses_the_oldest_and_holds_nobody_back() {
    let one = Engine::new();
    one.add_peer(waiting(1, 2, host(47, 2)));
    let mut states = one.subscribe();
    for round in 0..1300 {
        let what = if round % 2 == 0 { Admin::Disable(String::new()) } else { Admin::Enable };
        while one.administer(host(47, 2), what.clone()) == Err(AdminError::Busy(host(47, 2).into())) {
            tokio::task::yield_now().await;
        }
    }
    until("all carried out", || one.peers()[0].enabled && one.peers()[0].state == State::Active).await;
    assert!(matches!(states.recv().await, Err(RecvError::Lagged(missed)) if missed > 100));
    assert!(states.recv().await.is_ok(), "the rest is there");
}

#[tokio::test]
async fn what_a_peer_was_sent_is_shown_with_its_attributes() {
    let (one, at) = listening(48, |_| {});
    let attrs = RouteAttrs::new(Some(30), vec![0xfde8_0001]).expect("few");
    one.apply([(net("10.0.0.1/32"), Some(&attrs))]);
    announce(&one, [net("10.0.0.2/32")]);
    one.release();
    let mut raw = Raw::connect(host(48, 2), at).await.expect("connected");
    raw.handshake(2, 90).await;
    let mut sent = std::collections::BTreeMap::new();
    while sent.len() < 2 {
        let Some(Message::Update(update)) = raw.receive().await else { continue };
        let mut attrs = update.attrs;
        attrs.retain(|attr| !matches!(attr, Attr::NextHop(_)));
        sent.extend(update.nlri.into_iter().map(|net| (IpNet::V4(net), attrs.clone())));
    }
    let shown = one.advertised_with_attrs(host(48, 2)).expect("a peer");
    let shown: Vec<_> = shown.iter().map(|(route, attrs)| (route.prefix, attrs.to_vec())).collect();
    assert_eq!(shown, sent.into_iter().collect::<Vec<_>>(), "as on the wire");
    assert!(shown[0].1.contains(&Attr::Med(30)));
}
