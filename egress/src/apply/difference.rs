//! Rows of a gateway: what is wanted against what is there.

use std::collections::BTreeMap;

use ovn::{Replica, Uuid};

use super::columns::{References, columns, table};
use super::found::{Found, found};
use super::transaction::Transaction;
use super::{Clash, Impossible, Owner};
use crate::network::cells;
use crate::rows::{Key, Row};

/// Writes the differences into `transaction`.
pub(super) fn differences(
    replica: &Replica,
    owner: &Owner,
    wanted: &[&Row],
    transaction: &mut Transaction,
) -> Result<(), Impossible> {
    let mut there: BTreeMap<Key, Found> = BTreeMap::new();
    let mut surplus = Vec::new();
    for one in found(replica, owner) {
        // Policies and routes have no index: two of the same are possible, and one too many.
        if let Some(twin) = there.insert(one.key.clone(), one) {
            surplus.push(twin);
        }
    }
    let mut references = References::new(replica, wanted);
    let routers = routers(replica);
    // Sessions first: policies and routes refer to them.
    let (sessions, others): (Vec<&Row>, Vec<&Row>) =
        wanted.iter().partition(|row| matches!(row, Row::Bfd { .. }));
    for row in sessions.into_iter().chain(others) {
        let known = there.remove(&row.key());
        put(row, known, &routers, &mut references, transaction)?;
    }
    for one in surplus.into_iter().chain(there.into_values()) {
        remove(replica, &one, transaction);
    }
    Ok(())
}

/// Routers by name. Names are no index: of two of a name the first by identity stands, always the same.
pub(super) fn routers(replica: &Replica) -> BTreeMap<&str, Uuid> {
    let mut all: Vec<(&str, Uuid)> =
        replica.rows("Logical_Router").map(|(uuid, row)| (cells::text(row, "name"), uuid)).collect();
    all.sort_by(|a, b| b.cmp(a));
    all.into_iter().collect()
}

fn put(
    row: &Row,
    known: Option<Found>,
    routers: &BTreeMap<&str, Uuid>,
    references: &mut References<'_>,
    transaction: &mut Transaction,
) -> Result<(), Impossible> {
    let replica = references.replica;
    let key = row.key();
    let content = columns(row, references);
    if let Some(known) = known {
        if !same(row, known.row.as_ref(), references) {
            let read: Vec<&'static str> = known_columns(&content);
            transaction.guard(replica, known.table, known.uuid, &read);
            transaction.update(known.table, known.uuid, content);
        }
        return Ok(());
    }
    let cell = match row {
        Row::Policy { router, .. } => Some((router, "policies")),
        Row::Route { router, .. } => Some((router, "static_routes")),
        _ if is_taken(replica, row) => return Err(Clash(key).into()),
        _ => None,
    };
    let Some((router, column)) = cell else {
        let reference = transaction.insert(table(row), content);
        if let Row::Bfd { key, .. } = row {
            references.sessions.insert(key.clone(), reference);
        }
        return Ok(());
    };
    let Some(uuid) = routers.get(&**router) else {
        return Err(Impossible::NoRouter { key, router: router.clone() });
    };
    let reference = transaction.insert(table(row), content);
    transaction.attach(replica, ("Logical_Router", *uuid, column), reference);
    Ok(())
}

/// Whether the row is as it is wanted. Ports that are not there cannot be in a group.
fn same(wanted: &Row, known: Option<&Row>, references: &References<'_>) -> bool {
    let mut wanted = wanted.clone();
    match &mut wanted {
        Row::PortGroup { ports, .. } => ports.retain(|port| references.ports.contains_key(&**port)),
        Row::Policy { action: crate::rows::Action::Reroute { sessions, .. }, .. }
            if !references.replica.has_column("Logical_Router_Policy", "bfd_sessions") =>
        {
            sessions.clear();
        }
        _ => {}
    }
    known == Some(&wanted)
}

/// The same names as constants, for the guard.
fn known_columns(content: &ovn::Row) -> Vec<&'static str> {
    const ALL: [&str; 20] = [
        "name",
        "addresses",
        "ports",
        "logical_port",
        "dst_ip",
        "min_tx",
        "min_rx",
        "detect_mult",
        "priority",
        "match",
        "action",
        "nexthops",
        "bfd_sessions",
        "ip_prefix",
        "nexthop",
        "policy",
        "bfd",
        "options",
        "route_table",
        "external_ids",
    ];
    ALL.into_iter().filter(|column| content.contains_key(*column)).collect()
}

/// Whether somebody else has the name that the row needs.
fn is_taken(replica: &Replica, row: &Row) -> bool {
    match row {
        Row::AddressSet { name, .. } => has_name(replica, "Address_Set", name),
        Row::PortGroup { name, .. } => has_name(replica, "Port_Group", name),
        Row::Bfd { key, .. } => {
            replica.rows("BFD").any(|(_, row)| super::found::session_key(row).as_ref() == Some(key))
        }
        Row::Policy { .. } | Row::Route { .. } | Row::BfdPort { .. } => false,
    }
}

pub(super) fn has_name(replica: &Replica, table: &str, name: &str) -> bool {
    replica.rows(table).any(|(_, row)| cells::text(row, "name") == name)
}

fn remove(replica: &Replica, one: &Found, transaction: &mut Transaction) {
    // What is deleted must still be ours.
    transaction.guard(replica, one.table, one.uuid, &["external_ids"]);
    match (one.router, one.table) {
        (Some(router), "Logical_Router_Policy") => {
            transaction.detach(replica, ("Logical_Router", router, "policies"), one.uuid);
        }
        (Some(router), _) => {
            transaction.detach(replica, ("Logical_Router", router, "static_routes"), one.uuid);
        }
        (None, table) => transaction.delete(table, one.uuid),
    }
}
