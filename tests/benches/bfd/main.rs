//! How fast a cut path is noticed, and how fast routes are back: a speaker and FRR with BFD at 50 ms × 3 over IPv4 and IPv6.
//!
//! Every frame is dropped between the two ends, in both directions at once and without a word to either. There is a capture
//! at each end, so that each shows what arrived there and what its end sent, whether it got any further or not:
//! - **heard → BFD Down**: from the last BFD packet that arrived to the first that says Down, detection time expired;
//! - **heard → BGP Cease**: to the NOTIFICATION that leaves;
//! - **BFD Up → routes**: mended, from the first packet that says Up to the last of the routes in FRR's kernel table.
//!
//! Needs root and what `tests/setup.sh` installs. `SPEAKER_BIN` is the program measured, see `make bfd-bench`. Arguments: the
//! number of cuts; `real-time` gives the speaker's BFD thread a real-time priority.

#![allow(missing_docs, reason = "a benchmark is a program")]

mod measure;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use tests::capture::{Capture, now};
use tests::fault::{Result, ensure};
use tests::manifests::Manifests;
use tests::router::{Bfd, BfdState, Config, Dialing, Kind, Router, Session};
use tests::speaker::Speaker;
use tests::topology::Topology;
use tests::wait;

use measure::{Cut, Figures};

/// A capture holds so many cuts: tshark has to read it in seconds.
const BATCH: usize = 10;

/// Long enough for the slowest end to notice, ten times over.
const AWAY: Duration = Duration::from_millis(1500);

const LIMIT: Duration = Duration::from_secs(20);

pub(crate) const SPEAKER: [&str; 2] = ["10.0.1.11", "fd00:1::11"];
pub(crate) const ROUTER: [&str; 2] = ["10.0.1.1", "fd00:1::1"];

fn main() -> ExitCode {
    let count = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(100);
    match measure(count) {
        Ok(figures) => {
            figures.print();
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

fn measure(count: usize) -> Result<Figures> {
    let topology = Topology::new()?;
    let (r1, n1) = (&topology.routers[0], &topology.nodes[0]);
    let manifests = Manifests::new(&topology.dir().join("manifests"))?;
    let router = Router::start(Kind::Frr, r1, &topology.dir().join("r1"), config()?)?;
    let mut told = arguments(manifests.dir());
    if std::env::args().any(|argument| argument == "real-time") {
        let file = topology.dir().join("speaker.toml");
        std::fs::write(&file, "[bfd]\nreal-time-priority = 10\n")?;
        told.push(format!("--config={}", file.display()));
    }
    let speaker = Speaker::with(n1, &topology.dir().join("n1"), &told)?;
    let mut figures = Figures::default();
    for batch in 0..count.div_ceil(BATCH) {
        up(&router)?;
        let at = |name: &str| topology.dir().join(format!("{name}-{batch}.pcapng"));
        let captures = [Capture::on(n1, "eth1", &at("speaker"))?, Capture::start(r1, &at("router"))?];
        let log = topology.dir().join(format!("routes-{batch}"));
        let argv = ["env", "TZ=UTC", "ip", "-ts", "monitor", "route"];
        let monitor = r1.spawn("monitor", &argv, &log)?;
        let mut cuts = Vec::new();
        for turn in 0..BATCH.min(count - batch * BATCH) {
            cuts.push(cut(&topology, &router, turn)?);
        }
        let [near, far] = captures;
        let files = [near.end()?, far.end()?];
        figures.add(&files, &monitor.log(), &cuts)?;
        println!("{} cuts; {}", figures.cuts, figures.line());
    }
    drop(speaker);
    Ok(figures)
}

/// One cut, from full tables to full tables.
fn cut(topology: &Topology, router: &Router, turn: usize) -> Result<Cut> {
    let r1 = &topology.routers[0];
    // Not always in the same phase of the intervals.
    std::thread::sleep(Duration::from_millis(400 + 37 * u64::try_from(turn).unwrap_or(0)));
    let from = now();
    let rules = "table netdev cut {
        chain in { type filter hook ingress device \"to-n1\" priority 0; policy drop; }
        chain out { type filter hook egress device \"to-n1\" priority 0; policy drop; }
    }";
    r1.exec(&["nft", rules])?;
    std::thread::sleep(AWAY);
    let mended = now();
    r1.exec(&["nft", "delete table netdev cut"])?;
    up(router)?;
    Ok(Cut { from, mended, until: now() })
}

/// Waits until both BFD sessions are up and all eight routes are in the kernel's table.
fn up(router: &Router) -> Result<()> {
    let peers = addresses(&SPEAKER)?;
    wait::until("sessions and routes", LIMIT, || {
        router.bfd_is(&peers, BfdState::Up)?;
        let mut routes = String::new();
        for family in ["-4", "-6"] {
            routes += &router.netns().ip(&[family, "route", "show", "proto", "bgp"])?;
        }
        let here: BTreeSet<&str> = routes.lines().filter_map(|line| line.split(' ').next()).collect();
        let missing: Vec<_> =
            measure::ROUTES.iter().flatten().filter(|route| !here.contains(*route)).collect();
        ensure(missing.is_empty(), || format!("missing {missing:?}"))
    })?;
    Ok(())
}

fn addresses(texts: &[&str]) -> Result<Vec<IpAddr>> {
    texts.iter().map(|text| Ok(text.parse()?)).collect()
}

fn config() -> Result<Config> {
    let session = Session { bfd: Some(Bfd::new(50, 3)), ..Session::default() };
    Ok(Config {
        asn: 65001,
        id: Ipv4Addr::new(10, 0, 1, 1),
        neighbor_asn: 65000,
        neighbors: addresses(&SPEAKER)?,
        hold: 90,
        dialing: Dialing::Passive,
        session,
    })
}

fn arguments(manifests: &Path) -> Vec<String> {
    let bfd = ["--enable-bfd", "--bfd-min-tx=50", "--bfd-min-rx=50", "--bfd-detection-multiplier=3"];
    let asns = ["--cluster-as=65000", "--neighbor-as=65001", "--holdtime=90s"];
    let node = ["--node-name=n1", "--router-id=10.0.1.11", "--announce-cluster-ip"];
    let mut out: Vec<String> =
        ["run"].iter().chain(&bfd).chain(&asns).chain(&node).map(|&word| word.into()).collect();
    out.push(format!("--neighbor-address={}", ROUTER[0]));
    out.push(format!("--neighbor-ipv6-address={}", ROUTER[1]));
    out.push(format!("--manifests={}", manifests.display()));
    out
}
