//! Properties: values survive their JSON, and differences lead from one row to the other.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use ovn::op::{self, Condition, Mutation};
use ovn::replica::{Columns, Notation};
use ovn::schema::{Kind, Type};
use ovn::{Atom, Operation, Replica, Row, Schema, Uuid, Value};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

const KINDS: [Kind; 5] = [Kind::Integer, Kind::Real, Kind::Boolean, Kind::String, Kind::Uuid];

/// An atom of this kind.
fn atom(kind: Kind) -> BoxedStrategy<Atom> {
    match kind {
        Kind::Integer => any::<i64>().prop_map(Atom::Integer).boxed(),
        // Reading a text of many digits may miss by the last bit; no column of OVN's has such.
        Kind::Real => {
            any::<i32>().prop_map(|sixteenths| Atom::Real((f64::from(sixteenths) / 16.0).to_bits())).boxed()
        }
        Kind::Boolean => any::<bool>().prop_map(Atom::Boolean).boxed(),
        Kind::String => any::<String>().prop_map(|text| Atom::String(text.into())).boxed(),
        Kind::Uuid => any::<u128>().prop_map(|number| Atom::Uuid(Uuid(number))).boxed(),
    }
}

/// A column's type and a value it can hold.
fn typed() -> impl Strategy<Value = (Type, Value)> {
    (0..5_usize, prop::option::of(0..5_usize), prop::option::of(2..9_u64)).prop_flat_map(
        |(key, value, max)| {
            let value = value.map(|value| KINDS[value]);
            let of = Type { key: KINDS[key], value, optional: true, max };
            let holds = match value {
                None => prop::collection::btree_set(atom(of.key), 0..6).prop_map(Value::Set).boxed(),
                Some(value) => {
                    prop::collection::btree_map(atom(of.key), atom(value), 0..6).prop_map(Value::Map).boxed()
                }
            };
            (Just(of), holds)
        },
    )
}

/// Small sets and maps of a few elements, so that two of them have much in common.
fn close() -> impl Strategy<Value = (BTreeSet<i64>, BTreeMap<i64, i64>, Option<i64>)> {
    let few = || 0..6_i64;
    (
        prop::collection::btree_set(few(), 0..6),
        prop::collection::btree_map(few(), 0..3_i64, 0..6),
        prop::option::of(few()),
    )
}

fn columns() -> BTreeMap<Box<str>, Type> {
    let of = |value, max| Type { key: Kind::Integer, value, optional: true, max };
    [("set", of(None, None)), ("map", of(Some(Kind::Integer), None)), ("one", of(None, Some(1)))]
        .map(|(name, of)| (name.into(), of))
        .into()
}

fn row((set, map, one): &(BTreeSet<i64>, BTreeMap<i64, i64>, Option<i64>)) -> Row {
    let map = map.iter().map(|(key, value)| (Atom::Integer(*key), Atom::Integer(*value)));
    [("set", Value::set(set.iter().copied())), ("map", Value::Map(map.collect())), ("one", Value::set(*one))]
        .map(|(name, value)| (name.into(), value))
        .into()
}

/// The difference of two rows, by the words of ovsdb-server(7) §4.1.14.
fn difference(
    old: &(BTreeSet<i64>, BTreeMap<i64, i64>, Option<i64>),
    new: &(BTreeSet<i64>, BTreeMap<i64, i64>, Option<i64>),
) -> Json {
    let mut json = json!({});
    let set: Vec<_> = old.0.symmetric_difference(&new.0).collect();
    if !set.is_empty() {
        json["set"] = json!(["set", set]);
    }
    let gone = old.1.iter().filter(|(key, _)| !new.1.contains_key(key));
    let put = new.1.iter().filter(|(key, value)| old.1.get(key) != Some(value));
    let map: Vec<_> = gone.chain(put).map(|(key, value)| json!([key, value])).collect();
    if !map.is_empty() {
        json["map"] = json!(["map", map]);
    }
    if old.2 != new.2 {
        json["one"] = new.2.map_or(json!(["set", []]), |one| json!(one));
    }
    json
}

