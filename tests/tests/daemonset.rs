//! The binary under the arguments of existing manifests: exit codes, help, where the log goes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use tests::fault::ensure;
use tests::proc::Daemon;
use tests::speaker::binary;
use tests::wait;

/// Where somebody looks for the speaker's last words.
const LIMIT: Duration = Duration::from_secs(10);

fn speaker(args: &[&str]) -> Output {
    let program = binary().unwrap();
    let mut command = Command::new("timeout");
    command.args(["-k", "1", "20"]).arg(program).args(args);
    command.env_clear().env("POD_IP", "10.0.0.7").env("POD_IPS", "10.0.0.7").output().unwrap()
}

fn ended(args: &[&str]) -> (Option<i32>, String) {
    let output = speaker(args);
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

/// The arguments of the DaemonSet in kube-ovn's `yamls/speaker.yaml`, with neighbours that refuse; what a lab needs
/// comes after them.
fn start(dir: &Path, more: &[&str]) -> Daemon {
    let program = binary().unwrap().display().to_string();
    let log = format!("--log_file={}", dir.join("kube-ovn/kube-ovn-speaker.log").display());
    let manifests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/demo").display().to_string();
    let socket = dir.join("s.sock").display().to_string();
    let mut argv = vec!["env", "NODE_NAME=Node-A", "POD_IP=10.0.0.7", "POD_IPS=10.0.0.7,fd00::7", &program];
    argv.extend(["--neighbor-address=127.0.0.98", "--neighbor-ipv6-address=::1"]);
    argv.extend(["--neighbor-as=65030", "--cluster-as=65000", "--logtostderr=false"]);
    argv.extend(["--alsologtostderr=true", &log, "--log_file_max_size=200", "-v3"]);
    argv.extend(["--bgp-port=9", "--enable-metrics=false", "--manifests", &manifests, "--socket", &socket]);
    argv.extend(more);
    Daemon::start("speaker", &argv, &dir.join("stderr")).unwrap()
}

#[test]
fn the_daemonsets_arguments_log_to_file_and_stderr_alike() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("kube-ovn")).unwrap();
    let mut daemon = start(dir.path(), &[]);
    let log = dir.path().join("kube-ovn/kube-ovn-speaker.log");
    let read = || std::fs::read_to_string(&log).unwrap_or_default();
    wait::until("the speaker dials", LIMIT, || {
        ensure(read().contains("no session yet"), || format!("{}\n{}", read(), daemon.log_tail()))
    })
    .unwrap();
    assert!(read().contains("DEBUG"), "-v3 shows changes: {}", read());
    let mode = std::fs::metadata(&log).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    assert!(daemon.terminate().unwrap().success());
    assert!(read().contains("leaving: withdrawing everything"));
    let sorted = |text: String| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    // Lines of two threads may pass each other on the way to one of the two.
    assert_eq!(sorted(read()), sorted(daemon.log()), "both have every line");
}

#[test]
fn a_missing_log_directory_is_told_once_and_stops_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut daemon = start(dir.path(), &["--alsologtostderr=false"]);
    wait::until("the speaker warns", LIMIT, || {
        ensure(daemon.log().contains("kube-ovn-speaker.log: cannot be written"), || daemon.log_tail())
    })
    .unwrap();
    std::thread::sleep(Duration::from_millis(1500)); // another try
    daemon.check_alive().unwrap();
    assert!(daemon.terminate().unwrap().success());
    let said = daemon.log();
    assert_eq!(said.matches("cannot be written").count(), 1, "{said}");
    assert!(!said.contains("INFO"), "below the threshold ERROR: {said}");
}

#[test]
fn a_gateway_without_a_name_stays_up_and_warns() {
    let dir = tempfile::tempdir().unwrap();
    let mut daemon = start(dir.path(), &["--nat-gw-mode", "--logtostderr=true", "-v5", "--holdtime=1m0s"]);
    wait::until("the speaker warns", LIMIT, || {
        ensure(daemon.log().contains("WARN GATEWAY_NAME: is empty: nothing is announced"), || {
            daemon.log_tail()
        })
    })
    .unwrap();
    daemon.check_alive().unwrap();
    assert!(daemon.terminate().unwrap().success());
}

#[test]
fn exit_codes_are_those_of_upstream() {
    let (code, help) = ended(&["--help"]);
    let named = ["--neighbor-address", "--log_file_max_size", "-v", "--nat-gw-mode", "--grpc-host"];
    assert!(code == Some(0) && named.iter().all(|flag| help.contains(flag)), "{help}");
    let (code, said) = ended(&["--log-file=/tmp/l"]);
    assert!(code == Some(2) && said.contains("--log-file"), "{said}");
    let (code, said) = ended(&["--auth-password=hunter2", "--cluster-as=0"]);
    assert!(
        code == Some(1) && said.contains("missing required flags: ") && !said.contains("hunter2"),
        "{said}"
    );
}

#[test]
fn an_address_that_is_not_there_yet_is_told_once_and_stops_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let pinned = "--allowed-source-addresses=10.255.255.1";
    let mut daemon = start(dir.path(), &[pinned, "--logtostderr=true"]);
    let cause = "WARN no way to the neighbour, nothing is announced to it yet neighbor=127.0.0.98 \
                 cause=the kernel's source address 127.0.0.1 is not listed in --allowed-source-addresses";
    wait::until("the speaker warns", LIMIT, || ensure(daemon.log().contains(cause), || daemon.log_tail()))
        .unwrap();
    std::thread::sleep(Duration::from_millis(1500)); // as long as a second look would take to come
    daemon.check_alive().unwrap();
    let said = daemon.log();
    assert_eq!(said.matches("neighbor=127.0.0.98 cause=").count(), 1, "{said}");
    assert!(!said.contains("neighbor=::1 cause="), "the other family has no list: {said}");
    assert!(daemon.terminate().unwrap().success());
}
