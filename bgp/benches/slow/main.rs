//! One of eight routers stops reading under churn: what the other seven notice, and what it costs.
//!
//! `cargo bench -p bgp --features net --bench slow -- [SECONDS [ROUTES [CHANGES_A_SECOND]]]` (120, 100 000, 10 000).
//! Phase A: all read. Phase B, as long: one takes nothing. Then it reads again. Latency is from the call that applies
//! a change to the moment a router has read it, one change in a hundred, all routers but the slow one. Engine and
//! routers share the process, whose resident memory is told; the routers' own is allocated before.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on should say where")]

mod reader;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bgp::net::{Dialing, Engine, Hops, PeerConfig};
use bgp::rib::{NextHops, RouteAttrs};
use bgp::{Asn, Family, HoldTime, RouterId, fsm};
use ipnet::{IpNet, Ipv4Net};

use reader::{Router, Shared};

const ROUTERS: usize = 8;
pub(crate) const ROUTER_AS: u32 = 64512;
/// The first host route.
pub(crate) const FIRST: u32 = 0x0a00_0000;
const NEXT_HOP: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// Changes are applied a hundred times a second.
const TICK: Duration = Duration::from_millis(10);

pub(crate) fn router_addr(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 9, u8::try_from(number + 1).unwrap())
}

fn net(at: usize) -> IpNet {
    Ipv4Net::from(Ipv4Addr::from(FIRST + u32::try_from(at).unwrap())).into()
}

fn engine() -> Engine {
    let engine = Engine::new();
    for number in 0..ROUTERS {
        let remote = SocketAddr::from((router_addr(number), 179));
        let asn = |number| Asn::new(number).unwrap();
        let hold = HoldTime::new(240).unwrap();
        let mut session = fsm::Config::new(
            (asn(65001), RouterId::new(NEXT_HOP).unwrap()),
            asn(ROUTER_AS),
            hold,
            vec![Family::IPV4_UNICAST],
        );
        (session.dial, session.listen) = (false, true);
        engine.add_peer(PeerConfig {
            next_hops: NextHops { v4: Some(NEXT_HOP), v6: None, link_local: None },
            ..PeerConfig::new(Dialing { remote, local: None, hops: Hops::Any }, session)
        });
    }
    engine
}

/// Changes go round the table: withdrawn where wanted, wanted where not.
struct Churn {
    wanted: Vec<bool>,
    at: usize,
    per_tick: usize,
}

