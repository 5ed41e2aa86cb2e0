//! Egress gateway pods: the supervisor's commands, its probes, its metrics.

use serde_json::Value;
use tests::fault::ensure;
use tests::wait;

use crate::lab::{A, B, LIMIT, Lab};
use crate::parser::sessions;

const SUPERVISOR: &str = "kube-ovn-bfdd-supervisor";

#[test]
fn two_supervised_pods_come_up_with_each_other() {
    let lab = Lab::new();
    let mut a = lab.a.start(&[&A[..], &["BFDD_GOODBYE=1"]].concat(), &[SUPERVISOR, "run"]);
    lab.a.wait_for("status", "There are 2 sessions:");
    assert_eq!(lab.a.tell(&[SUPERVISOR, "live"]).0, Some(0), "startup and liveness probe");
    let (code, text) = lab.a.tell(&[SUPERVISOR, "ready"]);
    assert_eq!(code, Some(1), "nobody is there yet: {text}");
    assert!(text.contains("expected BFD sessions are not ready"), "{text}");
    assert!(
        lab.a.page("/readyz").unwrap().starts_with("ok, 0 of 2"),
        "readiness ignores the sessions' state"
    );

    let _b = lab.b.start(&B, &["sidecar", "bfd"]);
    lab.a.wait_up(2);
    lab.b.wait_up(2);
    for word in ["live", "ready"] {
        assert_eq!(lab.a.tell(&[SUPERVISOR, word]), (Some(0), String::new()), "{word}");
    }
    let found = sessions(&lab.a.control("status").unwrap()).unwrap();
    let mut pairs: Vec<String> = found.iter().map(|one| format!("{} {}", one.local, one.remote)).collect();
    pairs.sort();
    assert_eq!(pairs, ["10.77.0.1 10.77.0.2", "fd77::1 fd77::2"]);
    assert!(lab.a.control("status").unwrap().contains(" (a) "), "the role is shown truthfully");

    let (code, text) = lab.a.tell(&[SUPERVISOR, "status"]);
    let status: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &status["Live"], &status["Ready"]), (Some(0), &true.into(), &true.into()), "{text}");
    assert_eq!(status["Sessions"].as_array().map(Vec::len), Some(2), "{text}");
    assert_eq!(status["Sessions"][0]["Pair"]["Local"], "10.77.0.1", "{text}");

    let metrics = lab.a.page("/metrics").unwrap();
    for line in [
        "kube_ovn_bfdd_expected_sessions 2",
        "kube_ovn_bfdd_up_sessions 2",
        "kube_ovn_bfdd_session_zero_seconds 0",
    ] {
        assert!(metrics.lines().any(|one| one == line), "{line}\n{metrics}");
    }
    assert_eq!(lab.a.page("/livez").unwrap(), "ok");
    assert!(a.terminate().unwrap().success(), "SIGTERM is a planned end");
    assert_eq!(lab.a.tell(&[SUPERVISOR, "live"]).0, Some(1), "nobody is there to be alive");
    // The other end was told: had it found out by itself, it would say that the detection time expired.
    wait::until("both sessions were taken down", LIMIT, || {
        let text = lab.b.control("status all level 2 compact")?;
        let told = text.matches("LocalState=Down<Neighbor Signaled Session Down>").count();
        let admin = text.matches("RemoteState=AdminDown<Administratively Down>").count();
        ensure((told, admin) == (2, 2), || text)
    })
    .unwrap();
}

#[test]
fn what_the_supervisor_of_kube_ovn_sends_gets_the_replies_it_requires() {
    let lab = Lab::new();
    let _a = lab.a.start(&A, &["sidecar", "bfd"]);
    let _b =
        lab.b.start(&[], &["bfdd-beacon", "--nofork", "--tee", "--listen=10.77.0.2", "--listen=fd77::2"]);
    lab.b.wait_for("status", "There are ");
    for (line, prefix) in [
        ("session new set mintx 50 ms", "Attempting to set mintx to "),
        ("session new set minrx 50 ms", "Attempting to set minrx to "),
        ("session new set multi 4", "Attempting to set multi to "),
        ("allow 10.77.0.1", "Allowing connections from 10.77.0.1"),
        ("allow FD77:0::1", "Allowing connections from fd77::1"),
        ("log type command no", "Log type command set to no"),
    ] {
        let reply = lab.b.control(line).unwrap();
        assert!(reply.starts_with(prefix), "{line}: {reply}");
    }
    lab.b.wait_up(2);
    let before = sessions(&lab.b.control("status").unwrap()).unwrap();
    let reset = lab.b.control("session local 10.77.0.2 remote 10.77.0.1 reset").unwrap();
    assert!(reset.starts_with("Attempting to reset session(s)."), "{reset}");
    let id =
        |found: &[crate::parser::Session]| found.iter().find(|one| one.local.is_ipv4()).map(|one| one.id);
    let after = sessions(&lab.b.control("status").unwrap()).unwrap();
    assert_ne!(id(&after), id(&before), "gone, or of another number");
    lab.b.wait_up(2);
}

#[test]
fn a_wrong_environment_is_one_clear_error() {
    let lab = Lab::new();
    for (environment, error) in [
        (&["BFD_PEER_IPS=10.77.0.2"][..], "POD_IPS: is not set"),
        (&["POD_IPS=10.77.0.1"], "BFD_PEER_IPS: is not set"),
        (
            &["POD_IPS=10.77.0.1", "BFD_PEER_IPS=10.77.0.2/32"],
            "\"10.77.0.2/32\" must be an IP address without a mask",
        ),
        (
            &["POD_IPS=10.77.0.1", "BFD_PEER_IPS=10.77.0.2", "BFD_MULTI=256"],
            "BFD_MULTI: \"256\" must be a whole number from 1 to 255",
        ),
    ] {
        let output = lab.a.output(environment, &[SUPERVISOR, "run"]);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(error), "{text}");
    }
    assert_eq!(lab.a.tell(&[SUPERVISOR]).0, Some(1));
    assert_eq!(lab.a.tell(&[SUPERVISOR, "restart"]).0, Some(1));
}

/// What runs `sidecar bfd` as nobody, without any capability.
const NOBODY: [&str; 8] = [
    "setpriv",
    "--reuid=65534",
    "--regid=65534",
    "--clear-groups",
    "--inh-caps=-all",
    "--bounding-set=-all",
    "sidecar",
    "bfd",
];

#[test]
fn nobody_needs_to_be_root_and_without_its_ports_it_goes_on() {
    let lab = Lab::new();
    lab.a.open_to_all();
    let _a = lab.a.start(&A, &NOBODY);
    let _b = lab.b.start(&B, &["sidecar", "bfd"]);
    lab.b.wait_up(2);
    wait::until("the missing ports are said", LIMIT, || {
        let log = lab.a.log();
        ensure(log.matches("no commands will be taken there").count() == 2, || log)
    })
    .unwrap();
    assert!(lab.a.page("/metrics").unwrap().contains("kube_ovn_bfdd_up_sessions 2\n"));
}

#[test]
fn the_pods_sysctl_gives_nobody_its_ports() {
    let lab = Lab::new();
    lab.a.open_to_all();
    lab.a.netns.exec(&["sysctl", "-w", "net.ipv4.ip_unprivileged_port_start=957"]).unwrap();
    let _a = lab.a.start(&A, &NOBODY);
    lab.a.wait_for("status", "There are 2 sessions:");
    assert!(lab.a.control("--altport version").unwrap().contains("bfdd-beacon v"));
}
