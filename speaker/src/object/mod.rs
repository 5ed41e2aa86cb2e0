//! The door: Kubernetes objects as the API prints them, of which only the deciding fields are read.
//!
//! Every source comes through here, so that a file and the API mean the same. Unknown fields are skipped, `null`
//! counts as absent; a known field of a wrong type is an error. Annotations nobody reads are not even kept.

pub mod read;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use kubeovn::{Condition, IptablesEipSpec, IptablesEipStatus, SubnetSpec, SubnetStatus};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::policy::{ANNOTATION, Policy};
use crate::view::{self, Address, AddressProblem, Key, Kind, Life, ServiceType};

const ADDRESS: &str = ".kubernetes.io/ip_address";
const SWITCH: &str = ".kubernetes.io/logical_switch";
/// The label that names an EIP's gateway.
pub const GATEWAY_LABEL: &str = "ovn.kubernetes.io/vpc-nat-gw-name";

/// The object has no name, so nothing can be said about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("metadata.name is missing or empty")]
pub struct Nameless;

/// `metadata`.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    name: Option<Box<str>>,
    namespace: Option<Box<str>>,
    annotations: Option<Annotations>,
    labels: Option<Labels>,
    deletion_timestamp: Option<Box<str>>,
    /// The version to resume a watch from.
    pub resource_version: Option<Box<str>>,
}

/// The labels that decide.
#[derive(Clone, Debug, Default, serde::Deserialize)]
struct Labels {
    #[serde(rename = "ovn.kubernetes.io/vpc-nat-gw-name")]
    gateway: Option<Box<str>>,
}

impl Metadata {
    /// The key of an object of this kind; without a namespace, `default` as kubectl has it.
    ///
    /// # Errors
    /// [`Nameless`].
    pub fn key(&self, kind: Kind) -> Result<Key, Nameless> {
        let name = self.name.as_deref().filter(|name| !name.is_empty()).ok_or(Nameless)?;
        let namespace = match kind.is_namespaced() {
            true => self.namespace.as_deref().filter(|namespace| !namespace.is_empty()).unwrap_or("default"),
            false => "",
        };
        Ok(Key { kind, namespace: namespace.into(), name: name.into() })
    }

    fn policy(&self) -> Policy {
        Policy::read(self.annotations.as_ref().and_then(|annotations| annotations.get(ANNOTATION)))
    }
}

/// The annotations that decide.
#[derive(Clone, Debug, Default)]
struct Annotations(BTreeMap<Box<str>, Box<str>>);

impl Annotations {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(AsRef::as_ref)
    }

    fn decides(key: &str) -> bool {
        key == ANNOTATION || key.ends_with(ADDRESS) || key.ends_with(SWITCH)
    }

    /// Sorted by provider, so that equal annotations give equal views.
    fn addresses(&self) -> (Box<[Address]>, Box<[AddressProblem]>) {
        let (mut addresses, mut problems) = (Vec::new(), Vec::new());
        for (key, value) in &self.0 {
            let Some(provider) = key.strip_suffix(ADDRESS).filter(|provider| !provider.is_empty()) else {
                continue;
            };
            if value.is_empty() {
                continue;
            }
            let switch = self.get(&format!("{provider}{SWITCH}")).filter(|switch| !switch.is_empty());
            let provider: Arc<str> = provider.into();
            let Some(subnet) = switch.map(Arc::<str>::from) else {
                problems.push(AddressProblem::NoSubnet { provider });
                continue;
            };
            for text in items(value) {
                let provider = Arc::clone(&provider);
                match prefix(text) {
                    Some(prefix) => addresses.push(Address { provider, subnet: Arc::clone(&subnet), prefix }),
                    None => problems.push(AddressProblem::BadAddress { provider, text: text.into() }),
                }
            }
        }
        (addresses.into(), problems.into())
    }
}

impl<'de> Deserialize<'de> for Annotations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PickAnnotations)
    }
}

struct PickAnnotations;

impl<'de> Visitor<'de> for PickAnnotations {
    type Value = Annotations;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("annotations")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Annotations, M::Error> {
        let mut kept = Annotations::default();
        while let Some(key) = map.next_key::<Box<str>>()? {
            if Annotations::decides(&key) {
                kept.0.insert(key, map.next_value::<Option<Box<str>>>()?.unwrap_or_default());
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(kept)
    }
}

fn is_ready(conditions: Option<&[Condition]>) -> bool {
    Condition::holds(conditions, "Ready")
}

/// A `kubeovn.io/v1` Subnet.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct Subnet {
    /// `metadata`.
    #[serde(default)]
    pub metadata: Metadata,
    spec: Option<SubnetSpec>,
    status: Option<SubnetStatus>,
}

impl TryFrom<Subnet> for view::Subnet {
    type Error = Nameless;

    fn try_from(subnet: Subnet) -> Result<Self, Nameless> {
        let (spec, status) = (subnet.spec.unwrap_or_default(), subnet.status.unwrap_or_default());
        let (cidrs, bad_cidrs) = sort_out(items(spec.cidr_block.as_deref().unwrap_or_default()), |text| {
            text.parse().ok().map(|net: IpNet| net.trunc())
        });
        Ok(Self {
            name: subnet.metadata.key(Kind::Subnet)?.name,
            policy: subnet.metadata.policy(),
            cidrs,
            bad_cidrs,
            ready: is_ready(status.conditions.as_deref()),
            nat_outgoing: spec.nat_outgoing.unwrap_or_default(),
        })
    }
}

/// A `v1` Pod.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct Pod {
    /// `metadata`.
    #[serde(default)]
    pub metadata: Metadata,
    spec: Option<PodSpec>,
    status: Option<PodStatus>,
}

