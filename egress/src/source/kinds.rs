//! Which kinds are watched, and where they are in the API.

use kube::core::{ApiResource, GroupVersionKind};

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Gateways, of the group that is served.
    Gateway,
    /// VPCs as Kube-OVN has them.
    Vpc,
    /// VPCs of the group that is served, where that is another than Kube-OVN's: of them only the BFD port counts.
    OwnVpc,
    /// Subnets.
    Subnet,
    /// Pods.
    Pod,
    /// Namespaces, their metadata.
    Namespace,
    /// Nodes.
    Node,
    /// Deployments of gateways.
    Deployment,
    /// `NetworkAttachmentDefinition`s, their metadata; a cluster need not have the kind.
    Attachment,
    /// The Lease of kube-ovn-controller.
    Lease,
}

impl Kind {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; 10] = [
        Self::Gateway,
        Self::Vpc,
        Self::OwnVpc,
        Self::Subnet,
        Self::Pod,
        Self::Namespace,
        Self::Node,
        Self::Deployment,
        Self::Attachment,
        Self::Lease,
    ];

    /// Its plural in the API, for logs, metrics and the readiness page.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gateway => "vpc-egress-gateways",
            Self::Vpc => "vpcs",
            Self::OwnVpc => "vpcs of the group",
            Self::Subnet => "subnets",
            Self::Pod => "pods",
            Self::Namespace => "namespaces",
            Self::Node => "nodes",
            Self::Deployment => "deployments",
            Self::Attachment => "network-attachment-definitions",
            Self::Lease => "leases",
        }
    }
}

/// The API group whose gateways are served, and what follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    group: Box<str>,
}

impl Served {
    /// `group` as in `apiVersion`.
    #[must_use]
    pub fn new(group: &str) -> Self {
        Self { group: group.into() }
    }

    /// The group.
    #[must_use]
    pub fn group(&self) -> &str {
        &self.group
    }

    /// Whether it is Kube-OVN's own: then no kube-ovn-controller may serve it, too.
    #[must_use]
    pub fn is_kube_ovn(&self) -> bool {
        &*self.group == kubeovn::GROUP
    }

    /// The finalizer of its gateways: Kube-OVN's own where we stand in for it, so that either can end what the other
    /// began.
    #[must_use]
    pub fn finalizer(&self) -> String {
        match self.is_kube_ovn() {
            true => "kubeovn.io/kube-ovn-controller".to_owned(),
            false => format!("{}/egress", self.group),
        }
    }

    /// `external_ids:vendor` of our rows.
    #[must_use]
    pub fn vendor(&self) -> &str {
        if self.is_kube_ovn() { "kube-ovn" } else { &self.group }
    }

    /// Where gateways are.
    #[must_use]
    pub fn gateways(&self) -> ApiResource {
        resource(&self.group, "VpcEgressGateway", "vpc-egress-gateways")
    }

    /// Where the VPCs are whose BFD port is ours to make, and whose status tells of it.
    #[must_use]
    pub fn vpcs(&self) -> ApiResource {
        resource(&self.group, "Vpc", "vpcs")
    }
}

/// Kube-OVN's VPCs.
pub(super) fn vpcs() -> ApiResource {
    resource(kubeovn::GROUP, "Vpc", "vpcs")
}

/// Kube-OVN's Subnets.
pub(super) fn subnets() -> ApiResource {
    resource(kubeovn::GROUP, "Subnet", "subnets")
}

/// Attachments of Multus.
pub(super) fn attachments() -> ApiResource {
    resource("k8s.cni.cncf.io", "NetworkAttachmentDefinition", "network-attachment-definitions")
}

fn resource(group: &str, kind: &str, plural: &str) -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, "v1", kind), plural)
}