proptest! {
    #[test]
    fn a_value_survives_its_json((of, value) in typed()) {
        let text = value.to_json().to_string();
        let json: Json = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(Value::of_type(&json, &of), Ok(value));
    }

    #[test]
    fn a_uuid_survives_its_text(number in any::<u128>()) {
        prop_assert_eq!(Uuid(number).to_string().parse(), Ok(Uuid(number)));
    }

    #[test]
    fn a_difference_leads_from_the_old_row_to_the_new(old in close(), new in close()) {
        let uuid = Uuid(10);
        let schema = Schema { tables: Columns::from([("T".into(), columns())]), ..Schema::default() };
        let mut replica = Replica::from_rows(schema, [("T", uuid, row(&old))]);
        let change = json!({"T": {uuid.to_string(): {"modify": difference(&old, &new)}}});
        prop_assert_eq!(replica.update(&change, Notation::Differences), Ok(()));
        prop_assert_eq!(replica.row("T", uuid), Some(&row(&new)));
    }
}

/// The notation of RFC 7047 §5.2, one operation each.
#[test]
fn rfc7047_5_2_operations_are_written_as_the_database_reads_them() {
    let name = |name: &str| Row::from([("name".into(), Value::one(name))]);
    let rows = || vec![Condition { column: "name".into(), function: "==", value: Value::one("a") }];
    let table = || "T".into();
    let mutation =
        Mutation { column: "ports".into(), mutator: "insert", value: Value::Set([op::named("p")].into()) };
    let wait = |equal| Operation::Wait {
        table: table(),
        rows: op::row(Uuid(1)),
        columns: vec!["name".into()],
        equal,
        values: vec![name("a"), name("b")],
    };
    let uuid = "00000000-0000-0000-0000-000000000001";
    let written = [
        (
            Operation::Insert { table: table(), row: name("a"), name: Some("p".into()), uuid: Some(Uuid(1)) },
            json!({"op": "insert", "table": "T", "row": {"name": "a"}, "uuid-name": "p", "uuid": uuid}),
        ),
        (
            Operation::Insert { table: table(), row: Row::new(), name: None, uuid: None },
            json!({"op": "insert", "table": "T", "row": {}}),
        ),
        (
            Operation::Update { table: table(), rows: rows(), row: name("b") },
            json!({"op": "update", "table": "T", "where": [["name", "==", "a"]], "row": {"name": "b"}}),
        ),
        (
            Operation::Mutate { table: table(), rows: rows(), mutations: vec![mutation] },
            json!({"op": "mutate", "table": "T", "where": [["name", "==", "a"]],
                   "mutations": [["ports", "insert", ["named-uuid", "p"]]]}),
        ),
        (
            Operation::Delete { table: table(), rows: vec![] },
            json!({"op": "delete", "table": "T", "where": []}),
        ),
        (
            wait(true),
            json!({"op": "wait", "timeout": 0, "table": "T", "where": [["_uuid", "==", ["uuid", uuid]]],
                   "columns": ["name"], "until": "==", "rows": [{"name": "a"}, {"name": "b"}]}),
        ),
        (
            wait(false),
            json!({"op": "wait", "timeout": 0, "table": "T", "where": [["_uuid", "==", ["uuid", uuid]]],
                   "columns": ["name"], "until": "!=", "rows": [{"name": "a"}, {"name": "b"}]}),
        ),
        (
            Operation::Select { table: table(), rows: rows(), columns: vec!["name".into()] },
            json!({"op": "select", "table": "T", "where": [["name", "==", "a"]], "columns": ["name"]}),
        ),
        (
            Operation::Select { table: table(), rows: vec![], columns: vec![] },
            json!({"op": "select", "table": "T", "where": []}),
        ),
        (Operation::Comment("why".into()), json!({"op": "comment", "comment": "why"})),
    ];
    for (operation, json) in written {
        assert_eq!(operation.to_json(), json);
    }
}
