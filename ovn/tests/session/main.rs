//! The session against a server played by hand, on a virtual clock. Orders and forms: ovsdb-server(7), ovsdb-server(5).
#![allow(clippy::unwrap_used, reason = "tests")]

mod script;

use std::time::Duration;

use ovn::session::Action;
use ovn::{Link, TransactError, Uuid, Value};
use script::{Play, ROW, SELF, TXN, columns, member, schema};
use serde_json::json;

const SECOND: Duration = Duration::from_secs(1);

fn down(play: &Play) -> &str {
    match play.session.link() {
        Link::Down(why) => why,
        Link::Synced => panic!("synced"),
    }
}

#[test]
fn the_first_copy_is_asked_for_by_what_the_server_has() {
    let mut play = Play::new(1);
    assert_eq!(play.take(), [Action::Connect(0)]);
    play.connected();
    play.introduce(&member(true, 5));
    assert_eq!(play.answer("get_schema", &schema(columns())), json!(["D"]));
    let (id, params) = play.asked("monitor_cond_since");
    let wanted = json!({"T": [{"columns": ["name", "ports"], "where": [["name", "!=", "hidden"]]}]});
    assert_eq!(params, json!(["D", "ovn", wanted, "00000000-0000-0000-0000-000000000000"]));
    let rows = json!({"T": {ROW: {"initial": {"name": "a"}}}});
    play.says(&json!({"id": id, "result": [false, TXN, rows], "error": null}));
    assert_eq!(*play.session.link(), Link::Synced);
    let row = play.row().unwrap();
    assert_eq!((&row["name"], &row["ports"]), (&Value::one("a"), &Value::none()));
    assert!(play.replica.has_column("T", "ports") && !play.replica.has_column("T", "newer"));
}

#[test]
fn ovsdb_server_4_1_14_differences_are_carried_out() {
    let mut play = Play::new(1);
    play.sync(&member(true, 5));
    let update = |rows| json!({"method": "update3", "params": ["ovn", TXN, rows], "id": null});
    play.says(&update(json!({"T": {ROW: {"modify": {"name": "b", "ports": ["set", ["y", "z"]]}}}})));
    let row = play.row().unwrap();
    assert_eq!((&row["name"], &row["ports"]), (&Value::one("b"), &Value::set(["x", "z"])));
    play.says(&update(json!({"T": {ROW: {"delete": null}}})));
    assert!(play.row().is_none());
    let counters = play.session.counters();
    assert_eq!((counters.updates, counters.syncs), (2, 1));
}

#[test]
fn a_connection_after_the_first_asks_for_what_changed_only() {
    let mut play = Play::new(1);
    play.sync(&member(true, 5));
    play.pass(2 * SECOND);
    play.lost();
    assert_eq!(play.row().unwrap()["name"], Value::one("a"), "the last state stays");
    play.connected();
    play.introduce(&member(true, 6));
    play.answer("get_schema", &schema(columns()));
    let (id, params) = play.asked("monitor_cond_since");
    assert_eq!(params[3], json!(TXN));
    let rows = json!({"T": {ROW: {"modify": {"name": "b"}}}});
    play.says(&json!({"id": id, "result": [true, TXN, rows], "error": null}));
    assert_eq!(play.row().unwrap()["name"], Value::one("b"));
    assert_eq!(play.row().unwrap()["ports"], Value::set(["x", "y"]));
    assert_eq!(play.session.counters().resumes, 1);
}

#[test]
fn what_the_server_does_not_find_replaces_the_copy() {
    let mut play = Play::new(1);
    play.sync(&member(true, 5));
    play.pass(2 * SECOND);
    play.lost();
    play.connected();
    play.introduce(&member(true, 6));
    play.answer("get_schema", &schema(columns()));
    let other = "00000000-0000-0000-0000-00000000000b";
    let rows = json!({"T": {other: {"initial": {"name": "other"}}}});
    play.answer("monitor_cond_since", &json!([false, TXN, rows]));
    assert!(play.row().is_none());
    assert_eq!(play.replica.rows("T").count(), 1);
}

