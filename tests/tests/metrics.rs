//! The real binary is scraped: `promtool` judges the text, and the flags and the port behave as documented.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::collections::BTreeSet;
use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tests::fault::{Result, ensure};
use tests::http::get;
use tests::netns::Netns;
use tests::proc::Daemon;
use tests::speaker::binary;
use tests::wait;

const PORT: u16 = 10667;
const LIMIT: Duration = Duration::from_secs(10);

/// What promtool says of series whose names are not ours to choose; anything else it says is a fault.
const ALLOWED: [&str; 3] = [
    // A gauge must not end in _total: klog's do upstream.
    r#"klog_bytes_total non-counter metrics should not have "_total" suffix"#,
    r#"klog_lines_total non-counter metrics should not have "_total" suffix"#,
    // Nor in _count, which a histogram owns: upstream's flaps do.
    r#"kube_ovn_speaker_bgp_peer_flap_count non-histogram and non-summary metrics should not have "_count" suffix"#,
];

/// A speaker in a namespace of its own, so that the default port is free, whose neighbours do not exist.
fn start(netns: &Netns, dir: &Path, more: &[&str]) -> Daemon {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/demo").display().to_string();
    let (program, socket) = (binary().unwrap().display().to_string(), dir.join("s.sock"));
    let socket = socket.display().to_string();
    let mut argv = vec![program.as_str(), "--manifests", &demo, "--node-name=Node-A", "--socket", &socket];
    argv.extend(["--neighbor-address=127.0.0.99", "--neighbor-ipv6-address=::1", "--bgp-port=9"]);
    argv.extend(["--neighbor-as=65001", "--cluster-as=65000", "--router-id=10.0.0.1"]);
    netns.spawn("speaker", &[&argv, more].concat(), &dir.join("log")).unwrap()
}

fn scrape_once_ready(netns: &Netns, port: u16, daemon: &Daemon) -> String {
    let v4 = Ipv4Addr::LOCALHOST.into();
    wait::until("the speaker is ready", LIMIT, || {
        let (head, body) = get(netns, v4, port, "/readyz")?;
        ensure(head.starts_with("HTTP/1.1 200"), || format!("{head}: {body}; {}", daemon.log_tail()))
    })
    .unwrap();
    get(netns, v4, port, "/metrics").unwrap().1
}

/// The line of one series, without its value.
fn has(text: &str, series: &str) -> bool {
    text.lines().any(|line| line.rsplit_once(' ').is_some_and(|(name, _)| name == series))
}

