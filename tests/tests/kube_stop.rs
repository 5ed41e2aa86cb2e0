//! A speaker that is stopped stays for the next process, or leaves: asked of a real API server, judged by routers.

use tests::router::Kind;
use tests::scenario::kube;

#[test]
fn frr_keeps_the_routes_of_a_speaker_that_is_stopped_for_any_reason_but_to_leave() {
    kube::staying(Kind::Frr).unwrap();
}

#[test]
fn frr_drops_the_routes_of_a_node_that_is_to_lose_its_speaker_and_hears_why() {
    kube::leaving(Kind::Frr).unwrap();
}

#[test]
fn bird_drops_the_routes_of_a_node_that_is_to_lose_its_speaker_and_hears_why() {
    kube::leaving(Kind::Bird).unwrap();
}
