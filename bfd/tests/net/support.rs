//! A namespace for each test, a driver that is listened to, and a peer of handmade packets.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use bfd::engine::{Counters, SessionId};
use bfd::net::{Driver, Listen, Notice, Options};
use bfd::session::{Change, Hops, Path, Role, Settings, Status};
use bfd::{DetectMult, Micros, State};

/// Set in the process that is alone.
const ALONE: &str = "BFD_TEST_ALONE";
/// Addresses of ours in every namespace; two ends of a link, for what needs one.
const NETWORK: &str = "set -e
ip link set lo up
for n in 1 2 3; do ip addr add 10.1.1.$n/32 dev lo; ip addr add fd00::$n/128 dev lo nodad; done
ip link add left type veth peer name right
for end in left right; do
  ip link set $end addrgenmode none up
done
ip addr add fe80::1/64 dev left nodad
ip addr add fe80::2/64 dev right nodad
exec \"$@\"";

/// Tests that run alone.
macro_rules! alone {
    ($($(#[$meta:meta])* fn $name:ident() $body:block)*) => {
        $(#[test] $(#[$meta])* fn $name() {
            $crate::support::run_alone(concat!(module_path!(), "::", stringify!($name)), || $body);
        })*
    };
}
pub(crate) use alone;

/// Runs the test of that name in a process and namespace of its own, at most a minute.
pub(crate) fn run_alone(name: &str, body: impl FnOnce()) {
    if std::env::var_os(ALONE).is_some() {
        return body();
    }
    let (_, name) = name.split_once("::").unwrap();
    let root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
    let done = Command::new("timeout")
        .args(["--kill-after=1", "60", "unshare", if root { "-n" } else { "-rn" }])
        .args(["sh", "-c", NETWORK, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--include-ignored"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success() && out.contains("1 passed"), "{}\n{out}\n{err}", done.status);
    println!("{out}");
}

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Both intervals, three packets.
pub(crate) fn every(interval: u32) -> Settings {
    let interval = Micros::from_millis(interval).unwrap();
    Settings { desired_min_tx: interval, required_min_rx: interval, ..Settings::default() }
}

pub(crate) fn path(hops: Hops, local: &str, remote: &str) -> Path {
    Path { hops, local: Some(ip(local)), remote: ip(remote), interface: 0 }
}

pub(crate) fn single(local: &str, remote: &str) -> Path {
    path(Hops::Single, local, remote)
}

pub(crate) fn on(hops: Hops, address: &str) -> Listen {
    Listen { hops, address: ip(address), device: None }
}

/// A driver, and what it tells.
pub(crate) struct Node {
    pub(crate) driver: Driver,
    notices: Receiver<(Instant, Notice)>,
}

impl Node {
    pub(crate) fn new(listen: Listen) -> Self {
        let (told, notices) = channel();
        let options = Options { listen: vec![listen], ..Options::default() };
        let tell = move |notice| _ = told.send((Instant::now(), notice));
        let driver = Driver::start(options, tell).unwrap();
        Self { driver, notices }
    }

    /// Listens there, for single hops.
    pub(crate) fn at(address: &str) -> Self {
        Self::new(on(Hops::Single, address))
    }

    /// Opens an active session.
    pub(crate) fn open(&self, path: Path, settings: Settings) -> SessionId {
        let opened =
            self.driver.call(move |engine, now, out| engine.open(now, path, (Role::Active, settings), out));
        opened.blocking_recv().unwrap().unwrap()
    }

    pub(crate) fn status(&self, id: SessionId) -> Status {
        self.driver.call(move |engine, _, _| engine.session(id)).blocking_recv().unwrap().unwrap()
    }

    pub(crate) fn counters(&self) -> Counters {
        self.driver.call(|engine, _, _| *engine.counters()).blocking_recv().unwrap()
    }

    /// Waits until the session is in that state; returns when it was told, and the change.
    pub(crate) fn reaches(&self, state: State) -> (Instant, Change) {
        self.reaches_within(state, Duration::from_secs(10))
    }

    pub(crate) fn reaches_within(&self, state: State, limit: Duration) -> (Instant, Change) {
        self.expect(limit, |notice| match notice {
            Notice::Changed(_, _, change) if change.to == state => Some(change),
            _ => None,
        })
    }

    /// Waits for a notice that fits; what comes before is passed over.
    pub(crate) fn expect<T>(&self, limit: Duration, fits: impl Fn(Notice) -> Option<T>) -> (Instant, T) {
        let until = Instant::now() + limit;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let (at, notice) = self.notices.recv_timeout(left).expect("the notice within its time");
            if let Some(found) = fits(notice) {
                return (at, found);
            }
        }
    }

    /// What was told and not yet waited for.
    pub(crate) fn told(&self) -> Vec<Notice> {
        self.notices.try_iter().map(|(_, notice)| notice).collect()
    }

    /// Changes told and not yet waited for.
    pub(crate) fn changes(&self) -> Vec<Change> {
        let change = |notice| match notice {
            Notice::Changed(_, _, change) => Some(change),
            _ => None,
        };
        self.told().into_iter().filter_map(change).collect()
    }
}

/// A control packet as RFC 5880 §4.1 draws it: version 1, no authentication, a second both ways.
pub(crate) struct Packet {
    pub(crate) state: u8,
    pub(crate) mult: u8,
    pub(crate) my: u32,
    pub(crate) your: u32,
    pub(crate) interval: Micros,
}

impl Packet {
    pub(crate) fn new(state: State, my: u32, your: u32) -> Self {
        Self { state: state as u8, mult: DetectMult::DEFAULT.get(), my, your, interval: Micros::SECOND }
    }

    pub(crate) fn octets(&self) -> Vec<u8> {
        let mut out = vec![1 << 5, self.state << 6, self.mult, 24];
        for word in [self.my, self.your, self.interval.0, self.interval.0, 0] {
            out.extend(word.to_be_bytes());
        }
        out
    }
}

/// Somebody who sends handmade packets, with that TTL.
pub(crate) fn stranger(from: &str, ttl: u32) -> UdpSocket {
    let socket = UdpSocket::bind(SocketAddr::new(ip(from), 0)).unwrap();
    match ip(from) {
        IpAddr::V4(_) => socket.set_ttl(ttl).unwrap(),
        IpAddr::V6(_) => socket2::SockRef::from(&socket).set_unicast_hops_v6(ttl).unwrap(),
    }
    socket
}

pub(crate) fn to(address: &str) -> SocketAddr {
    SocketAddr::new(ip(address), 3784)
}
