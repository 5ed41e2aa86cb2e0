//! The speaker against a pair of BIRD routers; what is tested is in `tests::scenario`.

use tests::router::Kind;
use tests::scenario;

#[test]
fn tables_follow_objects_next_hops_restarts_and_leaving() {
    scenario::lifecycle(Kind::Bird).unwrap();
}

#[test]
fn a_killed_speaker_and_a_cut_link_lose_their_routes_and_get_them_back() {
    scenario::failures(Kind::Bird).unwrap();
}

#[test]
fn one_session_survives_when_both_sides_dial() {
    scenario::collision(Kind::Bird).unwrap();
}

#[test]
fn a_passive_speaker_is_dialed() {
    scenario::passive(Kind::Bird).unwrap();
}

#[test]
fn ibgp_carries_local_pref_and_an_empty_as_path() {
    scenario::ibgp(Kind::Bird).unwrap();
}

#[test]
fn next_hops_and_sessions_follow_the_kernel_through_floods_and_lost_addresses() {
    scenario::paths(Kind::Bird).unwrap();
}
