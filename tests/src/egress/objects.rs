//! Objects as Kube-OVN and the parts of Kubernetes write them, reduced to what is read.

use super::pods::Pod;
use super::topology::{DEFAULT_VPC, Node, Subnet};
use serde_json::{Map, Value, json};

/// A point in time, wherever one is wanted.
const LONG_AGO: &str = "2026-01-01T00:00:00Z";

/// A Node that is ready, with the marks of kube-ovn's daemon.
#[must_use]
pub fn node(node: &Node) -> Value {
    let Node { name, address, join } = node;
    json!({"apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}, "annotations": {
            "ovn.kubernetes.io/allocated": "true", "ovn.kubernetes.io/chassis": name,
            "ovn.kubernetes.io/ip_address": join, "ovn.kubernetes.io/logical_switch": "join",
            "ovn.kubernetes.io/port_name": format!("node-{name}")}},
        "status": {"addresses": [{"type": "InternalIP", "address": address}],
            "conditions": [ready("KubeletReady", true)]}})
}

/// The same Node, ready or not.
#[must_use]
pub fn node_ready(name: &str, is: bool) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name},
        "status": {"conditions": [ready("KubeletReady", is)]}})
}

fn ready(reason: &str, is: bool) -> Value {
    let status = if is { "True" } else { "False" };
    json!({"type": "Ready", "status": status, "reason": reason, "lastTransitionTime": LONG_AGO})
}

/// A Vpc of Kube-OVN's own group, its BFD port enabled at this address if there is one.
#[must_use]
pub fn vpc(name: &str, bfd_port: Option<&str>) -> Value {
    let bfd_port = match bfd_port {
        Some(ip) => json!({"bfdPort": {"enabled": true, "ip": ip}}),
        None => json!({}),
    };
    json!({"apiVersion": "kubeovn.io/v1", "kind": "Vpc", "metadata": {"name": name}, "spec": bfd_port})
}

/// What kube-ovn-controller says of a Vpc.
#[must_use]
pub fn vpc_status(name: &str, switch: Option<&str>, subnets: &[&str]) -> Value {
    json!({"apiVersion": "kubeovn.io/v1", "kind": "Vpc", "metadata": {"name": name},
        "status": {"default": name == DEFAULT_VPC, "standby": true, "router": name,
            "defaultLogicalSwitch": switch.unwrap_or_default(), "subnets": subnets}})
}

/// A Subnet.
#[must_use]
pub fn subnet(subnet: &Subnet<'_>) -> Value {
    let Subnet { name, vpc, cidr, gateway, provider, .. } = *subnet;
    let protocol = match (cidr.contains('.'), cidr.contains(':')) {
        (true, true) => "Dual",
        (true, false) => "IPv4",
        _ => "IPv6",
    };
    let excluded: Vec<_> = gateway.split(',').collect();
    let mut spec = json!({"protocol": protocol, "cidrBlock": cidr, "gateway": gateway, "provider": provider,
        "excludeIps": excluded, "natOutgoing": false, "private": false, "enableLb": true});
    if provider == "ovn" {
        spec["vpc"] = json!(vpc);
    }
    json!({"apiVersion": "kubeovn.io/v1", "kind": "Subnet", "metadata": {"name": name}, "spec": spec})
}

/// What kube-ovn-controller says of a Subnet that it has made.
#[must_use]
pub fn subnet_status(name: &str) -> Value {
    let condition = |kind: &str| {
        json!({"type": kind, "status": "True", "reason": "ResetLogicalSwitchAclSuccess",
            "lastTransitionTime": LONG_AGO, "lastUpdateTime": LONG_AGO})
    };
    json!({"apiVersion": "kubeovn.io/v1", "kind": "Subnet", "metadata": {"name": name},
        "status": {"conditions": [condition("Validated"), condition("Ready")]}})
}