#[test]
fn another_schema_is_no_ground_to_go_on_from() {
    let mut play = Play::new(1);
    play.sync(&member(true, 5));
    // The server converts the database while we are connected (ovsdb-server(7) §4.1.7).
    play.says(&json!({"method": "monitor_canceled", "params": ["ovn"], "id": null}));
    assert!(matches!(play.session.link(), Link::Down(_)));
    let mut newer = columns();
    newer["newer"] = json!({"type": "string"});
    play.answer("get_schema", &schema(newer));
    let (_, params) = play.asked("monitor_cond_since");
    assert_eq!(params[3], json!(Uuid(0).to_string()));
    assert_eq!(params[2]["T"][0]["columns"], json!(["name", "newer", "ports"]));
}

#[test]
fn a_server_that_knows_less_is_asked_in_older_ways() {
    let mut play = Play::new(1);
    play.connected();
    play.refuse("set_db_change_aware", "unknown method");
    play.refuse("get_schema", "unknown database");
    play.answer("get_schema", &schema(columns()));
    play.refuse("monitor_cond_since", "unknown method");
    play.refuse("monitor_cond", "unknown method");
    let rows = json!({"T": {ROW: {"new": {"name": "a", "ports": "x"}}}});
    let params = play.answer("monitor", &rows);
    assert_eq!(params, json!(["D", "ovn", {"T": [{"columns": ["name", "ports"]}]}]));
    let rows = json!({"T": {ROW: {"old": {"name": "a"}, "new": {"name": "b", "ports": "x"}}}});
    play.says(&json!({"method": "update", "params": ["ovn", rows], "id": null}));
    assert_eq!(play.row().unwrap()["name"], Value::one("b"));
    let rows = json!({"T": {ROW: {"old": {"name": "b", "ports": "x"}}}});
    play.says(&json!({"method": "update", "params": ["ovn", rows], "id": null}));
    assert!(play.row().is_none());
}

#[test]
fn the_leader_is_looked_for_at_once_and_then_with_pauses() {
    let mut play = Play::new(3);
    let mut tries = Vec::new();
    let begin = play.begin;
    while tries.len() < 19 {
        for action in play.take() {
            if let Action::Connect(remote) = action {
                tries.push((remote, play.now.duration_since(begin)));
                play.connected();
                play.introduce(&member(false, 5));
                assert_eq!(down(&play), "the server does not lead its cluster");
            }
        }
        if play.done.is_empty() {
            play.pass(Duration::from_millis(50));
        }
    }
    let remotes: Vec<_> = tries.iter().map(|(remote, _)| *remote).collect();
    assert_eq!(remotes[..7], [0, 1, 2, 0, 1, 2, 0]);
    let pause = |at: usize| tries[at].1 - tries[at - 1].1;
    for round in 1..=6_usize {
        let whole = Duration::from_secs([0, 1, 2, 4, 8, 8, 8][round]);
        let slack = Duration::from_millis(50);
        assert!(pause(3 * round) >= whole * 3 / 4 && pause(3 * round) <= whole + slack, "{round}: {tries:?}");
        assert_eq!(pause(3 * round - 1), Duration::ZERO);
    }
}

#[test]
fn a_leader_that_no_longer_leads_is_left_at_once() {
    let mut play = Play::new(3);
    play.sync(&member(true, 5));
    play.pass(2 * SECOND);
    play.transact(1);
    play.take();
    let rows = json!({"Database": {SELF: {"modify": {"leader": false}}}});
    play.says(&json!({"method": "update2", "params": ["_Server", rows], "id": null}));
    let lost = Action::Done(1, Err(TransactError::Lost));
    assert_eq!(play.take(), [Action::Disconnect, lost, Action::Changed, Action::Connect(1)]);
    assert!(play.row().is_some());
    play.transact(2);
    assert_eq!(play.take(), [Action::Done(2, Err(TransactError::NotConnected))]);
}

#[test]
fn a_server_behind_what_was_seen_is_left() {
    let mut play = Play::new(2);
    play.sync(&member(true, 50));
    play.pass(2 * SECOND);
    play.lost();
    play.connected();
    play.introduce(&member(true, 49));
    assert_eq!(down(&play), "the server is behind what was seen before");
    play.connected();
    let mut alone = member(true, 51);
    alone["connected"] = json!(false);
    play.introduce(&alone);
    assert_eq!(down(&play), "the server is not connected to its cluster");
}

#[test]
fn a_standalone_server_leads_nothing_and_is_taken() {
    let mut play = Play::new(1);
    play.sync(&json!({"name": "D", "model": "standalone", "connected": true, "leader": false}));
}

