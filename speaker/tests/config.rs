//! Flags, environment and file: what is accepted, and how everything wrong is told at once.

use bgp::Family;
use bgp::net::Hops;
use clap::Parser;
use speaker::cli::Cli;
use speaker::config::{Config, Environment, Mode};

fn resolve(args: &[&str]) -> Result<Config, String> {
    let cli = Cli::try_parse_from([&["speaker"], args].concat()).map_err(|error| error.to_string())?;
    let environment = Environment { pod_ips: Some("10.0.0.7,fd00::7".into()), ..Environment::default() };
    Config::resolve(&cli.run, &environment).map_err(|problems| problems.to_string())
}

const GOOD: [&str; 5] = [
    "--neighbor-address=10.0.0.1",
    "--neighbor-as=65001",
    "--cluster-as=65000",
    "--node-name=N1",
    "--manifests=/m",
];

fn with(more: &[&str]) -> Result<Config, String> {
    resolve(&[&GOOD, more].concat())
}

#[test]
fn the_arguments_of_an_existing_daemonset_work() {
    let config =
        with(&["--neighbor-ipv6-address", "fd00::1,fd00::2", "--announce-cluster-ip=true"]).expect("valid");
    assert_eq!(config.neighbors.len(), 3);
    assert_eq!((config.node.as_str(), config.router_id.to_string()), ("n1", "10.0.0.7".to_owned()));
    assert_eq!(config.mode, Mode::Node { announce_cluster_ip: true, local_only: false });
    assert!(config.listen.is_none());
    assert_eq!(config.neighbors[0].peer.0.dialing.hops, Hops::AtMost(1));
    assert_eq!(config.neighbors[1].peer.0.session.families, [Family::IPV6_UNICAST]);
}

#[test]
fn lists_append_and_scalars_take_the_last() {
    let config = with(&["--neighbor-address=10.0.0.2,10.0.0.1", "--cluster-as=65001", "--holdtime=9s"])
        .expect("valid");
    let all: Vec<String> = config.neighbors.iter().map(|one| one.peer.0.dialing.remote.to_string()).collect();
    assert_eq!(all, ["10.0.0.1:179", "10.0.0.2:179"]);
    assert_eq!(config.local_as.get(), 65001);
    assert_eq!(config.neighbors[0].peer.0.dialing.hops, Hops::Any, "iBGP keeps the kernel's TTL");
}

#[test]
fn everything_wrong_is_told_at_once() {
    let problems =
        resolve(&["--neighbor-address=fd00::1", "--holdtime=2s", "--ebgp-multihop=0", "--router-id=::1"])
            .expect_err("five problems");
    let missing = "missing required flags: --neighbor-as must be specified; --cluster-as must be specified; ";
    for part in [
        missing,
        "--neighbor-address: fd00::1 must be an IPv4 address",
        "--holdtime: 2s must be 3s to 65535s",
        "--ebgp-multihop: 0 must be 1 to 255",
        "--router-id: ::1 must be an IPv4 address",
    ] {
        assert!(problems.contains(part), "{part:?} is missing in {problems}");
    }
}

#[test]
fn hold_time_is_never_sent_as_zero_by_overflow() {
    assert_eq!(
        with(&["--holdtime=65536s"]).expect("valid").neighbors[0].peer.0.session.hold_time.seconds(),
        65535
    );
    assert!(with(&["--holdtime=65537s"]).is_err() && with(&["--holdtime=90"]).is_err());
}

#[test]
fn values_that_cannot_work_are_refused() {
    for (flag, rule) in [
        ("--bgp-port=0", "must be 1 to 65535"),
        ("--neighbor-ipv6-address=::ffff:10.0.0.1", "must be an IPv6 address"),
        ("--neighbor-ipv6-address=fe80::1", "must name its link"),
        ("--neighbor-address=0.0.0.0", "one host"),
        ("--neighbor-address=224.0.0.1", "one host"),
        ("--router-id=0.0.0.0", "other than 0.0.0.0"),
        ("--ebgp-multihop=256", "must be 1 to 255"),
    ] {
        let said = with(&[flag]).expect_err(flag);
        assert!(said.contains(rule), "{flag}: {said}");
    }
}

#[test]
fn passive_mode_never_dials_and_listen_does_both() {
    let passive = with(&["--passivemode", "--bgp-port=1790"]).expect("valid");
    assert_eq!((passive.listen, passive.neighbors[0].peer.0.session.dial), (Some(1790), false));
    let file = tempfile::NamedTempFile::new().expect("temp file");
    std::fs::write(file.path(), "listen = true\n").expect("written");
    let path = file.path().display().to_string();
    let both = with(&["--config", &path]).expect("valid");
    assert!(both.neighbors[0].peer.0.session.dial && both.neighbors[0].peer.0.session.listen);
    std::fs::write(file.path(), "lisen = true\n").expect("written");
    assert!(with(&["--config", &path]).expect_err("typo").contains("lisen"));
}
