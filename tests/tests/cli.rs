//! The debug commands against a running speaker: exit codes, the socket's mode, the documented JSON.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;
use tests::proc::Daemon;
use tests::speaker::binary;
use tests::wait;

fn speaker(args: &[&str]) -> Output {
    let program = binary().unwrap().display().to_string();
    Command::new("timeout").args(["-k", "1", "20", &program]).args(args).env_clear().output().unwrap()
}

/// Exit code and what was said on stderr.
fn refused(args: &[&str]) -> (i32, String) {
    let output = speaker(args);
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn json(args: &[&str]) -> Value {
    let output = speaker(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A speaker whose neighbour refuses connections: nothing listens there.
fn start(dir: &Path, socket: &str) -> Daemon {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/demo").display().to_string();
    let program = binary().unwrap().display().to_string();
    let mut argv = vec![program.as_str(), "--manifests", &demo, "--node-name=node-a", "--socket", socket];
    argv.extend(["--neighbor-address=127.0.0.99", "--neighbor-ipv6-address=::1", "--bgp-port=9"]);
    argv.extend(["--neighbor-as=65001", "--cluster-as=65000", "--router-id=10.0.0.1"]);
    let daemon = Daemon::start("speaker", &argv, &dir.join("log")).unwrap();
    wait::until("the speaker answers", Duration::from_secs(10), || {
        let output = speaker(&["status", "-o", "json", "--socket", socket]);
        let status: Value = serde_json::from_slice(&output.stdout)?;
        tests::fault::ensure(status["synced"] == true, || daemon.log_tail())
    })
    .unwrap();
    daemon
}

#[test]
fn the_debug_commands_answer_as_documented() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s.sock").display().to_string();
    let at = ["--socket", socket.as_str()];
    let mut daemon = start(dir.path(), &socket);
    let mode = std::fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "the socket is for its owner only");

    let rib = json(&[&["rib", "-o", "json"], &at[..]].concat());
    let reasons = |prefix: &str| {
        let routes = rib.as_array().unwrap().iter();
        routes
            .filter(|route| route["prefix"] == prefix)
            .map(|route| route["reasons"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(reasons("10.16.0.0/16"), [serde_json::json!(["subnet/web"])]);
    assert_eq!(reasons("10.17.0.11/32"), Vec::<Value>::new(), "the Pod of the other node");
    assert_eq!(reasons("10.96.0.10/32"), Vec::<Value>::new(), "Services need --announce-cluster-ip");

    let all = json(&[&["neighbor", "-o", "json"], &at[..]].concat());
    assert_eq!(all.as_array().map(Vec::len), Some(2));
    let one = json(&[&["neighbor", "127.0.0.99", "-o", "json"], &at[..]].concat());
    assert_eq!((&one[0]["peerAs"], &one[0]["session"]), (&65001.into(), &Value::Null));
    assert_eq!(one[0]["nextHopIpv4"], "127.0.0.1");
    assert!(one[0]["lastEnd"].as_str().unwrap().contains("cannot connect"), "{one}");
    assert_eq!(
        json(&[&["neighbor", "::1", "adj-out", "-o", "json"], &at[..]].concat()),
        Value::Array(vec![])
    );

    for args in
        [vec!["rib", "192.0.2.1"], vec!["neighbor", "192.0.2.1"], vec!["neighbor", "192.0.2.1", "adj-out"]]
    {
        let (code, said) = refused(&[&args[..], &at[..]].concat());
        assert!(code == 3 && said.contains("192.0.2.1"), "{args:?}: {code} {said}");
    }
    assert!(daemon.terminate().unwrap().success());
    assert!(!Path::new(&socket).exists(), "the socket goes with the speaker");
}

#[test]
fn a_speaker_that_is_not_there_is_exit_code_4() {
    let (code, said) = refused(&["neighbor", "--socket", "/nonexistent/s.sock"]);
    assert!(code == 4 && said.contains("/nonexistent/s.sock"), "{code} {said}");
}

#[test]
fn a_socket_of_somebody_else_is_not_believed() {
    const NOBODY: u32 = 65534;
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let program = dir.path().join("speaker");
    std::fs::copy(binary().unwrap(), &program).unwrap();
    let socket = dir.path().join("s.sock");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    std::os::unix::fs::chown(&socket, Some(1234), None).unwrap();
    std::fs::set_permissions(&socket, PermissionsExt::from_mode(0o777)).unwrap();
    let mut command = Command::new(&program);
    command.args(["status", "--socket"]).arg(&socket).uid(NOBODY).gid(NOBODY);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(4) && said.contains("belongs to user 1234"), "{said}");
}

#[test]
fn usage_is_exit_code_2_and_a_wrong_configuration_1_with_every_problem() {
    assert_eq!(refused(&["--no-such-flag"]).0, 2);
    for name in ["10.0.0.300", "fd00::1%eth0", "no link", "a-name-longer-than-a-link"] {
        assert_eq!(refused(&["neighbor", name]).0, 2, "{name}");
    }
    let (code, said) = refused(&["--neighbor-address=fd00::1", "--holdtime=1s"]);
    let told = ["--neighbor-as must be", "--cluster-as must be", "must be an IPv4", "--holdtime: 1s"];
    assert!(code == 1 && told.iter().all(|part| said.contains(part)), "{code} {said}");
}

#[test]
fn a_second_speaker_leaves_the_socket_of_the_first_alone() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("s.sock").display().to_string();
    let first = start(dir.path(), &socket);
    std::fs::create_dir(dir.path().join("second")).unwrap();
    let second = start(&dir.path().join("second"), &socket);
    wait::until("the second warns", Duration::from_secs(5), || {
        tests::fault::ensure(second.log().contains("another speaker answers"), || second.log_tail())
    })
    .unwrap();
    drop(second);
    assert!(json(&["status", "-o", "json", "--socket", &socket])["synced"] == true, "{}", first.log_tail());
}
