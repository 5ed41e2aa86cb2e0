//! Flags of the published DaemonSet on a real Kubernetes, proven at an FRR router; one lab for all.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::time::Instant;

use tests::cluster::flags::{self, Lab};
use tests::fault::{During, Result};

type Case = (&'static str, fn(&mut Lab) -> Result<()>);

#[test]
fn each_flag_shows_at_the_router_and_not_without_it() {
    let mut lab = Lab::start().unwrap();
    let cases: [Case; 6] = [
        ("sources, Services, graceful restart, BFD", flags::tuned),
        ("--auth-password", flags::password),
        ("--extended-nexthop", flags::extended_next_hop),
        ("--ebgp-multihop", flags::multihop),
        ("--node-ips", flags::node_ips),
        ("--passivemode", flags::passive),
    ];
    for (name, case) in cases {
        let begun = Instant::now();
        case(&mut lab).during(name).map_err(|fault| lab.explain(&fault)).unwrap();
        println!("{name}: {:?}", begun.elapsed());
    }
}
