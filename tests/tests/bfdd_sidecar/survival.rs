//! What comes and goes while a sidecar runs: its address, its sessions, its peer.

use crate::lab::{A, B, Lab};

#[test]
fn a_pods_address_may_vanish_and_come_back() {
    let lab = Lab::new();
    let _b = lab.b.start(&B, &["sidecar", "bfd"]);
    let _a = lab.a.start(&A, &["sidecar", "bfd"]);
    lab.b.wait_up(2);
    lab.a.netns.ip(&["address", "delete", "10.77.0.1/24", "dev", "cable"]).unwrap();
    lab.b.wait_for("status", " remote=10.77.0.1 state=Down \n");
    lab.a.netns.ip(&["address", "add", "10.77.0.1/24", "dev", "cable"]).unwrap();
    lab.b.wait_up(2);
    lab.a.wait_up(2);
}

#[test]
fn an_address_that_is_not_there_yet_is_waited_for() {
    let lab = Lab::new();
    let _b = lab.b.start(&B, &["sidecar", "bfd"]);
    lab.a.netns.ip(&["address", "delete", "10.77.0.1/24", "dev", "cable"]).unwrap();
    let _a = lab.a.start(&A, &["sidecar", "bfd"]);
    lab.b.wait_for("status", " remote=fd77::1 state=Up \n");
    lab.a.netns.ip(&["address", "add", "10.77.0.1/24", "dev", "cable"]).unwrap();
    lab.a.wait_up(2);
}

#[test]
fn a_session_that_was_killed_comes_back_by_itself() {
    let lab = Lab::new();
    let _b = lab.b.start(&B, &["sidecar", "bfd"]);
    let _a = lab.a.start(&A, &["sidecar", "bfd"]);
    lab.a.wait_up(2);
    lab.a.control("session all kill").unwrap();
    lab.a.wait_up(2);
    lab.a.wait_for("status", "(a)");
}

#[test]
fn a_restart_keeps_the_discriminators() {
    let lab = Lab::new();
    let _b = lab.b.start(&B, &["sidecar", "bfd"]);
    let mut a = lab.a.start(&A, &["sidecar", "bfd"]);
    lab.a.wait_up(2);
    let discriminators = || {
        let status = lab.a.control("status all level 2 compact").unwrap();
        let mut all: Vec<String> =
            status.split(' ').filter(|field| field.starts_with("LocalId=")).map(str::to_owned).collect();
        all.sort();
        all
    };
    let before = discriminators();
    a.kill().unwrap(); // no goodbye: the other end still has the old session
    let _again = lab.a.start(&A, &["sidecar", "bfd"]);
    lab.a.wait_up(2);
    assert_eq!(discriminators(), before);
}
