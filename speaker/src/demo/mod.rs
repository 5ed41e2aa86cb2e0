//! `speaker demo`: the main job in one process, without privilege or cluster.
//!
//! Two nodes, each a whole speaker reading the same manifests, and two upstream routers made of the same BGP
//! engine, on loopback addresses and real TCP. Only the next hops are given instead of asked of the kernel: on
//! loopback there is nothing to ask.

mod manifests;
mod router;
mod script;

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use bgp::net::{Dialing, Hops, PeerConfig};
use bgp::rib::NextHops;
use bgp::{Asn, Family, HoldTime, RouterId, fsm};
use tokio::sync::mpsc;

use crate::api::table::Table;
use crate::config::{BfdOptions, Config, Mode, Neighbor, Source};
use crate::logging;
use crate::nexthop::Substitution;
use crate::run::{RunError, Running};
use manifests::Manifests;
use router::{Identity, Learned, Router};
use script::{Expected, INITIAL, STEPS};

const NODES: [(&str, Ipv4Addr, Ipv6Addr); 2] = [
    ("node-a", Ipv4Addr::new(127, 0, 0, 11), Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0x11)),
    ("node-b", Ipv4Addr::new(127, 0, 0, 12), Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0x12)),
];
const ROUTERS: [(&str, Ipv4Addr); 2] =
    [("tor-1", Ipv4Addr::new(127, 0, 1, 1)), ("tor-2", Ipv4Addr::new(127, 0, 2, 1))];
const NODES_AS: u32 = 65000;
const ROUTERS_AS: u32 = 65001;
/// Far beyond any latency on loopback: only a defect takes longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why the demo did not reach its summary.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A speaker did not start.
    #[error(transparent)]
    Run(#[from] RunError),
    /// Sockets, files or output.
    #[error("demo: {0}")]
    Io(#[from] io::Error),
    /// The routers did not learn what they must.
    #[error("demo: {step}: after {PATIENCE:?} still waiting for {waiting}")]
    Late {
        /// Which step.
        step: &'static str,
        /// What is missing.
        waiting: String,
    },
    /// The routers learned something they must not.
    #[error("demo: {step}: {router} learned something else: {what}")]
    Surprise {
        /// Which step.
        step: &'static str,
        /// Which router.
        router: &'static str,
        /// What.
        what: String,
    },
}

struct World {
    manifests: Manifests,
    routers: Vec<Router>,
    nodes: Vec<Running>,
    learned: mpsc::Receiver<Learned>,
    _sockets: tempfile::TempDir,
}

/// One line of the summary: when the last expected path had changed at each router.
type Latency = [Duration; ROUTERS.len()];

/// Runs the demo to its summary; with `hold` until Ctrl-C after it.
///
/// # Errors
/// [`DemoError`] if anything is not as it must be.
pub async fn demo(hold: bool, out: &mut impl Write) -> Result<(), DemoError> {
    writeln!(
        out,
        "Two nodes (AS {NODES_AS}) announce to two upstream routers (AS {ROUTERS_AS}), all in this process.\n"
    )?;
    let started = Instant::now();
    let mut world = World::start().await?;
    tokio::select! {
        played = world.play(started, out) => played?,
        stopped = tokio::signal::ctrl_c() => return Ok(stopped?), // everything temporary goes with the world
    }
    if hold {
        writeln!(out, "\nHolding. Debug with: speaker neighbor --socket {}", world.socket(0).display())?;
        out.flush()?;
        tokio::signal::ctrl_c().await?;
    }
    for node in world.nodes {
        node.stop("the demo is over").await;
    }
    Ok(())
}

fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}

