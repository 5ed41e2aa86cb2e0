//! Why something is not announced.

use std::sync::Arc;

use ipnet::IpNet;

use crate::view::{Key, Life};

/// One reason, with the field, the value and the rule in its text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody asked.
    #[error("annotation ovn.kubernetes.io/bgp is not set: nothing asks for an announcement")]
    NotAnnotated,
    /// Neither the Pod nor its Subnet asked.
    #[error(
        "annotation ovn.kubernetes.io/bgp is set neither on the Pod nor on Subnet {subnet}: nothing asks to announce \
         {prefix}"
    )]
    PodNotAnnotated {
        /// The address.
        prefix: IpNet,
        /// Its Subnet.
        subnet: Arc<str>,
    },
    /// Explicitly off.
    #[error("annotation ovn.kubernetes.io/bgp of {by} is `false` or `no`: explicitly off")]
    PolicyOff {
        /// Whose annotation decides.
        by: Key,
    },
    /// The annotation's value is unknown.
    #[error(
        "annotation ovn.kubernetes.io/bgp of {by} is {value:?}: must be exactly true, yes, cluster, local, false or no"
    )]
    PolicyInvalid {
        /// Whose annotation decides.
        by: Key,
        /// What it says.
        value: Arc<str>,
    },
    /// A Subnet with policy `local`.
    #[error(
        "annotation ovn.kubernetes.io/bgp is local: a Subnet's CIDR has no node, only its Pods are announced"
    )]
    SubnetLocal,
    /// A Pod's Subnet is not there.
    #[error(
        "Subnet {subnet}, named by a logical_switch annotation, does not exist: {prefix} is not announced"
    )]
    SubnetUnknown {
        /// The address.
        prefix: IpNet,
        /// The Subnet's name.
        subnet: Arc<str>,
    },
    /// The Subnet is not Ready.
    #[error(
        "status.conditions of Subnet {subnet} has no type Ready with status True: it and its Pods must wait"
    )]
    SubnetNotReady {
        /// The Subnet's name.
        subnet: Arc<str>,
    },
    /// The Subnet has no CIDR at all.
    #[error("spec.cidrBlock is empty: there is nothing to announce")]
    NoCidr,
    /// A part of the Subnet's CIDRs makes no sense.
    #[error("spec.cidrBlock has {text:?}, which is not an address, a slash and a prefix length")]
    BadCidr {
        /// The part.
        text: Box<str>,
    },
    /// The Pod has ended.
    #[error("{}", dead(*life))]
    PodDead {
        /// How.
        life: Life,
    },
    /// The Pod is being deleted.
    #[error(
        "metadata.deletionTimestamp is set and condition Ready is not True: a terminating Pod is announced only while \
         Ready"
    )]
    PodTerminating,
    /// The Pod has the node's address.
    #[error("spec.hostNetwork is true: the Pod uses its node's addresses, which are not ours to announce")]
    HostNetwork,
    /// The Pod runs elsewhere and its policy is `local`.
    #[error(
        "policy is local and spec.nodeName is {}, not {here}: only the Pod's own node announces {prefix}",
        .node.as_deref().unwrap_or("not set yet")
    )]
    OtherNode {
        /// The address.
        prefix: IpNet,
        /// Where the Pod runs.
        node: Option<Arc<str>>,
        /// This node.
        here: Arc<str>,
    },
    /// The Pod runs elsewhere, and this speaker announces the Pods of its own node alone.
    #[error(
        "spec.nodeName is {}, not {here}: with --local-only {prefix} is announced by the Pod's own node alone, though its \
         policy is cluster",
        .node.as_deref().unwrap_or("not set yet")
    )]
    LocalOnly {
        /// The address.
        prefix: IpNet,
        /// Where the Pod runs.
        node: Option<Arc<str>>,
        /// This node.
        here: Arc<str>,
    },
    /// The Pod has no address yet.
    #[error(
        "no annotation PROVIDER.kubernetes.io/ip_address: the Pod has no address yet, or not from Kube-OVN"
    )]
    NoAddress,
    /// The Subnet of an address is not told.
    #[error(
        "annotation {provider}.kubernetes.io/logical_switch is missing: the Subnet of \
         {provider}.kubernetes.io/ip_address must be known"
    )]
    NoSubnet {
        /// The network.
        provider: Arc<str>,
    },
    /// Not an address.
    #[error("{field} has {text:?}, which is not an IP address")]
    BadAddress {
        /// Where it is written.
        field: Box<str>,
        /// What is written.
        text: Box<str>,
    },
    /// Services are not wanted.
    #[error("Services are announced only with --announce-cluster-ip")]
    ServicesOff,
    /// Not a `ClusterIP` Service.
    #[error("spec.type is {found}: only Services of type ClusterIP are announced")]
    ServiceType {
        /// The type.
        found: Box<str>,
    },
    /// No cluster IP.
    #[error("spec.clusterIP is None or empty: a headless Service has no address to announce")]
    ServiceHeadless,
    /// Services know no `local`.
    #[error(
        "annotation ovn.kubernetes.io/bgp is local: a cluster IP has no node, a Service can only say true"
    )]
    ServiceLocal,
    /// An EIP, but this speaker announces what nodes do.
    #[error("EIPs are announced by the speaker in their gateway, which runs with --nat-gw-mode")]
    NodeMode,
    /// No EIP, but this speaker announces those alone.
    #[error("with --nat-gw-mode only EIPs are announced")]
    NatGatewayMode,
    /// Another gateway has the EIP.
    #[error(
        "label ovn.kubernetes.io/vpc-nat-gw-name is {}, not {}: only its gateway announces an EIP",
        .gateway.as_deref().unwrap_or("not set"), .here.as_deref().unwrap_or("known here (GATEWAY_NAME is empty)")
    )]
    OtherGateway {
        /// The gateway's name.
        gateway: Option<Arc<str>>,
        /// This gateway.
        here: Option<Arc<str>>,
    },
    /// The gateway does not have the EIP yet, or not again.
    #[error("status.ready is not true: the gateway has not configured the EIP")]
    EipNotReady,
    /// No address.
    #[error("spec.v4ip and spec.v6ip are empty: the EIP has no address yet")]
    EipEmpty,
    /// EIPs know no `local`.
    #[error("annotation ovn.kubernetes.io/bgp is local, which an EIP cannot say: it can only say true")]
    EipLocal,
}

