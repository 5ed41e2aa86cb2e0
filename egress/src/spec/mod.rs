//! A gateway's specification, checked: what a `VpcEgressGateway` asks for with everything it refers to looked up.
//!
//! Owns every rule about what a gateway may ask for; each break of one is a [`Fault`] with a named [`Reason`]. Leaves
//! to `plan` what follows from it in the databases, and to [`crate::workload`] what the pods look like. Pure.

mod addresses;
mod bandwidth;
mod refusal;
mod selectors;
mod sides;
mod sources;
mod words;

use std::net::IpAddr;

use ipnet::IpNet;
use k8s_openapi::api::core::v1::{NodeSelectorTerm, ResourceRequirements, Toleration};
use kube::ResourceExt;
use kubeovn::{Selector, VpcEgressGateway};

use crate::plan::Settings;
use crate::view::{Cluster, Family, Name};
use refusal::Faults;
pub use refusal::{Fault, Reason, Refusal};
pub use words::bfd_port_addresses;

/// A gateway as it is to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// The gateway itself.
    pub name: Name,
    /// Its uid: the owner of what is made for it.
    pub uid: Box<str>,
    /// Its generation, for conditions.
    pub generation: i64,
    /// The VPC.
    pub vpc: Box<str>,
    /// It is the default one, where rows are always policies and `Local` has a meaning.
    pub in_default_vpc: bool,
    /// The VPC's logical router.
    pub router: Box<str>,
    /// Where the VPC's traffic comes in.
    pub internal: Side,
    /// Where it leaves.
    pub external: Side,
    /// Provider of the external Subnet: prefix of annotations.
    pub provider: Box<str>,
    /// The network attachment that the provider names.
    pub attachment: Name,
    /// Sources of the policies, each network once, sorted by network.
    pub sources: Vec<Source>,
    /// Selectors of pods; one that matches is enough.
    pub selectors: Vec<Selector>,
    /// The gateway on the client's node is preferred.
    pub local: bool,
    /// BFD between OVN and the pods; `None`: off.
    pub bfd: Option<Bfd>,
    /// What only the pods need.
    pub pods: Pods,
}

/// One of the two networks of a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// Name of the Subnet.
    pub subnet: Box<str>,
    /// Its networks, at most one a family.
    pub networks: Vec<IpNet>,
    /// Its gateways, at most one a family.
    pub gateways: Vec<IpAddr>,
    /// Which addresses the pods take there.
    pub addresses: Addresses,
}

impl Side {
    /// The gateway of a family.
    #[must_use]
    pub fn gateway(&self, family: Family) -> Option<IpAddr> {
        self.gateways.iter().copied().find(|gateway| Family::of(*gateway) == family)
    }

    /// The network of a family.
    #[must_use]
    pub fn network(&self, family: Family) -> Option<IpNet> {
        self.networks.iter().copied().find(|network| Family::of(network.addr()) == family)
    }
}

/// Which addresses pods take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addresses {
    /// Whatever is free.
    Any,
    /// Of these, each one address or `v4,v6`, as written.
    Fixed(Vec<Box<str>>),
    /// Of the pool of this name. Whether it is one of the Subnet is left to who gives out addresses.
    Pool(Box<str>),
}

/// A network whose traffic leaves through the gateway.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// In network form: bits below the mask are zero.
    pub network: IpNet,
    /// The pod's external address replaces the source.
    pub snat: bool,
    /// As it is written in the object; a bare address stays bare.
    pub written: Box<str>,
}

impl Source {
    /// Its family.
    #[must_use]
    pub fn family(&self) -> Family {
        Family::of(self.network.addr())
    }
}

/// BFD as the pods' end has it: OVN's `min_rx` is the pods' [`Bfd::min_tx`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bfd {
    /// Milliseconds.
    pub min_tx: u32,
    /// Milliseconds.
    pub min_rx: u32,
    /// Packets that may be lost in a row.
    pub multiplier: u8,
    /// Addresses of the VPC's BFD port, at most one a family.
    pub peers: Vec<IpAddr>,
}

/// What only the pods need.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pods {
    /// Name of the Deployment: prefix and name.
    pub workload: Box<str>,
    /// How many.
    pub replicas: u8,
    /// Their image.
    pub image: Box<str>,
    /// Pods may share a node if they must.
    pub may_share_node: bool,
    /// Nodes they may run on; empty: any.
    pub nodes: Vec<NodeSelectorTerm>,
    /// As in the object.
    pub tolerations: Vec<Toleration>,
    /// In place of the resources of the main container.
    pub resources: Option<ResourceRequirements>,
    /// Mbit/s into the VPC; 0: no limit.
    pub ingress: u64,
    /// Mbit/s out of the VPC; 0: no limit.
    pub egress: u64,
}

impl Spec {
    /// Checks a gateway and looks up what it refers to. The VPC's BFD port is taken from `cluster.vpcs` as it is there.
    ///
    /// # Errors
    /// Everything that is wrong, as far as it can be told.
    pub fn check(
        gateway: &VpcEgressGateway,
        cluster: &Cluster,
        settings: &Settings,
    ) -> Result<Self, Refusal> {
        let mut faults = Faults::default();
        words::unserved(&gateway.spec, &mut faults);
        let pods = words::pods(gateway, settings, &mut faults);
        let local = words::one_of(
            gateway.spec.traffic_policy.as_deref(),
            "spec.trafficPolicy",
            ["Cluster", "Local"],
            &mut faults,
        );
        let vpc = sides::vpc(&gateway.spec, cluster, settings, &mut faults);
        let sides = vpc.as_ref().and_then(|vpc| {
            let internal = sides::internal(&gateway.spec, vpc, cluster, &mut faults);
            let external = sides::external(&gateway.spec, cluster, &mut faults);
            Some((internal?, external?))
        });
        let sources =
            vpc.as_ref().map(|vpc| sources::of(&gateway.spec, vpc, cluster, &mut faults)).unwrap_or_default();
        let selectors = selectors::of(&gateway.spec, &mut faults);
        let bfd = vpc.as_ref().and_then(|vpc| words::bfd(&gateway.spec, vpc, &mut faults));
        if let Some((internal, (external, ..))) = &sides {
            addresses::check(&gateway.spec, pods.replicas, [internal, external], &mut faults);
            sides::together(internal, external, bfd.as_ref(), &mut faults);
            sources::against(external, &sources, &mut faults);
        }
        let sources = sources::once(sources, &mut faults);
        let (vpc, (internal, (external, provider, attachment))) = faults.settle(vpc.zip(sides))?;
        Ok(Self {
            name: Name {
                namespace: gateway.namespace().unwrap_or_default().into(),
                name: gateway.name_any().into(),
            },
            uid: gateway.uid().unwrap_or_default().into(),
            generation: gateway.metadata.generation.unwrap_or_default(),
            in_default_vpc: vpc.name == settings.default_vpc,
            vpc: vpc.name,
            router: vpc.router,
            internal,
            external,
            provider,
            attachment,
            sources,
            selectors,
            local,
            bfd,
            pods,
        })
    }

    /// Families with a gateway on both sides: those whose traffic can leave.
    pub fn families(&self) -> impl Iterator<Item = Family> + '_ {
        Family::BOTH.into_iter().filter(|family| {
            self.internal.gateway(*family).is_some() && self.external.gateway(*family).is_some()
        })
    }
}
