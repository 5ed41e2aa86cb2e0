//! The view: of each Kubernetes object only the fields that decide, and how producers tell of changes.
//!
//! Knows no API types; [`crate::object`] makes these values, [`crate::plan`] keeps them. A producer (a directory
//! of manifests, an API watch) sends [`Batch`]es over a bounded channel; all producers look the same from here.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Instant;

use ipnet::IpNet;

use crate::policy::Policy;

/// Which kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `kubeovn.io/v1` Subnet, cluster-scoped.
    Subnet,
    /// `v1` Pod.
    Pod,
    /// `v1` Service.
    Service,
    /// `kubeovn.io/v1` IptablesEIP, cluster-scoped.
    Eip,
}

impl Kind {
    /// All of them, in the order of their discriminants.
    pub const ALL: [Self; 4] = [Self::Subnet, Self::Pod, Self::Service, Self::Eip];

    /// The word used in keys.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Subnet => "subnet",
            Self::Pod => "pod",
            Self::Service => "service",
            Self::Eip => "eip",
        }
    }

    /// Whether its objects live in namespaces.
    #[must_use]
    pub fn is_namespaced(self) -> bool {
        matches!(self, Self::Pod | Self::Service)
    }
}

/// Names one object: `subnet/NAME`, `eip/NAME`, `pod/NAMESPACE/NAME`, `service/NAMESPACE/NAME`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Kind.
    pub kind: Kind,
    /// Namespace; empty for a cluster-scoped kind.
    pub namespace: Arc<str>,
    /// Name.
    pub name: Arc<str>,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind.is_namespaced() {
            true => write!(f, "{}/{}/{}", self.kind.name(), self.namespace, self.name),
            false => write!(f, "{}/{}", self.kind.name(), self.name),
        }
    }
}

/// The text is no [`Key`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is none of subnet/NAME, eip/NAME, pod/NAMESPACE/NAME and service/NAMESPACE/NAME")]
pub struct NotAKey(String);

impl FromStr for Key {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let mut parts = text.split('/');
        let (kind, namespace, name) = match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("subnet"), Some(name), None, None) => (Kind::Subnet, None, name),
            (Some("eip"), Some(name), None, None) => (Kind::Eip, None, name),
            (Some("pod"), Some(namespace), Some(name), None) => (Kind::Pod, Some(namespace), name),
            (Some("service"), Some(namespace), Some(name), None) => (Kind::Service, Some(namespace), name),
            _ => return Err(NotAKey(text.to_owned())),
        };
        if name.is_empty() || namespace == Some("") {
            return Err(NotAKey(text.to_owned()));
        }
        Ok(Self { kind, namespace: namespace.unwrap_or_default().into(), name: name.into() })
    }
}

/// A Subnet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// Name.
    pub name: Arc<str>,
    /// What it asks for, for itself and for Pods that ask for nothing.
    pub policy: Policy,
    /// `spec.cidrBlock`, host bits cleared.
    pub cidrs: Box<[IpNet]>,
    /// Parts of `spec.cidrBlock` that are no CIDR.
    pub bad_cidrs: Box<[Box<str>]>,
    /// `status.conditions` has type Ready with status True.
    pub ready: bool,
    /// `spec.natOutgoing`.
    pub nat_outgoing: bool,
}

/// How far a Pod is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It has its addresses: Pending and not Ready count, and so does Terminating while still Ready.
    Alive,
    /// Being deleted and not Ready any more.
    Terminating,
    /// Phase Succeeded, and it is not restarted.
    Succeeded,
    /// Phase Failed, and it is not restarted.
    Failed,
    /// Phase Failed, reason Evicted.
    Evicted,
}

/// An address of a Pod in one of its networks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The network: `ovn` for the primary one, else like `net1.default.ovn`.
    pub provider: Arc<str>,
    /// The Subnet it was taken from.
    pub subnet: Arc<str>,
    /// A host route, or the prefix as written with host bits cleared.
    pub prefix: IpNet,
}

/// An address annotation that gives no [`Address`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressProblem {
    /// `{provider}.kubernetes.io/logical_switch` is missing or empty.
    NoSubnet {
        /// The network.
        provider: Arc<str>,
    },
    /// An item of `{provider}.kubernetes.io/ip_address` is neither address nor prefix.
    BadAddress {
        /// The network.
        provider: Arc<str>,
        /// What was written.
        text: Box<str>,
    },
}

