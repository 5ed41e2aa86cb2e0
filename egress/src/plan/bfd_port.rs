//! BFD ports of a VPC: on which chassis, under which names.
//!
//! Stock OVN hands a BFD packet to the ovn-controller of the chassis the gateway pod is on, whatever chassis the port is
//! bound to. So every chassis that hosts gateways gets a port of its own, pinned there: `bfd@VPC` on the home chassis,
//! `bfd@VPC@CHASSIS` on others. Kube-OVN's own OVN sends the packet to the chassis of the port: one port serves all there.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use kubeovn::{BfdPort, Vpc};

use super::{Settings, names, selectors};
use crate::rows::Row;
use crate::view::{Cluster, Family, Network};
use crate::workload;

/// Nodes taken where no selector says which.
const NODES: usize = 3;

/// Why a VPC that wants a BFD port has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// A word for programs.
    pub reason: &'static str,
    /// A sentence for people.
    pub message: String,
}

/// The BFD ports of a VPC.
#[derive(Clone, Debug, Default)]
pub(super) struct Ports {
    /// Name of the VPC.
    vpc: Box<str>,
    /// Its logical router.
    router: Box<str>,
    /// Addresses, as written.
    networks: BTreeSet<Box<str>>,
    /// Families of the addresses.
    families: BTreeSet<Family>,
    /// Chassis of `bfd@VPC`, the active one first.
    home: Vec<Box<str>>,
    /// Chassis with ports of their own.
    others: BTreeSet<Box<str>>,
    /// The one port serves every chassis.
    shared: bool,
}

impl Ports {
    /// Whether sessions of a family are possible.
    pub(super) fn speaks(&self, family: Family) -> bool {
        self.families.contains(&family)
    }

    /// The port whose sessions reach pods on a node.
    pub(super) fn of_node(&self, network: &Network, node: &str) -> Option<Box<str>> {
        if self.shared {
            return Some(names::bfd_port(&self.vpc, None).into());
        }
        let chassis = network.chassis.get(node)?;
        if self.home.first() == Some(chassis) {
            Some(names::bfd_port(&self.vpc, None).into())
        } else if self.others.contains(chassis) {
            Some(names::bfd_port(&self.vpc, Some(chassis)).into())
        } else {
            None
        }
    }

    /// The rows, the home port first.
    pub(super) fn rows(&self, settings: &Settings) -> Vec<Row> {
        let port = |name: String, chassis: Vec<Box<str>>| Row::BfdPort {
            router: self.router.clone(),
            name: name.into(),
            networks: self.networks.clone(),
            chassis,
            ids: names::port_ids(&settings.group, &self.vpc),
        };
        let home = std::iter::once(port(names::bfd_port(&self.vpc, None), self.home.clone()));
        let others = self
            .others
            .iter()
            .map(|chassis| port(names::bfd_port(&self.vpc, Some(chassis)), vec![chassis.clone()]));
        home.chain(others).collect()
    }

    /// Every chassis that may hold a port.
    pub(super) fn chassis(&self) -> impl Iterator<Item = &Box<str>> {
        self.home.iter().chain(&self.others)
    }
}

/// Where the gateways of a VPC with BFD are.
#[derive(Debug, Default)]
struct Hosting {
    /// Chassis by name of the node.
    chassis: BTreeMap<Box<str>, Box<str>>,
    /// Every pod that is wanted is there and has a node.
    settled: bool,
}

/// The BFD ports a VPC has, or would have if its `spec.bfdPort` were enabled.
pub(super) fn ports(cluster: &Cluster, network: &Network, settings: &Settings, name: &str) -> Ports {
    let vpc = cluster.vpcs.get(name);
    let wanted = vpc.and_then(|vpc| vpc.spec.bfd_port.clone()).unwrap_or_default();
    let networks: BTreeSet<Box<str>> = parts(&wanted).map(Into::into).collect();
    let families = networks.iter().filter_map(|text| address(text)).map(Family::of).collect();
    let shared = network.features.bfd_only;
    let hosting = if shared { Hosting::default() } else { hosting(cluster, network, settings, name) };
    let router = router(cluster, name).unwrap_or_default();
    let mut ports = Ports {
        vpc: name.into(),
        router: router.clone(),
        networks,
        families,
        shared,
        home: eligible(cluster, network, &wanted),
        ..Ports::default()
    };
    let there = network.bfd_ports.get(&*names::bfd_port(name, None)).and_then(|port| port.chassis.first());
    // With no way out of its own, a router's load balancers are on its BFD port, and there is no second one: then it is
    // where gateways are, not where one may come.
    let single =
        network.routers.get(&router).is_some_and(|one| one.load_balancers && one.gateway_ports.is_empty());
    let hosting = Hosting { settled: hosting.settled || single, ..hosting };
    let Some(home) = home(cluster, &hosting, there.map(|chassis| &**chassis)) else { return ports };
    ports.others = hosting.chassis.values().filter(|chassis| **chassis != home && !single).cloned().collect();
    // One chassis only: in a group of several OVN gives the port up where it sees no live tunnel, and `BFD.status` stays.
    ports.home = vec![home];
    ports
}

