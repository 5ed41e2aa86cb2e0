//! A running engine that is told what BFD says, on loopback addresses and free ports.

mod wire_peer;

use std::net::SocketAddr;
use std::time::Duration;

use bgp::fsm::{Bfd, BfdHold, State};
use bgp::net::{Admin, Engine, Path};
use bgp::wire::Notification;
use tokio::net::TcpListener;

use wire_peer::{Raw, host, peer, soon, until};

/// Far longer than the longest pause between two dials, five seconds.
const HOLD: Duration = Duration::from_secs(3600);

fn down() -> Bfd {
    Bfd::Down { keep: false, hold: Some(HOLD) }
}

async fn listener(network: u8) -> TcpListener {
    TcpListener::bind(SocketAddr::new(host(network, 2), 0)).await.expect("a free port")
}

async fn accept(listener: &TcpListener) -> Raw {
    let (stream, _) = soon("a dial", listener.accept()).await.expect("accepted");
    let mut raw = Raw::new(stream);
    raw.handshake(2, 90).await;
    raw
}

async fn is_dialed(listener: &TcpListener) -> bool {
    tokio::time::timeout(Duration::from_millis(1500), listener.accept()).await.is_ok()
}

#[tokio::test]
async fn a_dead_way_ends_the_session_and_a_good_one_brings_it_back_at_once() {
    let (one, listener) = (Engine::new(), listener(121).await);
    one.add_peer(peer(1, 2, listener.local_addr().expect("bound"), host(121, 1)));
    let mut raw = accept(&listener).await;
    until("established", || one.established() == 1).await;
    one.bfd(host(121, 2), Bfd::Up);
    one.bfd(host(121, 2), down());
    assert_eq!(raw.farewell().await, Notification::new(6, 10, &[]));
    until("down", || matches!(one.peers()[0].bfd_hold, BfdHold::Until(_))).await;
    assert!(!is_dialed(&listener).await, "the first try after any other end comes within 0.7 s");
    one.bfd(host(121, 2), Bfd::Up);
    let _back = accept(&listener).await;
    until("established again", || one.established() == 1).await;
    assert_eq!(one.peers()[0].bfd_hold, BfdHold::No);
}

#[tokio::test]
async fn a_way_that_was_dead_ends_the_session_even_if_it_is_good_again_by_the_time_anybody_hears() {
    let (one, listener) = (Engine::new(), listener(122).await);
    one.add_peer(peer(1, 2, listener.local_addr().expect("bound"), host(122, 1)));
    let mut raw = accept(&listener).await;
    until("established", || one.established() == 1).await;
    // Nothing is awaited in between: the peer's task hears both as one.
    one.bfd(host(122, 2), Bfd::Up);
    one.bfd(host(122, 2), down());
    one.bfd(host(122, 2), Bfd::Up);
    assert_eq!(raw.farewell().await, Notification::new(6, 10, &[]));
    let _back = accept(&listener).await;
    until("established again", || one.established() == 1).await;
    assert_eq!(one.peers()[0].flaps, 1);
}

#[tokio::test]
async fn who_awaits_bfd_dials_nobody_before_it_is_up_and_a_new_configuration_changes_nothing_about_that() {
    let (one, listener) = (Engine::new(), listener(123).await);
    let mut config = peer(1, 2, listener.local_addr().expect("bound"), host(123, 1));
    let path = Path { next_hops: config.next_hops, local: config.dialing.local, bfd: Bfd::Awaited };
    one.add_peer_on(config.clone(), path);
    assert!(!is_dialed(&listener).await);
    assert_eq!((one.peers()[0].bfd_hold, one.peers()[0].state), (BfdHold::UntilUp, State::Idle));
    config.session.hold_time = bgp::HoldTime::new(30).expect("legal");
    one.reconfigure(config);
    assert!(!is_dialed(&listener).await);
    one.administer(host(123, 2), Admin::Disable(String::new())).expect("a peer");
    one.administer(host(123, 2), Admin::Enable).expect("a peer");
    assert!(!is_dialed(&listener).await);
    one.bfd(host(123, 2), Bfd::Up);
    let _raw = accept(&listener).await;
    until("established", || one.established() == 1).await;
}
