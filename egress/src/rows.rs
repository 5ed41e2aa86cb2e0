//! Rows of the northbound database that an object wants.
#![allow(missing_docs, reason = "fields are columns of the table, which ovn-nb(5) explains")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
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

/// What tells a row of a table from the others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// `Address_Set`.
    AddressSet(Box<str>),
    /// `Port_Group`.
    PortGroup(Box<str>),
    /// `BFD`.
    Bfd(SessionKey),
    /// `Logical_Router_Policy`.
    Policy { router: Box<str>, priority: u16, matching: Box<str> },
    /// `Logical_Router_Static_Route`.
    Route { router: Box<str>, table: Box<str>, by_source: bool, prefix: Box<str>, next_hop: IpAddr },
    /// A BFD port with all that belongs to it.
    BfdPort(Box<str>),
}

/// A row that is wanted. Its identity is what [`Row::key`] says; everything else is corrected when it differs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    /// `Logical_Switch` with the port that is its peer; all but the last of the name `name`. The router port has
    /// `options:bfd-only=true` and the ids in `ids` (`lr` and `vendor`); what goes with it carries the same vendor and,
    /// as Kube-OVN has it, `lrp=NAME` (group, switch), `group=NAME` (chassis) or `ls=NAME` (switch port). Priorities are
    /// 100, 99, … The MAC address is kept where there is one.
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
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// `reroute` to these, with the sessions that OVN gates them by, if it can.
    Reroute { next_hops: BTreeSet<IpAddr>, sessions: BTreeSet<SessionKey> },
    /// `drop`.
    Drop,
}

impl Row {
    /// Its identity: two wanted rows never share one.
    #[must_use]
    pub fn key(&self) -> Key {
        match self {
            Self::AddressSet { name, .. } => Key::AddressSet(name.clone()),
            Self::PortGroup { name, .. } => Key::PortGroup(name.clone()),
            Self::Bfd { key, .. } => Key::Bfd(key.clone()),
            Self::Policy { router, priority, matching, .. } => {
                Key::Policy { router: router.clone(), priority: *priority, matching: matching.clone() }
            }
            Self::Route { router, table, by_source, prefix, next_hop, .. } => Key::Route {
                router: router.clone(),
                table: table.clone(),
                by_source: *by_source,
                prefix: prefix.clone(),
                next_hop: *next_hop,
            },
            Self::BfdPort { name, .. } => Key::BfdPort(name.clone()),
        }
    }

    /// Its `external_ids`.
    #[must_use]
    pub fn ids(&self) -> &Ids {
        match self {
            Self::AddressSet { ids, .. }
            | Self::PortGroup { ids, .. }
            | Self::Bfd { ids, .. }
            | Self::Policy { ids, .. }
            | Self::Route { ids, .. }
            | Self::BfdPort { ids, .. } => ids,
        }
    }
}

impl Key {
    /// The router it belongs to, of tables whose rows are part of one.
    #[must_use]
    pub fn router(&self) -> Option<&str> {
        match self {
            Self::Policy { router, .. } | Self::Route { router, .. } => Some(router),
            Self::AddressSet(_) | Self::PortGroup(_) | Self::Bfd(_) | Self::BfdPort(_) => None,
        }
    }
}

impl fmt::Display for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.port, self.peer)
    }
}

impl fmt::Display for Key {
    /// The table and what tells the row in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddressSet(name) => write!(f, "Address_Set {name}"),
            Self::PortGroup(name) => write!(f, "Port_Group {name}"),
            Self::Bfd(key) => write!(f, "BFD {key}"),
            Self::Policy { router, priority, matching } => {
                write!(f, "Logical_Router_Policy {router}: {priority} {matching}")
            }
            Self::Route { router, table, by_source, prefix, next_hop } => {
                let policy = if *by_source { "src-ip" } else { "dst-ip" };
                write!(f, "Logical_Router_Static_Route {router}: {policy} {prefix} {next_hop}")?;
                if table.is_empty() { Ok(()) } else { write!(f, " in table {table}") }
            }
            Self::BfdPort(name) => write!(f, "Logical_Router_Port {name}"),
        }
    }
}

impl fmt::Display for Row {
    /// On one line, without the owner ids: what it says, for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key();
        match self {
            Self::AddressSet { addresses, .. } => write!(f, "{key} [{}]", list(addresses)),
            Self::PortGroup { ports, .. } => write!(f, "{key} [{}]", list(ports)),
            Self::Bfd { min_tx, min_rx, multiplier, .. } => {
                write!(f, "{key} min_tx {min_tx} min_rx {min_rx} detect_mult {multiplier}")
            }
            Self::Policy { action: Action::Drop, .. } => write!(f, "{key} drop"),
            Self::Policy { action: Action::Reroute { next_hops, sessions }, .. } => {
                write!(f, "{key} reroute {}", list(next_hops))?;
                if sessions.is_empty() { Ok(()) } else { write!(f, " bfd_sessions [{}]", list(sessions)) }
            }
            Self::Route { session, symmetric, .. } => {
                write!(f, "{key}")?;
                if let Some(session) = session {
                    write!(f, " bfd {session}")?;
                }
                f.write_str(if *symmetric { " ecmp-symmetric-reply" } else { "" })
            }
            Self::BfdPort { router, networks, chassis, .. } => {
                write!(f, "{key} on {router} networks [{}] chassis [{}]", list(networks), list(chassis))
            }
        }
    }
}

fn list<T: fmt::Display>(all: impl IntoIterator<Item = T>) -> String {
    all.into_iter().map(|one| one.to_string()).collect::<Vec<_>>().join(", ")
}
