//! Specifications: the good ones read whole, every bad one refused with its reason, field, value and rule.
#![allow(clippy::unwrap_used, reason = "a test")]

mod objects;

use std::path::Path;

use egress::plan::Settings;
use egress::spec::{Addresses, Reason, Spec};
use egress::view::Family;
use objects::{check, cluster, gateway, gateway1, gateway2, refused, settings, with};
use serde_json::{Value, json};

#[test]
fn gateway1_is_read_whole() {
    let spec = check("gateway1", with(gateway1(), json!({"vpc": null})), &cluster()).unwrap();
    assert_eq!((&*spec.vpc, &*spec.router, spec.in_default_vpc), ("ovn-cluster", "ovn-cluster", true));
    assert_eq!((&*spec.internal.subnet, &*spec.external.subnet), ("ovn-default", "macvlan1"));
    assert_eq!(spec.internal.gateway(Family::V4), Some("10.16.0.1".parse().unwrap()));
    assert_eq!(spec.internal.gateway(Family::V6), None);
    assert_eq!(spec.internal.addresses, Addresses::Any);
    assert_eq!(spec.families().collect::<Vec<_>>(), [Family::V4]);
    assert_eq!((&*spec.attachment.namespace, &*spec.attachment.name), ("default", "eth1"));
    let sources: Vec<_> = spec.sources.iter().map(|one| (one.network.to_string(), one.snat)).collect();
    assert_eq!(sources, [("10.16.0.0/16".to_owned(), true)]);
    assert_eq!((spec.bfd, spec.local, spec.generation, &*spec.uid), (None, false, 2, "<uid>"));
    assert_eq!((spec.pods.replicas, &*spec.pods.image, &*spec.pods.workload), (1, "gateway:1", "gateway1"));
}

#[test]
fn gateway2_has_bfd_with_the_defaults_of_kube_ovn() {
    let spec = check("gateway2", gateway2(), &cluster()).unwrap();
    let bfd = spec.bfd.unwrap();
    assert_eq!((bfd.min_tx, bfd.min_rx, bfd.multiplier), (1000, 1000, 3));
    assert_eq!(bfd.peers, ["10.255.255.255".parse::<std::net::IpAddr>().unwrap()]);
    assert!(!spec.in_default_vpc);
}

/// As in the reference run: written as it was, masked where it counts, of a family nothing else has.
#[test]
fn sources_are_masked_sorted_and_there_once() {
    let policies = json!([{"snat": true, "subnets": ["ovn-default"]},
        {"snat": false, "ipBlocks": ["10.99.7.9/24", "fd00:99::1/64", "10.16.1.1", "10.99.7.0/24"]}]);
    let spec = check("gateway1", with(gateway1(), json!({"policies": policies})), &cluster()).unwrap();
    let all: Vec<_> = spec
        .sources
        .iter()
        .map(|one| (one.network.to_string(), &*one.written, one.snat))
        .map(|(network, written, snat)| format!("{network} {written} {snat}"))
        .collect();
    let expected = [
        "10.16.0.0/16 10.16.0.0/16 true",
        "10.16.1.1/32 10.16.1.1 false",
        "10.99.7.0/24 10.99.7.9/24 false",
        "fd00:99::/64 fd00:99::1/64 false",
    ];
    assert_eq!(all, expected);
}

#[test]
fn names_and_numbers() {
    refused(json!({"prefix": "Veg-"}), Reason::InvalidName, "spec.prefix: Veg-", "\"Veg-gateway2\"");
    refused(json!({"prefix": "a..b"}), Reason::InvalidName, "spec.prefix: a..b", "beginning and ending");
    refused(json!({"replicas": 11}), Reason::InvalidReplicas, "spec.replicas: 11", "0 to 10");
    refused(json!({"replicas": -1}), Reason::InvalidReplicas, "spec.replicas: -1", "0 to 10");
    refused(
        json!({"trafficPolicy": "local"}),
        Reason::InvalidValue,
        "spec.trafficPolicy: local",
        "must be Cluster or Local",
    );
    refused(
        json!({"podAntiAffinity": "None"}),
        Reason::InvalidValue,
        "spec.podAntiAffinity: None",
        "must be Required or Preferred",
    );
    let none = Settings { image: "".into(), ..settings() };
    let refusal = Spec::check(&gateway("gateway2", gateway2()), &cluster(), &none).unwrap_err();
    assert_eq!(refusal.reason(), Reason::NoImage);
    assert!(
        check("gateway2", with(gateway2(), json!({"replicas": 0, "prefix": "a.b-"})), &cluster()).is_ok()
    );
}

