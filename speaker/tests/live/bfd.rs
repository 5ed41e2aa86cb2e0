//! The program and a router with BFD: both ends on loopback, the router's BFD in this process.

use std::time::{Duration, Instant};

use bfd::engine::Control;
use bfd::packet::{Auth, AuthKind, Key};
use bfd::session::Reason;
use bfd::{Diagnostic, Micros, State};
use bgp::fsm::{self, EndReason};
use rustix::process::Signal;
use serde_json::json;

use crate::beacon::{Beacon, configuration};
use crate::world::{Program, Router};

const BFD: &str = "bfd = { enabled = true, min-tx = \"100ms\", min-rx = \"100ms\" }";
const RESTART: fsm::Restart =
    fsm::Restart { time: 60, restarted: false, forwarding: false, notification: true, long_lived: None };

#[tokio::test]
async fn a_router_that_falls_silent_is_left_with_cease_10_and_is_back_as_soon_as_bfd_is() {
    let (router, beacon) = (Router::start(110, 2, |_| {}), Beacon::start(110).await);
    let program = Program::start(&configuration(110, &router.entry(BFD)), &[]);
    router.up().await;
    beacon.up().await;
    program.logged("BFD state changed").await;
    let silent = Instant::now();
    drop(beacon);
    let ended = router.until("down", |status| status.flaps == 1).await;
    let took = silent.elapsed();
    match ended.last_end {
        Some((_, EndReason::Received(note))) => assert_eq!((note.code, note.subcode), (6, 10), "{note}"),
        other => panic!("{other:?}\n{}", program.log()),
    }
    // Three intervals after the last packet; the rest is for a busy machine. BGP alone takes 90 s.
    assert!(took > Duration::from_millis(190) && took < Duration::from_secs(5), "{took:?}");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(router.status().state, fsm::State::Active, "nobody dials into a dead way");
    let beacon = Beacon::start(110).await;
    let begun = Instant::now();
    router.up().await;
    assert!(begun.elapsed() < Duration::from_secs(10), "the hold is 30 s: {:?}", begun.elapsed());
    assert_eq!(beacon.status().await.state, State::Up);
}

#[tokio::test]
async fn rfc5882_3_2_a_router_that_takes_bfd_down_on_purpose_keeps_its_session() {
    let (router, beacon) = (Router::start(111, 2, |_| {}), Beacon::start(111).await);
    let program = Program::start(&configuration(111, &router.entry(BFD)), &[]);
    router.up().await;
    beacon.up().await;
    beacon.control(Control::Force(State::AdminDown, Diagnostic::ADMIN_DOWN)).await;
    let shown = program.bfd("the speaker heard", |one| one["state"] == "Down").await;
    assert_eq!((&shown["remoteState"], &shown["bgp"]), (&json!("AdminDown"), &json!("silent")));
    assert_eq!(
        (&shown["diagnostic"], &shown["failures"]),
        (&json!("Neighbor Signaled Session Down"), &json!(1))
    );
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(
        (router.status().state, router.status().flaps),
        (fsm::State::Established, 0),
        "{}",
        program.log()
    );
    beacon.control(Control::Release).await;
    beacon.up().await;
    program.bfd("up again", |one| one["state"] == "Up" && one["bgp"] == "up").await;
    assert_eq!(router.status().flaps, 0);
}

#[tokio::test]
async fn a_stop_says_admin_down_and_drops_bgp_without_a_word_and_the_next_start_flaps_nothing() {
    let router = Router::start(112, 2, |peer| peer.session.restart = Some(RESTART));
    let beacon = Beacon::start(112).await;
    let keys = format!("graceful-restart = true\n{BFD}");
    let mut program = Program::start(&configuration(112, &router.entry(&keys)), &[]);
    router.up().await;
    beacon.up().await;
    let announced =
        router.until("routes", |status| status.learned.iter().any(|(_, one)| one.received == 1)).await;
    assert_eq!(announced.flaps, 0);
    program.end(Signal::TERM);
    assert_eq!(beacon.left_up_soon().reason, Reason::NeighborAdminDown, "no sign of a dead way");
    let down = router.until("down", |status| status.flaps == 1).await;
    assert!(matches!(down.last_end, Some((_, EndReason::Lost(_)))), "without a word: {:?}", down.last_end);
    assert_eq!(down.learned.iter().map(|(_, one)| one.stale).sum::<u64>(), 1, "the router keeps the routes");
    program.again();
    router.up().await;
    beacon.up().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(beacon.left_up(), None);
    assert_eq!(router.status().flaps, 1);
}

