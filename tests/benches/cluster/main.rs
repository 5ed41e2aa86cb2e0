//! The speaker on a real API server with many Pods, beside clients that do nothing with what they read.
//!
//! - **cold start**: from the start of the process to the last prefix at the router, beside a bare client that lists
//!   the same objects page by page and throws them away;
//! - **memory**: resident, after that, everything announced;
//! - **CPU**: of the speaker while 100 Pods change every second, for 20 s;
//! - **event → wire**: one Pod's annotation is flipped 200 times; from the moment a bare watch on the same server
//!   sees the event to the UPDATE at the router (negative: the router was faster than the watch).
//!
//! Needs root and what `tests/setup.sh` installs. `SPEAKER_BIN` is the program measured (a release build, see
//! `make cluster`); arguments are numbers of Pods.

#![allow(missing_docs, reason = "a benchmark is a program")]

mod load;
mod sink;

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use tests::fault::{Fault, Result, ensure};
use tests::kube::{ApiServer, URL, User};
use tests::proc::Daemon;
use tests::topology::Topology;

use load::Cluster;
use sink::Sink;

const FLIPS: usize = 200;
/// Changes a second, and for how many seconds, while CPU is measured.
const CHURN: (u32, u32) = (100, 20);
/// Nothing here takes longer, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(300);

fn main() -> ExitCode {
    let counts: Vec<u32> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let counts = if counts.is_empty() { vec![10_000] } else { counts };
    match measure(&counts) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

fn measure(counts: &[u32]) -> Result<()> {
    println!("Pods    bare list  cold start  ratio  resident  event → wire after a bare watch saw it");
    for count in counts {
        let topology = Topology::new()?;
        let api = ApiServer::start(&topology)?;
        let node = &topology.nodes[0];
        let kubeconfig = api.kubeconfig(User::Admin, URL)?;
        // Threads of the runtime are in the node's namespace, as the thread that starts them is.
        node.enter(|| {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
            runtime.block_on(one_size(*count, &kubeconfig, topology.dir(), |sink| {
                start(&topology, &kubeconfig, sink)
            }))
        })?;
    }
    Ok(())
}

/// Loads the cluster and takes one line of figures.
async fn one_size(
    count: u32,
    kubeconfig: &Path,
    dir: &Path,
    start: impl Fn(SocketAddr) -> Result<Daemon>,
) -> Result<()> {
    let cluster = Cluster::connect(kubeconfig).await?;
    cluster.fill(count).await?;
    // The first list warms the server's caches for everybody.
    cluster.bare_list().await?;
    let mut lists = [cluster.bare_list().await?, cluster.bare_list().await?, cluster.bare_list().await?];
    lists.sort_unstable();
    let mut colds = Vec::new();
    for _ in 0..3 {
        let mut sink = Sink::start()?;
        let began = Instant::now();
        let daemon = start(sink.addr)?;
        let at = sink.holds(count as usize, PATIENCE).await?;
        colds.push(at.duration_since(began));
        let resident = resident(daemon.pid())?;
        if colds.len() == 3 {
            let delays = cluster.flips(FLIPS, &mut sink).await?;
            report(count, lists[1], &mut colds, resident, delays);
            sink.forget();
            let (before, began) = (cpu(daemon.pid())?, Instant::now());
            cluster.churn(CHURN.0, CHURN.1, &mut sink).await?;
            let (used, took) = (cpu(daemon.pid())? - before, began.elapsed().as_secs_f64());
            let rate = f64::from(CHURN.0 * CHURN.1) / took;
            println!("        {:.1} % of a core at {rate:.0} changes a second", used / took * 100.0);
        }
    }
    let _ = dir;
    Ok(())
}

fn report(count: u32, list: Duration, colds: &mut [Duration], resident: f64, mut delays: Vec<f64>) {
    colds.sort_unstable();
    delays.sort_by(f64::total_cmp);
    let cold = colds[colds.len() / 2];
    let at = |share: usize| delays[delays.len() * share / 100];
    println!(
        "{count:<7} {:>7.2} s  {:>8.2} s  {:>5.2}  {resident:>5.1} MB  p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms",
        list.as_secs_f64(),
        cold.as_secs_f64(),
        cold.as_secs_f64() / list.as_secs_f64(),
        at(50),
        at(99),
        delays[delays.len() - 1],
    );
}

fn start(topology: &Topology, kubeconfig: &Path, sink: SocketAddr) -> Result<Daemon> {
    let program = tests::speaker::binary()?.display().to_string();
    let socket = topology.dir().join("bench.sock").display().to_string();
    let (ip, port) = (sink.ip().to_string(), sink.port().to_string());
    let kubeconfig = kubeconfig.display().to_string();
    let argv = [
        &program,
        "run",
        "--node-name=n1",
        "--neighbor-as=65001",
        "--cluster-as=65000",
        "--router-id=10.0.1.11",
        "--enable-metrics=false",
        "--neighbor-address",
        &ip,
        "--bgp-port",
        &port,
        "--kubeconfig",
        &kubeconfig,
        "--socket",
        &socket,
    ];
    topology.nodes[0].spawn("speaker", &argv, &topology.dir().join("bench.log"))
}

/// Seconds of processor time so far.
fn cpu(pid: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name, in brackets, may hold anything; utime and stime are the 12th and 13th field after it, in hundredths.
    let fields = stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split_whitespace();
    let ticks: Vec<u32> = fields.skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    ensure(ticks.len() == 2, || format!("not understood: {stat}"))?;
    Ok(ticks.into_iter().map(f64::from).sum::<f64>() / 100.0)
}

/// In megabytes.
fn resident(pid: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: Option<f64> = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    ensure(kib.is_some(), || "no VmRSS".to_owned())?;
    kib.map(|kib| kib / 1024.0).ok_or_else(|| Fault::new("no VmRSS"))
}
