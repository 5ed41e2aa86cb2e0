//! EIPs of a VPC NAT gateway: what of an object decides, and what is announced.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

use serde_json::{Value, json};
use speaker::object;
use speaker::plan::{Plan, Refusal, Settings};
use speaker::view::{self, Change, Key, Kind, Object};

fn eip(value: Value) -> view::Eip {
    serde_json::from_value::<object::Eip>(value).unwrap().try_into().unwrap()
}

/// As kube-ovn-controller leaves one behind, with `spec` and `status` replaced where a test says so.
fn written(bgp: &str, change: Value) -> view::Eip {
    let mut value = json!({
        "apiVersion": "kubeovn.io/v1", "kind": "IptablesEIP",
        "metadata": {
            "name": "eip1", "finalizers": ["kubeovn.io/kube-ovn-controller"],
            "annotations": {"ovn.kubernetes.io/bgp": bgp},
            "labels": {"ovn.kubernetes.io/vpc-nat-gw-name": "gw1", "ovn.kubernetes.io/subnet": "external"},
        },
        "spec": {"natGwDp": "gw1", "v4ip": "172.19.0.101", "v6ip": "fd00:19::101", "macAddress": "00:00:00:00:00:01"},
        "status": {"ready": true, "ip": "172.19.0.101", "nat": "fip"},
    });
    for (part, fields) in change.as_object().unwrap() {
        for (field, to) in fields.as_object().unwrap() {
            value[part][field] = to.clone();
        }
    }
    eip(value)
}

fn gateway(name: Option<&str>) -> Plan {
    Plan::new(Settings::NatGateway { name: name.map(Into::into) })
}

fn key() -> Key {
    "eip/eip1".parse().unwrap()
}

/// The prefixes it announces, or the names of the reasons why not.
fn outcome(plan: &mut Plan, eip: view::Eip) -> (Vec<String>, Vec<&'static str>) {
    plan.apply(Change::Put(Object::Eip(eip)));
    let verdict = plan.explain(&key()).unwrap();
    (
        verdict.wants.iter().map(ToString::to_string).collect(),
        verdict.refusals.iter().map(Refusal::name).collect(),
    )
}

#[test]
fn both_addresses_of_an_annotated_ready_eip_are_host_routes() {
    for bgp in ["true", "yes"] {
        let (wants, refusals) = outcome(&mut gateway(Some("gw1")), written(bgp, json!({})));
        assert_eq!(
            (wants.as_slice(), refusals),
            (&["172.19.0.101/32".into(), "fd00:19::101/128".into()][..], vec![])
        );
    }
    let v4_only = written("true", json!({"spec": {"v6ip": ""}}));
    assert_eq!(outcome(&mut gateway(Some("gw1")), v4_only).0, ["172.19.0.101/32"]);
}

#[test]
fn everything_else_has_a_reason() {
    let cases = [
        ("", json!({}), Some("gw1"), "not-annotated"),
        ("false", json!({}), Some("gw1"), "policy-off"),
        ("local", json!({}), Some("gw1"), "eip-local"),
        ("True", json!({}), Some("gw1"), "policy-invalid"),
        ("true", json!({"status": {"ready": false}}), Some("gw1"), "eip-not-ready"),
        ("true", json!({"status": {"ready": null}}), Some("gw1"), "eip-not-ready"),
        ("true", json!({"spec": {"v4ip": "", "v6ip": null}}), Some("gw1"), "eip-empty"),
        ("true", json!({"spec": {"v4ip": "172.19.0.1/24", "v6ip": ""}}), Some("gw1"), "bad-address"),
        ("true", json!({}), Some("gw2"), "other-gateway"),
        ("true", json!({"metadata": {"labels": null}}), Some("gw1"), "other-gateway"),
        ("true", json!({"metadata": {"labels": null}}), None, "other-gateway"),
        ("true", json!({}), None, "other-gateway"),
    ];
    for (bgp, change, here, reason) in cases {
        let (wants, refusals) = outcome(&mut gateway(here), written(bgp, change.clone()));
        assert_eq!((wants, refusals), (vec![], vec![reason]), "{bgp} {change} {here:?}");
    }
}

#[test]
fn an_eip_that_is_not_ready_for_a_while_is_withdrawn_meanwhile() {
    let mut plan = gateway(Some("gw1"));
    let put = |plan: &mut Plan, ready: bool| {
        let outcome =
            plan.apply(Change::Put(Object::Eip(written("true", json!({"status": {"ready": ready}})))));
        (outcome.announce.len(), outcome.withdraw.len())
    };
    assert_eq!(put(&mut plan, true), (2, 0));
    assert_eq!(put(&mut plan, false), (0, 2));
    assert_eq!(put(&mut plan, true), (2, 0));
    assert_eq!(plan.apply(Change::Remove(key())).withdraw.len(), 2);
}

#[test]
fn gateways_announce_eips_alone_and_nodes_announce_none() {
    let mut node =
        Plan::new(Settings::Node { name: "n1".into(), announce_cluster_ip: true, local_only: false });
    assert_eq!(outcome(&mut node, written("true", json!({}))), (vec![], vec!["node-mode"]));
    let subnet: object::Subnet = serde_json::from_value(json!({
        "metadata": {"name": "s", "annotations": {"ovn.kubernetes.io/bgp": "true"}},
        "spec": {"cidrBlock": "10.16.0.0/16"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }))
    .unwrap();
    let put = Change::Put(Object::Subnet(subnet.try_into().unwrap()));
    let mut plan = gateway(Some("gw1"));
    assert!(plan.apply(put).announce.is_empty());
    let (_, refusal) = plan.refusals().next().unwrap();
    assert_eq!(refusal.name(), "nat-gateway-mode");
}

#[test]
fn a_list_removes_what_it_did_not_mention_only_once_it_is_complete() {
    let named = |name: &str| {
        let mut eip = written("true", json!({"spec": {"v6ip": ""}}));
        eip.addresses = [format!("172.19.0.{name}/32").parse().unwrap()].into();
        eip.name = name.into();
        Change::Put(Object::Eip(eip))
    };
    let keep = |name: &str| Change::Keep(Key { kind: Kind::Eip, namespace: "".into(), name: name.into() });
    let withdrawn = |outcome: speaker::plan::Outcome| {
        outcome.withdraw.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let mut plan = gateway(Some("gw1"));
    plan.apply_batch([
        Change::ListBegun(Kind::Eip),
        named("1"),
        named("2"),
        named("3"),
        Change::ListDone(Kind::Eip),
    ]);
    // It fails on its second page, after objects that came with the first.
    assert!(withdrawn(plan.apply_batch([Change::ListBegun(Kind::Eip), named("1")])).is_empty());
    // The next one is complete; "2" cannot be read, "3" is gone.
    let relist = [Change::ListBegun(Kind::Eip), named("1"), keep("2"), keep("never seen")];
    assert!(withdrawn(plan.apply_batch(relist)).is_empty());
    assert!(withdrawn(plan.apply(Change::ListDone(Kind::Pod))).is_empty(), "of another kind");
    assert_eq!(withdrawn(plan.apply(Change::ListDone(Kind::Eip))), ["172.19.0.3/32"]);
    assert!(withdrawn(plan.apply(Change::ListDone(Kind::Eip))).is_empty());
}