#[test]
fn fields_that_are_not_served_are_named() {
    refused(json!({"bgpConf": "b1"}), Reason::UnservedField, "spec.bgpConf: b1", "not served yet");
    refused(json!({"evpnConf": "e1"}), Reason::UnservedField, "spec.evpnConf: e1", "not served yet");
    let change = json!({"observability": {"interfaceMetrics": {"enabled": true}}});
    let shown = r#"spec.observability: {"interfaceMetrics":{"enabled":true}}"#;
    refused(change, Reason::UnservedField, shown, "not served yet");
    let empty = with(gateway2(), json!({"bgpConf": "", "observability": {}}));
    assert!(check("gateway2", empty, &cluster()).is_ok(), "what is empty asks for nothing");
}

#[test]
fn addresses() {
    let bad = |list: Value, shown: &str, rule: &str| {
        let shown = format!("spec.internalIPs[{shown}");
        refused(json!({"internalIPs": list}), Reason::InvalidAddress, &shown, rule);
    };
    bad(json!(["192.168.0.5", "x"]), "1]: x", "must be an address, or");
    bad(json!(["192.168.0.5,192.168.0.6", "192.168.0.7"]), "0]: 192.168.0.5,192.168.0.6", "IPv4 and an IPv6");
    bad(json!(["192.168.0.5", "10.0.0.1"]), "1]: 10.0.0.1", "must be in Subnet subnet1, 192.168.0.0/24");
    bad(json!(["192.168.0.5,fd00::5", "192.168.0.6"]), "0]: 192.168.0.5,fd00::5", "fd00::5 must be in");
    bad(json!(["192.168.0.5", "192.168.0.1"]), "1]: 192.168.0.1", "the gateway of Subnet subnet1");
    bad(json!(["192.168.0.0", "192.168.0.6"]), "0]: 192.168.0.0", "the network's or the broadcast");
    bad(json!(["192.168.0.255", "192.168.0.6"]), "0]: 192.168.0.255", "broadcast address of 192.168.0.0/24");
    bad(json!(["192.168.0.5", "192.168.0.5"]), "1]: 192.168.0.5", "only once");
    let change = json!({"internalIPs": ["192.168.0.5"]});
    refused(change, Reason::TooFewAddresses, "spec.internalIPs: 1", "at least as many as replicas, 2");
    let change = json!({"externalIPs": ["172.17.0.5"]});
    refused(change, Reason::TooFewAddresses, "spec.externalIPs: 1", "replicas, 2");
    let change = json!({"externalIPs": ["172.17.0.5", "172.17.0.6"], "externalIPPool": "p"});
    refused(change, Reason::AddressesAndPool, "spec.externalIPPool: p", "must be empty beside externalIPs");
    let change = json!({"internalIPPool": "p", "externalIPs": ["172.17.0.5", "172.17.0.6"]});
    let spec = check("gateway2", with(gateway2(), change), &cluster()).unwrap();
    assert_eq!(spec.internal.addresses, Addresses::Pool("p".into()));
    assert_eq!(spec.external.addresses, Addresses::Fixed(vec!["172.17.0.5".into(), "172.17.0.6".into()]));
}

