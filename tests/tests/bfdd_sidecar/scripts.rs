//! The scripts of NAT gateways and node gateways, those of kube-ovn's documentation and our own of the same names.

use std::path::{Path, PathBuf};
use std::process::Output;

use tests::fault::ensure;
use tests::wait;

use crate::lab::{A, B, LIMIT, Lab, Node};

/// The documented ones, and those in `deploy/`.
fn sets() -> [PathBuf; 2] {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    [here.join("tests/bfdd_sidecar/kube_ovn"), here.join("../deploy/bfdd")]
}

fn script(set: &Path, name: &str) -> String {
    set.join(name).display().to_string()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// The startup probe, which kubelet repeats until it succeeds once.
fn prestart(node: &Node, set: &Path) {
    wait::until("the startup probe succeeds", LIMIT, || {
        let probe = node.output(&A, &[&script(set, "bfdd-prestart.sh")]);
        ensure(probe.status.success(), || format!("{}\n{}", said(&probe), node.log()))
    })
    .unwrap();
}

#[test]
fn a_nat_gateway_comes_up_by_its_scripts() {
    for set in sets() {
        let lab = Lab::new();
        let _b = lab.b.start(&B, &["sidecar", "bfd"]);
        let health = |node: &Node| node.output(&[], &[&script(&set, "bfdd-healthcheck.sh")]);
        let mut a = lab.a.start(&A, &[&script(&set, "start-bfdd.sh")]);
        wait::until("the beacon answers", LIMIT, || lab.a.control("status")).unwrap();
        assert_ne!(health(&lab.a).status.code(), Some(0), "an empty table is not healthy");
        prestart(&lab.a, &set);
        lab.a.wait_up(2);
        let probe = health(&lab.a);
        assert_eq!(probe.status.code(), Some(0), "{}", said(&probe));
        assert_eq!(lab.a.tell(&["bfdd-control", "status"]).0, Some(0), "the readiness probe");
        let level4 = lab.a.control("status all level 4 brief compact").unwrap();
        for field in ["LocalDetectMulti=4", "LocalDesiredMinTx=50000 us", "CurrentRxTimeout=200000 us"] {
            assert!(level4.contains(field), "{field}: {level4}");
        }
        assert_eq!(lab.a.control("stop").unwrap(), "stopping\n");
        let (status, _) = wait::until("the script ends with its beacon", LIMIT, || {
            a.check_alive()
                .map_or_else(|fault| Ok(fault.to_string()), |()| Err(tests::fault::Fault::new("runs")))
        })
        .unwrap();
        assert!(status.contains("exit status: 0"), "{status}");
        assert_ne!(health(&lab.a).status.code(), Some(0), "nobody answers");
    }
}

#[test]
fn our_start_script_hands_the_pods_signal_to_the_beacon() {
    let lab = Lab::new();
    let mut a = lab.a.start(&A, &[&script(&sets()[1], "start-bfdd.sh")]);
    wait::until("the beacon answers", LIMIT, || lab.a.control("status")).unwrap();
    assert!(a.terminate().unwrap().success());
}

#[test]
fn a_node_gateway_starts_its_beacon_and_allows_what_is_missing() {
    let lab = Lab::new();
    let _b = lab.b.start(&B, &["sidecar", "bfd"]);
    let (code, text) = lab.a.tell(&["bfdd-beacon", "--listen=0.0.0.0"]);
    assert_eq!((code, text.as_str()), (Some(0), ""), "it returns and says nothing");
    let everything = lab.a.control("status").unwrap();
    assert_eq!(everything, "There are 0 sessions:\n", "it answers as soon as it has returned");
    for line in ["session new set mintx 50 ms", "session new set minrx 50 ms"] {
        lab.a.control(line).unwrap();
    }
    let round = || {
        let environment = ["EIP=10.77.0.2", "NODE=10.77.0.1"];
        said(&lab.a.output(&environment, &[&script(&sets()[0], "node-gateway.sh")]))
    };
    assert_eq!(round(), "Allowing connections from 10.77.0.2\n");
    lab.a.wait_up(1);
    assert_eq!(round(), "", "the session is found by its two ends");
    let (code, text) = lab.a.tell(&["bfdd-beacon", "--listen=0.0.0.0"]);
    assert_eq!(code, Some(1), "the ports are taken, and its caller learns it: {text}");
    assert!(text.contains("Address already in use"), "{text}");
    assert_eq!(lab.a.control("stop").unwrap(), "stopping\n");
    wait::until("it has stopped", LIMIT, || {
        let (code, text) = lab.a.tell(&["bfdd-control", "status"]);
        ensure(code == Some(1), || text)
    })
    .unwrap();
}

#[test]
fn a_passive_beacon_waits_for_its_peer() {
    let lab = Lab::new();
    let _a = lab.a.start(&[], &["bfdd-beacon", "--nofork", "--tee", "--listen=10.77.0.1", "--passive"]);
    lab.a.wait_for("status", "There are 0 sessions:");
    lab.a.control("allow 10.77.0.2").unwrap();
    assert_eq!(lab.a.control("status").unwrap(), "There are 0 sessions:\n");
    let _b = lab.b.start(&B, &["sidecar", "bfd"]);
    lab.a.wait_up(1);
    assert!(lab.a.control("status").unwrap().contains(" local=10.77.0.1 (p) remote=10.77.0.2 "));
}

#[test]
fn a_wrong_option_is_refused() {
    let lab = Lab::new();
    for (argument, error) in [
        ("--fork", "Unrecognized bfdd-beacon command line option --fork."),
        ("--listen=x", "--listen address <x> is not an IPv4 or IPv6 address."),
        ("--control=10.0.0.1", "The address <10.0.0.1> does not contain a port."),
    ] {
        let (code, text) = lab.a.tell(&["bfdd-beacon", argument]);
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains(error), "{text}");
    }
    let (code, text) = lab.a.tell(&["bfdd-beacon", "--version"]);
    assert!(code == Some(0) && text.starts_with("bfdd-beacon version "), "{text}");
    let (code, text) = lab.a.tell(&["bfdd-beacon", "--listen=10.99.99.99"]);
    assert_eq!(code, Some(1), "no such address: {text}");
    let (code, _) = lab.a.tell(&["bfdd-beacon", "--nofork", "--control=10.99.99.99:957"]);
    assert_eq!(code, Some(1));
}
