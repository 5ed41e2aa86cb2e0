//! Specifications: what they refer to has to exist and to fit.
#![allow(clippy::unwrap_used, reason = "a test")]

mod objects;

use std::collections::BTreeSet;

use egress::spec::{Reason, bfd_port_addresses};
use objects::{check, cluster, gateway2, refused, subnet, vpc, with};
use serde_json::{Value, json};

#[test]
fn what_is_referred_to_has_to_be_there() {
    refused(json!({"vpc": "vpc9"}), Reason::UnknownVpc, "spec.vpc: vpc9", "a Vpc that exists");
    let (internal, external) = ("spec.internalSubnet", "spec.externalSubnet");
    refused(
        json!({"internalSubnet": "x"}),
        Reason::MissingSubnet,
        &format!("{internal}: x"),
        "a Subnet that exists",
    );
    refused(
        json!({"internalSubnet": null}),
        Reason::MissingSubnet,
        &format!("{internal}: "),
        "Vpc vpc1 has no default",
    );
    refused(json!({"externalSubnet": ""}), Reason::MissingSubnet, &format!("{external}: "), "that exists");
    let change = json!({"internalSubnet": "ovn-default"});
    refused(change, Reason::SubnetOfOtherVpc, &format!("{internal}: ovn-default"), "is in ovn-cluster");
    let change = json!({"policies": [{"subnets": ["ovn-default"]}]});
    refused(change, Reason::SubnetOfOtherVpc, "spec.policies[0].subnets[0]: ovn-default", "in Vpc vpc1");
    let change = json!({"policies": [{"subnets": ["macvlan1"]}]});
    refused(
        change,
        Reason::InvalidProvider,
        "Subnet/macvlan1: spec.provider: eth1.default",
        "no logical router",
    );
    refused(
        json!({"externalSubnet": "subnet1"}),
        Reason::InvalidProvider,
        "Subnet/subnet1: spec.provider: ovn",
        "NAME.NAMESPACE",
    );
}

/// The same with another cluster.
fn refused_in(make: impl FnOnce(&mut egress::view::Cluster), reason: Reason, text: &str) {
    let mut cluster = cluster();
    make(&mut cluster);
    let refusal = check("gateway2", gateway2(), &cluster).unwrap_err();
    assert_eq!(refusal.reason(), reason, "{refusal}");
    assert!(refusal.to_string().contains(text), "{refusal}");
}

#[test]
fn what_is_referred_to_has_to_fit() {
    refused_in(|all| vpc(all, "vpc1", json!({}), json!({})), Reason::VpcNotReady, "Vpc/vpc1: status.router");
    refused_in(
        |all| all.attachments = Some(BTreeSet::new()),
        Reason::MissingAttachment,
        "NetworkAttachmentDefinition default/eth1, which does not exist",
    );
    let external = |change: Value| {
        let spec = json!({"provider": "eth1.default", "cidrBlock": "172.17.0.0/16", "gateway": "172.17.0.1"});
        move |all: &mut _| subnet(all, "macvlan1", with(spec, change))
    };
    let internal = |change: Value| {
        let spec = json!({"cidrBlock": "192.168.0.0/24", "gateway": "192.168.0.1", "vpc": "vpc1"});
        move |all: &mut _| subnet(all, "subnet1", with(spec, change))
    };
    let bad = json!({"cidrBlock": "172.17.0.0/33"});
    refused_in(external(bad), Reason::InvalidAddress, r#"Subnet/macvlan1: spec.cidrBlock: "172.17.0.0/33""#);
    let twice = json!({"cidrBlock": "172.17.0.0/16,172.18.0.0/16"});
    refused_in(external(twice), Reason::InvalidAddress, "an IPv4 and an IPv6 one");
    refused_in(external(json!({"gateway": "x"})), Reason::InvalidAddress, "Subnet/macvlan1: spec.gateway");
    let six = json!({"cidrBlock": "fd00:17::/64", "gateway": "fd00:17::1"});
    refused_in(
        external(six),
        Reason::NoFamily,
        "spec.externalSubnet: \"macvlan1\": has a gateway of no family",
    );
    let within = json!({"cidrBlock": "192.0.0.0/8", "gateway": "192.0.0.1"});
    refused_in(external(within), Reason::OverlappingCIDRs, "192.0.0.0/8 must not overlap 192.168.0.0/24");
    refused_in(internal(json!({"provider": "net2.default.ovn"})), Reason::InvalidProvider, "must be ovn");
    refused_in(
        internal(json!({"vlan": "v1"})),
        Reason::UnderlaySubnet,
        "is on a Vlan without logicalGateway",
    );
    let mut cluster = cluster();
    internal(json!({"vlan": "v1", "logicalGateway": true}))(&mut cluster);
    assert!(check("gateway2", gateway2(), &cluster).is_ok());
    let mut refused = (*cluster.subnets["subnet1"]).clone();
    refused.status =
        serde_json::from_value(json!({"conditions": [{"type": "Validated", "status": "False"}]})).unwrap();
    cluster.subnets.insert("subnet1".into(), refused.into());
    let refusal = check("gateway2", gateway2(), &cluster).unwrap_err();
    assert_eq!(refusal.reason(), Reason::SubnetNotValidated);
}

#[test]
fn bfd() {
    let bfd = |change: Value| json!({"bfd": with(json!({"enabled": true}), change)});
    let big = Reason::MultiplierTooBig;
    refused(bfd(json!({"multiplier": 256})), big, "spec.bfd.multiplier: 256", "1 to 255");
    refused(bfd(json!({"multiplier": 0})), big, "spec.bfd.multiplier: 0", "1 to 255");
    refused(bfd(json!({"minTX": 0})), Reason::InvalidInterval, "spec.bfd.minTX: 0", "1 to 3600000 ms");
    refused(
        bfd(json!({"minRX": 3_600_001})),
        Reason::InvalidInterval,
        "spec.bfd.minRX: 3600001",
        "1 to 3600000",
    );
    let off = json!({"bfd": {"enabled": false, "multiplier": 999}});
    assert!(check("gateway2", with(gateway2(), off), &cluster()).is_ok(), "what is off is not looked at");
    let port = |port: Value| {
        move |all: &mut _| vpc(all, "vpc1", json!({"bfdPort": port}), json!({"router": "vpc1"}))
    };
    let missing = "needs spec.bfdPort.enabled of Vpc vpc1";
    refused_in(port(json!(null)), Reason::VpcBfdPortNotEnabled, missing);
    refused_in(
        port(json!({"enabled": false, "ip": "10.255.255.255"})),
        Reason::VpcBfdPortNotEnabled,
        missing,
    );
    let field = "Vpc/vpc1: spec.bfdPort.ip";
    refused_in(port(json!({"enabled": true})), Reason::InvalidBfdPort, field);
    refused_in(port(json!({"enabled": true, "ip": "10.1.1.1,10.1.1.2"})), Reason::InvalidBfdPort, field);
    refused_in(
        port(json!({"enabled": true, "ip": "fd00::1"})),
        Reason::InvalidBfdPort,
        "of a family of Subnet subnet1",
    );
    let text = |all: Option<Vec<std::net::IpAddr>>| format!("{all:?}");
    assert_eq!(text(bfd_port_addresses("10.1.1.1/32, fd00::1")), "Some([10.1.1.1, fd00::1])");
    assert_eq!(text(bfd_port_addresses("10.1.1.1,")), "None");
}
