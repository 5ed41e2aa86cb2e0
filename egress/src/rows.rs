//! Rows of the northbound database that an object wants.
#![allow(missing_docs, reason = "fields are columns of the table, which ovn-nb(5) explains")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// `external_ids`.
pub type Ids = BTreeMap<Box<str>, Box<str>>;

/// A BFD row, by the index of its table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionKey {
    /// `logical_port`.
    pub port: Box<str>,
    /// `dst_ip`.
    pub peer: IpAddr,
}

/// A row that is wanted. Its identity is what [`Row::key`] says; everything else is corrected when it differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// `Address_Set`, by name.
    AddressSet { name: Box<str>, addresses: BTreeSet<Box<str>>, ids: Ids },
    /// `Port_Group`, by name; `ports` are names of logical switch ports, unknown ones are skipped.
    PortGroup { name: Box<str>, ports: BTreeSet<Box<str>>, ids: Ids },
    /// `BFD`; intervals in milliseconds.
    Bfd { key: SessionKey, min_tx: u32, min_rx: u32, multiplier: u8, ids: Ids },
    /// `Logical_Router_Policy`, by router, priority and match.
    Policy { router: Box<str>, priority: u16, matching: Box<str>, action: Action, ids: Ids },
    /// `Logical_Router_Static_Route`, by router, table, policy, prefix and next hop.
    Route {
        router: Box<str>,
        table: Box<str>,
        /// By the source of a packet, not its destination.
        by_source: bool,
        prefix: Box<str>,
        next_hop: IpAddr,
        session: Option<SessionKey>,
        symmetric: bool,
        ids: Ids,
    },
    /// A BFD port of a VPC with what it needs: `Logical_Router_Port`, `HA_Chassis_Group` with its `HA_Chassis`, and the
    /// `Logical_Switch` with the port that is its peer; all but the last of the name `name`.
    BfdPort {
        router: Box<str>,
        name: Box<str>,
        networks: BTreeSet<Box<str>>,
        /// Chassis names, the one that should be active first.
        chassis: Vec<Box<str>>,
        ids: Ids,
    },
}

/// What a policy does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// `reroute` to these, with the sessions that OVN gates them by, if it can.
    Reroute { next_hops: BTreeSet<IpAddr>, sessions: BTreeSet<SessionKey> },
    /// `drop`.
    Drop,
}