impl Churn {
    fn run(&mut self, engine: &Engine, shared: &Shared, seconds: u64) {
        let (attrs, end) = (RouteAttrs::default(), Instant::now() + Duration::from_secs(seconds));
        let mut next = Instant::now();
        while Instant::now() < end {
            let piece: Vec<usize> =
                (0..self.per_tick).map(|more| (self.at + more) % self.wanted.len()).collect();
            self.at = (self.at + self.per_tick) % self.wanted.len();
            for at in &piece {
                self.wanted[*at] = !self.wanted[*at];
            }
            let now = u64::try_from(shared.begin.elapsed().as_nanos()).unwrap();
            // One in a hundred is timed.
            piece.iter().step_by(100).for_each(|at| shared.applied[*at].store(now, Ordering::Release));
            engine.apply(piece.iter().map(|at| (net(*at), self.wanted[*at].then_some(&attrs))));
            next += TICK;
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    }
}

fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn nanos(shared: &Shared) -> u64 {
    u64::try_from(shared.begin.elapsed().as_nanos()).unwrap()
}

fn wait(what: &str, is_so: impl Fn() -> bool) -> Duration {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < Duration::from_secs(120), "{what}: not within two minutes");
        thread::sleep(Duration::from_millis(1));
    }
    begin.elapsed()
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let number = |at: usize, default| args.get(at).map_or(default, |arg| arg.parse().expect("a number"));
    let (seconds, routes, rate) = (number(0, 120), number(1, 100_000), number(2, 10_000));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let _inside = runtime.enter();
    let engine = engine();
    let (attrs, count) = (RouteAttrs::default(), usize::try_from(routes).unwrap());
    engine.apply((0..count).map(|at| (net(at), Some(&attrs))));
    engine.release();
    let to = engine.listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let shared = Arc::new(Shared {
        applied: (0..count).map(|_| AtomicU64::new(0)).collect(),
        begin: Instant::now(),
        stop: AtomicBool::new(false),
    });
    let samples = usize::try_from(2 * seconds * rate / 100 + 10_000).unwrap() * 2;
    let routers: Vec<Router> =
        (0..ROUTERS).map(|number| Router::start(number, to, Arc::clone(&shared), samples)).collect();
    let slow = Arc::clone(&routers[0].view);
    wait("the tables", || routers.iter().all(|router| router.view.held.load(Ordering::Relaxed) == count));

    let per_tick = usize::try_from(rate / 100).unwrap();
    let mut churn = Churn { wanted: vec![true; count], at: 0, per_tick };
    churn.run(&engine, &shared, seconds.min(5)); // warm up
    let (a, memory_a) = (nanos(&shared), resident_kb());
    churn.run(&engine, &shared, seconds);
    let (b, memory_b) = (nanos(&shared), resident_kb());
    slow.paused.store(true, Ordering::Relaxed);
    churn.run(&engine, &shared, seconds);
    let (end, memory_end) = (nanos(&shared), resident_kb());

    let stuck = engine.peer(std::net::IpAddr::from(router_addr(0))).unwrap().out_queue;
    let sent = || engine.peer(std::net::IpAddr::from(router_addr(0))).unwrap().sent.update;
    let (before, got) = (sent(), slow.prefixes.load(Ordering::Relaxed));
    let wanted = churn.wanted.iter().filter(|one| **one).count();
    slow.paused.store(false, Ordering::Relaxed);
    let took = wait("the slow router", || {
        engine.peers().iter().all(|peer| peer.current && peer.out_queue == 0)
            && routers.iter().all(|router| router.view.held.load(Ordering::Relaxed) == wanted)
    });
    let (after, got) = (sent() - before, slow.prefixes.load(Ordering::Relaxed) - got);
    shared.stop.store(true, Ordering::Relaxed);
    let mut ends: Vec<_> = routers.into_iter().map(Router::join).collect();
    assert!(ends.iter().all(|end| end.held == churn.wanted), "every router holds exactly what is wanted");
    let slow_end = ends.swap_remove(0);
    drop(slow_end);

    println!("{ROUTERS} routers, {routes} routes, {rate} changes/s, {seconds} s a phase");
    report(&ends, [a, b, end], [memory_a, memory_b, memory_end]);
    println!(
        "the slow router missed {} changes ({stuck} messages waited for its socket), then got {got} prefixes, {after} messages of them made after it read again, in {:.1} ms",
        seconds * rate,
        took.as_secs_f64() * 1e3
    );
}

/// Latencies of the phases between three moments, and the memory at each of them, in kB.
fn report(ends: &[reader::End], [a, b, end]: [u64; 3], [memory_a, memory_b, memory_end]: [u64; 3]) {
    println!("announce latency of {} routers", ends.len());
    let [one, two] = [(a, b), (b, end)].map(|(from, to)| latencies(ends, from, to));
    println!(
        "{:24} {:>10} {:>10} {:>10} {:>10} {:>10}",
        "phase", "samples", "p50 us", "p99 us", "max us", "RSS MB"
    );
    for (name, all, memory) in [("A: all read", &one, memory_b), ("B: one takes nothing", &two, memory_end)] {
        let at = |percent: usize| all[(all.len() - 1) * percent / 100] / 1000;
        let mb = format!("{}.{}", memory / 1000, memory % 1000 / 100);
        println!("{name:24} {:>10} {:>10} {:>10} {:>10} {mb:>10}", all.len(), at(50), at(99), at(100));
    }
    let ratio = |percent: usize| {
        let at = |all: &[u64]| Duration::from_nanos(all[(all.len() - 1) * percent / 100]).as_secs_f64();
        at(&two) / at(&one)
    };
    println!("B/A: p50 {:.2}, p99 {:.2}", ratio(50), ratio(99));
    println!("resident at the start of A {memory_a} kB, of B {memory_b} kB, at the end of B {memory_end} kB");
}

/// Sorted, of all routers, between two moments.
fn latencies(ends: &[reader::End], from: u64, to: u64) -> Vec<u64> {
    let all = ends.iter().flat_map(|end| &end.latencies);
    let mut all: Vec<u64> =
        all.filter(|(at, _)| (from..to).contains(at)).map(|(_, latency)| *latency).collect();
    all.sort_unstable();
    all
}
