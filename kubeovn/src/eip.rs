//! `IptablesEIP`: an external address held by a VPC NAT gateway.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is asked for; empty addresses are filled in by the controller.
#[derive(Clone, Debug, Default, PartialEq, Eq, CustomResource, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "kubeovn.io",
    version = "v1",
    kind = "IptablesEIP",
    root = "IptablesEip",
    plural = "iptables-eips",
    singular = "iptables-eip",
    shortname = "eip",
    status = "IptablesEipStatus",
    printcolumn(name = "IP", type_ = "string", json_path = ".status.ip"),
    printcolumn(name = "Nat", type_ = "string", json_path = ".status.nat"),
    printcolumn(name = "NatGwDp", type_ = "string", json_path = ".spec.natGwDp"),
    printcolumn(name = "Ready", type_ = "boolean", json_path = ".status.ready")
)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct IptablesEipSpec {
    /// IPv4 address.
    #[serde(rename = "v4ip")]
    pub v4ip: Option<Box<str>>,
    /// IPv6 address. Kube-OVN reserves it but never configures it in the gateway.
    #[serde(rename = "v6ip")]
    pub v6ip: Option<Box<str>>,
    /// Name of the `VpcNatGateway` that holds it.
    #[serde(rename = "natGwDp")]
    pub nat_gw_dp: Option<Box<str>>,
}

/// What is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct IptablesEipStatus {
    /// The gateway has it. False for a while after the gateway restarted.
    pub ready: Option<bool>,
}