#[test]
fn promtool_finds_no_fault_but_upstreams_names() {
    let (netns, dir) = (Netns::new("promtool").unwrap(), tempfile::tempdir().unwrap());
    let mut daemon = start(&netns, dir.path(), &[]);
    let text = scrape_once_ready(&netns, PORT, &daemon);
    let mut promtool = Command::new("timeout")
        .args(["-k", "1", "20", "promtool", "check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    let faults: BTreeSet<&str> = said.lines().collect();
    assert_eq!(faults, BTreeSet::from(ALLOWED), "exit {:?}\n{text}", output.status.code());

    let peer = r#"node="node-a",peer="::1",peer_asn="65001""#;
    assert!(has(&text, &format!("kube_ovn_speaker_bgp_peer_up{{{peer}}}")), "{text}");
    assert!(text.contains("\nspeaker_wanted_prefixes{family=\"ipv4\"} 3\n"), "{text}");
    assert!(text.contains("\nspeaker_source_synced{kind=\"pod\"} 1\n"), "{text}");
    let (head, body) = get(&netns, Ipv6Addr::LOCALHOST.into(), PORT, "/readyz").unwrap();
    assert!(
        head.starts_with("HTTP/1.1 200") && body.lines().next() == Some("ok, but 0 of 2 sessions are up")
    );
    assert!(body.contains("\nneighbor ::1: not up since the start ("), "{body}");
    assert!(daemon.terminate().unwrap().success());
}

#[test]
fn a_port_in_use_is_no_reason_to_stop_routing() {
    let (netns, dir) = (Netns::new("inuse").unwrap(), tempfile::tempdir().unwrap());
    let other = netns.enter(|| Ok(TcpListener::bind(("0.0.0.0", 10700))?)).unwrap();
    let mut daemon = start(&netns, dir.path(), &["--pprof-port=10700"]);
    wait::until("the warning", LIMIT, || {
        daemon.check_alive()?;
        ensure(daemon.log().contains("cannot serve metrics and health"), || daemon.log_tail())
    })
    .unwrap();
    std::thread::sleep(Duration::from_millis(2500)); // two more tries
    assert_eq!(daemon.log().matches("cannot serve metrics and health").count(), 1, "{}", daemon.log_tail());
    drop(other);
    scrape_once_ready(&netns, 10700, &daemon);
    assert!(daemon.terminate().unwrap().success());
}

#[test]
fn without_metrics_nothing_listens() {
    let (netns, dir) = (Netns::new("silent").unwrap(), tempfile::tempdir().unwrap());
    let daemon = start(&netns, dir.path(), &["--enable-metrics=false"]);
    wait::until("announcing", LIMIT, || {
        ensure(daemon.log().contains("announcing begins"), || daemon.log_tail())
    })
    .unwrap();
    let listening = netns.exec(&["ss", "-Hltn", "sport != :50051"]).unwrap(); // all but the GoBGP API
    assert_eq!(listening.trim(), "", "{}", daemon.log_tail());
}

#[test]
fn a_next_hop_that_moves_is_counted() {
    let (netns, dir) = (Netns::new("moves").unwrap(), tempfile::tempdir().unwrap());
    netns.ip(&["link", "add", "v0", "type", "veth", "peer", "name", "v1"]).unwrap();
    netns.ip(&["link", "set", "v0", "up"]).unwrap();
    netns.ip(&["link", "set", "v1", "up"]).unwrap();
    for address in ["10.61.0.2/24", "10.61.0.3/24"] {
        netns.ip(&["address", "add", address, "dev", "v0"]).unwrap();
    }
    let daemon = start(&netns, dir.path(), &["--neighbor-address=10.61.0.1"]);
    let text = scrape_once_ready(&netns, PORT, &daemon);
    assert!(text.contains("\nspeaker_next_hop_changes_total 0\n"), "{text}");
    netns.ip(&["route", "change", "10.61.0.0/24", "dev", "v0", "src", "10.61.0.3"]).unwrap();
    wait::until("the count", LIMIT, || {
        let (_, text) = get(&netns, Ipv4Addr::LOCALHOST.into(), PORT, "/metrics")?;
        ensure(text.contains("\nspeaker_next_hop_changes_total 1\n"), || daemon.log_tail())
    })
    .unwrap();
}

/// The first line of `/readyz`, and whether a next hop is missing and kept, as metrics have it.
fn next_hop_of(netns: &Netns) -> Result<(String, [bool; 2])> {
    let (head, body) = get(netns, Ipv4Addr::LOCALHOST.into(), PORT, "/readyz")?;
    ensure(head.starts_with("HTTP/1.1 200"), || head.clone())?;
    let (_, text) = get(netns, Ipv4Addr::LOCALHOST.into(), PORT, "/metrics")?;
    let on = |name: &str| text.contains(&format!("\nspeaker_peer_next_hop_{name}{{peer=\"10.61.0.1\"}} 1\n"));
    Ok((body.lines().next().unwrap_or_default().to_owned(), [on("missing"), on("kept")]))
}

#[test]
fn a_pinned_address_may_come_late_and_go_again() {
    let (netns, dir) = (Netns::new("pinned").unwrap(), tempfile::tempdir().unwrap());
    netns.ip(&["link", "add", "v0", "type", "veth", "peer", "name", "v1"]).unwrap();
    netns.ip(&["link", "set", "v0", "up"]).unwrap();
    netns.ip(&["link", "set", "v1", "up"]).unwrap();
    netns.ip(&["address", "add", "10.61.0.2/24", "dev", "v0"]).unwrap();
    let listed = ["--neighbor-address=10.61.0.1", "--allowed-source-addresses=10.61.0.3,127.0.0.1"];
    let mut daemon = start(&netns, dir.path(), &listed);
    scrape_once_ready(&netns, PORT, &daemon);
    let becomes = |what: &str, want: (&str, [bool; 2])| {
        wait::until(what, LIMIT, || {
            let (body, flags) = next_hop_of(&netns)?;
            ensure((body.as_str(), flags) == want, || format!("{body:?} {flags:?}; {}", daemon.log_tail()))
        })
        .unwrap();
    };
    let none = "ok, but 0 of 3 sessions are up; no next hop towards 10.61.0.1: the kernel's source address \
                10.61.0.2 is not listed in --allowed-source-addresses";
    becomes("at the start", (none, [true, false]));
    let well = "ok, but 0 of 3 sessions are up";
    netns.ip(&["address", "add", "10.61.0.3/24", "dev", "v0"]).unwrap();
    netns.ip(&["route", "replace", "10.61.0.0/24", "dev", "v0", "src", "10.61.0.3"]).unwrap();
    becomes("once it is there", (well, [false, false]));
    netns.ip(&["route", "replace", "10.61.0.0/24", "dev", "v0", "src", "10.61.0.2"]).unwrap();
    becomes("gone again", (well, [false, true]));
    netns.ip(&["route", "replace", "10.61.0.0/24", "dev", "v0", "src", "10.61.0.3"]).unwrap();
    becomes("and back", (well, [false, false]));
    assert!(daemon.terminate().unwrap().success());
}
