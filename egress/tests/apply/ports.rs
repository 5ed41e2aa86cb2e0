//! BFD ports.

use egress::apply::{Owner, operations};
use egress::rows::Row;
use ovn::{Operation, Replica, Uuid, Value};
use serde_json::{Value as Json, json};

use super::made::{Columns, Made, references, replica, text, texts};

fn owner() -> Owner {
    Owner::Vpc { vendor: "kube-ovn".into(), name: "vpc1".into() }
}

fn wanted(chassis: &[&str]) -> Row {
    Row::BfdPort {
        router: "vpc1".into(),
        name: "bfd@vpc1".into(),
        networks: ["10.255.255.255".into()].into(),
        chassis: chassis.iter().map(|name| Box::from(*name)).collect(),
        ids: [("lr".into(), "vpc1".into()), ("vendor".into(), "kube-ovn".into())].into(),
    }
}

fn notation(replica: &Replica, wanted: &[Row]) -> Vec<Json> {
    let operations = operations(replica, &owner(), wanted).expect("it can be written");
    operations.iter().map(Operation::to_json).collect()
}

/// The rows an operation writes, by table.
fn written<'a>(operations: &'a [Json], table: &str) -> Vec<&'a Json> {
    let of_table = operations.iter().filter(|one| one["table"] == table && one["op"] != "wait");
    of_table.map(|one| &one["row"]).collect()
}

fn vendored(key: &str, value: &str) -> Value {
    Value::texts([("vendor", "kube-ovn"), (key, value)])
}

fn router(ports: &[u128]) -> Columns {
    vec![("name", text("vpc1")), ("ports", references(ports))]
}

