//! The load lab: N scripted peers in a process of their own, our driver in another, and a judge who compares what our
//! side declared with what was really sent to it.
//!
//! All in a network namespace of its own with nothing but a loopback device: ours is 127.0.0.1, the peers are 127.1.x.y.
//! Beside other daemons the peers are behind a link.
//! The processes are this very program, started again with a word that says which of them it is.

pub(crate) mod burden;
pub(crate) mod child;
pub(crate) mod judge;
pub(crate) mod ours;
pub(crate) mod peers;
pub(crate) mod run;

use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// How many sessions of which pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) sessions: usize,
    pub(crate) interval: Duration,
    pub(crate) mult: u8,
    pub(crate) net: Net,
}

impl Load {
    /// How long a peer may be silent.
    pub(crate) fn detection(self) -> Duration {
        self.interval * u32::from(self.mult)
    }

    /// As the arguments of a process.
    pub(crate) fn words(self) -> [String; 4] {
        let net = u8::from(self.net == Net::Link);
        let numbers =
            [self.interval.as_micros(), self.mult.into(), net.into()].map(|number| number.to_string());
        let [interval, mult, net] = numbers;
        [self.sessions.to_string(), interval, mult, net]
    }

    pub(crate) fn of_words(words: &[String]) -> Self {
        let number = |at: usize| words[at].parse::<u64>().expect("a number");
        let sessions = usize::try_from(number(0)).expect("few");
        let interval = Duration::from_micros(number(1));
        let net = if number(3) == 0 { Net::Loopback } else { Net::Link };
        Self { sessions, interval, mult: u8::try_from(number(2)).expect("1 to 255"), net }
    }
}

/// Where everybody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Net {
    /// All on one loopback device.
    Loopback,
    /// The peers behind a link.
    Link,
}

impl Net {
    /// The address of a peer.
    pub(crate) fn peer(self, peer: usize) -> Ipv4Addr {
        let [high, low] = u16::try_from(peer + 1).expect("few peers").to_be_bytes();
        match self {
            Self::Loopback => Ipv4Addr::new(127, 1, high, low),
            Self::Link => Ipv4Addr::new(10, 66, high, low),
        }
    }

    /// Our own.
    pub(crate) fn ours(self) -> Ipv4Addr {
        match self {
            Self::Loopback => Ipv4Addr::LOCALHOST,
            Self::Link => Ipv4Addr::new(10, 66, 255, 1),
        }
    }
}

/// Which peer has this address.
pub(crate) fn peer_of(address: Ipv4Addr) -> usize {
    let [_, _, high, low] = address.octets();
    usize::from(u16::from_be_bytes([high, low])) - 1
}

/// The monotonic clock all processes share, nanoseconds.
pub(crate) fn clock() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

pub(crate) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// If the arguments make this process one of the helpers: is it, and returns `true`.
pub(crate) fn is_helper(args: &[String]) -> bool {
    match args.first().map(String::as_str) {
        Some("peers") => peers::run(Load::of_words(&args[1..])),
        Some("ours") => ours::run(Load::of_words(&args[1..])),
        Some("burn") => burden::burn(),
        _ => return false,
    }
    true
}

/// Starts this program again in a network namespace of its own, unless it is in one; does not return then.
pub(crate) fn isolate() {
    const INSIDE: &str = "BFD_LOAD_INSIDE";
    if std::env::var_os(INSIDE).is_some() {
        return;
    }
    let flags = if rustix::process::geteuid().is_root() { "-n" } else { "-rn" };
    let error = Command::new("unshare")
        .args([flags, "sh", "-c", "ip link set lo up && exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().expect("a program"))
        .args(std::env::args_os().skip(1))
        .env(INSIDE, "yes")
        .exec();
    panic!("unshare: {error}");
}
