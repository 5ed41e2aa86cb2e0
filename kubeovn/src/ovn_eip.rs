//! `OvnEip`: an external address that OVN itself holds.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::egress_gateway::StatusCondition;

/// What is asked for; empty addresses are filled in by the controller.
#[derive(Clone, Debug, Default, PartialEq, Eq, CustomResource, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "kubeovn.io",
    version = "v1",
    kind = "OvnEip",
    plural = "ovn-eips",
    singular = "ovn-eip",
    shortname = "oeip",
    status = "OvnEipStatus",
    printcolumn(name = "V4IP", type_ = "string", json_path = ".status.v4Ip"),
    printcolumn(name = "V6IP", type_ = "string", json_path = ".status.v6Ip"),
    printcolumn(name = "Mac", type_ = "string", json_path = ".status.macAddress"),
    printcolumn(name = "Type", type_ = "string", json_path = ".status.type"),
    printcolumn(name = "Nat", type_ = "string", json_path = ".status.nat"),
    printcolumn(name = "Ready", type_ = "boolean", json_path = ".status.ready"),
    printcolumn(name = "ExternalSubnet", type_ = "string", json_path = ".spec.externalSubnet")
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct OvnEipSpec {
    /// The Subnet; empty: the default external one.
    pub external_subnet: Option<Box<str>>,
    /// `nat` (also when empty), `lrp`, `lsp` or `node-ext-gw`; older objects have `fip`, `snat` and `dnat` for `nat`.
    #[serde(rename = "type")]
    pub kind: Option<Box<str>>,
    /// IPv4 address.
    pub v4_ip: Option<Box<str>>,
    /// IPv6 address.
    pub v6_ip: Option<Box<str>>,
    /// MAC address.
    pub mac_address: Option<Box<str>>,
}

/// What is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct OvnEipStatus {
    /// As in the spec, filled in.
    #[serde(rename = "type")]
    pub kind: Option<Box<str>>,
    /// Rules that use it: of `dnat`, `fip` and `snat`, in this order, with commas between.
    pub nat: Option<Box<str>>,
    /// It can be used.
    pub ready: Option<bool>,
    /// IPv4 address.
    pub v4_ip: Option<Box<str>>,
    /// IPv6 address.
    pub v6_ip: Option<Box<str>>,
    /// MAC address.
    pub mac_address: Option<Box<str>>,
    /// Conditions.
    pub conditions: Option<Vec<StatusCondition>>,
}