#[test]
fn silence_is_asked_about_and_then_believed() {
    let mut play = Play::new(1);
    play.sync(&member(true, 5));
    play.pass(Duration::from_millis(4_900));
    assert!(play.asks_nothing());
    play.pass(Duration::from_millis(200));
    play.answer("echo", &json!([]));
    play.pass(5 * SECOND);
    play.asked("echo");
    play.take();
    play.pass(Duration::from_millis(4_700));
    assert_eq!(*play.session.link(), Link::Synced);
    play.pass(Duration::from_millis(400));
    assert_eq!(play.take(), [Action::Disconnect, Action::Changed, Action::Connect(0)]);
}

#[test]
fn a_transaction_without_an_answer_ends_the_connection() {
    let mut play = Play::new(1);
    play.sync(&member(true, 5));
    play.transact(1);
    play.asked("transact");
    play.take();
    for _ in 0..14 {
        play.pass(Duration::from_millis(4_200));
        play.says(&json!({"method": "echo", "params": [], "id": "alive"}));
    }
    play.take();
    play.pass(2 * SECOND);
    assert_eq!(play.take()[..2], [Action::Disconnect, Action::Done(1, Err(TransactError::Lost))]);
}

#[test]
fn a_server_that_takes_the_connection_and_says_nothing_is_left() {
    let mut play = Play::new(2);
    play.connected();
    play.take();
    play.pass(11 * SECOND);
    assert_eq!(play.take()[..3], [Action::Disconnect, Action::Changed, Action::Connect(1)]);
    play.pass(6 * SECOND);
    assert_eq!(down(&play), "no connection in time");
}

#[test]
fn an_update_that_makes_no_sense_is_answered_with_a_new_copy() {
    let bad = [
        json!({"T": {"00000000-0000-0000-0000-0000000000ee": {"modify": {"name": "x"}}}}),
        json!({"T": {ROW: {"modify": {"name": 5}}}}),
        json!({"T": {ROW: {"initial": {}, "insert": {}}}}),
        json!({"T": {"row": {"delete": null}}}),
        json!([]),
    ];
    for rows in bad {
        let mut play = Play::new(1);
        play.sync(&member(true, 5));
        play.pass(2 * SECOND);
        let good = json!({"name": "b"});
        let mut rows = rows;
        if let Some(table) = rows.get_mut("T").and_then(|table| table.as_object_mut()) {
            table.insert("00000000-0000-0000-0000-00000000000b".into(), json!({"insert": good}));
        }
        play.says(&json!({"method": "update3", "params": ["ovn", TXN, rows], "id": null}));
        assert!(matches!(play.session.link(), Link::Down(_)), "{rows}");
        assert_eq!(play.replica.rows("T").count(), 1, "nothing of it was carried out: {rows}");
        play.connected();
        play.introduce(&member(true, 6));
        play.answer("get_schema", &schema(columns()));
        let (_, params) = play.asked("monitor_cond_since");
        assert_eq!(params[3], json!(Uuid(0).to_string()), "{rows}");
    }
}

#[test]
fn an_echo_is_answered_and_what_is_not_understood_refused() {
    let mut play = Play::new(1);
    play.connected();
    play.take();
    play.says(&json!({"method": "echo", "params": ["x", 1], "id": "e"}));
    play.says(&json!({"method": "convert", "params": [], "id": 9}));
    play.says(&json!({"method": "locked", "params": ["x"], "id": null}));
    play.says(&json!({"id": 12345, "result": {}, "error": null}));
    let answers = play.take();
    let [Action::Send(echo), Action::Send(refusal)] = &answers[..] else { panic!("{answers:?}") };
    let read = |octets: &[u8]| serde_json::from_slice::<serde_json::Value>(octets).unwrap();
    assert_eq!(read(echo), json!({"id": "e", "result": ["x", 1], "error": null}));
    assert_eq!(read(refusal), json!({"id": 9, "result": null, "error": "unknown method"}));
}

#[test]
fn octets_that_are_no_messages_end_the_connection() {
    let mut play = Play::new(1);
    play.connected();
    play.take();
    play.run(|session, now, replica, out| session.receive(now, b"SSH-2.0-OpenSSH\r\n", replica, out));
    assert_eq!(down(&play), "octet 0x53 where a message should begin");
    assert_eq!(play.take()[0], Action::Disconnect);
}
