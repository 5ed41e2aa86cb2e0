//! A northbound database made by hand.
#![allow(clippy::unwrap_used, reason = "test support")]

use std::collections::BTreeMap;

use ovn::schema::Schema;
use ovn::{Replica, Row, Uuid, Value};
use serde_json::json;

/// Table, identity and columns of a row.
pub(crate) type Made<C> = (&'static str, u128, C);

/// Columns of a row.
pub(crate) type Columns = Vec<(&'static str, Value)>;

/// Of these rows; `newer`: policies have `bfd_sessions`, as from OVN 24.03 on.
pub(crate) fn replica(newer: bool, rows: &[Made<&[(&'static str, Value)]>]) -> Replica {
    let mut policy = json!({"priority": {"type": "integer"}});
    if newer {
        policy["bfd_sessions"] = json!({"type": {"key": {"type": "uuid"}, "min": 0, "max": "unlimited"}});
    }
    let schema = json!({"name": "OVN_Northbound", "version": "7.0.0", "tables": {
        "Logical_Router_Policy": {"columns": policy},
        "Logical_Router_Static_Route": {"columns": {"route_table": {"type": "string"}}},
    }});
    let rows = rows.iter().map(|(table, uuid, columns)| (*table, Uuid(*uuid), row(columns)));
    Replica::from_rows(Schema::from_json(&schema).unwrap(), rows)
}

pub(crate) fn row(columns: &[(&'static str, Value)]) -> Row {
    columns.iter().map(|(column, value)| (Box::from(*column), value.clone())).collect()
}

/// One text.
pub(crate) fn text(text: &str) -> Value {
    Value::one(text)
}

/// Several texts.
pub(crate) fn texts(all: &[&str]) -> Value {
    Value::set(all.iter().copied())
}

/// References.
pub(crate) fn references(all: &[u128]) -> Value {
    Value::set(all.iter().map(|uuid| Uuid(*uuid)))
}

/// Owner ids of gateway `name`.
pub(crate) fn ids(name: &str, family: &str) -> Value {
    Value::texts([("vendor", "kube-ovn"), ("vpc-egress-gateway", name), ("af", family)])
}

/// The same, as rows that are wanted have them.
pub(crate) fn wanted_ids(name: &str, family: &str) -> BTreeMap<Box<str>, Box<str>> {
    [("vendor", "kube-ovn"), ("vpc-egress-gateway", name), ("af", family)]
        .into_iter()
        .map(|(key, value)| (key.into(), value.into()))
        .collect()
}
