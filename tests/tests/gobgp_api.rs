//! The unmodified `gobgp` commands of both generations, and our own, against a running speaker; what is tested is in `tests::scenario`.

use tests::gobgp_cli::Cli;
use tests::router::Kind;
use tests::scenario;

#[test]
fn all_commands_show_the_speaker_beside_gobgp() {
    scenario::api_shows(Kind::Gobgp).unwrap();
}

#[test]
fn all_commands_show_the_speaker_beside_frr() {
    scenario::api_shows(Kind::Frr).unwrap();
}

#[test]
fn gobgp_3_changes_a_writable_speaker() {
    scenario::api_changes(Kind::Frr, Cli::V3).unwrap();
}

#[test]
fn gobgp_4_changes_a_writable_speaker() {
    scenario::api_changes(Kind::Frr, Cli::V4).unwrap();
}