fn dead(life: Life) -> &'static str {
    match life {
        Life::Succeeded => {
            "status.phase is Succeeded and spec.restartPolicy is not Always: the Pod has ended"
        }
        Life::Failed => "status.phase is Failed and spec.restartPolicy is Never: the Pod has ended",
        Life::Evicted => "status.phase is Failed and status.reason is Evicted: the Pod has ended",
        Life::Alive | Life::Terminating => "the Pod has ended",
    }
}

impl Refusal {
    /// A word out of a closed set, for metrics and logs.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::NotAnnotated | Self::PodNotAnnotated { .. } => "not-annotated",
            Self::PolicyOff { .. } => "policy-off",
            Self::PolicyInvalid { .. } => "policy-invalid",
            Self::SubnetLocal => "subnet-local",
            Self::SubnetUnknown { .. } => "subnet-unknown",
            Self::SubnetNotReady { .. } => "subnet-not-ready",
            Self::NoCidr => "no-cidr",
            Self::BadCidr { .. } => "bad-cidr",
            Self::PodDead { .. } => "pod-dead",
            Self::PodTerminating => "pod-terminating",
            Self::HostNetwork => "host-network",
            Self::OtherNode { .. } => "other-node",
            Self::LocalOnly { .. } => "local-only",
            Self::NoAddress => "no-address",
            Self::NoSubnet { .. } => "no-subnet",
            Self::BadAddress { .. } => "bad-address",
            Self::ServicesOff => "services-off",
            Self::ServiceType { .. } => "service-type",
            Self::ServiceHeadless => "service-headless",
            Self::ServiceLocal => "service-local",
            Self::NodeMode => "node-mode",
            Self::NatGatewayMode => "nat-gateway-mode",
            Self::OtherGateway { .. } => "other-gateway",
            Self::EipNotReady => "eip-not-ready",
            Self::EipEmpty => "eip-empty",
            Self::EipLocal => "eip-local",
        }
    }
}
