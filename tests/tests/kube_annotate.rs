//! The speaker against a real API server and `kubectl annotate`; what is tested is in `tests::scenario::kube`.

use tests::router::Kind;
use tests::scenario::kube;

#[test]
fn annotations_reach_a_pair_of_frr_routers() {
    kube::annotations(Kind::Frr).unwrap();
}

#[test]
fn annotations_reach_a_pair_of_gobgp_routers() {
    kube::annotations(Kind::Gobgp).unwrap();
}

#[test]
fn eips_of_a_gateway_reach_a_pair_of_frr_routers() {
    kube::eips(Kind::Frr).unwrap();
}

#[test]
fn with_local_only_pods_come_from_their_own_node_alone() {
    kube::local_only(Kind::Gobgp).unwrap();
}