#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodSpec {
    node_name: Option<Box<str>>,
    host_network: Option<bool>,
    restart_policy: Option<Box<str>>,
}

#[derive(Clone, Debug, Default, serde::Deserialize)]
struct PodStatus {
    phase: Option<Box<str>>,
    reason: Option<Box<str>>,
    conditions: Option<Box<[Condition]>>,
}

/// Kubernetes' default for an absent restart policy is Always.
fn life(metadata: &Metadata, spec: &PodSpec, status: &PodStatus) -> Life {
    let restart = spec.restart_policy.as_deref().unwrap_or("Always");
    match (status.phase.as_deref(), status.reason.as_deref()) {
        (Some("Succeeded"), _) if restart != "Always" => Life::Succeeded,
        (Some("Failed"), Some("Evicted")) => Life::Evicted,
        (Some("Failed"), _) if restart == "Never" => Life::Failed,
        _ if metadata.deletion_timestamp.is_some() && !is_ready(status.conditions.as_deref()) => {
            Life::Terminating
        }
        _ => Life::Alive,
    }
}

impl TryFrom<Pod> for view::Pod {
    type Error = Nameless;

    fn try_from(pod: Pod) -> Result<Self, Nameless> {
        let (spec, status) = (pod.spec.unwrap_or_default(), pod.status.unwrap_or_default());
        let Key { namespace, name, .. } = pod.metadata.key(Kind::Pod)?;
        let (addresses, problems) =
            pod.metadata.annotations.as_ref().map(Annotations::addresses).unwrap_or_default();
        Ok(Self {
            namespace,
            name,
            policy: pod.metadata.policy(),
            addresses,
            problems,
            life: life(&pod.metadata, &spec, &status),
            node: spec.node_name.filter(|node| !node.is_empty()).map(Arc::from),
            host_network: spec.host_network.unwrap_or_default(),
        })
    }
}

/// A `v1` Service.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct Service {
    /// `metadata`.
    #[serde(default)]
    pub metadata: Metadata,
    spec: Option<ServiceSpec>,
}

#[derive(Clone, Debug, Default, serde::Deserialize)]
struct ServiceSpec {
    #[serde(rename = "type")]
    service_type: Option<Box<str>>,
    #[serde(rename = "clusterIP")]
    cluster_ip: Option<Box<str>>,
    #[serde(rename = "clusterIPs")]
    cluster_ips: Option<Box<[Box<str>]>>,
}

impl TryFrom<Service> for view::Service {
    type Error = Nameless;

    fn try_from(service: Service) -> Result<Self, Nameless> {
        let spec = service.spec.unwrap_or_default();
        let Key { namespace, name, .. } = service.metadata.key(Kind::Service)?;
        let listed = spec.cluster_ips.unwrap_or_default();
        let texts = if listed.is_empty() { spec.cluster_ip.into_iter().collect() } else { listed };
        let texts = texts.iter().map(|text| text.trim()).filter(|text| !matches!(*text, "" | "None"));
        let (cluster_ips, bad_cluster_ips) =
            sort_out(texts, |text| text.parse().ok().map(|addr: IpAddr| addr.into()));
        let service_type = match spec.service_type.as_deref() {
            None | Some("" | "ClusterIP") => ServiceType::ClusterIp,
            Some(other) => ServiceType::Other(other.into()),
        };
        let policy = service.metadata.policy();
        Ok(Self { namespace, name, policy, service_type, cluster_ips, bad_cluster_ips })
    }
}

/// A `kubeovn.io/v1` `IptablesEIP`.
#[derive(Clone, Debug, serde::Deserialize)]
pub struct Eip {
    /// `metadata`.
    #[serde(default)]
    pub metadata: Metadata,
    spec: Option<IptablesEipSpec>,
    status: Option<IptablesEipStatus>,
}

impl TryFrom<Eip> for view::Eip {
    type Error = Nameless;

    fn try_from(eip: Eip) -> Result<Self, Nameless> {
        let (spec, status) = (eip.spec.unwrap_or_default(), eip.status.unwrap_or_default());
        let texts = [spec.v4ip.as_deref(), spec.v6ip.as_deref()].into_iter().flatten();
        let texts = texts.map(str::trim).filter(|text| !text.is_empty());
        let (addresses, bad_addresses) =
            sort_out(texts, |text| text.parse().ok().map(|addr: IpAddr| addr.into()));
        let gateway = eip.metadata.labels.as_ref().and_then(|labels| labels.gateway.as_deref());
        Ok(Self {
            name: eip.metadata.key(Kind::Eip)?.name,
            policy: eip.metadata.policy(),
            gateway: gateway.filter(|name| !name.is_empty()).map(Arc::from),
            ready: status.ready.unwrap_or_default(),
            addresses,
            bad_addresses,
        })
    }
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// A plain address becomes a host route, a prefix stays one with its host bits cleared.
fn prefix(text: &str) -> Option<IpNet> {
    match text.contains('/') {
        true => text.parse().ok().map(|net: IpNet| net.trunc()),
        false => text.parse().ok().map(|addr: IpAddr| addr.into()),
    }
}

/// What `read` understands, and what it does not.
fn sort_out<'a>(
    texts: impl Iterator<Item = &'a str>,
    read: impl Fn(&str) -> Option<IpNet>,
) -> (Box<[IpNet]>, Box<[Box<str>]>) {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for text in texts {
        match read(text) {
            Some(net) => good.push(net),
            None => bad.push(text.into()),
        }
    }
    (good.into(), bad.into())
}