/// RFC 8538 §4: a hard reset is Cease/9 with what it is for in it.
#[tokio::test]
async fn rfc5882_4_3_the_routers_c_bit_decides_what_is_kept_of_a_session_that_bfd_ended() {
    for (net, independent) in [(118, false), (119, true)] {
        let router = Router::start(net, 2, |peer| peer.session.restart = Some(RESTART));
        let beacon = Beacon::start_with(net, |of| of.control_plane_independent = independent).await;
        let keys = format!("graceful-restart = true\n{BFD}");
        let program = Program::start(&configuration(net, &router.entry(&keys)), &[]);
        router.up().await;
        router.until("routes", |status| status.learned.iter().any(|(_, one)| one.received == 1)).await;
        beacon.up().await;
        program.bfd("heard", |one| one["state"] == "Up" && one["remoteIndependent"] == independent).await;
        drop(beacon);
        let down = router.until("down", |status| status.flaps == 1).await;
        let Some((_, EndReason::Received(note))) = down.last_end else { panic!("{:?}", down.last_end) };
        let inner = note.inner().map(|inner| (inner.code, inner.subcode));
        let stale = down.learned.iter().map(|(_, one)| one.stale).sum::<u64>();
        let expected = if independent { ((6, 9), Some((6, 10)), 0) } else { ((6, 10), None, 1) };
        assert_eq!(((note.code, note.subcode), inner, stale), expected);
    }
}

#[tokio::test]
async fn packets_are_signed_and_another_key_ends_what_it_protected() {
    let key = |text: &[u8]| {
        let (kind, key_id) = (AuthKind::MeticulousKeyedSha1, 9);
        Some(Auth { kind, key_id, key: Key::new(kind, text).expect("a key") })
    };
    let (router, beacon) =
        (Router::start(120, 2, |_| {}), Beacon::start_with(120, |of| of.auth = key(b"first")).await);
    let signed = "bfd = { enabled = true, min-tx = \"100ms\", min-rx = \"100ms\", auth = \"meticulous-sha1\", \
                  auth-key-id = 9, auth-key-file = \"key\" }";
    let program =
        Program::start(&configuration(120, ""), &["--neighbor-address=127.120.0.9", "--neighbor-as=1"]);
    program.write("key", "first\n");
    program.write("speaker.toml", &configuration(120, &router.entry(signed)));
    router.up().await;
    beacon.up().await;
    program.write("key", "second\n");
    router.until("down", |status| status.flaps == 1).await;
    let counters = beacon.driver.call(|engine, _, _| *engine.counters()).await.expect("a thread");
    assert!(counters.auth > 0, "{counters:?}");
    assert!(!program.log().contains("second"));
}

#[tokio::test]
async fn strict_bgp_waits_for_bfd_and_says_so() {
    let router = Router::start(113, 2, |_| {});
    let strict = "bfd = { enabled = true, min-tx = \"100ms\", min-rx = \"100ms\", strict = true }";
    let program = Program::start(&configuration(113, &router.entry(strict)), &[]);
    let shown = program.until(router.addr.ip(), "waiting", |one| one["bfd"]["state"] == "Down").await;
    assert_eq!(
        (&shown["waits"], &shown["state"]),
        (&json!("strict BFD is not up: neither dialed nor let in"), &json!("Idle"))
    );
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(router.status().state, fsm::State::Active, "nobody dialed");
    let beacon = Beacon::start(113).await;
    router.up().await;
    beacon.up().await;
    drop(beacon);
    router.until("down", |status| status.flaps == 1).await;
    program.until(router.addr.ip(), "waiting again", |one| one["waits"] != "").await;
    program.write("speaker.toml", &configuration(113, &router.entry("")));
    router.up().await; // without BFD there is nothing to wait for
    program.until(router.addr.ip(), "no BFD", |one| one["bfd"].is_null() && one["waits"] == "").await;
}

#[tokio::test]
async fn new_intervals_and_other_neighbours_touch_neither_bfd_nor_bgp() {
    let (router, beacon) = (Router::start(114, 2, |_| {}), Beacon::start(114).await);
    let other = Router::start(114, 3, |_| {});
    let program = Program::start(&configuration(114, &router.entry(BFD)), &[]);
    let up = router.up().await;
    beacon.up().await;
    let slower = "bfd = { enabled = true, min-tx = \"150ms\", min-rx = \"150ms\", multiplier = 4 }";
    program.write("speaker.toml", &configuration(114, &(router.entry(slower) + &other.entry(""))));
    other.up().await;
    let told = beacon.until("told", |status| status.remote_desired_min_tx == Micros(150_000)).await;
    assert_eq!(told.remote_detect_mult.map(|mult| mult.get()), Some(4));
    let shown = program.bfd("agreed", |one| one["transmitInterval"] == 150_000).await;
    assert_eq!(shown["detectionTime"], 450_000, "its multiplier times the longer interval");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(beacon.left_up(), None);
    assert_eq!((router.status().since, router.status().flaps), (up.since, 0));
    // Taken out: the router's BFD is told so, and BGP goes on.
    program.write("speaker.toml", &configuration(114, &(router.entry("") + &other.entry(""))));
    assert_eq!(beacon.left_up_soon().reason, Reason::NeighborAdminDown);
    assert_eq!((router.status().since, router.status().flaps), (up.since, 0));
}

