//! `VpcEgressGateway`: the definition is as Kube-OVN's where users see it, and reading takes whatever either lets in.

#![allow(clippy::unwrap_used, reason = "a test")]

use kubeovn::{Limit, VpcEgressGateway};
use serde_json::{Value, json};

fn definition() -> Value {
    let all = kubeovn::definitions();
    let one = all.iter().find(|one| one.spec.names.kind == "VpcEgressGateway").unwrap();
    serde_json::to_value(&one.spec).unwrap()
}

#[test]
fn columns_and_scale_are_those_of_kube_ovn() {
    let version = &definition()["versions"][0];
    let columns: Vec<_> = version["additionalPrinterColumns"].as_array().unwrap().iter().collect();
    let texts: Vec<_> = columns
        .iter()
        .map(|one| {
            let text = |name: &str| one[name].as_str().unwrap();
            let wide = if one["priority"] == 1 { " wide" } else { "" };
            format!("{} {} {}{wide}", text("name"), text("type"), text("jsonPath"))
        })
        .collect();
    let expected = [
        "Vpc string .spec.vpc",
        "Replicas integer .spec.replicas",
        "bfd boolean .spec.bfd.enabled",
        "External Subnet string .spec.externalSubnet",
        "Phase string .status.phase",
        "Ready boolean .status.ready",
        "Internal IPs string .status.internalIPs wide",
        "External IPs string .status.externalIPs wide",
        "Working Nodes string .status.workload.nodes wide",
        "Age date .metadata.creationTimestamp",
    ];
    assert_eq!(texts, expected);
    let scale = json!({"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.labelSelector"});
    assert_eq!(version["subresources"], json!({"status": {}, "scale": scale}));
}

/// Defaults as they appear in the objects of the reference.
#[test]
fn defaults_are_those_of_kube_ovn() {
    let spec = &definition()["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
    let default = |path: &[&str]| {
        path.iter()
            .fold(spec, |at, name| &at["properties"][*name])
            .get("default")
            .cloned()
            .unwrap_or_default()
    };
    assert_eq!(default(&["replicas"]), 1);
    assert_eq!(default(&["trafficPolicy"]), "Cluster");
    assert_eq!(default(&["podAntiAffinity"]), "Required");
    assert_eq!(default(&["bfd"]), json!({}));
    assert_eq!(default(&["bfd", "enabled"]), false);
    assert_eq!([default(&["bfd", "minRX"]), default(&["bfd", "minTX"])], [1000, 1000]);
    assert_eq!(default(&["bfd", "multiplier"]), 3);
    assert_eq!(spec["required"], json!(["externalSubnet"]));
    assert!(!definition().to_string().contains("nullable"), "null would keep a default away");
}

#[test]
fn whatever_a_schema_lets_in_is_read() {
    let read = |spec: Value, status: Value| {
        let object = json!({"apiVersion": "kubeovn.io/v1", "kind": "VpcEgressGateway",
            "metadata": {"name": "g", "namespace": "n"}, "spec": spec, "status": status});
        serde_json::from_value::<VpcEgressGateway>(object).unwrap()
    };
    // Kube-OVN requires no field of a condition, and takes bandwidths beyond 32 bits.
    let spec = json!({"externalSubnet": "x", "resources": {"limits": {"cpu": 1}},
        "bandwidth": {"ingress": 9_223_372_036_854_i64, "egress": "1Gi"}, "unknown": {"a": 1}});
    let one = read(spec, json!({"conditions": [{}], "workload": {}}));
    let limits = one.spec.bandwidth.unwrap();
    assert_eq!(limits.ingress, Some(Limit::Number(9_223_372_036_854)));
    assert_eq!(limits.egress, Some(Limit::Text("1Gi".to_owned())));
    let empty = read(json!({}), json!({}));
    assert_eq!((empty.spec.replicas, &*empty.spec.external_subnet), (None, ""));
}

#[test]
fn another_group_has_gateways_and_vpcs_without_short_names() {
    let all = kubeovn::definitions_for("egress.example.com");
    let names: Vec<_> = all.iter().map(|one| one.metadata.name.as_deref().unwrap()).collect();
    assert_eq!(names, ["vpc-egress-gateways.egress.example.com", "vpcs.egress.example.com"]);
    for one in &all {
        assert_eq!(one.spec.group, "egress.example.com");
        assert_eq!(one.spec.names.short_names, None);
    }
    assert_eq!(kubeovn::definitions_for(kubeovn::GROUP), kubeovn::definitions());
}
