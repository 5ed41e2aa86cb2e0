//! Messages, schemas and values in the forms of RFC 7047 and ovsdb-server(7), `vectors/*.json`.
#![allow(clippy::unwrap_used, reason = "tests")]

use ovn::rpc::{self, Fault, Message, Reader};
use ovn::schema::{Kind, Type};
use ovn::{Atom, Schema, TransactError, Uuid, Value, outcome};
use serde_json::{Value as Json, json};

fn vector(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn reply(name: &str) -> (Json, Json, Json) {
    match rpc::parse(&vector(name)).unwrap() {
        Message::Reply { id, result, error } => (id, result, error),
        other => panic!("{other:?}"),
    }
}

const UUID: Uuid = Uuid(0x550e_8400_e29b_41d4_a716_4466_5544_0000);

#[test]
fn rfc7047_3_1_a_uuid_is_written_in_groups() {
    assert_eq!(UUID.to_string(), "550e8400-e29b-41d4-a716-446655440000");
    assert_eq!("550E8400-e29b-41d4-a716-446655440000".parse(), Ok(UUID));
    for bad in [
        "",
        "550e8400e29b41d4a716446655440000",
        "550e8400-e29b-41d4-a716-44665544000g",
        "550e8400-e29b-41d4-a716-4466554400000",
        "550e8400-e29b-41d4-a7164-46655440000",
        "+50e8400-e29b-41d4-a716-446655440000",
    ] {
        assert!(bad.parse::<Uuid>().is_err(), "{bad}");
    }
}

#[test]
fn rfc7047_4_1_messages_are_told_apart() {
    assert_eq!(reply("list_dbs-reply"), (json!(1), json!(["OVN_Northbound", "_Server"]), Json::Null));
    assert_eq!(reply("echo-reply").1, json!(["payload", 1]));
    let echo = Message::Request { id: json!("echo"), method: "echo".into(), params: json!(["payload", 1]) };
    assert_eq!(rpc::parse(&vector("echo-request")), Ok(echo));
    for method in ["locked", "stolen"] {
        let notice = Message::Notification { method: method.into(), params: json!(["lock"]) };
        assert_eq!(rpc::parse(&vector(method)), Ok(notice));
    }
    for bad in ["{}", r#"{"id":null,"result":1,"error":null}"#, r#"{"method":5,"params":[],"id":1}"#] {
        assert_eq!(rpc::parse(bad.as_bytes()), Err(Fault::Message), "{bad}");
    }
}

#[test]
fn rfc7047_4_1_requests_carry_method_params_and_id() {
    let request: Json = serde_json::from_slice(&rpc::request(7, "get_schema", &json!(["D"]))).unwrap();
    assert_eq!(request, json!({"method": "get_schema", "params": ["D"], "id": 7}));
    let answer: Json = serde_json::from_slice(&rpc::reply(&json!("echo"), &json!([1]))).unwrap();
    assert_eq!(answer, json!({"result": [1], "error": null, "id": "echo"}));
}

#[test]
fn rfc7047_3_2_a_schema_is_read_and_what_is_unknown_passed_over() {
    let (_, schema, _) = reply("get_schema-reply");
    let schema = Schema::from_json(&schema).unwrap();
    assert_eq!((&*schema.name, &*schema.version), ("D", "1.2.3"));
    let of = |key, value, optional, max| Type { key, value, optional, max };
    let expected = [
        ("name", of(Kind::String, None, false, Some(1))),
        ("priority", of(Kind::Integer, None, false, Some(1))),
        ("kind", of(Kind::String, None, true, Some(1))),
        ("weight", of(Kind::Real, None, false, Some(1))),
        ("ports", of(Kind::Uuid, None, true, None)),
        ("two", of(Kind::Integer, None, false, Some(2))),
        ("options", of(Kind::String, Some(Kind::String), true, None)),
        ("numbered", of(Kind::Integer, Some(Kind::Uuid), true, Some(4094))),
    ];
    for (column, of) in expected {
        assert_eq!(schema.column("T", column), Some(&of), "{column}");
    }
    assert_eq!(schema.column("T", "future"), None);
    assert_eq!(schema.tables["T"].len(), expected.len());
}

/// RFC 7047 §5.2.1: 0, false, "", the UUID of zeros, nothing.
#[test]
fn rfc7047_5_2_1_columns_have_defaults() {
    let of = |key, value, optional, max| Type { key, value, optional, max }.default_value();
    assert_eq!(of(Kind::Integer, None, false, Some(1)), Value::one(0));
    assert_eq!(of(Kind::Boolean, None, false, Some(1)), Value::one(false));
    assert_eq!(of(Kind::String, None, false, Some(1)), Value::one(""));
    assert_eq!(of(Kind::Uuid, None, false, Some(1)), Value::one(Uuid(0)));
    assert_eq!(of(Kind::Real, None, false, Some(1)), Value::Set([Atom::Real(0f64.to_bits())].into()));
    assert_eq!(of(Kind::String, None, true, Some(1)), Value::none());
    assert_eq!(of(Kind::String, Some(Kind::String), true, None), Value::texts([]));
}

#[test]
fn rfc7047_5_1_values_have_one_notation_out_and_several_in() {
    let uuid = || json!(["uuid", "550e8400-e29b-41d4-a716-446655440000"]);
    let pairs = [
        (json!(-5), Value::one(-5)),
        (json!(true), Value::one(true)),
        (json!("text"), Value::one("text")),
        (uuid(), Value::one(UUID)),
        (json!(["named-uuid", "row"]), Value::Set([ovn::op::named("row")].into())),
        (json!(["set", []]), Value::none()),
        (json!(["set", [1, 2]]), Value::set([2, 1])),
        (json!(["set", ["set", "uuid"]]), Value::set(["set", "uuid"])),
        (json!(["map", []]), Value::texts([])),
        (json!(["map", [["a", "b"], ["c", "d"]]]), Value::texts([("c", "d"), ("a", "b")])),
        (json!(["map", [[1, uuid()]]]), Value::Map([(Atom::Integer(1), Atom::Uuid(UUID))].into())),
    ];
    for (json, value) in pairs {
        assert_eq!(Value::from_json(&json).as_ref(), Ok(&value), "{json}");
        assert_eq!(value.to_json(), json);
    }
    assert_eq!(Value::from_json(&json!(["set", ["one"]])), Ok(Value::one("one")), "a set of one");
    let range = [i64::MIN, i64::MAX];
    for number in range {
        assert_eq!(Value::from_json(&json!(number)), Ok(Value::one(number)));
    }
}

#[test]
fn rfc7047_5_1_what_is_no_value_is_refused_with_the_rule() {
    let bad = [
        (json!(null), "null is not an atom"),
        (json!({"a": 1}), r#"{"a":1} is not an atom"#),
        (json!(["set", [1, 1]]), r#"["set",[1,1]] repeats an element"#),
        (json!(["map", [[1, 1], [1, 2]]]), r#"["map",[[1,1],[1,2]]] repeats a key"#),
        (json!(["map", [[1]]]), "[1] is not a pair"),
        (json!(["set", [["set", []]]]), r#"["set",[]] is not an atom"#),
        (json!(["bag", [1]]), r#"["bag",[1]] is not a value"#),
        (json!(["uuid", "x"]), r#"["uuid","x"] is not a UUID"#),
        (json!([]), "[] is not an atom"),
    ];
    for (json, rule) in bad {
        assert_eq!(Value::from_json(&json).unwrap_err().to_string(), rule);
    }
    let long = Value::from_json(&json!(["uuid", "ä".repeat(10_000)])).unwrap_err().to_string();
    assert!(long.len() < 300, "{long}");
}

#[test]
fn a_column_holds_what_its_type_says() {
    let of = |key, value, max| Type { key, value, optional: true, max };
    let text = of(Kind::String, None, Some(1));
    assert_eq!(Value::of_type(&json!("a"), &text), Ok(Value::one("a")));
    assert_eq!(Value::of_type(&json!(["set", []]), &text), Ok(Value::none()));
    let refused = |json: Json, of: &Type| Value::of_type(&json, of).unwrap_err().rule;
    assert_eq!(refused(json!(1), &text), "is not a string");
    assert_eq!(
        refused(json!(["set", ["a", "b"]]), &text),
        "has more than the one element the column can hold"
    );
    assert_eq!(refused(json!(["map", [["a", "b"]]]), &text), "is a map where a set belongs");
    let map = of(Kind::String, Some(Kind::Integer), None);
    assert_eq!(refused(json!("a"), &map), "is not a map");
    assert_eq!(refused(json!(["map", [["a", "b"]]]), &map), "is not an integer");
    assert_eq!(Value::of_type(&json!(["map", []]), &map), Ok(Value::texts([])));
    let real = of(Kind::Real, None, Some(1));
    let five = Value::Set([Atom::Real(5f64.to_bits())].into());
    assert_eq!(Value::of_type(&json!(5), &real), Ok(five.clone()), "a real without a fraction");
    assert_eq!(Value::of_type(&json!(5.0), &real), Ok(five));
}

#[test]
fn rfc7047_4_1_3_results_of_a_transaction_are_sorted_by_what_they_are() {
    let (_, result, error) = reply("transact-reply");
    let outcome = outcome::read(&result, &error).unwrap();
    assert_eq!(outcome.inserted, [UUID]);
    assert_eq!(outcome.counts, [2, 0]);
    let [row] = &outcome.selected[0][..] else { panic!("{outcome:?}") };
    assert_eq!(
        (&row["name"], &row["_uuid"], &row["ports"]),
        (&Value::one("a"), &Value::one(UUID), &Value::none())
    );
}

#[test]
fn rfc7047_4_1_3_one_failed_operation_is_a_failed_transaction() {
    let refused = |name: &str| {
        let (_, result, error) = reply(name);
        match outcome::read(&result, &error).unwrap_err() {
            TransactError::Refused { error, details } => (error, details),
            other => panic!("{other:?}"),
        }
    };
    let pair = |error: &str, details: &str| (error.to_owned(), details.to_owned());
    assert_eq!(refused("transact-failed"), pair("timed out", "\"wait\" timed out"));
    assert_eq!(refused("transact-commit-failed"), pair("referential integrity violation", "no such row"));
    assert_eq!(refused("transact-refused"), pair("unknown database", "no such database"));
    assert_eq!(refused("transact-canceled"), pair("canceled", ""));
    assert_eq!(outcome::read(&json!(5), &Json::Null), Err(TransactError::Lost), "not known what happened");
}

#[test]
fn a_stream_is_cut_into_messages_wherever_it_breaks() {
    let names = ["list_dbs-reply", "get_schema-reply", "update", "echo-request", "transact-reply"];
    let stream: Vec<u8> = names.iter().flat_map(|name| vector(name)).collect();
    let expected: Vec<_> = names.iter().map(|name| rpc::parse(&vector(name)).unwrap()).collect();
    for size in [1, 2, 7, 64, stream.len()] {
        let mut reader = Reader::new(4096);
        let mut messages = Vec::new();
        for chunk in stream.chunks(size) {
            reader.push(chunk);
            while let Some(message) = reader.message().unwrap() {
                messages.push(message);
            }
        }
        assert_eq!(messages, expected, "{size}");
    }
}

#[test]
fn a_stream_that_makes_no_sense_is_refused_before_it_grows() {
    let fault = |octets: &[u8]| {
        let mut reader = Reader::new(1000);
        reader.push(octets);
        reader.message().unwrap_err()
    };
    assert_eq!(fault(b" [1]"), Fault::Begin(b'['));
    assert_eq!(fault(b"HTTP/1.1 400"), Fault::Begin(b'H'));
    assert_eq!(fault(format!("{{\"a\":\"{}", "x".repeat(2000)).as_bytes()), Fault::Length(1000));
    assert_eq!(fault("{\"a\":".repeat(200).as_bytes()), Fault::Depth);
    assert!(matches!(fault(b"{\"a\":]}"), Fault::Json(_)), "not JSON");
    assert!(matches!(fault(b"{\"a\":\"\\ud800\"}"), Fault::Json(_)), "half a surrogate pair");
    let mut reader = Reader::new(1000);
    reader.push(br#"{"id":1,"result":"}]\"{","error":null}"#);
    assert!(reader.message().unwrap().is_some(), "brackets in texts do not count");
    assert_eq!(reader.pending(), 0);
}
