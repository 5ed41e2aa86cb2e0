//! Every change of a router's routes, not only what is there whenever somebody looks.
//!
//! FRR and BIRD give their routes to the kernel, whose changes `ip monitor` prints; GoBGP has a monitor of its own.

use super::bench::Bench;
use crate::fault::{Result, ensure};
use crate::proc::Daemon;
use crate::router::{Kind, Routes};
use crate::wait;
use ipnet::IpNet;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

/// A running monitor.
pub(crate) struct Monitor {
    kind: Kind,
    daemon: Daemon,
}

impl Monitor {
    /// Starts the router's.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn start(bench: &Bench) -> Result<Self> {
        let argv: &[&str] = match bench.kind {
            Kind::Gobgp => &["gobgp", "monitor", "global", "rib", "-j"],
            Kind::Frr | Kind::Bird | Kind::Exabgp => &["ip", "-ts", "monitor", "route"],
        };
        let daemon = bench.r.spawn("monitor", argv, &bench.file("monitor.log"))?;
        Ok(Self { kind: bench.kind, daemon })
    }

    /// Fails if one of the routes was gone for however short.
    ///
    /// # Errors
    /// Which ones.
    pub(crate) fn saw_none_go(&self, routes: &Routes) -> Result<()> {
        let gone: Vec<_> = self.gone().into_iter().filter(|prefix| routes.contains_key(prefix)).collect();
        ensure(gone.is_empty(), || format!("{gone:?} went; {}", self.daemon.log_tail()))
    }

    /// Waits until it has seen all of the routes go.
    ///
    /// # Errors
    /// Which ones it has not.
    pub(crate) fn saw_all_go(&self, routes: &Routes) -> Result<()> {
        wait::until("all routes go", Duration::from_secs(5), || {
            let gone = self.gone();
            let still: Vec<_> = routes.keys().filter(|prefix| !gone.contains(prefix)).collect();
            ensure(still.is_empty(), || format!("not {still:?}; {}", self.daemon.log_tail()))
        })?;
        Ok(())
    }

    fn gone(&self) -> BTreeSet<IpNet> {
        let log = self.daemon.log();
        log.lines()
            .flat_map(|line| if self.kind == Kind::Gobgp { withdrawn(line) } else { deleted(line) })
            .collect()
    }
}

/// `[2026-11-21T16:17:49.1] Deleted 10.17.0.5 via …`: a host route is printed without its length.
fn deleted(line: &str) -> Vec<IpNet> {
    let words = line.split_once("] Deleted ").and_then(|(_, rest)| {
        // A route with several ways, or of a kind of its own, has a word in front.
        rest.split_whitespace().find(|word| word.contains(['.', ':']))
    });
    words
        .and_then(|word| {
            word.parse().ok().or_else(|| Some(IpNet::from(word.parse::<std::net::IpAddr>().ok()?)))
        })
        .into_iter()
        .collect()
}

/// A line of GoBGP's monitor is a list of paths; one that is withdrawn says so.
fn withdrawn(line: &str) -> Vec<IpNet> {
    let paths: Value = serde_json::from_str(line).unwrap_or_default();
    let gone = paths.as_array().into_iter().flatten().filter(|path| path["withdrawal"] == true);
    gone.filter_map(|path| path["nlri"]["prefix"].as_str()?.parse().ok()).collect()
}
