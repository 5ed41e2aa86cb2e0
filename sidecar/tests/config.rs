//! Flags and variables: what they mean, and one clear error for each that is wrong.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use bfd::session::Hops;
use bfd::{DetectMult, Micros};
use clap::Parser;
use sidecar::cli::{Cli, Command, Program};
use sidecar::config::{Config, Environment, Metrics};

fn resolve(flags: &[&str], variables: &[(&'static str, &str)]) -> Result<Config, String> {
    let Command::Bfd(flags) = Cli::try_parse_from([&["sidecar", "bfd"], flags].concat()).unwrap().command
    else {
        panic!("not bfd");
    };
    Config::resolve(&flags, &environment(variables)).map_err(|problems| problems.to_string())
}

fn environment(variables: &[(&'static str, &str)]) -> Environment {
    Environment::of(variables.iter().map(|(name, value)| (*name, (*value).to_owned())))
}

fn texts(addresses: &[sidecar::address::Address]) -> Vec<String> {
    addresses.iter().map(ToString::to_string).collect()
}

#[test]
fn a_gateway_pods_environment_is_understood() {
    let config = resolve(
        &[],
        &[
            ("POD_IPS", "10.16.0.7,fd00:10:16::7"),
            ("BFD_PEER_IPS", "10.255.255.255, FD00::0:FF,10.255.255.255"),
            ("BFD_MIN_TX", "300"),
            ("BFD_MIN_RX", "200"),
            ("BFD_MULTI", "5"),
        ],
    )
    .unwrap();
    assert_eq!(texts(&config.listen), ["10.16.0.7", "fd00:10:16::7"]);
    assert_eq!(texts(&config.peers), ["10.255.255.255", "fd00::ff"]);
    assert_eq!(config.settings.desired_min_tx, Micros(300_000));
    assert_eq!(config.settings.required_min_rx, Micros(200_000));
    assert_eq!(config.settings.detect_mult, DetectMult::new(5).unwrap());
    assert_eq!((config.settings.min_ttl, config.settings.stable_discriminator), (254, true));
    assert_eq!((config.passive, config.hops), (false, Hops::Single));
    assert_eq!(config.metrics, Some(Metrics::Port(10669)));
    assert_eq!(config.control, ["127.0.0.1:957".parse().unwrap(), "127.0.0.1:958".parse().unwrap()]);
    assert!(!config.control_required, "nobody asked for them");
}

#[test]
fn flags_win_over_variables() {
    let flags = ["--listen=10.0.0.1", "--peer", "10.0.0.2", "--min-tx=50", "--multiplier=4", "--multihop"];
    let more =
        ["--metrics-address=", "--control=[::1]:1957", "--passive", "--goodbye", "--real-time-priority=10"];
    let variables = [
        ("POD_IPS", "x"),
        ("BFD_PEER_IPS", "y"),
        ("BFD_MIN_TX", "z"),
        ("BFD_MULTI", "0"),
        ("BFD_MIN_RX", ""),
    ];
    let config = resolve(&[&flags[..], &more].concat(), &variables).unwrap();
    assert_eq!(
        (texts(&config.listen), texts(&config.peers)),
        (vec!["10.0.0.1".into()], vec!["10.0.0.2".into()])
    );
    assert_eq!(config.settings.desired_min_tx, Micros(50_000));
    assert_eq!(config.settings.required_min_rx, Micros::SECOND, "an empty variable is none");
    assert_eq!((config.settings.min_ttl, config.hops, config.passive), (1, Hops::Multi, true));
    assert!(config.goodbye);
    assert_eq!((config.metrics, config.real_time), (None, Some(10)));
    assert!(config.control_required);
}

#[test]
fn each_fault_names_field_value_and_rule() {
    for (name, value, error) in [
        ("BFD_MULTI", "256", "BFD_MULTI: \"256\" must be a whole number from 1 to 255"),
        ("BFD_MULTI", "0", "BFD_MULTI: \"0\" must be a whole number from 1 to 255"),
        ("BFD_MIN_TX", "0", "BFD_MIN_TX: \"0\" must be a whole number from 1 to 4294967"),
        ("BFD_MIN_RX", "1s", "BFD_MIN_RX: \"1s\" must be a whole number from 0 to 4294967"),
        ("BFD_PEER_IPS", "10.0.0.1/32", "BFD_PEER_IPS: \"10.0.0.1/32\" must be an IP address without a mask"),
        ("BFD_PEER_IPS", "10.0.0.1,", "BFD_PEER_IPS: \"\" must be an IP address, not nothing"),
        ("POD_IPS", "", "POD_IPS: \"\" must be an IP address, not nothing"),
        ("POD_IPS", "localhost", "POD_IPS: \"localhost\" must be an IP address"),
        ("BFD_PEER_IPS", "224.0.0.1", "BFD_PEER_IPS: \"224.0.0.1\" must not be a multicast address"),
        (
            "BFDD_METRICS_ADDRESS",
            "10669",
            "BFDD_METRICS_ADDRESS: \"10669\" must be :PORT, IP:PORT or [IPv6]:PORT",
        ),
    ] {
        assert_eq!(resolve(&[], &[(name, value)]), Err(error.to_owned()));
    }
    let flags = ["--multiplier=300", "--control=127.0.0.1", "--min-ttl=0"];
    assert_eq!(
        resolve(&flags, &[]).unwrap_err(),
        "--multiplier: \"300\" must be a whole number from 1 to 255; \
         --min-ttl: \"0\" must be a whole number from 1 to 255; \
         --control: \"127.0.0.1\" must be IP:PORT or [IPv6]:PORT",
        "all at once"
    );
}

#[test]
fn a_supervisor_must_be_told_who_it_is_and_whom_it_talks_to() {
    let supervised = |variables: &[(&'static str, &str)]| {
        Config::supervised(&environment(variables)).map_err(|problems| problems.to_string())
    };
    let missing = supervised(&[]).unwrap_err();
    assert!(
        missing.contains("POD_IPS: is not set") && missing.contains("BFD_PEER_IPS: is not set"),
        "{missing}"
    );
    let families = supervised(&[("POD_IPS", "10.0.0.1"), ("BFD_PEER_IPS", "fd00::1")]);
    assert_eq!(families, Err("BFD_PEER_IPS: has no address of a family POD_IPS has".to_owned()));
    // Unequal families are fine as long as one is common.
    let config = supervised(&[("POD_IPS", "10.0.0.1,fd00::2"), ("BFD_PEER_IPS", "fd00::1")]).unwrap();
    assert!(!config.passive && !config.goodbye && config.patient);
}

#[test]
fn the_name_says_which_program_it_is() {
    let called = |name: &str| Program::called(Some(name.as_ref()));
    assert_eq!(called("/usr/local/bin/bfdd-beacon"), Program::Beacon);
    assert_eq!(called("bfdd-control"), Program::Control);
    assert_eq!(called("./kube-ovn-bfdd-supervisor"), Program::Supervisor);
    assert_eq!(called("sidecar"), Program::Sidecar);
    assert_eq!(Program::called(None), Program::Sidecar);
}
