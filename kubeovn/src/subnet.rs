//! Subnet: a range of addresses, in Kube-OVN one logical switch.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Condition;

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, CustomResource, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "kubeovn.io",
    version = "v1",
    kind = "Subnet",
    plural = "subnets",
    shortname = "subnet",
    status = "SubnetStatus",
    printcolumn(name = "Provider", type_ = "string", json_path = ".spec.provider"),
    printcolumn(name = "Vpc", type_ = "string", json_path = ".spec.vpc"),
    printcolumn(name = "Protocol", type_ = "string", json_path = ".spec.protocol"),
    printcolumn(name = "CIDR", type_ = "string", json_path = ".spec.cidrBlock"),
    printcolumn(name = "NAT", type_ = "boolean", json_path = ".spec.natOutgoing"),
    printcolumn(name = "GatewayType", type_ = "string", json_path = ".spec.gatewayType")
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct SubnetSpec {
    /// One CIDR, or two of different families with a comma between.
    pub cidr_block: Option<Box<str>>,
    /// The VPC it is in; empty: the default one.
    pub vpc: Option<Box<str>>,
    /// Address of the router, or of the physical gateway; two of different families with a comma between.
    pub gateway: Option<Box<str>>,
    /// `ovn`, or the attachment it belongs to, `NAME.NAMESPACE…`.
    pub provider: Option<Box<str>>,
    /// Addresses not to be given out: one, or `FIRST..LAST`.
    pub exclude_ips: Option<Vec<Box<str>>>,
    /// Whether traffic that leaves the cluster is translated to the node's address.
    pub nat_outgoing: Option<bool>,
    /// `IPv4`, `IPv6` or `Dual`.
    pub protocol: Option<Box<str>>,
    /// The Vlan it is bridged to: its pods are on the physical network.
    pub vlan: Option<Box<str>>,
    /// With a Vlan: a logical router, not the physical one, is its gateway.
    pub logical_gateway: Option<bool>,
    /// With a Vlan: it is joined to its VPC's logical router as well.
    pub u2o_interconnection: Option<bool>,
    /// With `enableBfd` of the VPC: its traffic leaves through several nodes.
    pub enable_ecmp: Option<bool>,
    /// Table for its routes; empty: the main one.
    pub route_table: Option<Box<str>>,
}

/// What is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct SubnetStatus {
    /// `Ready` among them.
    pub conditions: Option<Vec<Condition>>,
}
