//! What a server may say: right answers, so that scripts get as far as a copy, and frames for the fuzzer's own.

use ovn::op::{self, Condition, Mutation};
use ovn::rpc::{self, Message};
use ovn::{Operation, Uuid, Value};

/// A schema of two tables with a column of each shape.
const SCHEMA: &str = r#"{"name":"D","version":"1.0.0","tables":{
    "T":{"columns":{"name":{"type":"string"},
        "options":{"type":{"key":"string","value":"string","min":0,"max":"unlimited"}},
        "ports":{"type":{"key":{"type":"uuid","refTable":"U"},"min":0,"max":"unlimited"}},
        "up":{"type":{"key":"boolean","min":0,"max":1}},
        "tag":{"type":{"key":{"type":"integer","minInteger":1},"min":0,"max":2}}}},
    "U":{"columns":{"name":{"type":{"key":"real"}},"absent":{"type":"thing"}}}}}"#;

const SERVER_SCHEMA: &str = r#"{"name":"_Server","tables":{"Database":{"columns":{
    "name":{"type":"string"},"model":{"type":"string"},"connected":{"type":"boolean"},"leader":{"type":"boolean"},
    "cid":{"type":{"key":"uuid","min":0,"max":1}},"index":{"type":{"key":"integer","min":0,"max":1}}}}}}"#;

const SERVER: &str = r#"{"Database":{"00000000-0000-0000-0000-000000000001":{"initial":{"name":"D",
    "model":"clustered","connected":true,"leader":true,"index":5,
    "cid":["uuid","00000000-0000-0000-0000-00000000000c"]}}}}"#;

const ROWS: &str = r#"{"T":{"00000000-0000-0000-0000-00000000000a":{"initial":{"name":"a",
    "options":["map",[["k","v"]]],"ports":["set",[["uuid","00000000-0000-0000-0000-00000000000b"]]],"tag":3}}},
    "U":{"00000000-0000-0000-0000-00000000000b":{"insert":{"name":1.5}}}}"#;

const TRANSACTION: &str = "00000000-0000-0000-0000-0000000000ff";

/// The answer of a server in order.
pub fn good(request: &[u8]) -> Vec<u8> {
    let (id, method, params) = parts(request);
    let server = params.get(0).and_then(|one| one.as_str()) == Some("_Server");
    let result = match method.as_str() {
        "get_schema" if server => SERVER_SCHEMA.to_owned(),
        "get_schema" => SCHEMA.to_owned(),
        "monitor_cond" if server => SERVER.to_owned(),
        "monitor_cond_since" => {
            let resumed = params.get(3).and_then(|one| one.as_str()) == Some(TRANSACTION);
            let rows = if resumed { "{}" } else { ROWS };
            format!(r#"[{resumed},"{TRANSACTION}",{rows}]"#)
        }
        "monitor_cond" => ROWS.to_owned(),
        "transact" => {
            r#"[{"uuid":["uuid","00000000-0000-0000-0000-00000000000d"]},{"count":1},{}]"#.to_owned()
        }
        _ => "[]".to_owned(),
    };
    reply(&id, &result, "null")
}

/// The fuzzer's answer: an error if it begins so, else a result.
pub fn framed(request: &[u8], octets: &[u8]) -> Vec<u8> {
    let (id, ..) = parts(request);
    match octets.split_first() {
        Some((b'!', error)) => reply(&id, "null", &String::from_utf8_lossy(error)),
        Some((b'?', _)) => reply(&id, "null", "\"unknown method\""),
        _ => reply(&id, &String::from_utf8_lossy(octets), "null"),
    }
}

/// An update of the monitor, with the fuzzer's rows.
pub fn update(kind: u8, octets: &[u8]) -> Vec<u8> {
    let rows = String::from_utf8_lossy(octets);
    let monitor = if kind & 4 == 0 { "ovn" } else { "_Server" };
    match kind & 3 {
        0 => format!(r#"{{"method":"update","params":["{monitor}",{rows}],"id":null}}"#),
        1 => format!(r#"{{"method":"update2","params":["{monitor}",{rows}],"id":null}}"#),
        _ => format!(r#"{{"method":"update3","params":["{monitor}","{TRANSACTION}",{rows}],"id":null}}"#),
    }
    .into_bytes()
}

/// Anything else a server may say on its own.
pub fn notice(kind: u8) -> Vec<u8> {
    let leader = |leads: bool| {
        let row = format!(r#"{{"modify":{{"leader":{leads},"index":{}}}}}"#, kind >> 3);
        let rows = format!(r#"{{"Database":{{"00000000-0000-0000-0000-000000000001":{row}}}}}"#);
        format!(r#"{{"method":"update2","params":["_Server",{rows}],"id":null}}"#)
    };
    match kind & 7 {
        0 => r#"{"method":"echo","params":["x"],"id":"echo"}"#.to_owned(),
        1 => r#"{"method":"monitor_canceled","params":["ovn"],"id":null}"#.to_owned(),
        2 => r#"{"method":"monitor_canceled","params":["_Server"],"id":null}"#.to_owned(),
        3 => leader(false),
        4 => leader(true),
        5 => r#"{"method":"steal","params":[],"id":7}"#.to_owned(),
        6 => r#"{"method":"locked","params":["x"],"id":null}"#.to_owned(),
        _ => r#"{"id":9999,"result":{},"error":null}"#.to_owned(),
    }
    .into_bytes()
}

/// A transaction with an operation of each kind that the bits ask for.
pub fn operations(bits: u8) -> Vec<Operation> {
    let rows = || vec![Condition { column: "name".into(), function: "==", value: Value::one("a") }];
    let row = || ovn::Row::from([("name".into(), Value::one("b"))]);
    let table = || "T".into();
    let mutation = Mutation { column: "tag".into(), mutator: "insert", value: Value::set([1, 2]) };
    let all = [
        Operation::Insert { table: table(), row: row(), name: Some("row".into()), uuid: None },
        Operation::Update { table: table(), rows: rows(), row: row() },
        Operation::Mutate { table: table(), rows: rows(), mutations: vec![mutation] },
        Operation::Delete { table: table(), rows: op::row(Uuid(13)) },
        Operation::Wait {
            table: table(),
            rows: rows(),
            columns: vec!["name".into()],
            equal: bits & 1 == 0,
            values: vec![row()],
        },
        Operation::Select { table: table(), rows: rows(), columns: vec![] },
        Operation::Comment("because".into()),
    ];
    (0..).zip(all).filter(|(bit, _)| bits & 1 << bit != 0).map(|(_, one)| one).collect()
}

fn reply(id: &str, result: &str, error: &str) -> Vec<u8> {
    format!(r#"{{"id":{id},"result":{result},"error":{error}}}"#).into_bytes()
}

fn parts(request: &[u8]) -> (String, String, serde_json::Value) {
    match rpc::parse(request) {
        Ok(Message::Request { id, method, params }) => (id.to_string(), method, params),
        other => panic!("not a request: {other:?}"),
    }
}