#[test]
fn policies_and_selectors() {
    let missing = Reason::PolicyOrSelectorMissing;
    refused(json!({"policies": []}), missing, "spec.policies: ", "or spec.selectors must");
    refused(json!({"policies": null, "selectors": []}), missing, "spec.policies: ", "at least one entry");
    refused(json!({"policies": [{"snat": true}]}), Reason::EmptyPolicy, "spec.policies[0]: ", "ipBlocks or");
    let blocks = |list: Value| json!({"policies": [{"snat": true, "ipBlocks": list}]});
    let at = |shown: &str| format!("spec.policies[0].ipBlocks[{shown}");
    let invalid = Reason::InvalidAddress;
    refused(
        blocks(json!(["10.0.0.0/8", "10.0.0.0/33"])),
        invalid,
        &at("1]: 10.0.0.0/33"),
        "an address or a CIDR",
    );
    refused(blocks(json!(["2001:db8::/129"])), invalid, &at("0]: 2001:db8::/129"), "an address or a CIDR");
    let overlapping = Reason::OverlappingCIDRs;
    refused(blocks(json!(["172.17.9.0/24"])), overlapping, &at("0]: 172.17.9.0/24"), "overlap 172.17.0.0/16");
    refused(blocks(json!(["0.0.0.0/0"])), overlapping, &at("0]: 0.0.0.0/0"), "overlap 172.17.0.0/16");
    let both =
        json!({"policies": [{"snat": true, "ipBlocks": ["10.1.0.0/16"]}, {"ipBlocks": ["10.1.2.3/16"]}]});
    let shown = "spec.policies[1].ipBlocks[0]: 10.1.2.3/16";
    refused(both, overlapping, shown, "is in spec.policies[0].ipBlocks[0] too, with the other snat");

    let selector = |one: Value| json!({"policies": null, "selectors": [one]});
    let field = "spec.selectors[0].podSelector";
    let change = selector(json!({"podSelector": {}}));
    refused(change, Reason::EmptySelector, &format!("{field}: {{}}"), "leave it out for all");
    let rules = [
        (json!({"key": "a", "operator": "In"}), "In", "must have values"),
        (json!({"key": "a", "operator": "Exists", "values": ["b"]}), "Exists", "must have no values"),
        (json!({"key": "a", "operator": "Gt", "values": ["1"]}), "Gt", "operator In, NotIn, Exists or"),
    ];
    for (requirement, value, rule) in rules {
        let change = selector(json!({"podSelector": {"matchExpressions": [requirement]}}));
        refused(change, Reason::InvalidSelector, &format!("{field}.matchExpressions[0]: {value}"), rule);
    }
    let change = json!({"nodeSelector": [{"matchExpressions": [{"key": "a", "operator": "Gt", "values": ["1", "2"]}]}]});
    let shown = "spec.nodeSelector[0].matchExpressions[0]: Gt";
    refused(change, Reason::InvalidSelector, shown, "one value with Gt and Lt");
    let change =
        json!({"nodeSelector": [{"matchFields": [{"key": "spec.x", "operator": "In", "values": ["1"]}]}]});
    refused(change, Reason::InvalidSelector, "spec.nodeSelector[0].matchFields[0]: spec.x", "metadata.name");
    let all = selector(json!({}));
    assert!(
        check("gateway2", with(gateway2(), all), &cluster()).is_ok(),
        "an entry without parts is everything"
    );
}

#[test]
fn bandwidths_are_rounded_up_to_whole_mbit() {
    let read = |limit: Value| {
        let change = json!({"bandwidth": {"ingress": limit}});
        check("gateway2", with(gateway2(), change), &cluster()).map(|spec| spec.pods.ingress)
    };
    let good = [
        (json!(0), 0),
        (json!(100), 100),
        (json!("100"), 100),
        (json!(9_223_372_036_854_i64), 9_223_372_036_854),
        (json!("100M"), 100),
        (json!("1500Mi"), 1573),
        (json!("1G"), 1000),
        (json!("1Gi"), 1074),
        (json!("1.5G"), 1500),
        (json!(".0000001M"), 1),
        (json!("0.1M"), 1),
    ];
    for (limit, expected) in good {
        assert_eq!(read(limit.clone()).unwrap(), expected, "{limit}");
    }
    let huge = "9".repeat(40) + "G";
    let bad = [
        json!(-1),
        json!("-1"),
        json!("1k"),
        json!("M"),
        json!("1.M"),
        json!(".M"),
        json!(""),
        json!("1e3"),
        json!(9_223_372_036_855_i64),
        json!("9223372036855"),
        json!(huge),
    ];
    for limit in bad {
        let refusal = read(limit.clone()).unwrap_err();
        assert_eq!(refusal.reason(), Reason::InvalidBandwidth, "{limit}");
        assert!(refusal.to_string().starts_with("spec.bandwidth.ingress: "), "{refusal}");
    }
}

#[test]
fn every_fault_is_told_at_once_and_no_more_than_can_be_read() {
    let change = json!({"vpc": "vpc9", "replicas": 11, "bgpConf": "b".repeat(1000)});
    let refusal = check("gateway2", with(gateway2(), change), &cluster()).unwrap_err();
    let reasons: Vec<_> = refusal.faults().map(|fault| fault.reason).collect();
    assert_eq!(reasons, [Reason::UnservedField, Reason::InvalidReplicas, Reason::UnknownVpc]);
    assert!(refusal.to_string().len() < 400, "{refusal}");
    let change = json!({"prefix": "X".repeat(100_000)});
    let refusal = check("gateway2", with(gateway2(), change), &cluster()).unwrap_err();
    assert!(refusal.to_string().len() < 600, "{refusal}");
    let blocks: Vec<_> = (0..1000).map(|at| format!("x{at}")).collect();
    let change = json!({"policies": [{"ipBlocks": blocks}]});
    let refusal = check("gateway2", with(gateway2(), change), &cluster()).unwrap_err();
    assert_eq!(refusal.faults().count(), 8);
}

#[test]
fn every_reason_is_in_the_documentation() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/egress.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    for reason in Reason::ALL {
        let start = format!("| `{}` | ", reason.as_str());
        assert!(
            docs.lines().any(|line| line.starts_with(&start)),
            "docs/egress.md lacks {}",
            reason.as_str()
        );
    }
}
