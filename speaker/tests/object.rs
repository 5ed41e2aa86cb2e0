//! What of a Pod, Subnet or Service as Kubernetes prints it reaches the view.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

use serde_json::{Value, json};
use speaker::object;
use speaker::policy::Policy;
use speaker::view::{self, AddressProblem, Key, Kind, Life, ServiceType};

fn subnet(value: Value) -> view::Subnet {
    serde_json::from_value::<object::Subnet>(value).unwrap().try_into().unwrap()
}

fn pod(value: Value) -> view::Pod {
    serde_json::from_value::<object::Pod>(value).unwrap().try_into().unwrap()
}

fn service(value: Value) -> view::Service {
    serde_json::from_value::<object::Service>(value).unwrap().try_into().unwrap()
}

fn strings(items: impl IntoIterator<Item = impl ToString>) -> Vec<String> {
    items.into_iter().map(|item| item.to_string()).collect()
}

#[test]
fn annotation_values_are_exact_and_case_sensitive() {
    let read = |text| Policy::read(Some(text));
    assert_eq!([read("true"), read("yes"), read("cluster")], [const { Policy::Cluster }; 3]);
    assert_eq!(read("local"), Policy::Local);
    assert_eq!([read("false"), read("no")], [Policy::Off, Policy::Off]);
    assert_eq!([Policy::read(None), read("")], [Policy::Unset, Policy::Unset]);
    for text in ["True", "LOCAL", " true", "true ", "1", "on", "Yes"] {
        assert_eq!(read(text), Policy::Invalid(text.into()));
    }
}

#[test]
fn a_key_reads_back_as_it_is_written_and_nothing_else_is_a_key() {
    for text in ["subnet/ovn-default", "pod/kube-system/web", "service/default/kubernetes"] {
        assert_eq!(text.parse::<Key>().unwrap().to_string(), text);
    }
    for text in ["", "pod/web", "pod//web", "pod/a/b/c", "subnet/", "subnet/a/b", "node/n1", "service/x/"] {
        assert!(text.parse::<Key>().is_err(), "{text}");
    }
}

#[test]
fn a_subnet_gives_its_cidrs_trimmed_and_keeps_what_is_none() {
    let subnet = subnet(json!({
        "metadata": {"name": "s", "annotations": {"ovn.kubernetes.io/bgp": "cluster", "other": 7}},
        "spec": {"cidrBlock": "10.16.0.0/16, fd00::/112 ,nonsense,10.17.3.4/24", "natOutgoing": true, "vpc": "v"},
        "status": {"conditions": [{"type": "Validated", "status": "True"}, {"type": "Ready", "status": "True"}]},
    }));
    assert_eq!(strings(subnet.cidrs), ["10.16.0.0/16", "fd00::/112", "10.17.3.0/24"]);
    assert_eq!(strings(subnet.bad_cidrs), ["nonsense"]);
    assert!(subnet.ready && subnet.nat_outgoing);
    assert_eq!(subnet.policy, Policy::Cluster);
}

#[test]
fn a_subnet_is_ready_only_by_condition_ready_with_status_true() {
    for conditions in [
        json!(null),
        json!([]),
        json!([{"type": "Ready", "status": "False"}]),
        json!([{"type": "Ready", "status": "true"}]),
        json!([{"type": "Validated", "status": "True"}]),
    ] {
        let subnet = subnet(json!({"metadata": {"name": "s"}, "status": {"conditions": conditions}}));
        assert!(!subnet.ready);
    }
}

#[test]
fn null_and_absent_fields_mean_the_same() {
    let sparse = pod(json!({"metadata": {"name": "p"}}));
    let null = pod(json!({
        "metadata": {"name": "p", "namespace": null, "annotations": null, "deletionTimestamp": null},
        "spec": null, "status": null,
    }));
    assert_eq!(sparse, null);
    assert_eq!(&*sparse.namespace, "default");
    assert_eq!((sparse.life, sparse.node, sparse.policy), (Life::Alive, None, Policy::Unset));
}

#[test]
fn a_pod_has_addresses_in_all_its_networks() {
    let pod = pod(json!({"metadata": {"name": "p", "namespace": "n", "annotations": {
        "ovn.kubernetes.io/ip_address": "10.16.0.5, fd00::5",
        "ovn.kubernetes.io/logical_switch": "ovn-default",
        "net1.default.ovn.kubernetes.io/ip_address": "10.20.1.7/24",
        "net1.default.ovn.kubernetes.io/logical_switch": "net1",
        ".kubernetes.io/ip_address": "10.99.0.1",
        "ovn.kubernetes.io/mac_address": "00:00:00:00:00:01",
    }}}));
    let all = pod.addresses.iter().map(|one| format!("{} {} {}", one.provider, one.subnet, one.prefix));
    assert_eq!(
        all.collect::<Vec<_>>(),
        ["net1.default.ovn net1 10.20.1.0/24", "ovn ovn-default 10.16.0.5/32", "ovn ovn-default fd00::5/128"]
    );
    assert!(pod.problems.is_empty());
}

