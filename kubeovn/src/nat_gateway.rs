//! `VpcNatGateway`: a pod that translates between a VPC and an external network.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, CustomResource, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "kubeovn.io",
    version = "v1",
    kind = "VpcNatGateway",
    plural = "vpc-nat-gateways",
    singular = "vpc-nat-gateway",
    shortname = "vpc-nat-gw",
    status = "VpcNatGatewayStatus",
    printcolumn(name = "Vpc", type_ = "string", json_path = ".spec.vpc"),
    printcolumn(name = "Subnet", type_ = "string", json_path = ".spec.subnet"),
    printcolumn(name = "LanIP", type_ = "string", json_path = ".spec.lanIp")
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct VpcNatGatewaySpec {
    /// The VPC it serves.
    pub vpc: Option<Box<str>>,
    /// The Subnet of its inner interface.
    pub subnet: Option<Box<str>>,
    /// Its address in that Subnet.
    pub lan_ip: Option<Box<str>>,
    /// How its EIPs are announced.
    pub bgp_speaker: Option<BgpSpeaker>,
}

/// The speaker beside the gateway; each field is a flag of it. The password is left out: nothing here reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct BgpSpeaker {
    /// Whether there is one.
    pub enabled: Option<bool>,
    /// `--cluster-as`.
    pub asn: Option<u32>,
    /// `--neighbor-as`.
    pub remote_asn: Option<u32>,
    /// `--neighbor-address` and `--neighbor-ipv6-address`.
    pub neighbors: Option<Vec<Box<str>>>,
}

/// What is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct VpcNatGatewayStatus {
    /// It is at work.
    pub ready: Option<bool>,
}
