//! `VpcEgressGateway`: pods through which the traffic of a VPC leaves.

mod schema;
mod status;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{NodeSelectorRequirement, ResourceRequirements, Toleration};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use schema::Limit;
pub(crate) use schema::tighten;
pub use status::{StatusCondition, VpcEgressGatewayStatus, Workload};

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
    doc = "Pods through which traffic of a VPC leaves the cluster.",
    status = "VpcEgressGatewayStatus",
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.labelSelector"
    ),
    printcolumn(name = "Vpc", type_ = "string", json_path = ".spec.vpc"),
    printcolumn(name = "Replicas", type_ = "integer", json_path = ".spec.replicas"),
    printcolumn(name = "bfd", type_ = "boolean", json_path = ".spec.bfd.enabled"),
    printcolumn(name = "External Subnet", type_ = "string", json_path = ".spec.externalSubnet"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Ready", type_ = "boolean", json_path = ".status.ready"),
    printcolumn(name = "Internal IPs", type_ = "string", json_path = ".status.internalIPs", priority = 1),
    printcolumn(name = "External IPs", type_ = "string", json_path = ".status.externalIPs", priority = 1),
    printcolumn(
        name = "Working Nodes",
        type_ = "string",
        json_path = ".status.workload.nodes",
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = schema::spec_rules()))]
pub struct VpcEgressGatewaySpec {
    /// The VPC whose traffic it carries; empty: the default VPC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc: Option<String>,
    /// How many pods, 0 to 10; 1 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 10), extend("default" = 1))]
    pub replicas: Option<i32>,
    /// Goes before the name of the workload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = schema::PREFIX))]
    pub prefix: Option<String>,
    /// Image of the pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Subnet of the VPC that the pods are in; by default the VPC's default one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub internal_subnet: Option<String>,
    /// Subnet of the external network.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub external_subnet: String,
    /// Addresses of the pods in the internal subnet: one, or `v4,v6`, each.
    #[serde(default, rename = "internalIPs", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-list-type" = "set"))]
    pub internal_ips: Option<Vec<String>>,
    /// Addresses of the pods in the external subnet: one, or `v4,v6`, each.
    #[serde(default, rename = "externalIPs", skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-list-type" = "set"))]
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
    #[schemars(extend("enum" = ["Local", "Cluster"], "default" = "Cluster"))]
    pub traffic_policy: Option<String>,
    /// `Required` (default) or `Preferred`: pods on different nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["Required", "Preferred"], "default" = "Required"))]
    pub pod_anti_affinity: Option<String>,
    /// BFD between OVN and the pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = json!({})))]
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
    #[schemars(extend("type" = "object", "x-kubernetes-preserve-unknown-fields" = true))]
    pub observability: Option<serde_json::Value>,
}

/// Which pods; an absent part matches all.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Selector {
    /// By the labels of their namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = schema::selector_rules()))]
    pub namespace_selector: Option<LabelSelector>,
    /// By their labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-validations" = schema::selector_rules()))]
    pub pod_selector: Option<LabelSelector>,
}

/// Which sources.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = schema::policy_rules()))]
pub struct Policy {
    /// Whether their address is replaced by the pod's external one.
    #[serde(default)]
    pub snat: bool,
    /// Addresses or CIDRs of either family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-list-type" = "set"))]
    pub ip_blocks: Option<Vec<String>>,
    /// Names of Subnets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-list-type" = "set"))]
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
    #[schemars(range(min = 1, max = 3_600_000), extend("default" = 1000))]
    pub min_rx: Option<i32>,
    /// Least interval it sends at, in milliseconds; 1000 by default.
    #[serde(default, rename = "minTX", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3_600_000), extend("default" = 1000))]
    pub min_tx: Option<i32>,
    /// Detection multiplier; 3 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 255), extend("default" = 3))]
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
