//! What guards a connection, judged by the kernel at the other end: TCP MD5 keys and time to live, on loopback.

mod wire_peer;

use std::net::SocketAddr;
use std::time::Duration;

use bgp::fsm::State;
use bgp::net::{Engine, Hops, Password, PeerConfig, Reconfigured};

use wire_peer::{Raw, Seen, announce, host, listening, net, peer, until, waiting};

fn key(text: &str) -> Option<Password> {
    Some(Password::new(text.as_bytes()).expect("a legal length"))
}

/// The engine that dials host 1 of a network from host 2, telling what it sees.
fn dialing(network: u8, at: SocketAddr, change: impl FnOnce(&mut PeerConfig)) -> (Engine, PeerConfig, Seen) {
    let (engine, (inbound, seen)) = (Engine::new(), Seen::new());
    let mut config = peer(2, 1, at, host(network, 2));
    config.inbound = Some(inbound);
    change(&mut config);
    engine.add_peer(config.clone());
    (engine, config, seen)
}

/// Connects without a key, or shows that nobody answers.
async fn answered(from: u8, network: u8, at: SocketAddr) -> bool {
    let connect = Raw::connect(host(network, from), at);
    tokio::time::timeout(Duration::from_millis(700), connect).await.is_ok_and(|raw| raw.is_ok())
}

#[tokio::test]
async fn rfc2385_a_peer_with_a_key_is_served_with_it_and_not_without() {
    let (one, at) = listening(60, |config| config.password = key("ours"));
    one.add_peer(waiting(1, 3, host(60, 3)));
    announce(&one, [net("10.0.0.0/8")]);
    one.release();
    assert!(!answered(2, 60, at).await, "unsigned");
    assert!(answered(3, 60, at).await, "the other peer has no key");
    let (_two, _, mut seen) = dialing(60, at, |config| config.password = key("ours"));
    seen.until("the table", |seen| seen.table.len() == 1).await;
}

#[tokio::test]
async fn rfc2385_another_key_gets_no_answer_and_the_operator_a_hint() {
    let (one, at) = listening(61, |config| config.password = key("ours"));
    let (two, ..) = dialing(61, at, |config| config.password = key("theirs"));
    until("a dial that failed", || two.peers()[0].last_end.is_some()).await;
    let (_, reason) = two.peers()[0].last_end.clone().expect("an end");
    let text = reason.to_string();
    assert!(
        text.contains("no answer") && text.ends_with("(is the password the same on both ends?)"),
        "{text}"
    );
    assert!(!format!("{:?}", two.peers()).contains("theirs"));
    assert_eq!(one.peers()[0].state, State::Active, "it never saw a connection");
}

#[tokio::test]
async fn a_refused_dial_is_no_matter_of_passwords() {
    let free = std::net::TcpListener::bind(SocketAddr::new(host(62, 1), 0)).expect("a free port");
    let at = free.local_addr().expect("bound");
    drop(free);
    let (two, ..) = dialing(62, at, |config| config.password = key("theirs"));
    until("a dial that failed", || two.peers()[0].last_end.is_some()).await;
    let (_, reason) = two.peers()[0].last_end.clone().expect("an end");
    // A reset is not signed: the kernel may well drop it, too.
    let text = reason.to_string();
    assert!(text.contains("refused") != text.contains("password"), "{text}");
}