#[test]
fn an_address_that_does_not_parse_and_a_missing_switch_are_named() {
    let pod = pod(json!({"metadata": {"name": "p", "annotations": {
        "ovn.kubernetes.io/ip_address": "10.16.0.5,10.16.0.256",
        "ovn.kubernetes.io/logical_switch": "s",
        "lost.kubernetes.io/ip_address": "10.17.0.5",
    }}}));
    assert_eq!(pod.addresses.len(), 1);
    assert_eq!(
        *pod.problems,
        [
            AddressProblem::NoSubnet { provider: "lost".into() },
            AddressProblem::BadAddress { provider: "ovn".into(), text: "10.16.0.256".into() },
        ]
    );
}

#[test]
fn a_pod_is_dead_when_it_has_ended_and_is_not_restarted() {
    let cases = [
        ("Succeeded", "Always", "", Life::Alive),
        ("Succeeded", "OnFailure", "", Life::Succeeded),
        ("Succeeded", "Never", "", Life::Succeeded),
        ("Failed", "Always", "", Life::Alive),
        ("Failed", "OnFailure", "", Life::Alive),
        ("Failed", "Never", "", Life::Failed),
        ("Failed", "Always", "Evicted", Life::Evicted),
        ("Failed", "Never", "Evicted", Life::Evicted),
        ("Pending", "Never", "", Life::Alive),
        ("Running", "Never", "NodeLost", Life::Alive),
        ("Unknown", "Never", "", Life::Alive),
    ];
    for (phase, restart, reason, life) in cases {
        let pod = pod(json!({
            "metadata": {"name": "p"}, "spec": {"restartPolicy": restart},
            "status": {"phase": phase, "reason": reason},
        }));
        assert_eq!(pod.life, life, "{phase} {restart} {reason}");
    }
}

#[test]
fn a_terminating_pod_is_alive_only_while_ready() {
    let terminating = |ready: &str| {
        let conditions = json!([{"type": "Ready", "status": ready}]);
        pod(json!({
            "metadata": {"name": "p", "deletionTimestamp": "2026-07-01T00:00:00Z"},
            "status": {"phase": "Running", "conditions": conditions},
        }))
        .life
    };
    assert_eq!(terminating("True"), Life::Alive);
    assert_eq!(terminating("False"), Life::Terminating);
    let not_ready = pod(
        json!({"metadata": {"name": "p"}, "status": {"conditions": [{"type": "Ready", "status": "False"}]}}),
    );
    assert_eq!(not_ready.life, Life::Alive);
}

#[test]
fn a_service_gives_all_its_cluster_ips_or_else_the_one() {
    let dual = service(json!({
        "metadata": {"name": "s", "namespace": "n", "annotations": {"ovn.kubernetes.io/bgp": "true"}},
        "spec": {"type": "ClusterIP", "clusterIP": "10.96.0.10", "clusterIPs": ["10.96.0.10", "fd00::a"]},
    }));
    assert_eq!(strings(dual.cluster_ips), ["10.96.0.10/32", "fd00::a/128"]);
    assert_eq!(dual.service_type, ServiceType::ClusterIp);
    let single = service(json!({"metadata": {"name": "s"}, "spec": {"clusterIP": "10.96.0.11"}}));
    assert_eq!(strings(single.cluster_ips), ["10.96.0.11/32"]);
    let bad =
        service(json!({"metadata": {"name": "s"}, "spec": {"clusterIPs": ["ten"], "type": "NodePort"}}));
    assert_eq!((bad.cluster_ips.len(), strings(bad.bad_cluster_ips)), (0, vec!["ten".to_owned()]));
    assert_eq!(bad.service_type, ServiceType::Other("NodePort".into()));
}

#[test]
fn a_headless_service_has_no_cluster_ip() {
    for spec in [json!({"clusterIP": "None", "clusterIPs": ["None"]}), json!({"clusterIP": ""}), json!({})] {
        let service = service(json!({"metadata": {"name": "s"}, "spec": spec}));
        assert!(service.cluster_ips.is_empty() && service.bad_cluster_ips.is_empty());
    }
}

#[test]
fn an_object_without_a_name_is_refused() {
    for metadata in [json!({}), json!({"name": ""}), json!({"name": null, "namespace": "n"})] {
        let pod: object::Pod = serde_json::from_value(json!({"metadata": metadata})).unwrap();
        assert_eq!(view::Pod::try_from(pod), Err(object::Nameless));
        let subnet: object::Subnet = serde_json::from_value(json!({"metadata": metadata})).unwrap();
        assert_eq!(view::Subnet::try_from(subnet), Err(object::Nameless));
    }
}

#[test]
fn a_cluster_scoped_object_has_no_namespace_even_if_one_is_written() {
    let key = view::Object::Subnet(subnet(json!({"metadata": {"name": "s", "namespace": "n"}}))).key();
    assert_eq!(key, Key { kind: Kind::Subnet, namespace: "".into(), name: "s".into() });
}