#[test]
fn a_port_comes_with_its_group_and_its_peer() {
    let router = router(&[]);
    let operations =
        notation(&replica(false, &[("Logical_Router", 1, &router)]), &[wanted(&["node1", "node2"])]);
    // Kube-OVN's rows (rows-b of the reference): LRP, group and chassis; MAC addresses vary from run to run.
    let chassis = written(&operations, "HA_Chassis");
    let member = |name: &str, priority: i64| {
        json!({"chassis_name": name, "priority": priority,
               "external_ids": ["map", [["group", "bfd@vpc1"], ["vendor", "kube-ovn"]]]})
    };
    assert_eq!(chassis, [&member("node1", 100), &member("node2", 99)]);
    let group = written(&operations, "HA_Chassis_Group");
    assert_eq!(group[0]["name"], "bfd@vpc1");
    assert_eq!(group[0]["external_ids"], json!(["map", [["lrp", "bfd@vpc1"], ["vendor", "kube-ovn"]]]));
    let port = written(&operations, "Logical_Router_Port")[0];
    assert_eq!(port["networks"], "10.255.255.255");
    assert_eq!(port["options"], json!(["map", [["bfd-only", "true"]]]));
    assert_eq!(port["external_ids"], json!(["map", [["lr", "vpc1"], ["vendor", "kube-ovn"]]]));
    let mac = port["mac"].as_str().expect("a MAC address");
    assert!(mac.starts_with("02:") && mac.len() == 17, "{mac}");
    // The peer without which ovn-controller sends nothing, and the querier that keeps its thread awake.
    let peer = written(&operations, "Logical_Switch_Port")[0];
    assert_eq!((&peer["type"], &peer["addresses"]), (&json!("router"), &json!("router")));
    assert_eq!(peer["options"], json!(["map", [["router-port", "bfd@vpc1"]]]));
    let config = written(&operations, "Logical_Switch")[0]["other_config"].to_string();
    assert!(config.contains(r#"["mcast_querier","true"]"#) && config.contains(r#"["mcast_snoop","true"]"#));
    let absent = operations.iter().find(|one| one["table"] == "Logical_Switch" && one["op"] == "wait");
    let absent = absent.expect("names of switches are no index");
    assert_eq!((&absent["where"], &absent["rows"]), (&json!([["name", "==", "bfd@vpc1"]]), &json!([])));
}

/// A port as it was written, with chassis node1 and node2.
fn there(operations: &[Json]) -> Vec<Made<Columns>> {
    let mac = |table: &str, column: &str| written(operations, table)[0][column].clone();
    let config = mac("Logical_Switch", "other_config");
    let pairs: Vec<(&str, &str)> = config[1]
        .as_array()
        .expect("a map")
        .iter()
        .map(|pair| (pair[0].as_str().expect("text"), pair[1].as_str().expect("text")))
        .collect();
    let member = |name: &'static str, priority: i64| {
        vec![
            ("chassis_name", text(name)),
            ("priority", Value::one(priority)),
            ("external_ids", vendored("group", "bfd@vpc1")),
        ]
    };
    vec![
        ("Logical_Router", 1, router(&[2])),
        (
            "Logical_Router_Port",
            2,
            vec![
                ("name", text("bfd@vpc1")),
                ("networks", texts(&["10.255.255.255"])),
                ("mac", text("02:00:00:00:00:01")),
                ("options", Value::texts([("bfd-only", "true")])),
                ("ha_chassis_group", Value::one(Uuid(3))),
                ("external_ids", vendored("lr", "vpc1")),
            ],
        ),
        (
            "HA_Chassis_Group",
            3,
            vec![
                ("name", text("bfd@vpc1")),
                ("ha_chassis", references(&[4, 5])),
                ("external_ids", vendored("lrp", "bfd@vpc1")),
            ],
        ),
        ("HA_Chassis", 4, member("node1", 100)),
        ("HA_Chassis", 5, member("node2", 99)),
        (
            "Logical_Switch",
            6,
            vec![
                ("name", text("bfd@vpc1")),
                ("ports", references(&[7])),
                ("other_config", Value::texts(pairs)),
                ("external_ids", vendored("lrp", "bfd@vpc1")),
            ],
        ),
        (
            "Logical_Switch_Port",
            7,
            vec![
                ("name", text("peer-bfd@vpc1")),
                ("type", text("router")),
                ("options", Value::texts([("router-port", "bfd@vpc1")])),
            ],
        ),
    ]
}

fn existing() -> Replica {
    let router = router(&[]);
    let first = notation(&replica(false, &[("Logical_Router", 1, &router)]), &[wanted(&["node1", "node2"])]);
    let rows = there(&first);
    let rows: Vec<_> =
        rows.iter().map(|(table, uuid, columns)| (*table, *uuid, columns.as_slice())).collect();
    replica(false, &rows)
}

#[test]
fn a_port_that_is_there_keeps_its_mac_and_needs_no_transaction() {
    assert_eq!(notation(&existing(), &[wanted(&["node1", "node2"])]), [] as [Json; 0]);
}

#[test]
fn another_order_of_chassis_changes_priorities_alone() {
    let operations = notation(&existing(), &[wanted(&["node2", "node1"])]);
    let changed: Vec<&Json> = operations.iter().filter(|one| one["op"] != "wait").collect();
    assert_eq!(changed.len(), 2, "{operations:?}");
    assert!(changed.iter().all(|one| one["op"] == "update" && one["table"] == "HA_Chassis"));
    let operations = notation(&existing(), &[wanted(&["node1"])]);
    let changed: Vec<&Json> = operations.iter().filter(|one| one["op"] != "wait").collect();
    assert_eq!(changed.len(), 1, "node2 leaves the group, and goes with that");
    assert_eq!(changed[0]["row"]["ha_chassis"], json!(["uuid", Uuid(4).to_string()]));
}

#[test]
fn a_port_that_is_not_wanted_goes_with_all_that_belongs_to_it() {
    let operations = notation(&existing(), &[]);
    let deleted: Vec<&str> = operations
        .iter()
        .filter(|one| one["op"] == "delete")
        .filter_map(|one| one["table"].as_str())
        .collect();
    assert_eq!(deleted, ["HA_Chassis_Group", "Logical_Switch", "Logical_Router_Port"]);
    let detached = operations.last().expect("an operation");
    assert_eq!(detached["mutations"], json!([["ports", "delete", ["uuid", Uuid(2).to_string()]]]));
}

#[test]
fn a_port_of_somebody_else_is_left_alone() {
    let port =
        [("name", text("bfd@vpc1")), ("external_ids", Value::texts([("vendor", "other"), ("lr", "vpc1")]))];
    let router = router(&[2]);
    let copy = replica(false, &[("Logical_Router", 1, &router), ("Logical_Router_Port", 2, &port)]);
    let error = operations(&copy, &owner(), &[wanted(&["node1"])]).expect_err("taken");
    assert_eq!(error.to_string(), "Logical_Router_Port bfd@vpc1 is there and belongs to somebody else");
    assert_eq!(notation(&copy, &[]), [] as [Json; 0]);
}
