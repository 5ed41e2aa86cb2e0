//! Objects as the API server has them, for tests of what is made from them.
#![allow(dead_code, clippy::unwrap_used, reason = "support of several tests, each with a part of it")]

use std::collections::BTreeSet;
use std::sync::Arc;

use egress::plan::{Form, Settings};
use egress::spec::{Reason, Refusal, Spec};
use egress::view::{Cluster, Name};
use kubeovn::{Subnet, Vpc, VpcEgressGateway};
use serde_json::{Value, json};

pub(crate) fn settings() -> Settings {
    Settings {
        group: kubeovn::GROUP.into(),
        default_vpc: "ovn-cluster".into(),
        form: Form::Auto,
        image: "gateway:1".into(),
    }
}

pub(crate) fn vpc(cluster: &mut Cluster, name: &str, spec: Value, status: Value) {
    let object = json!({"apiVersion": "kubeovn.io/v1", "kind": "Vpc", "metadata": {"name": name},
        "spec": spec, "status": status});
    let object: Vpc = serde_json::from_value(object).unwrap();
    cluster.vpcs.insert(name.into(), Arc::new(object));
}

pub(crate) fn subnet(cluster: &mut Cluster, name: &str, spec: Value) {
    let object = json!({"apiVersion": "kubeovn.io/v1", "kind": "Subnet", "metadata": {"name": name},
        "spec": spec, "status": {"conditions": [{"type": "Validated", "status": "True"}]}});
    let object: Subnet = serde_json::from_value(object).unwrap();
    cluster.subnets.insert(name.into(), Arc::new(object));
}

/// The cluster of the documentation: the default VPC, `vpc1` with a BFD port, and the external Subnet.
pub(crate) fn cluster() -> Cluster {
    let mut cluster = Cluster {
        attachments: Some(BTreeSet::from([Name { namespace: "default".into(), name: "eth1".into() }])),
        ..Cluster::default()
    };
    let status = json!({"default": true, "router": "ovn-cluster", "defaultLogicalSwitch": "ovn-default"});
    vpc(&mut cluster, "ovn-cluster", json!({}), status);
    let spec = json!({"bfdPort": {"enabled": true, "ip": "10.255.255.255"}});
    vpc(&mut cluster, "vpc1", spec, json!({"router": "vpc1", "defaultLogicalSwitch": ""}));
    let spec = json!({"provider": "ovn", "cidrBlock": "10.16.0.0/16", "gateway": "10.16.0.1",
        "vpc": "ovn-cluster"});
    subnet(&mut cluster, "ovn-default", spec);
    let spec = json!({"provider": "ovn", "cidrBlock": "192.168.0.0/24", "gateway": "192.168.0.1",
        "vpc": "vpc1"});
    subnet(&mut cluster, "subnet1", spec);
    let spec = json!({"provider": "eth1.default", "cidrBlock": "172.17.0.0/16", "gateway": "172.17.0.1"});
    subnet(&mut cluster, "macvlan1", spec);
    cluster
}

pub(crate) fn gateway(name: &str, spec: Value) -> VpcEgressGateway {
    let object = json!({"apiVersion": "kubeovn.io/v1", "kind": "VpcEgressGateway", "spec": spec,
        "metadata": {"name": name, "namespace": "default", "uid": "<uid>", "generation": 2}});
    serde_json::from_value(object).unwrap()
}

/// gateway1 of the documentation.
pub(crate) fn gateway1() -> Value {
    json!({"vpc": "ovn-cluster", "replicas": 1, "externalSubnet": "macvlan1",
        "policies": [{"snat": true, "subnets": ["ovn-default"]}]})
}

/// gateway2 of the documentation.
pub(crate) fn gateway2() -> Value {
    json!({"vpc": "vpc1", "replicas": 2, "internalSubnet": "subnet1", "externalSubnet": "macvlan1",
        "bfd": {"enabled": true}, "policies": [{"snat": true, "ipBlocks": ["192.168.0.0/24"]}]})
}

/// `base` with the fields of `change`; null takes one away.
pub(crate) fn with(mut base: Value, change: Value) -> Value {
    for (field, value) in change.as_object().unwrap() {
        let fields = base.as_object_mut().unwrap();
        if value.is_null() {
            fields.remove(field);
        } else {
            fields.insert(field.clone(), value.clone());
        }
    }
    base
}

pub(crate) fn check(name: &str, spec: Value, cluster: &Cluster) -> Result<Spec, Refusal> {
    Spec::check(&gateway(name, spec), cluster, &settings())
}

/// Fields to change in gateway2, and what is said then: reason, field and value, words of the rule.
pub(crate) fn refused(change: Value, reason: Reason, shown: &str, rule: &str) {
    let refusal = check("gateway2", with(gateway2(), change.clone()), &cluster()).unwrap_err();
    let first = refusal.faults().next().unwrap();
    let text = refusal.to_string();
    assert_eq!((refusal.reason(), refusal.faults().count()), (reason, 1), "{change}: {text}");
    assert_eq!(format!("{}: {}", first.field, first.value), shown, "{change}: {text}");
    assert!(first.rule.contains(rule), "{change}: {text}");
}
