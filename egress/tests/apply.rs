//! From rows that are wanted and rows that are there to operations; the copy is made by hand, and the operations are
//! compared in their notation (RFC 7047 §5.2), written by hand, too.

#[path = "apply/made.rs"]
mod made;
#[path = "apply/ports.rs"]
mod ports;

use egress::apply::{Owner, operations};
use egress::rows::{Action, Row, SessionKey};
use egress::view::Name;
use made::{Columns, Made, ids, references, replica, text, texts, wanted_ids};
use ovn::{Operation, Replica, Uuid, Value};
use serde_json::{Value as Json, json};

const GATEWAY: &str = "default/gateway2";
const NAME: &str = "VEG.9b33407d429d.ipv4";
const MATCH: &str = "ip4.src == $VEG.9b33407d429d.ipv4";

fn owner() -> Owner {
    Owner::Gateway {
        vendor: "kube-ovn".into(),
        name: Name { namespace: "default".into(), name: "gateway2".into() },
    }
}

fn wanted() -> Vec<Row> {
    let key = SessionKey { port: "bfd@vpc1".into(), peer: "192.168.0.2".parse().expect("an address") };
    vec![
        Row::AddressSet {
            name: NAME.into(),
            addresses: ["192.168.0.0/24".into()].into(),
            ids: wanted_ids(GATEWAY, "4"),
        },
        Row::Policy {
            router: "vpc1".into(),
            priority: 29100,
            matching: MATCH.into(),
            action: Action::Reroute { next_hops: [key.peer].into(), sessions: [key.clone()].into() },
            ids: wanted_ids(GATEWAY, "4"),
        },
        Row::Bfd { key, min_tx: 1000, min_rx: 300, multiplier: 3, ids: wanted_ids(GATEWAY, "4") },
    ]
}

/// A router with the policy of somebody else.
fn router(policies: &[u128]) -> Made<Columns> {
    ("Logical_Router", 1, vec![("name", text("vpc1")), ("policies", references(policies))])
}

fn foreign() -> Made<Columns> {
    let ids = Value::texts([("vendor", "kube-ovn"), ("subnet", "subnet1")]);
    ("Logical_Router_Policy", 2, vec![("priority", Value::one(31000)), ("external_ids", ids)])
}

fn copy(newer: bool, rows: &[Made<Columns>]) -> Replica {
    let rows: Vec<_> =
        rows.iter().map(|(table, uuid, columns)| (*table, *uuid, columns.as_slice())).collect();
    replica(newer, &rows)
}

fn notation(replica: &Replica, wanted: &[Row]) -> Vec<Json> {
    let operations = operations(replica, &owner(), wanted).expect("it can be written");
    operations.iter().map(Operation::to_json).collect()
}

fn uuid(number: u128) -> Json {
    json!(["uuid", Uuid(number).to_string()])
}

fn id_map() -> Json {
    json!(["map", [["af", "4"], ["vendor", "kube-ovn"], ["vpc-egress-gateway", GATEWAY]]])
}

/// The rows of [`wanted`] as a server would give them back.
fn there() -> Vec<Made<Columns>> {
    vec![
        router(&[2, 12]),
        foreign(),
        (
            "Address_Set",
            11,
            vec![
                ("name", text(NAME)),
                ("addresses", texts(&["192.168.0.0/24"])),
                ("external_ids", ids(GATEWAY, "4")),
            ],
        ),
        (
            "Logical_Router_Policy",
            12,
            vec![
                ("priority", Value::one(29100)),
                ("match", text(MATCH)),
                ("action", text("reroute")),
                ("nexthops", texts(&["192.168.0.2"])),
                ("bfd_sessions", references(&[13])),
                ("external_ids", ids(GATEWAY, "4")),
            ],
        ),
        (
            "BFD",
            13,
            vec![
                ("logical_port", text("bfd@vpc1")),
                ("dst_ip", text("192.168.0.2")),
                ("min_tx", Value::one(1000)),
                ("min_rx", Value::one(300)),
                ("detect_mult", Value::one(3)),
                ("status", text("up")),
                ("external_ids", ids(GATEWAY, "4")),
            ],
        ),
    ]
}

#[test]
fn a_new_gateway_is_one_transaction_that_rests_on_what_the_router_holds() {
    let operations = notation(&copy(true, &[router(&[2]), foreign()]), &wanted());
    let bfd = json!({"op": "insert", "table": "BFD", "uuid-name": "row1", "row": {
        "logical_port": "bfd@vpc1", "dst_ip": "192.168.0.2", "min_tx": 1000, "min_rx": 300, "detect_mult": 3,
        "external_ids": id_map()}});
    let set = json!({"op": "insert", "table": "Address_Set", "uuid-name": "row2", "row": {
        "name": NAME, "addresses": "192.168.0.0/24", "external_ids": id_map()}});
    let policy = json!({"op": "insert", "table": "Logical_Router_Policy", "uuid-name": "row3", "row": {
        "priority": 29100, "match": MATCH, "action": "reroute", "nexthops": "192.168.0.2",
        "bfd_sessions": ["named-uuid", "row1"], "external_ids": id_map()}});
    let guard = json!({"op": "wait", "timeout": 0, "table": "Logical_Router", "until": "==",
        "where": [["_uuid", "==", uuid(1)]], "columns": ["policies"], "rows": [{"policies": uuid(2)}]});
    let attached = json!({"op": "mutate", "table": "Logical_Router", "where": [["_uuid", "==", uuid(1)]],
        "mutations": [["policies", "insert", ["named-uuid", "row3"]]]});
    assert_eq!(operations, [guard, bfd, set, policy, attached]);
}

