//! Rows out of a database, and their names.

use super::{Cell, Dump, Row, text};
use crate::fault::{Fault, Result};
use crate::proc::run;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Tables that are left out.
const LEFT_OUT: [&str; 5] = ["ACL", "Connection", "Meter", "Meter_Band", "NB_Global"];

/// The children of a table that have no name of their own, with the column that holds them.
const HOLDERS: [(&str, &str, &str); 4] = [
    ("Logical_Router", "policies", "Logical_Router_Policy"),
    ("Logical_Router", "static_routes", "Logical_Router_Static_Route"),
    ("Logical_Router", "nat", "NAT"),
    ("HA_Chassis_Group", "ha_chassis", "HA_Chassis"),
];

impl Dump {
    /// The northbound database at `remote` (`unix:PATH`), as one transaction sees it.
    ///
    /// # Errors
    /// What `ovsdb-client` says.
    pub fn of(remote: &str) -> Result<Self> {
        let schema: Value =
            serde_json::from_str(&run(&["ovsdb-client", "get-schema", remote, "OVN_Northbound"])?)?;
        let tables = schema["tables"].as_object().ok_or_else(|| Fault::new("a schema without tables"))?;
        let select = tables.keys().map(|table| json!({"op": "select", "table": table, "where": []}));
        let ask = json!(std::iter::once(json!("OVN_Northbound")).chain(select).collect::<Vec<_>>());
        let answer: Value =
            serde_json::from_str(&run(&["ovsdb-client", "transact", remote, &ask.to_string()])?)?;
        let rows = tables.keys().enumerate().flat_map(|(at, table)| {
            let rows = answer[at]["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
            rows.iter().filter_map(Value::as_object).map(move |row| (table.as_str(), row))
        });
        Ok(dump(&rows.collect::<Vec<_>>()))
    }
}

/// Rows with their tables, in the JSON of RFC 7047.
pub(super) fn dump(rows: &[(&str, &Map<String, Value>)]) -> Dump {
    let holders = holders(rows);
    let mut names: BTreeMap<&str, String> = BTreeMap::new();
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    for (table, row) in rows {
        let uuid = uuid(&row["_uuid"]).unwrap_or_default();
        let holder = holders.get(uuid).copied().unwrap_or("nobody");
        let name = text::masked(&format!("{table} {}", name(table, row, holder)));
        let count = taken.entry(name.clone()).or_default();
        *count += 1;
        // ACLs come in equal pairs; nothing refers to one alone.
        let suffix = if *count > 1 && *table != "ACL" { format!(" #{count}") } else { String::new() };
        names.insert(uuid, format!("<{name}{suffix}>"));
    }
    let shown = rows.iter().filter(|(table, _)| !LEFT_OUT.contains(table));
    let named = shown.filter_map(|(_, row)| {
        let columns = row.iter().filter(|(column, _)| !column.starts_with('_'));
        let columns = columns.map(|(column, value)| (column.clone(), cell(value, &names)));
        let columns: Row = columns.filter(|(_, cell)| !cell.items.is_empty()).collect();
        Some((names.get(uuid(&row["_uuid"])?)?.clone(), columns))
    });
    Dump(named.collect())
}

/// The names of the rows that hold others, by the identity of what they hold.
fn holders<'a>(rows: &[(&str, &'a Map<String, Value>)]) -> BTreeMap<&'a str, &'a str> {
    let mut out = BTreeMap::new();
    for (table, row) in rows {
        for (_, column, _) in HOLDERS.iter().filter(|(holder, ..)| holder == table) {
            let held = row.get(*column).map(elements).unwrap_or_default();
            let name = row["name"].as_str().unwrap_or_default();
            out.extend(held.into_iter().filter_map(uuid).map(|uuid| (uuid, name)));
        }
    }
    out
}

fn name(table: &str, row: &Map<String, Value>, holder: &str) -> String {
    let column = |column: &str| match row.get(column) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    match table {
        "Logical_Router_Policy" => format!("{holder}: {} {}", column("priority"), column("match")),
        "Logical_Router_Static_Route" => {
            let policy = column("policy");
            let policy = if policy.is_empty() { "dst-ip" } else { &policy };
            let route = format!("{holder}: {policy} {} {}", column("ip_prefix"), column("nexthop"));
            match column("route_table").as_str() {
                "" => route,
                table => format!("{route} in {table}"),
            }
        }
        "BFD" => format!("{} {}", column("logical_port"), column("dst_ip")),
        "HA_Chassis" => format!("{holder}: {}", column("chassis_name")),
        "NAT" => format!("{holder}: {} {}", column("type"), column("external_ip")),
        "ACL" => format!("{} {} {}", column("direction"), column("priority"), column("match")),
        _ => column("name"),
    }
}

/// A value, with names in place of identities.
fn cell(value: &Value, names: &BTreeMap<&str, String>) -> Cell {
    let one = |value: &Value| match uuid(value) {
        Some(uuid) => names.get(uuid).cloned().unwrap_or_else(|| "<of no row>".to_owned()),
        None => text::masked(&value.to_string()),
    };
    if let [Value::String(kind), Value::Array(pairs)] =
        value.as_array().map(Vec::as_slice).unwrap_or_default()
        && kind == "map"
    {
        let pair = |pair: &Value| format!("{}={}", pair[0].as_str().unwrap_or_default(), one(&pair[1]));
        return Cell::new(pairs.iter().map(pair).collect(), true);
    }
    let scalar = !value.is_array();
    let default =
        |value: &Value| scalar && (*value == json!("") || *value == json!(0) || *value == json!(false));
    Cell::new(elements(value).into_iter().filter(|value| !default(value)).map(one).collect(), false)
}

/// The elements of a set; a scalar is one of its own.
fn elements(value: &Value) -> Vec<&Value> {
    match value.as_array().map(Vec::as_slice) {
        Some([Value::String(kind), Value::Array(elements)]) if kind == "set" => elements.iter().collect(),
        _ => vec![value],
    }
}

fn uuid(value: &Value) -> Option<&str> {
    match value.as_array().map(Vec::as_slice) {
        Some([Value::String(kind), Value::String(uuid)]) if kind == "uuid" => Some(uuid),
        _ => None,
    }
}
