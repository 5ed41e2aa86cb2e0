//! Flags and variables of `sidecar nat`, and the policy routing made of them.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use clap::Parser;
use sidecar::cli::{Cli, Command};
use sidecar::config::{Environment, Metrics};
use sidecar::nat::cli::{NatAction, NatFlags};
use sidecar::nat::flavour::Flavour;
use sidecar::nat::routing::{Change, Default, Link, Rule, Seen, Ways, changes};
use sidecar::nat::settings::{Family, Settings, Wanted};

fn flags(words: &[&str]) -> NatFlags {
    match Cli::try_parse_from([&["sidecar", "nat"], words].concat()).unwrap().command {
        Command::Nat(flags) => flags,
        other => panic!("{other:?}"),
    }
}

fn resolve(words: &[&str], variables: &[(&'static str, &str)]) -> Result<Settings, String> {
    let environment = Environment::of(variables.iter().map(|(name, value)| (*name, (*value).to_owned())));
    Settings::resolve(&flags(words), &environment).map_err(|problems| problems.to_string())
}

/// As the pod of gateway1 has them.
const POD: [(&str, &str); 4] = [
    ("INTERNAL_GATEWAY_IPV4", "10.16.0.1"),
    ("EXTERNAL_GATEWAY_IPV4", "172.17.0.1"),
    ("SNAT_SOURCES_IPV4", "10.16.0.0/16"),
    ("NO_SNAT_SOURCES_IPV4", "10.99.7.9/24,10.16.1.1"),
];

#[test]
fn sources_are_taken_as_written_and_masked() {
    let settings = resolve(&[], &POD).unwrap();
    let expected = Wanted {
        family: Family::V4,
        internal: "10.16.0.1".parse().unwrap(),
        external: "172.17.0.1".parse().unwrap(),
        snat: vec!["10.16.0.0/16".parse().unwrap()],
        no_snat: vec!["10.99.7.0/24".parse().unwrap(), "10.16.1.1/32".parse().unwrap()],
        snat_others: false,
    };
    assert_eq!(settings.families, [expected]);
    assert_eq!((settings.flavour, settings.metrics, settings.lacking.len()), (None, None, 0));
    assert_eq!(settings.socket, "@sidecar-nat");
}

#[test]
fn a_flag_wins_over_the_variables_of_both_families() {
    let words =
        ["--internal-gateway=10.0.0.1,fd00::1", "--external-gateway", "fd01::1", "--snat-source=fd00::/64"];
    let more = ["--iptables=legacy", "--metrics-address=:1234", "--snat-others", "--socket=/x"];
    let settings = resolve(&[&words[..], &more].concat(), &POD).unwrap();
    let [six] = settings.families.as_slice() else { panic!("{settings:?}") };
    assert_eq!((six.family, six.snat_others, six.snat.len(), six.no_snat.len()), (Family::V6, true, 1, 0));
    assert_eq!(settings.lacking, ["EXTERNAL_GATEWAY_IPV4"]);
    assert_eq!((settings.flavour, settings.metrics), (Some(Flavour::Legacy), Some(Metrics::Port(1234))));
    assert_eq!(settings.socket, "/x");
}

#[test]
fn settings_may_follow_the_action() {
    let flags = flags(&["prepare", "--dry-run", "--snat-source=10.0.0.0/8"]);
    assert_eq!(flags.action, Some(NatAction::Prepare));
    assert!(flags.dry_run);
    assert_eq!(flags.snat_source, ["10.0.0.0/8"]);
}

#[test]
fn everything_that_is_wrong_is_said_at_once_with_name_value_and_rule() {
    let told = resolve(
        &["--iptables=pf", "--metrics-address=x"],
        &[
            ("INTERNAL_GATEWAY_IPV4", "fd00::1"),
            ("EXTERNAL_GATEWAY_IPV4", "172.17.0.1,172.17.0.2"),
            ("INTERNAL_GATEWAY_IPV6", "fe80::1"),
            ("SNAT_SOURCES_IPV4", "10.0.0.0/33"),
            ("NO_SNAT_SOURCES_IPV6", "10.0.0.0/8"),
        ],
    );
    let told = told.unwrap_err();
    for said in [
        "INTERNAL_GATEWAY_IPV4: \"fd00::1\" must be an IPv4 address without a mask",
        "EXTERNAL_GATEWAY_IPV4: \"172.17.0.2\" must be the only address of its family",
        "INTERNAL_GATEWAY_IPV6: \"fe80::1\" must be a unicast address that is neither loopback nor link-local",
        "SNAT_SOURCES_IPV4: \"10.0.0.0/33\" must be an IPv4 address or a CIDR of it",
        "NO_SNAT_SOURCES_IPV6: \"10.0.0.0/8\" must be an IPv6 address or a CIDR of it",
        "--iptables: \"pf\" must be auto, nft or legacy",
        "--metrics-address: \"x\" must be :PORT, IP:PORT or [IPv6]:PORT",
    ] {
        assert!(told.contains(said), "{said} is not in: {told}");
    }
}

#[test]
fn without_both_gateways_of_a_family_there_is_nothing_to_do() {
    let told = resolve(&[], &[("INTERNAL_GATEWAY_IPV4", "10.16.0.1"), ("EXTERNAL_GATEWAY_IPV6", "fd00::1")]);
    assert!(told.unwrap_err().contains("neither IPv4 nor IPv6 has an internal and an external gateway"));
}

fn ways() -> Ways {
    let link = |index, name: &str, ip: &str| Link {
        index,
        name: name.to_owned(),
        addresses: vec![ip.parse().unwrap()],
    };
    Ways { internal: link(2, "eth0", "10.16.0.5"), external: link(3, "net1", "172.17.0.13") }
}

/// The commands of the changes.
fn commands(seen: &Seen) -> Vec<String> {
    let settings = resolve(&[], &POD).unwrap();
    let ways = ways();
    let changes = changes(&settings.families[0], &ways, seen);
    changes.iter().map(|change: &Change| change.command(Family::V4, Some(&ways.internal))).collect()
}

/// As a pod of the reference has it: `ip -4 rule` and `ip -4 route show table 1000`.
fn reference() -> Seen {
    let rule = |priority, source: Option<&str>, input: &str, table| Rule {
        priority,
        source: source.map(|ip| ip.parse().unwrap()),
        input: Some(input.to_owned()),
        table,
        foreign: false,
    };
    Seen {
        rules: vec![
            rule(1001, None, "eth0", 253),
            rule(1002, None, "net1", 1000),
            rule(1003, Some("10.16.0.5"), "lo", 1000),
            rule(1004, Some("172.17.0.13"), "lo", 253),
        ],
        defaults: vec![Default { gateway: Some("10.16.0.1".parse().unwrap()), link: Some(2) }],
    }
}

#[test]
fn the_routing_of_the_reference_is_as_wanted() {
    assert_eq!(commands(&reference()), Vec::<String>::new());
}

#[test]
fn an_empty_pod_gets_the_route_before_the_rules() {
    assert_eq!(
        commands(&Seen::default()),
        [
            "ip -4 route replace default via 10.16.0.1 dev eth0 table 1000",
            "ip -4 rule add priority 1001 iif eth0 lookup 253",
            "ip -4 rule add priority 1002 iif net1 lookup 1000",
            "ip -4 rule add priority 1003 from 10.16.0.5 iif lo lookup 1000",
            "ip -4 rule add priority 1004 from 172.17.0.13 iif lo lookup 253",
        ]
    );
}

#[test]
fn what_has_changed_is_put_in_place_before_what_was_goes() {
    let mut seen = reference();
    seen.rules[2].source = Some("10.16.0.77".parse().unwrap());
    seen.rules[3].foreign = true;
    seen.defaults.push(Default { gateway: Some("10.16.0.254".parse().unwrap()), link: Some(9) });
    assert_eq!(
        commands(&seen),
        [
            "ip -4 route del default via 10.16.0.254 oif 9 table 1000",
            "ip -4 rule add priority 1003 from 10.16.0.5 iif lo lookup 1000",
            "ip -4 rule add priority 1004 from 172.17.0.13 iif lo lookup 253",
            "ip -4 rule del priority 1003 from 10.16.0.77 iif lo lookup 1000",
            "ip -4 rule del priority 1004 from 172.17.0.13 iif lo lookup 253",
        ]
    );
}
