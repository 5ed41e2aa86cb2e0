//! What decisions are made of: objects of the API server and what OVN says, as plain structs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use kubeovn::{Subnet, Vpc, VpcEgressGateway};

use crate::rows::{Key, Row};

/// A family of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both, IPv4 first.
    pub const BOTH: [Self; 2] = [Self::V4, Self::V6];

    /// Of an address.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    /// `4` or `6`, as in `ip4.src` and in the owner id `af`.
    #[must_use]
    pub fn digit(self) -> &'static str {
        match self {
            Self::V4 => "4",
            Self::V6 => "6",
        }
    }
}

/// `NAMESPACE/NAME`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// The namespace.
    pub namespace: Box<str>,
    /// The name in it.
    pub name: Box<str>,
}

impl Name {
    /// A name from its parts.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The objects, as of the last event of each watch.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// Gateways, of the group that is served.
    pub gateways: BTreeMap<Name, Arc<VpcEgressGateway>>,
    /// VPCs by name: those of kubeovn.io, but `spec.bfdPort`, `status.bfdPort` and `status.conditions` are those of the
    /// object of that name in the group that is served.
    pub vpcs: BTreeMap<Box<str>, Arc<Vpc>>,
    /// Gateways that are there and cannot be read, whose last good form may be in `gateways`.
    pub unreadable_gateways: BTreeSet<Name>,
    /// VPCs, of either group, that are there and cannot be read.
    pub unreadable_vpcs: BTreeSet<Box<str>>,
    /// Subnets by name.
    pub subnets: BTreeMap<Box<str>, Arc<Subnet>>,
    /// Pods that are part of a gateway, or may be matched by a selector.
    pub pods: BTreeMap<Name, Arc<Pod>>,
    /// Labels of namespaces.
    pub namespaces: BTreeMap<Box<str>, BTreeMap<String, String>>,
    /// Nodes by name.
    pub nodes: BTreeMap<Box<str>, Arc<Node>>,
    /// Deployments of gateways.
    pub deployments: BTreeMap<Name, Arc<Deployment>>,
    /// Network attachments that exist; `None` where the cluster does not know the kind.
    pub attachments: Option<BTreeSet<Name>>,
    /// A kube-ovn-controller holds its lease, as of the last look.
    pub controller_alive: bool,
}

/// The fields of a Pod that decide.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pod {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Where it runs; empty before it is scheduled.
    pub node: Box<str>,
    /// `status.phase` is Running.
    pub running: bool,
    /// `status.phase` is Succeeded or Failed.
    pub ended: bool,
    /// Its condition Ready is True.
    pub ready: bool,
    /// It has a deletion timestamp.
    pub terminating: bool,
    /// It shares the node's network.
    pub host_network: bool,
    /// `status.podIPs`.
    pub addresses: Vec<IpAddr>,
    /// Addresses by attachment, `NAMESPACE/NAME`, of the network status annotation.
    pub attached: BTreeMap<Box<str>, Vec<IpAddr>>,
    /// `ovn.kubernetes.io/allocated` is true.
    pub allocated: bool,
    /// `ovn.kubernetes.io/logical_router`.
    pub router: Box<str>,
}

/// The fields of a Node that decide.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// `ovn.kubernetes.io/port_name`; empty: not there.
    pub port_name: Box<str>,
    /// Its condition Ready is True.
    pub ready: bool,
}

/// A Deployment of ours as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deployment {
    /// Annotation `ovn.kubernetes.io/generate-hash`.
    pub hash: Box<str>,
    /// `spec.replicas`.
    pub replicas: i32,
    /// It belongs to a gateway of this uid.
    pub owner: Box<str>,
    /// `metadata.generation`.
    pub generation: i64,
    /// `status.observedGeneration`.
    pub observed: i64,
    /// `status.replicas`, `updatedReplicas`, `availableReplicas`.
    pub counts: [i32; 3],
    /// Its condition Progressing is False with the reason ProgressDeadlineExceeded.
    pub stuck: bool,
    /// Its fields are ours by server-side apply; one that kube-ovn-controller made has other managers.
    pub applied: bool,
}

/// What OVN's databases say, of what decides.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// Logical routers by name.
    pub routers: BTreeMap<Box<str>, Router>,
    /// Names of logical switch ports.
    pub ports: BTreeSet<Box<str>>,
    /// `BFD.status` by logical port and peer.
    pub sessions: BTreeMap<(Box<str>, IpAddr), Session>,
    /// BFD ports of VPCs that exist (router ports named `bfd@…`), by name, whoever made them.
    pub bfd_ports: BTreeMap<Box<str>, BfdPort>,
    /// The rows that hold the owner ids of a gateway, by gateway, also of gateways that are gone.
    pub owned: BTreeMap<Name, BTreeSet<Key>>,
    /// What those rows hold, by gateway; left out where one of them holds what we never write.
    pub contents: BTreeMap<Name, Vec<Row>>,
    /// Chassis names by the name of their host.
    pub chassis: BTreeMap<Box<str>, Box<str>>,
    /// What this OVN can do.
    pub features: Features,
}

/// A BFD port that exists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BfdPort {
    /// `external_ids:lr`: the VPC.
    pub vpc: Box<str>,
    /// `external_ids:vendor`: whose it is.
    pub vendor: Box<str>,
    /// Chassis of its group by priority, the highest first.
    pub chassis: Vec<Box<str>>,
}

/// A logical router.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Router {
    /// Static routes of others (not of a gateway of ours) in the main table with policy src-ip: prefix and next hop.
    pub source_routes: Vec<(Box<str>, Box<str>)>,
    /// It has a default route, by family (4, 6).
    pub default_route: [bool; 2],
    /// Networks of its ports, but for BFD ports: connected prefixes.
    pub connected: Vec<Box<str>>,
    /// It has load balancers.
    pub load_balancers: bool,
    /// Names of ports bound to a gateway chassis, but for BFD ports.
    pub gateway_ports: Vec<Box<str>>,
}

/// `BFD.status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session {
    /// Nobody uses it, so it sleeps.
    AdminDown,
    /// Not heard, or not any more.
    Down,
    /// Heard, not agreed.
    Init,
    /// Up.
    Up,
}

/// What this OVN can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// `Logical_Router_Policy.bfd_sessions` is in the schema (OVN 24.03).
    pub policy_sessions: bool,
    /// `options:bfd-only` of a router port arrives in the southbound database: Kube-OVN's own OVN, which gates policies by
    /// the sessions of a BFD port and serves gateways of every chassis from one port.
    pub bfd_only: bool,
}
