//! Other ends than one address to one address: over many hops, on a link, from wildcards and second addresses.

use crate::lab::{B, Lab};

#[test]
fn sessions_over_many_hops_use_their_own_port() {
    let lab = Lab::new();
    let single = lab.a.start(&crate::lab::A, &["sidecar", "bfd"]);
    let _b = lab.b.start(&B, &["sidecar", "bfd", "--multihop"]);
    lab.b.wait_for("status", "There are 2 sessions:");
    let listening = lab.b.netns.exec(&["ss", "--no-header", "-lnu", "sport = :4784"]).unwrap();
    assert_eq!(listening.lines().count(), 2, "{listening}");
    drop(single);
    let _a = lab.a.start(&crate::lab::A, &["sidecar", "bfd", "--multihop"]);
    lab.a.wait_up(2);
}

#[test]
fn link_local_ends_carry_their_link() {
    let lab = Lab::new();
    let [a, b] = [lab.a.link_local(), lab.b.link_local()];
    for node in [&lab.a, &lab.b] {
        assert_eq!(node.tell(&["bfdd-beacon", "--listen=::"]).0, Some(0));
        node.control("session new set mintx 50 ms").unwrap();
    }
    for (node, ours, theirs) in [(&lab.a, &a, &b), (&lab.b, &b, &a)] {
        assert_eq!(
            node.control(&format!("allow {theirs}")).unwrap(),
            format!("Allowing connections from {theirs}\n")
        );
        let status = node.control(&format!("status local {ours} remote {theirs} level 1 compact")).unwrap();
        assert!(status.contains(&format!(" local={ours} (a) remote={theirs} ")), "{status}");
    }
    lab.a.wait_up(1);
    lab.b.wait_up(1);
}

#[test]
fn a_peer_that_speaks_to_a_second_address_is_answered_from_there() {
    let lab = Lab::new();
    lab.a.netns.ip(&["address", "add", "10.77.0.9/32", "dev", "cable"]).unwrap();
    assert_eq!(lab.a.tell(&["bfdd-beacon", "--listen=0.0.0.0"]).0, Some(0));
    lab.a.control("session new set mintx 50 ms").unwrap();
    lab.a.control("allow 10.77.0.2").unwrap();
    lab.a.wait_for("status", " local=10.77.0.1 (a) remote=10.77.0.2 state=Down \n");
    let peer = ["sidecar", "bfd", "--listen=10.77.0.2", "--peer=10.77.0.9", "--min-tx=50"];
    let _b = lab.b.start(&[], &peer);
    lab.b.wait_up(1);
    lab.a.wait_up(1); // the guess is gone: nothing else is there, and that one is Up
    lab.a.wait_for("status", " local=10.77.0.9 ");
}