/// A Pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Namespace.
    pub namespace: Arc<str>,
    /// Name.
    pub name: Arc<str>,
    /// What it asks for, in all its networks.
    pub policy: Policy,
    /// Its addresses in all networks.
    pub addresses: Box<[Address]>,
    /// Address annotations that give none.
    pub problems: Box<[AddressProblem]>,
    /// `spec.nodeName`, once it is scheduled.
    pub node: Option<Arc<str>>,
    /// How far it is in its life.
    pub life: Life,
    /// `spec.hostNetwork`.
    pub host_network: bool,
}

/// `spec.type` of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceType {
    /// `ClusterIP`, or absent.
    ClusterIp,
    /// Any other.
    Other(Box<str>),
}

/// A Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Namespace.
    pub namespace: Arc<str>,
    /// Name.
    pub name: Arc<str>,
    /// What it asks for.
    pub policy: Policy,
    /// `spec.type`.
    pub service_type: ServiceType,
    /// Its cluster IPs as host routes; none if it is headless.
    pub cluster_ips: Box<[IpNet]>,
    /// Cluster IPs that are no address.
    pub bad_cluster_ips: Box<[Box<str>]>,
}

/// An IptablesEIP: an external address of a VPC NAT gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Eip {
    /// Name.
    pub name: Arc<str>,
    /// What it asks for.
    pub policy: Policy,
    /// The gateway that holds it, from the label `ovn.kubernetes.io/vpc-nat-gw-name`.
    pub gateway: Option<Arc<str>>,
    /// `status.ready`: the gateway has it configured.
    pub ready: bool,
    /// `spec.v4ip` and `spec.v6ip` as host routes.
    pub addresses: Box<[IpNet]>,
    /// Those of the two that are no address.
    pub bad_addresses: Box<[Box<str>]>,
}

/// Any object of the view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// A Subnet.
    Subnet(Subnet),
    /// A Pod.
    Pod(Pod),
    /// A Service.
    Service(Service),
    /// An IptablesEIP.
    Eip(Eip),
}

impl Object {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Subnet(_) => Kind::Subnet,
            Self::Pod(_) => Kind::Pod,
            Self::Service(_) => Kind::Service,
            Self::Eip(_) => Kind::Eip,
        }
    }

    /// Its name in the view.
    #[must_use]
    pub fn key(&self) -> Key {
        let (kind, namespace, name) = match self {
            Self::Subnet(subnet) => (Kind::Subnet, Arc::default(), &subnet.name),
            Self::Pod(pod) => (Kind::Pod, Arc::clone(&pod.namespace), &pod.name),
            Self::Service(service) => (Kind::Service, Arc::clone(&service.namespace), &service.name),
            Self::Eip(eip) => (Kind::Eip, Arc::default(), &eip.name),
        };
        Key { kind, namespace, name: Arc::clone(name) }
    }

    /// Whether that is its name in the view.
    #[must_use]
    pub fn has_key(&self, key: &Key) -> bool {
        let (namespace, name) = match self {
            Self::Subnet(subnet) => ("", &subnet.name),
            Self::Pod(pod) => (&*pod.namespace, &pod.name),
            Self::Service(service) => (&*service.namespace, &service.name),
            Self::Eip(eip) => ("", &eip.name),
        };
        self.kind() == key.kind && namespace == &*key.namespace && name == &key.name
    }
}

/// One change of the view. All are idempotent.
///
/// A source that lists brackets what it found by `ListBegun` and `ListDone`. What is put counts at once; what the
/// list did not mention is gone only once it is complete. A list that fails is just begun again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The object is there and looks like this.
    Put(Object),
    /// The object is gone.
    Remove(Key),
    /// The object is there but cannot be read: what was known of it stays in force.
    Keep(Key),
    /// All objects of the kind are being listed.
    ListBegun(Kind),
    /// The list is complete: objects neither put nor kept since it began are gone.
    ListDone(Kind),
}

/// Changes that a source saw together.
#[derive(Clone, Debug)]
pub struct Batch {
    /// In order; a later change of the same object wins.
    pub changes: Vec<Change>,
    /// When the source heard of it, to measure the way to the routers.
    pub noticed: Instant,
    /// The source has listed everything once: true from the first complete listing on.
    pub synced: bool,
}
