//! The speaker's BFD against BIRD; what is tested is in `tests::scenario::bfd`.

use tests::router::Kind;
use tests::scenario::bfd;

#[test]
fn a_single_hop_comes_up_follows_polls_and_leaves_bgp_alone_on_admin_down() {
    bfd::single_hop(Kind::Bird).unwrap();
}

#[test]
fn multihop_comes_up_on_its_own_port() {
    bfd::multihop(Kind::Bird).unwrap();
}

#[test]
fn link_local_addresses_do() {
    bfd::link_local(Kind::Bird).unwrap();
}

#[test]
fn bgp_ends_with_bfd_whichever_way_is_lost_and_comes_back_with_it() {
    bfd::failures(Kind::Bird).unwrap();
}

#[test]
fn either_side_may_restart() {
    bfd::restarts(Kind::Bird).unwrap();
}

#[test]
fn routes_stay_while_a_speaker_with_graceful_restart_is_away() {
    bfd::graceful(Kind::Bird).unwrap();
}

#[test]
fn strict_waits_for_bfd() {
    bfd::strict(Kind::Bird).unwrap();
}

#[test]
fn a_router_without_bfd_has_bgp_all_the_same() {
    bfd::lenient(Kind::Bird).unwrap();
}

#[test]
fn signed_packets_are_understood_of_every_kind_and_those_with_another_key_are_not() {
    bfd::signed().unwrap();
}
