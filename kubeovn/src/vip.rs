//! `Vip`: an address of a Subnet that is held without a pod.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is asked for; empty addresses are filled in by the controller.
#[derive(Clone, Debug, Default, PartialEq, Eq, CustomResource, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "kubeovn.io",
    version = "v1",
    kind = "Vip",
    plural = "vips",
    singular = "vip",
    shortname = "vip",
    status = "VipStatus",
    printcolumn(name = "Namespace", type_ = "string", json_path = ".spec.namespace"),
    printcolumn(name = "V4IP", type_ = "string", json_path = ".status.v4ip"),
    printcolumn(name = "V6IP", type_ = "string", json_path = ".status.v6ip"),
    printcolumn(name = "Mac", type_ = "string", json_path = ".status.mac"),
    printcolumn(name = "Subnet", type_ = "string", json_path = ".spec.subnet"),
    printcolumn(name = "Type", type_ = "string", json_path = ".status.type")
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct VipSpec {
    /// Namespace of the pods that use it.
    pub namespace: Option<Box<str>>,
    /// The Subnet.
    pub subnet: Option<Box<str>>,
    /// What it is for.
    #[serde(rename = "type")]
    pub kind: Option<Box<str>>,
    /// IPv4 address.
    #[serde(rename = "v4ip")]
    pub v4ip: Option<Box<str>>,
    /// IPv6 address.
    #[serde(rename = "v6ip")]
    pub v6ip: Option<Box<str>>,
    /// MAC address.
    pub mac_address: Option<Box<str>>,
    /// Labels `KEY:VALUE` of the pods that use it.
    pub selector: Option<Vec<Box<str>>>,
}

/// What is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct VipStatus {
    /// As in the spec.
    #[serde(rename = "type")]
    pub kind: Option<Box<str>>,
    /// IPv4 address.
    pub v4ip: Option<Box<str>>,
    /// IPv6 address.
    pub v6ip: Option<Box<str>>,
    /// MAC address.
    pub mac: Option<Box<str>>,
}
