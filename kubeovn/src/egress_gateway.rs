//! `VpcEgressGateway`: pods through which the traffic of a VPC leaves.

use k8s_openapi::api::core::v1::{NodeSelectorRequirement, ResourceRequirements, Toleration};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::CustomResource;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, CustomResource, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "kubeovn.io",
    version = "v1",
    kind = "VpcEgressGateway",
    plural = "vpc-egress-gateways",
    singular = "vpc-egress-gateway",
    shortname = "veg",
    shortname = "vpc-egress-gw",
    namespaced,
    status = "VpcEgressGatewayStatus"
)]
#[serde(rename_all = "camelCase")]
pub struct VpcEgressGatewaySpec {
    /// The VPC whose traffic it carries; empty: the default VPC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc: Option<String>,
    /// How many pods, 0 to 10; 1 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Goes before the name of the workload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Image of the pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Subnet of the VPC that the pods are in; by default the VPC's default one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub internal_subnet: Option<String>,
    /// Subnet of the external network.
    #[serde(default)]
    pub external_subnet: String,
    /// Addresses of the pods in the internal subnet: one, or `v4,v6`, each.
    #[serde(default, rename = "internalIPs", skip_serializing_if = "Option::is_none")]
    pub internal_ips: Option<Vec<String>>,
    /// Addresses of the pods in the external subnet: one, or `v4,v6`, each.
    #[serde(default, rename = "externalIPs", skip_serializing_if = "Option::is_none")]
    pub external_ips: Option<Vec<String>>,
    /// Pool of addresses, in place of `internalIPs`.
    #[serde(default, rename = "internalIPPool", skip_serializing_if = "Option::is_none")]
    pub internal_ip_pool: Option<String>,
    /// Pool of addresses, in place of `externalIPs`.
    #[serde(default, rename = "externalIPPool", skip_serializing_if = "Option::is_none")]
    pub external_ip_pool: Option<String>,
    /// Pods whose traffic it carries; one that matches any entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selectors: Option<Vec<Selector>>,
    /// Sources whose traffic it carries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policies: Option<Vec<Policy>>,
    /// `Cluster` (default) or `Local`: prefer the gateway on the client's node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic_policy: Option<String>,
    /// `Required` (default) or `Preferred`: pods on different nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_anti_affinity: Option<String>,
    /// BFD between OVN and the pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bfd: Option<Bfd>,
    /// Nodes for the pods; one that matches any entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_selector: Option<Vec<NodeTerm>>,
    /// Copied to the pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerations: Option<Vec<Toleration>>,
    /// Replaces the resources of the main container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
    /// Limits of each pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth: Option<Bandwidth>,
    /// Name of a `BgpConf`. Not served yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bgp_conf: Option<String>,
    /// Name of an `EvpnConf`. Not served yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evpn_conf: Option<String>,
    /// Metrics of the pods' interfaces. Not served yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observability: Option<serde_json::Value>,
}

/// Which pods; an absent part matches all.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Selector {
    /// By the labels of their namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<LabelSelector>,
    /// By their labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_selector: Option<LabelSelector>,
}

/// Which sources.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// Whether their address is replaced by the pod's external one.
    #[serde(default)]
    pub snat: bool,
    /// Addresses or CIDRs of either family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_blocks: Option<Vec<String>>,
    /// Names of Subnets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnets: Option<Vec<String>>,
}

/// BFD between OVN and the pods; of the pods' end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct Bfd {
    /// Whether there is any.
    #[serde(default)]
    pub enabled: bool,
    /// Least interval it takes, in milliseconds; 1000 by default.
    #[serde(default, rename = "minRX", skip_serializing_if = "Option::is_none")]
    pub min_rx: Option<i32>,
    /// Least interval it sends at, in milliseconds; 1000 by default.
    #[serde(default, rename = "minTX", skip_serializing_if = "Option::is_none")]
    pub min_tx: Option<i32>,
    /// Detection multiplier; 3 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multiplier: Option<i32>,
}

/// A term of a node selector.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NodeTerm {
    /// Labels and their values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub match_labels: Option<BTreeMap<String, String>>,
    /// Requirements of labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub match_expressions: Option<Vec<NodeSelectorRequirement>>,
    /// Requirements of fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub match_fields: Option<Vec<NodeSelectorRequirement>>,
}

/// Limits seen from the VPC: a number or numeric text (Mbit/s), or a quantity (bit/s).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct Bandwidth {
    /// Towards the VPC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ingress: Option<Limit>,
    /// Out of the VPC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub egress: Option<Limit>,
}

/// A bandwidth as it is written. A number may need more than the 32 bits that other fields of this form have.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Limit {
    /// Mbit/s.
    Number(i64),
    /// Mbit/s, or a quantity in bit/s.
    Text(String),
}

impl JsonSchema for Limit {
    fn schema_name() -> Cow<'static, str> {
        "Limit".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "x-kubernetes-int-or-string": true,
            "pattern": r"^([0-9]+|([0-9]+(\.[0-9]+)?|\.[0-9]+)(M|Mi|G|Gi))$",
            "x-kubernetes-validations": [{
                "rule": "type(self) == int ? self >= 0 && self <= 9223372036854 : true",
                "message": "must be 0 to 9223372036854 Mbit/s",
            }],
        })
    }
}

/// What is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VpcEgressGatewayStatus {
    /// Replicas asked for, of the scale subresource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Which pods, of the scale subresource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label_selector: Option<String>,
    /// At work as asked for.
    #[serde(default)]
    pub ready: bool,
    /// `Pending`, `Processing` or `Completed`.
    #[serde(default)]
    pub phase: String,
    /// Addresses in the VPC, an entry for each pod.
    #[serde(default, rename = "internalIPs", skip_serializing_if = "Option::is_none")]
    pub internal_ips: Option<Vec<String>>,
    /// Addresses in the external network, an entry for each pod.
    #[serde(default, rename = "externalIPs", skip_serializing_if = "Option::is_none")]
    pub external_ips: Option<Vec<String>>,
    /// The Deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<Workload>,
    /// See the documentation of each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Vec<StatusCondition>>,
    /// The router that rows were written to, so that they are found after `spec.vpc` changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub router: Option<String>,
}

/// The Deployment of a gateway.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Workload {
    /// `apps/v1`.
    pub api_version: String,
    /// `Deployment`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Nodes of its pods, sorted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nodes: Option<Vec<String>>,
}

/// A condition as Kube-OVN writes them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusCondition {
    /// Which one.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// A word for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// A sentence for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The generation it speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_update_time: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<String>,
}