/// The definition of network attachments, as Multus brings it: the part that is read.
#[must_use]
pub fn attachment_definition() -> String {
    "---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: network-attachment-definitions.k8s.cni.cncf.io
spec:
  group: k8s.cni.cncf.io
  scope: Namespaced
  names:
    plural: network-attachment-definitions
    singular: network-attachment-definition
    kind: NetworkAttachmentDefinition
    shortNames: [net-attach-def]
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              config:
                type: string
"
    .to_owned()
}

/// A network attachment of the namespace `default`.
#[must_use]
pub fn attachment(name: &str) -> Value {
    json!({"apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"config": "{\"cniVersion\": \"0.3.0\", \"type\": \"macvlan\"}"}})
}

/// A Lease that somebody holds and has just renewed.
#[must_use]
pub fn lease(namespace: &str, name: &str, holder: &str, renewed: &str) -> Value {
    json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"holderIdentity": holder, "leaseDurationSeconds": 15, "acquireTime": renewed,
            "renewTime": renewed, "leaseTransitions": 1}})
}

/// A Pod as it is once kube-ovn-controller, CNI and kubelet have seen to it.
#[must_use]
pub fn pod(pod: &Pod<'_>) -> Value {
    let Pod { name, node, addresses, external, .. } = *pod;
    let ips: Vec<_> = addresses.split(',').collect();
    let pod_ips: Vec<_> = ips.iter().map(|ip| json!({"ip": ip})).collect();
    let phase = if pod.running { "Running" } else { "Pending" };
    let mut status = json!({"phase": phase, "conditions": [ready("", pod.ready && pod.running)]});
    if pod.running {
        status["podIP"] = json!(ips.first());
        status["podIPs"] = json!(pod_ips);
    }
    let mut annotations = Map::new();
    let mut annotate = |key: &str, value: &str| annotations.insert(key.to_owned(), json!(value));
    annotate("ovn.kubernetes.io/allocated", "true");
    annotate("ovn.kubernetes.io/routed", "true");
    annotate("ovn.kubernetes.io/ip_address", addresses);
    annotate("ovn.kubernetes.io/logical_router", pod.vpc);
    annotate("ovn.kubernetes.io/logical_switch", pod.subnet);
    annotate("ovn.kubernetes.io/mac_address", &pod.mac());
    annotate("ovn.kubernetes.io/pod_nic_type", "veth-pair");
    let mut networks = vec![json!({"name": "kube-ovn", "interface": "eth0", "ips": ips, "default": true})];
    if !external.is_empty() {
        let attached: Vec<_> = external.split(',').collect();
        networks.push(json!({"name": "default/eth1", "interface": "net1", "ips": attached, "mac": ""}));
        annotate("k8s.v1.cni.cncf.io/networks", "default/eth1");
        annotate("eth1.default.kubernetes.io/allocated", "true");
        annotate("eth1.default.kubernetes.io/ip_address", external);
    }
    annotate("k8s.v1.cni.cncf.io/network-status", &json!(networks).to_string());
    let labels: Map<String, Value> =
        pod.labels.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "labels": labels, "annotations": annotations},
        "spec": {"nodeName": node, "terminationGracePeriodSeconds": 30,
            "containers": [{"name": "main", "image": "none"}]},
        "status": status})
}

/// The status alone of a Pod.
#[must_use]
pub fn pod_status(one: &Pod<'_>) -> Value {
    let whole = pod(one);
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": one.name, "namespace": "default"},
        "status": whole["status"]})
}

/// What the controller of Deployments says once all is as asked for.
#[must_use]
pub fn deployment_done(name: &str, generation: i64, replicas: i32) -> Value {
    let available = json!({"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable",
        "lastTransitionTime": LONG_AGO, "lastUpdateTime": LONG_AGO});
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "default"},
        "status": {"observedGeneration": generation, "replicas": replicas, "updatedReplicas": replicas,
            "readyReplicas": replicas, "availableReplicas": replicas, "conditions": [available]}})
}