fn asn(number: u32) -> io::Result<Asn> {
    Asn::new(number).ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

fn router_id(addr: Ipv4Addr) -> io::Result<RouterId> {
    RouterId::new(addr).ok_or_else(|| io::ErrorKind::InvalidInput.into())
}

impl World {
    async fn start() -> Result<Self, DemoError> {
        let manifests = Manifests::copy()?;
        let sockets = tempfile::Builder::new().prefix("speaker-demo-").tempdir()?;
        let (to, learned) = mpsc::channel(1024);
        let nodes: Vec<IpAddr> = NODES.iter().map(|(_, v4, _)| (*v4).into()).collect();
        let mut routers = Vec::new();
        for (index, (name, ip)) in ROUTERS.into_iter().enumerate() {
            let who = Identity {
                index,
                name,
                ip: ip.into(),
                asn: asn(ROUTERS_AS)?,
                nodes_as: asn(NODES_AS)?,
                router_id: router_id(ip)?,
            };
            routers.push(Router::start(&who, &nodes, to.clone())?);
        }
        let mut world = Self { manifests, routers, nodes: Vec::new(), learned, _sockets: sockets };
        for index in 0..NODES.len() {
            let config = world.node_config(index)?;
            world.nodes.push(Running::start(config).await?);
        }
        Ok(world)
    }

    /// From the first announcement through all steps to the summary.
    async fn play(&mut self, started: Instant, out: &mut impl Write) -> Result<(), DemoError> {
        let up = self.expect("start", INITIAL, started, out).await?;
        writeln!(out)?;
        self.print_tables(out)?;
        let mut summary = vec![("everything announced", up)];
        for step in &STEPS {
            writeln!(out, "\n{}: {}", step.title, step.what)?;
            let at = (step.edit)(&self.manifests)?;
            summary.push((step.title, self.expect(step.title, step.expect, at, out).await?));
        }
        writeln!(out)?;
        self.print_tables(out)?;
        writeln!(out, "\nTime from the change of the file to the last route at each router:")?;
        let mut table = Table::new(["Step", ROUTERS[0].0, ROUTERS[1].0]);
        for (title, latency) in summary {
            let [one, two] = latency.map(millis);
            table.row([title.to_owned(), one, two]);
        }
        Ok(table.print(out)?)
    }

    fn socket(&self, node: usize) -> std::path::PathBuf {
        self._sockets.path().join(format!("{}.sock", NODES[node].0))
    }

    fn node_config(&self, node: usize) -> io::Result<Config> {
        let (name, v4, v6) = NODES[node];
        let session = fsm::Config {
            hostname: Some(name.to_owned()),
            ..fsm::Config::new(
                (asn(NODES_AS)?, router_id(v4)?),
                asn(ROUTERS_AS)?,
                HoldTime::new(9).ok_or(io::ErrorKind::InvalidInput)?,
                vec![Family::IPV4_UNICAST, Family::IPV6_UNICAST],
            )
        };
        let peer = |router: &Router| PeerConfig {
            next_hops: NextHops { v4: Some(v4), v6: Some(v6), link_local: None },
            ..PeerConfig::new(
                Dialing { remote: router.addr, local: Some(v4.into()), hops: Hops::Any },
                session.clone(),
            )
        };
        Ok(Config {
            bfd: BfdOptions::default(),
            node: name.to_owned(),
            local_as: session.local_as,
            router_id: session.router_id,
            neighbors: self.routers.iter().map(|router| Neighbor::new(peer(router))).collect(),
            listen: None,
            mode: Mode::Node { announce_cluster_ip: true, local_only: false },
            source: Source::Manifests(self.manifests.path().to_owned()),
            socket: self.socket(node),
            grpc: (v4, 0).into(), // any free port: nobody asks here
            grpc_writable: false,
            http_port: None,
            log: logging::Settings::default(),
            substitution: Substitution::default(),
            allowed_sources: Vec::new(),
            files: Vec::new(),
            state_dir: None,
            intent_max_age: None,
            events: false,
            pod: None,
            warnings: Vec::new(),
        })
    }

    /// Shows what the routers learn until each has seen every expected change, and nothing else.
    async fn expect(
        &mut self,
        step: &'static str,
        expected: &[Expected],
        since: Instant,
        out: &mut impl Write,
    ) -> Result<Latency, DemoError> {
        let mut waiting: Vec<(usize, String, usize, bool)> = (0..ROUTERS.len())
            .flat_map(|router| {
                expected.iter().map(move |(prefix, node, gain)| (router, (*prefix).to_owned(), *node, *gain))
            })
            .collect();
        let mut latency = [Duration::ZERO; ROUTERS.len()];
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !waiting.is_empty() {
            let next = tokio::time::timeout_at(deadline, self.learned.recv()).await;
            let Ok(Some(learned)) = next else {
                let waiting =
                    waiting.iter().map(|(router, prefix, ..)| format!("{prefix} at {}", ROUTERS[*router].0));
                return Err(DemoError::Late { step, waiting: waiting.collect::<Vec<_>>().join(", ") });
            };
            let what = self.line(&learned);
            let after = learned.at.saturating_duration_since(since);
            writeln!(out, "  {:>11}  {}  {what}", millis(after), ROUTERS[learned.router].0)?;
            let seen = (learned.prefix.to_string(), learned.next_hop.is_some());
            let known = waiting.iter().position(|(router, prefix, node, gain)| {
                *router == learned.router
                    && (prefix, *gain) == (&seen.0, seen.1)
                    && IpAddr::from(NODES[*node].1) == learned.from
            });
            let Some(known) = known else {
                return Err(DemoError::Surprise { step, router: ROUTERS[learned.router].0, what });
            };
            waiting.swap_remove(known);
            latency[learned.router] = latency[learned.router].max(after);
            self.routers[learned.router].enter(&learned);
        }
        Ok(latency)
    }

    fn line(&self, learned: &Learned) -> String {
        let node = node_name(learned.from);
        match learned.next_hop {
            Some(next_hop) => format!("+ {} via {next_hop} ({node})", learned.prefix),
            None => format!("- {} of {node}", learned.prefix),
        }
    }

    fn print_tables(&self, out: &mut impl Write) -> io::Result<()> {
        let mut table = Table::new(["Prefix", ROUTERS[0].0, ROUTERS[1].0]);
        let [one, two] = [&self.routers[0].table, &self.routers[1].table];
        let prefixes: std::collections::BTreeSet<_> = one.keys().chain(two.keys()).collect();
        for prefix in prefixes {
            let paths = |table: &router::Table| {
                let names = table
                    .get(prefix)
                    .map(|paths| paths.keys().map(|from| node_name(*from)).collect::<Vec<_>>());
                names.map_or_else(|| "-".to_owned(), |names| names.join(" + "))
            };
            table.row([prefix.to_string(), paths(one), paths(two)]);
        }
        let names: Vec<String> =
            self.routers.iter().map(|router| format!("{} on {}", router.name, router.addr)).collect();
        writeln!(out, "Routes at {} (two names: ECMP):", names.join(" and "))?;
        table.print(out)
    }
}

fn node_name(addr: IpAddr) -> &'static str {
    NODES.iter().find(|(_, v4, _)| IpAddr::from(*v4) == addr).map_or("unknown", |(name, ..)| name)
}
