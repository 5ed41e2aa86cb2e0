//! A router's BFD in the test's own process.
#![allow(clippy::unwrap_used, reason = "test support")]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use bfd::engine::{Control, SessionId};
use bfd::net::{Driver, Listen, Notice, Options};
use bfd::session::{Change, Hops, Path, Role, Settings, Status};
use bfd::{Micros, State};
use serde_json::Value;

use crate::world::{PATIENCE, Program};

/// Intervals of both ends: long enough for a busy machine, short enough for a test.
const INTERVAL: Micros = Micros(100_000);

/// The router's BFD at 127.`net`.0.2, the speaker being at 127.`net`.0.1.
pub(crate) struct Beacon {
    pub(crate) driver: Driver,
    id: SessionId,
    notices: Receiver<Change>,
}

impl Beacon {
    pub(crate) async fn start(net: u8) -> Self {
        Self::start_with(net, |_| {}).await
    }

    pub(crate) async fn start_with(net: u8, change: impl FnOnce(&mut Settings)) -> Self {
        let addr = |host| IpAddr::from(Ipv4Addr::new(127, net, 0, host));
        let listen = vec![Listen { hops: Hops::Single, address: addr(2), device: None }];
        let (to, notices) = channel();
        let tell = move |notice| {
            if let Notice::Changed(_, _, change) = notice {
                let _ = to.send(change); // nobody may be listening any more
            }
        };
        let driver = Driver::start(Options { listen, ..Options::default() }, tell).expect("a free port");
        let path = Path { hops: Hops::Single, local: Some(addr(2)), remote: addr(1), interface: 0 };
        let mut settings =
            Settings { desired_min_tx: INTERVAL, required_min_rx: INTERVAL, ..Settings::default() };
        change(&mut settings);
        let open = driver.call(move |engine, now, out| engine.open(now, path, (Role::Active, settings), out));
        let id = open.await.expect("a thread").expect("a session");
        Self { driver, id, notices }
    }

    pub(crate) async fn status(&self) -> Status {
        let id = self.id;
        self.driver.call(move |engine, _, _| engine.session(id)).await.expect("a thread").expect("a session")
    }

    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&Status) -> bool) -> Status {
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

    pub(crate) async fn up(&self) -> Status {
        self.until("BFD up", |status| status.state == State::Up).await
    }

    pub(crate) async fn control(&self, what: Control) {
        let id = self.id;
        self.driver.call(move |engine, now, out| engine.control(now, id, what, out)).await.expect("a thread");
    }

    /// The same, to be awaited; blocks this thread, which nobody else uses.
    pub(crate) fn left_up_soon(&self) -> Change {
        let begun = Instant::now();
        loop {
            let next = self.notices.recv_timeout(PATIENCE.saturating_sub(begun.elapsed()));
            let change = next.expect("a change in time");
            if change.from == State::Up {
                return change;
            }
        }
    }

    /// Why it left Up, if it did.
    pub(crate) fn left_up(&self) -> Option<Change> {
        self.notices.try_iter().find(|change| change.from == State::Up)
    }
}

impl Program {
    /// Waits until the only BFD session is shown as wanted.
    pub(crate) async fn bfd(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let output = self.command(&["bfd", "-o", "json"]);
            let all: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
            let one = all["sessions"][0].clone();
            if is_so(&one) {
                return one;
            }
            assert!(begun.elapsed() < PATIENCE, "{what}: {all:#}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The configuration of a speaker that takes BFD packets at 127.`net`.0.1 alone.
pub(crate) fn configuration(net: u8, neighbors: &str) -> String {
    format!("[bfd]\nlisten = [\"127.{net}.0.1\"]\n{neighbors}")
}