#[tokio::test]
async fn a_neighbour_that_is_shut_down_has_its_bfd_shut_down() {
    let (router, beacon) = (Router::start(115, 2, |_| {}), Beacon::start(115).await);
    let program = Program::start(&configuration(115, &router.entry(BFD)), &[]);
    router.up().await;
    beacon.up().await;
    assert!(program.command(&["neighbor", "all", "shutdown"]).status.success());
    assert_eq!(beacon.left_up_soon().reason, Reason::NeighborAdminDown);
    program.bfd("held down", |one| one["state"] == "AdminDown").await;
    assert!(program.command(&["neighbor", "all", "enable"]).status.success());
    beacon.up().await;
    router.up().await;
    let ended = router.status().last_end;
    assert!(
        matches!(&ended, Some((_, EndReason::Received(note))) if note.subcode == 2),
        "shut down: {ended:?}"
    );
}

#[tokio::test]
async fn what_is_shown_is_so() {
    let (router, beacon) = (Router::start(116, 2, |_| {}), Beacon::start(116).await);
    let without = Router::start(116, 3, |_| {});
    let neighbors = router.entry(BFD) + &without.entry("");
    let program = Program::start(&configuration(116, &neighbors), &[]);
    router.up().await;
    beacon.up().await;
    let one = program.bfd("up", |one| one["state"] == "Up" && one["transmitInterval"] == 100_000).await;
    let peer =
        beacon.until("the same", |status| status.transmit_interval == Duration::from_millis(100)).await;
    assert_eq!(one["discriminator"], peer.remote_discriminator.expect("known").get());
    assert_eq!(one["remoteDiscriminator"], peer.discriminator.get());
    for (key, value) in [
        ("neighbor", json!("127.116.0.2")),
        ("localAddress", json!("127.116.0.1")),
        ("remoteAddress", json!("127.116.0.2")),
        ("remoteState", json!("Up")),
        ("detectionTime", json!(300_000)),
        ("multihop", json!(false)),
        ("minTtl", json!(255)),
        ("failures", json!(0)),
        ("trouble", json!("")),
        ("bgp", json!("up")),
    ] {
        assert_eq!(one[key], value, "{key}: {one:#}");
    }
    let text = |args: &[&str]| String::from_utf8(program.command(args).stdout).expect("text");
    let all = text(&["bfd"]);
    let line = all.lines().nth(1).unwrap_or_default();
    assert!(line.starts_with("127.116.0.2  Up") && line.contains("100ms") && line.contains("300ms"), "{all}");
    let detail = text(&["neighbor", "127.116.0.2"]);
    assert!(
        detail.contains("\n  BFD          Up for ") && detail.contains("down after 300ms of silence"),
        "{detail}"
    );
    let table = text(&["neighbor"]);
    assert!(table.lines().next().is_some_and(|head| head.contains("  BFD")), "{table}");
    let unknown = program.command(&["bfd", "10.0.0.99"]);
    assert_eq!(unknown.status.code(), Some(3), "{unknown:?}");
    let none = program.command(&["bfd", "127.116.0.3"]);
    assert_eq!(none.status.code(), Some(3), "{none:?}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_and_tried_again_while_bgp_goes_on() {
    let taken = std::net::UdpSocket::bind("127.117.0.1:3784").expect("free");
    let router = Router::start(117, 2, |_| {});
    let program = Program::start(&configuration(117, &router.entry(BFD)), &[]);
    router.up().await;
    program.logged("cannot listen for BFD on 127.117.0.1 port 3784 yet").await;
    let shown = program.bfd("none", |one| one["state"] == "none").await;
    assert_eq!(shown["trouble"], "UDP port 3784 is not to be had");
    drop(taken);
    let beacon = Beacon::start(117).await;
    beacon.up().await;
    assert_eq!(router.status().flaps, 0);
    assert_eq!(program.log().matches("cannot listen for BFD").count(), 1, "{}", program.log());
}

#[tokio::test]
async fn who_waits_for_bfd_no_more_is_not_held_by_a_port_that_is_taken() {
    let _taken = std::net::UdpSocket::bind("127.121.0.1:3784").expect("free");
    let router = Router::start(121, 2, |_| {});
    let keys = |strict| format!("bfd = {{ enabled = true, strict = {strict} }}");
    let program = Program::start(&configuration(121, &router.entry(&keys(true))), &[]);
    program.until(router.addr.ip(), "waiting", |one| one["waits"] != "").await;
    program.write("speaker.toml", &configuration(121, &router.entry(&keys(false))));
    router.up().await;
    program.write("speaker.toml", &configuration(121, &router.entry(&keys(true))));
    program.bfd("strict again", |one| one["bgp"] == "awaited").await;
    assert_eq!(router.status().flaps, 0, "a session that stands goes on");
}
