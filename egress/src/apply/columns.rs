//! What is written of a row: all the columns we speak of.

use std::collections::BTreeMap;

use ovn::{Atom, Replica, Row as Columns, Uuid, Value};

use crate::network::cells;
use crate::rows::{Action, Ids, Row, SessionKey};

/// What columns of other rows refer to.
pub(super) struct References<'a> {
    pub(super) replica: &'a Replica,
    /// BFD rows: those that are there and those that are being inserted.
    pub(super) sessions: BTreeMap<SessionKey, Atom>,
    /// Logical switch ports by name.
    pub(super) ports: BTreeMap<&'a str, Uuid>,
}

impl<'a> References<'a> {
    pub(super) fn new(replica: &'a Replica, wanted: &[&Row]) -> Self {
        let sessions = replica
            .rows("BFD")
            .filter_map(|(uuid, row)| Some((super::found::session_key(row)?, uuid.into())))
            .collect();
        let grouped = wanted.iter().any(|row| matches!(row, Row::PortGroup { .. }));
        let ports = match grouped {
            true => replica
                .rows("Logical_Switch_Port")
                .map(|(uuid, row)| (cells::text(row, "name"), uuid))
                .collect(),
            false => BTreeMap::new(),
        };
        Self { replica, sessions, ports }
    }
}

/// `external_ids` and other maps of text.
pub(super) fn texts(map: &Ids) -> Value {
    Value::texts(map.iter().map(|(key, value)| (&**key, &**value)))
}

/// Table of a row that is one row of one table.
pub(super) fn table(row: &Row) -> &'static str {
    match row {
        Row::AddressSet { .. } => "Address_Set",
        Row::PortGroup { .. } => "Port_Group",
        Row::Bfd { .. } => "BFD",
        Row::Policy { .. } => "Logical_Router_Policy",
        Row::Route { .. } => "Logical_Router_Static_Route",
        Row::BfdPort { .. } => "Logical_Router_Port",
    }
}

/// The columns of a row. A session that is not there, and a port, are left out, so that the next pass sees a difference.
pub(super) fn columns(row: &Row, references: &References<'_>) -> Columns {
    let mut columns: Vec<(&str, Value)> = match row {
        Row::AddressSet { name, addresses, .. } => vec![
            ("name", Value::one(&**name)),
            ("addresses", Value::set(addresses.iter().map(|address| &**address))),
        ],
        Row::PortGroup { name, ports, .. } => {
            let known = ports.iter().filter_map(|port| references.ports.get(&**port).copied());
            vec![("name", Value::one(&**name)), ("ports", Value::set(known))]
        }
        Row::Bfd { key, min_tx, min_rx, multiplier, .. } => vec![
            ("logical_port", Value::one(&*key.port)),
            ("dst_ip", Value::one(key.peer.to_string().as_str())),
            ("min_tx", Value::one(i64::from(*min_tx))),
            ("min_rx", Value::one(i64::from(*min_rx))),
            ("detect_mult", Value::one(i64::from(*multiplier))),
        ],
        Row::Policy { priority, matching, action, .. } => policy(*priority, matching, action, references),
        Row::Route { .. } => route(row, references),
        Row::BfdPort { .. } => Vec::new(), // several rows: `port` writes them
    };
    columns.push(("external_ids", texts(row.ids())));
    columns.into_iter().map(|(column, value)| (column.into(), value)).collect()
}

fn policy(
    priority: u16,
    matching: &str,
    action: &Action,
    references: &References<'_>,
) -> Vec<(&'static str, Value)> {
    let (word, hops, gates) = match action {
        Action::Reroute { next_hops, sessions } => ("reroute", Some(next_hops), Some(sessions)),
        Action::Drop => ("drop", None, None),
    };
    let hops: Vec<String> = hops.into_iter().flatten().map(ToString::to_string).collect();
    let mut columns = vec![
        ("priority", Value::one(i64::from(priority))),
        ("match", Value::one(matching)),
        ("action", Value::one(word)),
        ("nexthops", Value::set(hops.iter().map(String::as_str))),
    ];
    if references.replica.has_column("Logical_Router_Policy", "bfd_sessions") {
        let known = gates.into_iter().flatten().filter_map(|key| references.sessions.get(key).cloned());
        columns.push(("bfd_sessions", Value::set(known)));
    }
    columns
}

fn route(row: &Row, references: &References<'_>) -> Vec<(&'static str, Value)> {
    let Row::Route { table, by_source, prefix, next_hop, session, symmetric, .. } = row else {
        return Vec::new();
    };
    let gate = session.as_ref().and_then(|key| references.sessions.get(key).cloned());
    let symmetric = symmetric.then_some(("ecmp_symmetric_reply", "true"));
    let mut columns = vec![
        ("ip_prefix", Value::one(&**prefix)),
        ("nexthop", Value::one(next_hop.to_string().as_str())),
        ("policy", Value::one(if *by_source { "src-ip" } else { "dst-ip" })),
        ("bfd", Value::set(gate)),
        ("options", Value::texts(symmetric)),
    ];
    if !table.is_empty() || references.replica.has_column("Logical_Router_Static_Route", "route_table") {
        columns.push(("route_table", Value::one(&**table)));
    }
    columns
}
