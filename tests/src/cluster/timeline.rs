//! What each router's BGP table held, ten times a second, and how that reads as a table.
//!
//! Asked are bgpd's own sockets, without `vtysh`: a process per question would be what the machine does.

use super::client::{CLUSTER, LOCAL};
use crate::capture::now;
use crate::fault::{During, Fault, Result};
use crate::topology::Topology;
use ipnet::IpNet;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{Read, Write};
use std::net::IpAddr;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Between two looks at a table.
const EVERY: Duration = Duration::from_millis(100);

/// How long bgpd may take to answer before it counts as hung.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// The node a path came from, and whether it is kept only because its session is expected back (RFC 4724 §4.2).
type Way = (u8, bool);

/// A router's table: the nodes each prefix is reached by.
type Held = BTreeMap<IpNet, BTreeSet<Way>>;

/// A table each time it became another, and when that was seen.
type History = Vec<(Duration, Held)>;

/// A connection to bgpd, as vtysh has one: a command ends with an octet of zero, an answer with three and a status.
struct Vty {
    stream: UnixStream,
}

impl Vty {
    fn open(socket: &Path) -> Result<Self> {
        let stream = UnixStream::connect(socket).during(socket.display())?;
        stream.set_read_timeout(Some(ANSWER_LIMIT))?;
        Ok(Self { stream })
    }

    fn ask(&mut self, command: &str) -> Result<String> {
        self.stream.write_all(&[command.as_bytes(), &[0]].concat())?;
        let mut answer = Vec::new();
        let mut buffer = [0; 16384];
        while !(answer.len() >= 4 && answer[answer.len() - 4..].starts_with(&[0; 3])) {
            let read = self.stream.read(&mut buffer)?;
            if read == 0 {
                return Err(Fault::new("bgpd closed its socket"));
            }
            answer.extend_from_slice(&buffer[..read]);
        }
        answer.truncate(answer.len() - 4);
        String::from_utf8(answer).map_err(|_| Fault::new("an answer of bgpd is not UTF-8"))
    }

    fn table(&mut self) -> Result<Held> {
        let mut held = Held::new();
        for family in ["ipv4", "ipv6"] {
            let table: Value = serde_json::from_str(&self.ask(&format!("show bgp {family} unicast json"))?)?;
            for (prefix, paths) in table["routes"].as_object().into_iter().flatten() {
                let paths = paths.as_array().into_iter().flatten();
                let nodes: Result<_> = paths.map(|path| Ok((node(path)?, path["stale"] == true))).collect();
                held.insert(prefix.parse()?, nodes?);
            }
        }
        Ok(held)
    }
}

/// The node a path came from, by the neighbour's address: `…11` is n1.
fn node(path: &Value) -> Result<u8> {
    let odd = || Fault::new(format!("a path from nobody known: {path}"));
    let peer: IpAddr = path["peerId"].as_str().ok_or_else(odd)?.parse()?;
    let text = peer.to_string();
    match text.rsplit([':', '.']).next() {
        Some("11") => Ok(1),
        Some("12") => Ok(2),
        _ => Err(odd()),
    }
}

/// How many paths both routers keep only because a session is expected back.
pub(super) fn stale(topology: &Topology) -> Result<usize> {
    let mut stale = 0;
    for router in ["r1", "r2"] {
        let held = Vty::open(&topology.dir().join(router).join("bgpd.vty"))?.table()?;
        stale += held.values().flatten().filter(|(_, stale)| *stale).count();
    }
    Ok(stale)
}

/// A recording under way, of both routers.
pub(super) struct Recording {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Result<History>>>,
    begin: Duration,
}

impl Recording {
    pub(super) fn start(topology: &Topology) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = ["r1", "r2"].map(|router| {
            let socket = topology.dir().join(router).join("bgpd.vty");
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || record(&socket, &stop))
        });
        Self { stop, threads: threads.into(), begin: now() }
    }

    /// Ends it; times count from `zero`, on the clock of captures.
    pub(super) fn finish(mut self, zero: Duration) -> Result<Timeline> {
        self.stop.store(true, Ordering::Relaxed);
        let mut tables = Vec::new();
        for thread in self.threads.drain(..) {
            tables.push(thread.join().map_err(|_| Fault::new("a thread that records panicked"))??);
        }
        Ok(Timeline::new(&tables, self.begin, zero))
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// The table whenever it is another than before.
fn record(socket: &Path, stop: &AtomicBool) -> Result<History> {
    let mut vty = Vty::open(socket)?;
    let mut changes = History::new();
    while !stop.load(Ordering::Relaxed) {
        let (at, held) = (now(), vty.table()?);
        if changes.last().is_none_or(|(_, last)| *last != held) {
            changes.push((at, held));
        }
        std::thread::sleep(EVERY);
    }
    Ok(changes)
}

/// What both routers held, row by row; a row holds until the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// Tenths of a second since the action, and what r1, then r2, had towards the Pods `web` and `db`.
    pub rows: Vec<(i64, [String; 4])>,
}

impl Timeline {
    fn new(tables: &[History], begin: Duration, zero: Duration) -> Self {
        let mut rows: BTreeMap<i64, [String; 4]> = BTreeMap::new();
        let mut times: Vec<Duration> = tables.iter().flatten().map(|(at, _)| (*at).max(begin)).collect();
        times.sort();
        for at in times {
            let mut row = [const { String::new() }; 4];
            for (cells, changes) in row.chunks_mut(2).zip(tables) {
                let held = changes.iter().rev().find(|(since, _)| *since <= at).or_else(|| changes.first());
                let held = held.map(|(_, held)| held);
                cells[0] = cell(held, CLUSTER);
                cells[1] = cell(held, LOCAL);
            }
            rows.insert(tenths(at) - tenths(zero), row);
        }
        let mut rows: Vec<_> = rows.into_iter().collect();
        rows.dedup_by(|later, earlier| later.1 == earlier.1);
        Self { rows }
    }
}

fn tenths(time: Duration) -> i64 {
    i64::try_from(time.as_millis() / 100).unwrap_or(i64::MAX)
}

/// The nodes by which both addresses are reached; where the families differ, each by itself.
fn cell(held: Option<&Held>, addresses: [&str; 2]) -> String {
    let nodes = addresses.map(|address| {
        let address = address.parse::<IpAddr>().ok().map(IpNet::from);
        let paths = held.zip(address).and_then(|(held, prefix)| held.get(&prefix));
        let paths = paths.into_iter().flatten();
        let names: Vec<_> =
            paths.map(|(host, stale)| format!("n{host}{}", if *stale { "*" } else { "" })).collect();
        if names.is_empty() { "–".to_owned() } else { names.join(" ") }
    });
    if nodes[0] == nodes[1] { nodes[0].clone() } else { format!("v4 {}, v6 {}", nodes[0], nodes[1]) }
}

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| s | r1: web | r1: db | r2: web | r2: db |\n|---|---|---|---|---|")?;
        for (index, (at, [a, b, c, d])) in self.rows.iter().enumerate() {
            let sign = if *at < 0 { "-" } else { "" };
            let (seconds, tenth) = (at.abs() / 10, at.abs() % 10);
            let at = if index == 0 { "before".to_owned() } else { format!("{sign}{seconds}.{tenth}") };
            writeln!(f, "| {at} | {a} | {b} | {c} | {d} |")?;
        }
        Ok(())
    }
}
