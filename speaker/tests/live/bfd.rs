//! The program and a router with BFD: both ends on loopback, the router's BFD in this process.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use bfd::engine::{Control, SessionId};
use bfd::net::{Driver, Listen, Notice, Options};
use bfd::session::{Change, Hops, Path, Reason, Role, Settings, Status};
use bfd::{Diagnostic, Micros, State};
use bgp::fsm::{self, EndReason};
use rustix::process::Signal;

use crate::world::{PATIENCE, Program, Router};

/// Intervals of both ends: long enough for a busy machine, short enough for a test.
const INTERVAL: Micros = Micros(100_000);
const BFD: &str = "bfd = { enabled = true, min-tx = \"100ms\", min-rx = \"100ms\" }";

/// The router's BFD at 127.`net`.0.2, the speaker being at 127.`net`.0.1.
struct Beacon {
    driver: Driver,
    id: SessionId,
    notices: Receiver<(Instant, Change)>,
}

impl Beacon {
    async fn start(net: u8) -> Self {
        let addr = |host| IpAddr::from(Ipv4Addr::new(127, net, 0, host));
        let listen = vec![Listen { hops: Hops::Single, address: addr(2), device: None }];
        let (to, notices) = channel();
        let tell = move |notice| {
            if let Notice::Changed(_, _, change) = notice {
                let _ = to.send((Instant::now(), change)); // nobody may be listening any more
            }
        };
        let driver = Driver::start(Options { listen, ..Options::default() }, tell).expect("a free port");
        let path = Path { hops: Hops::Single, local: Some(addr(2)), remote: addr(1), interface: 0 };
        let settings =
            Settings { desired_min_tx: INTERVAL, required_min_rx: INTERVAL, ..Settings::default() };
        let open = driver.call(move |engine, now, out| engine.open(now, path, (Role::Active, settings), out));
        let id = open.await.expect("a thread").expect("a session");
        Self { driver, id, notices }
    }

    async fn status(&self) -> Status {
        let id = self.id;
        self.driver.call(move |engine, _, _| engine.session(id)).await.expect("a thread").expect("a session")
    }

    async fn until(&self, what: &str, is_so: impl Fn(&Status) -> bool) -> Status {
        let begun = Instant::now();
        loop {
            let status = self.status().await;
            if is_so(&status) {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "{what}: {status:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn up(&self) -> Status {
        self.until("BFD up", |status| status.state == State::Up).await
    }

    async fn control(&self, what: Control) {
        let id = self.id;
        self.driver.call(move |engine, now, out| engine.control(now, id, what, out)).await.expect("a thread");
    }

    /// When and why it left Up, if it did.
    fn left_up(&self) -> Option<(Instant, Change)> {
        self.notices.try_iter().find(|(_, change)| change.from == State::Up)
    }
}

/// The configuration of a speaker that takes BFD packets at 127.`net`.0.1 alone.
fn configuration(net: u8, neighbors: &str) -> String {
    format!("[bfd]\nlisten = [\"127.{net}.0.1\"]\n{neighbors}")
}

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
