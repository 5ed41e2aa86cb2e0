//! Every change of some tables of the northbound database, as `ovsdb-client monitor` reports it.

use crate::fault::{Fault, Result, ensure};
use crate::proc::Daemon;
use crate::wait;
use std::path::Path;
use std::time::Duration;

/// Where rows of egress are, and the routers that hold them.
const TABLES: [&str; 8] = [
    "Address_Set",
    "BFD",
    "HA_Chassis_Group",
    "Logical_Router",
    "Logical_Router_Policy",
    "Logical_Router_Port",
    "Logical_Router_Static_Route",
    "Port_Group",
];

/// It watches until dropped.
#[derive(Debug)]
pub struct Monitor {
    watches: Vec<Daemon>,
}

impl Monitor {
    /// Starts it, with its output in `dir`; it watches when this returns.
    ///
    /// # Errors
    /// When the database does not answer within 5 s.
    pub fn start(remote: &str, dir: &Path) -> Result<Self> {
        let mut watches = Vec::new();
        for table in TABLES {
            let log = dir.join(format!("monitor-{table}.log"));
            let words = ["ovsdb-client", "--format=csv", "monitor", remote, "OVN_Northbound", table];
            watches.push(Daemon::start("ovsdb-client", &words, &log)?);
        }
        let monitor = Self { watches };
        wait::until("what is there", Duration::from_secs(5), || {
            // A table without rows says nothing; routers there are always.
            let routers = &monitor.watches[3];
            ensure(routers.log().contains(",initial,"), || routers.log_tail())
        })?;
        Ok(monitor)
    }

    /// Rows that came, went or changed since the start.
    #[must_use]
    pub fn changes(&self) -> Vec<String> {
        let is_change = |line: &str| {
            let action = line.split(',').nth(1).unwrap_or_default();
            ["insert", "delete", "old", "new"].contains(&action)
        };
        let lines = self.watches.iter().zip(TABLES).flat_map(|(watch, table)| {
            let log = watch.log();
            let lines: Vec<_> =
                log.lines().filter(|line| is_change(line)).map(|line| format!("{table}: {line}")).collect();
            lines
        });
        lines.collect()
    }

    /// Fails when a row changed, or it cannot tell.
    ///
    /// # Errors
    /// The changes.
    pub fn silent(&mut self) -> Result<()> {
        self.watches.iter_mut().try_for_each(Daemon::check_alive)?;
        let changes = self.changes();
        if changes.is_empty() { Ok(()) } else { Err(Fault::new(format!("rows changed: {changes:#?}"))) }
    }
}
