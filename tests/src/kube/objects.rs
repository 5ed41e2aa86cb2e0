//! Objects as Kube-OVN and its users write them, for the API server.
//!
//! `bgp` is the value of the annotation `ovn.kubernetes.io/bgp`; without one there is no such annotation.

use std::fmt::Write as _;

/// A Subnet that is ready.
#[must_use]
pub fn subnet(name: &str, cidr: &str, bgp: Option<&str>) -> String {
    format!(
        "---
apiVersion: kubeovn.io/v1
kind: Subnet
metadata:
  name: {name}
{}spec:
  protocol: Dual
  cidrBlock: {cidr}
  natOutgoing: false
status:
  conditions:
  - type: Ready
    status: \"True\"
    reason: ResetLogicalSwitchAclSuccess
    lastTransitionTime: \"2026-01-01T00:00:00Z\"
",
        annotations(&[], bgp)
    )
}

/// A running Pod on `node`, with the addresses (comma separated) that Kube-OVN gave it in `subnet`.
///
/// It goes by `kubectl delete --force` only: there is no kubelet to end it.
#[must_use]
pub fn pod(name: &str, node: &str, subnet: &str, addresses: &str, bgp: Option<&str>) -> String {
    let ips = addresses.split(',').fold(String::new(), |mut ips, ip| {
        let _ = write!(ips, "\n  - ip: {ip}");
        ips
    });
    format!(
        "---
apiVersion: v1
kind: Pod
metadata:
  name: {name}
  namespace: default
{}spec:
  nodeName: {node}
  containers:
  - name: main
    image: none
status:
  phase: Running
  conditions:
  - type: Ready
    status: \"True\"
  podIP: {}
  podIPs:{ips}
",
        annotations(
            &[
                ("ovn.kubernetes.io/allocated", "true"),
                ("ovn.kubernetes.io/ip_address", addresses),
                ("ovn.kubernetes.io/logical_switch", subnet),
            ],
            bgp
        ),
        addresses.split(',').next().unwrap_or_default()
    )
}

/// A dual-stack ClusterIP Service at `10.96.<v4>` and `fd00:10:96::<v6>`.
#[must_use]
pub fn service(name: &str, v4: &str, v6: &str, bgp: Option<&str>) -> String {
    format!(
        "---
apiVersion: v1
kind: Service
metadata:
  name: {name}
  namespace: default
{}spec:
  type: ClusterIP
  ipFamilyPolicy: RequireDualStack
  clusterIP: 10.96.{v4}
  clusterIPs: ['10.96.{v4}', 'fd00:10:96::{v6}']
  ports:
  - port: 80
",
        annotations(&[], bgp)
    )
}

/// An EIP of a VPC NAT gateway that the controller has, or has not, set up.
#[must_use]
pub fn eip(name: &str, gateway: &str, (v4, v6): (&str, &str), ready: bool) -> String {
    format!(
        "---
apiVersion: kubeovn.io/v1
kind: IptablesEIP
metadata:
  name: {name}
  labels:
    ovn.kubernetes.io/vpc-nat-gw-name: {gateway}
spec:
  natGwDp: {gateway}
  v4ip: \"{v4}\"
  v6ip: \"{v6}\"
status:
  ip: \"{v4}\"
  ready: {ready}
"
    )
}

/// A Node with the label that the speakers' DaemonSet wants.
#[must_use]
pub fn node(name: &str) -> String {
    format!(
        "---
apiVersion: v1
kind: Node
metadata:
  name: {name}
  labels:
    ovn.kubernetes.io/bgp: \"true\"
"
    )
}

/// The DaemonSet of the speakers. Nobody makes Pods of it: there is no controller.
#[must_use]
pub fn daemon_set() -> String {
    "---
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: kube-ovn-speaker
  namespace: kube-system
spec:
  selector:
    matchLabels:
      app: kube-ovn-speaker
  template:
    metadata:
      labels:
        app: kube-ovn-speaker
    spec:
      nodeSelector:
        ovn.kubernetes.io/bgp: \"true\"
      containers:
      - name: kube-ovn-speaker
        image: none
"
    .to_owned()
}

/// The Pod that the DaemonSet with this uid has on `node`, as its controller makes it.
#[must_use]
pub fn speaker_pod(node: &str, uid: &str) -> String {
    format!(
        "---
apiVersion: v1
kind: Pod
metadata:
  name: kube-ovn-speaker-{node}
  namespace: kube-system
  ownerReferences:
  - apiVersion: apps/v1
    kind: DaemonSet
    name: kube-ovn-speaker
    uid: {uid}
    controller: true
    blockOwnerDeletion: true
spec:
  nodeName: {node}
  hostNetwork: true
  nodeSelector:
    ovn.kubernetes.io/bgp: \"true\"
  affinity:
    nodeAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
        nodeSelectorTerms:
        - matchFields:
          - key: metadata.name
            operator: In
            values: [{node}]
  containers:
  - name: kube-ovn-speaker
    image: none
"
    )
}

fn annotations(fixed: &[(&str, &str)], bgp: Option<&str>) -> String {
    let bgp = bgp.map(|value| ("ovn.kubernetes.io/bgp", value));
    let mut out = String::new();
    for (key, value) in fixed.iter().copied().chain(bgp) {
        if out.is_empty() {
            out.push_str("  annotations:\n");
        }
        let _ = writeln!(out, "    {key}: \"{value}\"");
    }
    out
}