#[tokio::test]
async fn a_key_changes_under_a_session_that_goes_on() {
    let (one, at) = listening(63, |config| config.password = key("old"));
    one.add_peer(waiting(1, 3, host(63, 3)));
    one.release();
    let (two, mut theirs, mut seen) = dialing(63, at, |config| config.password = key("old"));
    let mut other = Raw::connect(host(63, 3), at).await.expect("connected");
    other.handshake(3, 90).await;
    until("both", || one.established() == 2 && two.established() == 1).await;
    let before: Vec<_> = one.peers().into_iter().map(|peer| (peer.since, peer.local_addr)).collect();

    let mut ours = waiting(1, 2, host(63, 2));
    ours.password = key("new");
    assert_eq!(one.reconfigure(ours.clone()), Some(Reconfigured::Applied));
    announce(&one, [net("10.1.0.0/16")]);
    let early = tokio::time::timeout(
        Duration::from_millis(600),
        seen.until("a route", |seen| !seen.table.is_empty()),
    );
    assert!(early.await.is_err(), "signed with a key the other end does not have");
    theirs.password = key("new");
    assert_eq!(two.reconfigure(theirs.clone()), Some(Reconfigured::Applied));
    seen.until("the route", |seen| seen.table.len() == 1).await;

    // And off, which the kernel has to be told as well.
    (ours.password, theirs.password) = (None, None);
    assert_eq!(one.reconfigure(ours), Some(Reconfigured::Applied));
    announce(&one, [net("10.2.0.0/16")]);
    let early =
        tokio::time::timeout(Duration::from_millis(600), seen.until("a route", |seen| seen.table.len() == 2));
    assert!(early.await.is_err(), "unsigned, and the other end still has a key");
    assert_eq!(two.reconfigure(theirs), Some(Reconfigured::Applied));
    seen.until("the next route", |seen| seen.table.len() == 2).await;
    assert!(answered(2, 63, at).await, "unsigned");
    let after: Vec<_> = one.peers().into_iter().map(|peer| (peer.since, peer.local_addr)).collect();
    assert_eq!((before, one.peers()[0].flaps), (after, 0), "the same sessions all the time");
}

#[tokio::test]
async fn a_listener_that_comes_later_has_the_keys_and_a_removed_peer_takes_its_own_along() {
    let one = Engine::new();
    let mut config = waiting(1, 2, host(64, 2));
    config.password = key("ours");
    one.add_peer(config);
    let at = one.listen(SocketAddr::new(host(64, 1), 0)).expect("a free port");
    assert!(!answered(2, 64, at).await, "unsigned");
    assert!(one.remove_peer(host(64, 2), ""));
    assert!(answered(2, 64, at).await, "a stranger is closed by us, not ignored by the kernel");
}

#[tokio::test]
async fn rfc5082_3_both_ends_secured_are_up_and_a_far_peer_is_not() {
    let (one, at) = listening(65, |config| config.dialing.hops = Hops::Secured(1));
    // On loopback everything arrives as it was sent: a usual time to live looks like 191 routers on the way.
    let (two, mut config, _) = dialing(65, at, |config| config.dialing.hops = Hops::Any);
    tokio::time::sleep(Duration::from_millis(1200)).await;
    // Its OPEN may have been there before the guard was; nothing after it gets through.
    assert!(one.established() == 0 && one.peers()[0].received.keepalive == 0);
    config.dialing.hops = Hops::Secured(1);
    assert_eq!(two.reconfigure(config), Some(Reconfigured::Applied));
    until("established", || one.established() == 1 && two.established() == 1).await;
}

#[tokio::test]
async fn rfc5082_3_a_secured_dialer_does_not_hear_a_far_answer() {
    let listener = std::net::TcpListener::bind(SocketAddr::new(host(66, 1), 0)).expect("a free port");
    let at = listener.local_addr().expect("bound");
    let (two, ..) = dialing(66, at, |config| config.dialing.hops = Hops::Secured(2));
    until("a dial that failed", || two.peers()[0].last_end.is_some()).await;
    let (_, reason) = two.peers()[0].last_end.clone().expect("an end");
    assert!(reason.to_string().contains("no answer"), "{reason}");
}

#[tokio::test]
async fn nothing_but_an_open_is_taken_before_the_connection_is_guarded() {
    use bgp::wire::Message;
    use tokio::io::AsyncWriteExt;
    // The accepting task has no chance to run before all this is in the socket's buffer: one thread, no await.
    let (one, at) = listening(67, |config| config.dialing.hops = Hops::Secured(1));
    for (more, answered) in [(false, true), (true, false)] {
        let socket =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
        socket.bind(&SocketAddr::new(host(67, 2), 0).into()).expect("free");
        socket.set_ttl_v4(255).expect("legal");
        socket.connect(&at.into()).expect("the backlog has room");
        let mut octets = Raw::octets(&Raw::open(2, 90));
        if more {
            octets.extend(Raw::octets(&Message::Keepalive));
        }
        assert_eq!(socket.send(&octets).expect("sent"), octets.len());
        socket.set_nonblocking(true).expect("a socket");
        let mut raw = Raw::new(tokio::net::TcpStream::from_std(socket.into()).expect("a runtime"));
        let first = raw.receive().await;
        assert_eq!(matches!(first, Some(Message::Open(_))), answered, "{first:?}");
        raw.stream.shutdown().await.ok();
    }
    assert_eq!(one.refused_connections(), 1);
}
