//! `IP`: the addresses of a pod or node in a Subnet.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is held. Objects are named `POD.NAMESPACE`, with `.PROVIDER` after it for an attached network.
#[derive(Clone, Debug, Default, PartialEq, Eq, CustomResource, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "kubeovn.io",
    version = "v1",
    kind = "IP",
    root = "Ip",
    plural = "ips",
    singular = "ip",
    shortname = "ip",
    printcolumn(name = "V4IP", type_ = "string", json_path = ".spec.v4IpAddress"),
    printcolumn(name = "V6IP", type_ = "string", json_path = ".spec.v6IpAddress"),
    printcolumn(name = "Mac", type_ = "string", json_path = ".spec.macAddress"),
    printcolumn(name = "Node", type_ = "string", json_path = ".spec.nodeName"),
    printcolumn(name = "Subnet", type_ = "string", json_path = ".spec.subnet")
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct IpSpec {
    /// The pod; for a node its name.
    pub pod_name: Option<Box<str>>,
    /// Namespace of the pod.
    pub namespace: Option<Box<str>>,
    /// The Subnet.
    pub subnet: Option<Box<str>>,
    /// The node the pod is on.
    pub node_name: Option<Box<str>>,
    /// IPv4 address, or empty.
    pub v4_ip_address: Option<Box<str>>,
    /// IPv6 address, or empty.
    pub v6_ip_address: Option<Box<str>>,
    /// Both, with a comma between.
    pub ip_address: Option<Box<str>>,
    /// MAC address.
    pub mac_address: Option<Box<str>>,
}
