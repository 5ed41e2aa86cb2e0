//! What must not withdraw a wanted route: everything an API server can do to its clients.

use tests::router::Kind;
use tests::scenario::kube;

#[test]
fn an_api_server_that_dies_and_forgets_costs_no_route() {
    kube::outages(Kind::Frr).unwrap();
}

#[test]
fn spoiled_answers_cost_no_route() {
    kube::spoiled(Kind::Gobgp).unwrap();
}

#[test]
fn nothing_is_announced_before_every_list_was_complete() {
    kube::start(Kind::Frr).unwrap();
}

#[test]
fn rights_that_are_taken_away_cost_no_route() {
    kube::rights_taken(Kind::Gobgp).unwrap();
}

#[test]
fn the_speaker_uses_the_rights_it_is_given_and_no_other() {
    kube::least_rights().unwrap();
}

#[test]
fn credentials_that_change_cost_no_route() {
    kube::credentials(Kind::Frr).unwrap();
}

#[test]
fn a_start_without_the_api_server_announces_what_was_wanted_last() {
    kube::intent(Kind::Frr).unwrap();
}
