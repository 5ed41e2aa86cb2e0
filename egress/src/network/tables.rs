//! Which tables and columns are monitored.

use ovn::net::Watched;
use ovn::op::Condition;
use ovn::{Atom, Value};

/// Of the northbound database. Address sets and port groups of other vendors may be many and large: they are left out.
#[must_use]
pub fn northbound(vendor: &str) -> Vec<Watched> {
    let all = |table, columns| Watched { table, columns, only: Vec::new() };
    let of_vendor = |table, columns| Watched { table, columns, only: vec![vec![vendored(vendor)]] };
    vec![
        all(
            "Logical_Router",
            &["name", "policies", "static_routes", "ports", "load_balancer", "load_balancer_group"],
        ),
        all(
            "Logical_Router_Port",
            &["name", "networks", "mac", "options", "ha_chassis_group", "gateway_chassis", "external_ids"],
        ),
        all(
            "Logical_Router_Policy",
            &["priority", "match", "action", "nexthops", "bfd_sessions", "external_ids"],
        ),
        all(
            "Logical_Router_Static_Route",
            &["ip_prefix", "nexthop", "policy", "route_table", "bfd", "options", "external_ids"],
        ),
        all("Logical_Switch", &["name", "ports", "other_config", "external_ids"]),
        all("Logical_Switch_Port", &["name", "type", "options"]),
        all("BFD", &["logical_port", "dst_ip", "min_tx", "min_rx", "detect_mult", "status", "external_ids"]),
        of_vendor("Address_Set", &["name", "addresses", "external_ids"]),
        of_vendor("Port_Group", &["name", "ports", "external_ids"]),
        all("HA_Chassis_Group", &["name", "ha_chassis", "external_ids"]),
        all("HA_Chassis", &["chassis_name", "priority", "external_ids"]),
    ]
}

fn vendored(vendor: &str) -> Condition {
    let value = Value::texts([("vendor", vendor)]);
    Condition { column: "external_ids".into(), function: "includes", value }
}

/// Of the southbound database: where chassis are, and what northd made of BFD ports (ports of routers are of type patch
/// there).
#[must_use]
pub fn southbound() -> Vec<Watched> {
    let patch = Value::one(Atom::from("patch"));
    let patch = Condition { column: "type".into(), function: "==", value: patch };
    vec![
        Watched { table: "Chassis", columns: &["name", "hostname"], only: Vec::new() },
        Watched {
            table: "Port_Binding",
            columns: &["logical_port", "type", "options"],
            only: vec![vec![patch]],
        },
    ]
}
