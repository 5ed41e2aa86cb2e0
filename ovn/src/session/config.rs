//! What a session is told before it starts.

use std::time::Duration;

use crate::op::Where;

/// One monitored table.
#[derive(Clone, Debug)]
pub struct Watched {
    /// The table.
    pub table: &'static str,
    /// Columns; those the server does not have are left out.
    pub columns: &'static [&'static str],
    /// Only rows for which one of these holds; none: all. A monitor has no "and": of each the first condition counts.
    /// More rows than these come from servers that know no conditions (before Open vSwitch 2.6) or not the column.
    pub only: Vec<Where>,
}

/// Which database, and how it is followed.
#[derive(Clone, Debug)]
pub struct Config {
    /// `OVN_Northbound` or `OVN_Southbound`.
    pub database: Box<str>,
    /// Which tables and columns.
    pub monitor: Vec<Watched>,
    /// Talk to the leader of a cluster only.
    pub leader_only: bool,
    /// How many servers there are to choose from; at least one.
    pub remotes: usize,
    /// Where the jitter begins.
    pub seed: u64,
    /// Bounds of time.
    pub timing: Timing,
}

/// Bounds of time, and of messages.
#[derive(Clone, Debug)]
pub struct Timing {
    /// How long making a connection may take, TLS included.
    pub connect: Duration,
    /// Silence after which the server is asked whether it lives; after twice that it is given up.
    pub probe: Duration,
    /// How long the answer to a transaction may take, or the first of the monitor.
    pub reply: Duration,
    /// The first pause after all servers were tried in vain.
    pub backoff_min: Duration,
    /// The longest pause; it doubles up to here.
    pub backoff_max: Duration,
    /// A connection that lasted this long was a good one: when it goes, there is no pause.
    pub settled: Duration,
    /// The longest message that is taken, in octets.
    pub message: usize,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            probe: Duration::from_secs(5),
            reply: Duration::from_secs(60),
            backoff_min: Duration::from_secs(1),
            backoff_max: Duration::from_secs(8),
            settled: Duration::from_secs(1),
            message: 512 << 20,
        }
    }
}