#[test]
fn rows_that_are_as_wanted_need_no_transaction() {
    assert_eq!(notation(&copy(true, &there()), &wanted()), [] as [Json; 0]);
}

#[test]
fn a_row_that_differs_is_corrected_if_it_still_is_what_was_read() {
    let mut rows = there();
    rows[4].2[3] = ("min_rx", Value::one(1000));
    let operations = notation(&copy(true, &rows), &wanted());
    let content = json!({"logical_port": "bfd@vpc1", "dst_ip": "192.168.0.2", "min_tx": 1000, "min_rx": 300,
        "detect_mult": 3, "external_ids": id_map()});
    let mut read = content.clone();
    read["min_rx"] = json!(1000);
    let at = json!([["_uuid", "==", uuid(13)]]);
    assert_eq!(operations.len(), 2);
    assert_eq!((&operations[0]["op"], &operations[0]["where"]), (&json!("wait"), &at));
    assert_eq!(operations[0]["rows"], json!([read]), "all that it writes");
    assert_eq!(operations[1], json!({"op": "update", "table": "BFD", "where": at, "row": content}));
}

#[test]
fn without_the_column_for_sessions_it_is_not_spoken_of() {
    let mut rows = there();
    rows[3].2.remove(4);
    assert_eq!(notation(&copy(false, &rows), &wanted()), [] as [Json; 0]);
    let operations = notation(&copy(false, &[router(&[2]), foreign()]), &wanted());
    let policy = operations.iter().find(|one| one["table"] == "Logical_Router_Policy").expect("a policy");
    assert_eq!((&policy["op"], policy["row"].get("bfd_sessions")), (&json!("insert"), None));
}

#[test]
fn a_gateway_that_wants_nothing_loses_its_own_rows_and_those_of_others_stay() {
    let mut rows = there();
    // Of another gateway, and of another vendor with the same name.
    rows.push(("Address_Set", 21, vec![("name", text("a")), ("external_ids", ids("default/gateway", "4"))]));
    let vendor = Value::texts([("vendor", "other"), ("vpc-egress-gateway", GATEWAY)]);
    rows.push(("Address_Set", 22, vec![("name", text("b")), ("external_ids", vendor)]));
    let operations = notation(&copy(true, &rows), &[]);
    let waits: Vec<&Json> = operations.iter().filter(|one| one["op"] == "wait").collect();
    assert_eq!(waits.len(), 4, "ids of three rows, and what the router holds: {operations:?}");
    let rest: Vec<&Json> = operations.iter().filter(|one| one["op"] != "wait").collect();
    let delete = |table: &str, number| json!({"op": "delete", "table": table, "where": [["_uuid", "==", uuid(number)]]});
    let detached = json!({"op": "mutate", "table": "Logical_Router", "where": [["_uuid", "==", uuid(1)]],
        "mutations": [["policies", "delete", uuid(12)]]});
    assert_eq!(rest, [&delete("Address_Set", 11), &delete("BFD", 13), &detached]);
}

#[test]
fn a_policy_that_is_there_twice_goes_once() {
    let mut rows = there();
    let twin = rows[3].2.clone();
    rows.push(("Logical_Router_Policy", 30, twin));
    rows[0] = router(&[2, 12, 30]);
    let operations = notation(&copy(true, &rows), &wanted());
    let mutation = operations.last().expect("an operation");
    assert_eq!(mutation["op"], "mutate");
    let gone = &mutation["mutations"][0][2];
    assert!([uuid(12), uuid(30)].contains(gone), "{mutation}");
    assert_eq!(mutation["mutations"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_name_that_somebody_else_has_is_refused_and_nothing_is_written() {
    let taken = ("Address_Set", 40, vec![("name", text(NAME)), ("external_ids", ids("default/other", "4"))]);
    let error = operations(&copy(true, &[router(&[]), taken]), &owner(), &wanted()).expect_err("taken");
    assert_eq!(error.to_string(), format!("Address_Set {NAME} is there and belongs to somebody else"));
    let session = vec![("logical_port", text("bfd@vpc1")), ("dst_ip", text("192.168.0.2"))];
    let error = operations(&copy(true, &[router(&[]), ("BFD", 41, session)]), &owner(), &wanted());
    assert!(error.expect_err("taken").to_string().contains("bfd@vpc1"));
}

#[test]
fn without_its_router_nothing_is_written() {
    let error = operations(&copy(true, &[]), &owner(), &wanted()).expect_err("no router");
    assert!(error.to_string().ends_with("there is no logical router vpc1"), "{error}");
}

#[test]
fn ports_that_are_not_there_are_left_out_of_a_group_until_they_are() {
    let group = || Row::PortGroup {
        name: "VEG.9b33407d429d".into(),
        ports: ["web.default".into(), "gone.default".into()].into(),
        ids: wanted_ids(GATEWAY, ""),
    };
    let port = |number, name| ("Logical_Switch_Port", number, vec![("name", text(name))]);
    let operations = notation(&copy(true, &[port(50, "web.default")]), &[group()]);
    assert_eq!(operations[0]["row"]["ports"], uuid(50));
    let there = |ports: &[u128]| {
        let columns = vec![
            ("name", text("VEG.9b33407d429d")),
            ("ports", references(ports)),
            ("external_ids", ids(GATEWAY, "")),
        ];
        ("Port_Group", 51, columns)
    };
    assert_eq!(notation(&copy(true, &[port(50, "web.default"), there(&[50])]), &[group()]), [] as [Json; 0]);
    let both = [port(50, "web.default"), port(52, "gone.default"), there(&[50])];
    let operations = notation(&copy(true, &both), &[group()]);
    assert_eq!(operations[1]["row"]["ports"], json!(["set", [uuid(50), uuid(52)]]));
}
