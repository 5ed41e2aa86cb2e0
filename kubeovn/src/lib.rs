//! Types of the `kubeovn.io/v1` objects that the daemons read, with only the fields that decide something.
//!
//! Every other field of an object is skipped on reading and kept by the API server: the schemas preserve unknown
//! fields, so objects written for Kube-OVN apply unchanged under the definitions in `deploy/crds/`, which
//! [`definitions`] generates. In a cluster with Kube-OVN its own definitions are already there and stay.

#![allow(clippy::duplicated_attributes, reason = "printer columns of one type look alike")]

mod egress_gateway;
mod eip;
mod ip;
mod nat_gateway;
mod ovn_eip;
mod subnet;
mod vip;
mod vpc;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use egress_gateway::{
    Bandwidth, Bfd, Limit, NodeTerm, Policy, Selector, StatusCondition, VpcEgressGateway,
    VpcEgressGatewaySpec, VpcEgressGatewayStatus, Workload,
};
pub use eip::{IptablesEip, IptablesEipSpec, IptablesEipStatus};
pub use ip::{Ip, IpSpec};
pub use nat_gateway::{BgpSpeaker, VpcNatGateway, VpcNatGatewaySpec, VpcNatGatewayStatus};
pub use ovn_eip::{OvnEip, OvnEipSpec, OvnEipStatus};
pub use subnet::{Subnet, SubnetSpec, SubnetStatus};
pub use vip::{Vip, VipSpec, VipStatus};
pub use vpc::{BfdPort, BfdPortStatus, Vpc, VpcSpec, VpcStatus};

/// Group of all of them.
pub const GROUP: &str = "kubeovn.io";
/// Version of all of them.
pub const VERSION: &str = "v1";

/// An entry of `status.conditions`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct Condition {
    /// Which condition, e.g. `Ready`.
    #[serde(rename = "type")]
    pub kind: Option<Box<str>>,
    /// `True`, `False` or `Unknown`.
    pub status: Option<Box<str>>,
}

impl Condition {
    /// Whether the condition `kind` is there and `True`.
    #[must_use]
    pub fn holds(all: Option<&[Self]>, kind: &str) -> bool {
        let is = |field: &Option<Box<str>>, word| field.as_deref() == Some(word);
        all.unwrap_or_default().iter().any(|one| is(&one.kind, kind) && is(&one.status, "True"))
    }

    /// Whether the condition `kind` is there and `False`.
    #[must_use]
    pub fn denied(all: Option<&[Self]>, kind: &str) -> bool {
        let is = |field: &Option<Box<str>>, word| field.as_deref() == Some(word);
        all.unwrap_or_default().iter().any(|one| is(&one.kind, kind) && is(&one.status, "False"))
    }
}

/// The custom resource definitions, by plural name: what is in `deploy/crds/`.
#[must_use]
pub fn definitions() -> Vec<CustomResourceDefinition> {
    let mut gateway = VpcEgressGateway::crd();
    egress_gateway::tighten(&mut gateway);
    // As in Kube-OVN, the status of these is written with the rest.
    let mut vip = Vip::crd();
    vip.spec.versions.iter_mut().for_each(|version| version.subresources = None);
    vec![
        Ip::crd(),
        IptablesEip::crd(),
        OvnEip::crd(),
        Subnet::crd(),
        vip,
        gateway,
        VpcNatGateway::crd(),
        Vpc::crd(),
    ]
}

/// The definitions that `egress --group=GROUP` serves: gateways, and VPCs of which `spec.bfdPort` counts. Without short
/// names, which stay those of Kube-OVN's own objects.
#[must_use]
pub fn definitions_for(group: &str) -> Vec<CustomResourceDefinition> {
    let mut all: Vec<_> = definitions()
        .into_iter()
        .filter(|one| group == GROUP || matches!(&*one.spec.names.kind, "Vpc" | "VpcEgressGateway"))
        .collect();
    for one in all.iter_mut().filter(|_| group != GROUP) {
        group.clone_into(&mut one.spec.group);
        one.metadata.name = Some(format!("{}.{group}", one.spec.names.plural));
        one.spec.names.short_names = None;
    }
    all
}