/// The home chassis, where gateways say which: the one it is on, as long as it hosts a gateway or a pod that is still to be
/// placed may go there; otherwise the first, by name of its node, of those whose node is ready.
fn home(cluster: &Cluster, hosting: &Hosting, there: Option<&str>) -> Option<Box<str>> {
    let hosts = |chassis: &&str| !hosting.settled || hosting.chassis.values().any(|one| **one == **chassis);
    if hosting.chassis.is_empty() {
        return None;
    }
    let ready = |node: &str| cluster.nodes.get(node).is_some_and(|node| node.ready);
    let first = || {
        let by_readiness = hosting.chassis.iter().find(|(node, _)| ready(node));
        by_readiness.or_else(|| hosting.chassis.iter().next()).map(|(_, chassis)| chassis.clone())
    };
    there.filter(hosts).map(Into::into).or_else(first)
}

/// Chassis of the nodes that `spec.bfdPort` names, by name of the node; without a selector the first three. Nodes that are
/// not ready or have no chassis are passed over.
fn eligible(cluster: &Cluster, network: &Network, wanted: &BfdPort) -> Vec<Box<str>> {
    let selector = wanted.node_selector.as_ref();
    let most = if selector.is_some() { usize::MAX } else { NODES };
    cluster
        .nodes
        .iter()
        .filter(|(_, node)| node.ready)
        .filter(|(_, node)| selector.is_none_or(|selector| selectors::matches(selector, &node.labels)))
        .filter_map(|(name, _)| network.chassis.get(name))
        .take(most)
        .cloned()
        .collect()
}

/// Where the pods of gateways with BFD are, also those that end or have not started: a port stays while a pod is replaced.
/// One look at every gateway and one at every pod.
fn hosting(cluster: &Cluster, network: &Network, settings: &Settings, vpc: &str) -> Hosting {
    let mut wanted: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for (name, gateway) in &cluster.gateways {
        let spec = &gateway.spec;
        let here = spec.vpc.as_deref().filter(|vpc| !vpc.is_empty()).unwrap_or(&settings.default_vpc) == vpc;
        let enabled = spec.bfd.as_ref().is_some_and(|bfd| bfd.enabled);
        if here && enabled && gateway.metadata.deletion_timestamp.is_none() {
            let replicas = usize::try_from(spec.replicas.unwrap_or(1)).unwrap_or_default();
            wanted.insert((&name.namespace, workload::label_value(&name.name)), replicas);
        }
    }
    let mut chassis = BTreeMap::new();
    let key = workload::label_key(&settings.group);
    let placed = cluster.pods.iter().filter(|(_, pod)| !pod.ended && !pod.node.is_empty());
    for (name, pod) in placed {
        let Some(label) = pod.labels.get(&key) else { continue };
        let Some(left) = wanted.get_mut(&(&*name.namespace, label.clone())) else { continue };
        *left = left.saturating_sub(usize::from(!pod.terminating));
        if let Some(one) = network.chassis.get(&pod.node) {
            chassis.insert(pod.node.clone(), one.clone());
        }
    }
    Hosting { chassis, settled: wanted.values().all(|left| *left == 0) }
}

/// The parts of `spec.bfdPort.ip`.
fn parts(wanted: &BfdPort) -> impl Iterator<Item = &str> {
    wanted.ip.as_deref().unwrap_or_default().split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// The address of a part, with or without a mask.
fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok().or_else(|| text.parse().ok().map(|net: IpNet| net.addr()))
}

/// The logical router of a VPC.
pub(super) fn router(cluster: &Cluster, vpc: &str) -> Option<Box<str>> {
    let vpc: &Vpc = cluster.vpcs.get(vpc)?;
    vpc.status.as_ref()?.router.as_deref().filter(|router| !router.is_empty()).map(Into::into)
}

/// Why the VPC has no BFD port though it may ask for one; `Ok(false)`: it asks for none.
pub(super) fn check(
    cluster: &Cluster,
    network: &Network,
    settings: &Settings,
    name: &str,
) -> Result<bool, Refused> {
    let refused = |reason, message| Err(Refused { reason, message });
    let Some(wanted) = cluster.vpcs.get(name).and_then(|vpc| vpc.spec.bfd_port.as_ref()) else {
        return Ok(false);
    };
    if !wanted.enabled {
        return Ok(false);
    }
    let families: Vec<_> = parts(wanted).map(|part| address(part).map(Family::of)).collect();
    let once = families.iter().collect::<BTreeSet<_>>().len() == families.len();
    if families.is_empty() || families.contains(&None) || !once {
        let ip = wanted.ip.as_deref().unwrap_or_default();
        let rule = "must be one address, or one of each family with a comma between";
        return refused("InvalidBfdPort", format!("spec.bfdPort.ip: {ip:?}: {rule}"));
    }
    let Some(router) = router(cluster, name) else {
        return refused("VpcNotReady", format!("VPC {name} has no logical router yet"));
    };
    if !network.routers.contains_key(&router) {
        return refused(
            "VpcNotReady",
            format!("logical router {router} of VPC {name} is not in the northbound database"),
        );
    }
    let port = names::bfd_port(name, None);
    let vendor = names::vendor(&settings.group);
    if let Some(other) = network.bfd_ports.get(&*port).filter(|port| *port.vendor != *vendor) {
        let owner = &other.vendor;
        return refused(
            "VpcBfdPortConflict",
            format!("router port {port} is there and belongs to {owner:?}"),
        );
    }
    Ok(true)
}
