//! VPC, subnet and gateway2 of seed 001, with the names of the reference.

use super::dump::{self, Dump};
use super::pods::Pod;
use super::topology::{DEFAULT_VPC, Flavour, Subnet, Vpc};
use super::world::World;
use crate::fault::Result;
use serde_json::{Value, json};

/// The labels of the pods of a gateway.
macro_rules! labels {
    ($name:literal) => {
        &[("app", "vpc-egress-gateway"), ("ovn.kubernetes.io/vpc-egress-gateway", $name)]
    };
}

/// The subnet has its own route by source.
pub const RELEASED: Flavour = Flavour::Released;

/// The pods of gateway1: one, and the second after it was scaled.
pub const GATEWAY1: [Pod<'static>; 2] = [
    default_pod("gateway1-b7b7bdd67-lnbcc", "node1", ["10.16.0.2", "172.17.0.11"]),
    default_pod("gateway1-b7b7bdd67-ktmkm", "node2", ["10.16.0.3", "172.17.0.12"]),
];

/// The first pods of gateway2.
pub const GATEWAY2: [Pod<'static>; 2] = [
    pod("gateway2-77bd5f64f7-vjd2d", "node1", ["192.168.0.2", "172.17.0.15"]),
    pod("gateway2-77bd5f64f7-nmqjw", "node2", ["192.168.0.3", "172.17.0.16"]),
];

/// A pod of gateway1, with its addresses inside and outside.
#[must_use]
pub const fn default_pod<'a>(name: &'a str, node: &'a str, [addresses, external]: [&'a str; 2]) -> Pod<'a> {
    let (vpc, subnet, labels) = (DEFAULT_VPC, "ovn-default", labels!("gateway1"));
    Pod { name, node, vpc, subnet, addresses, external, labels, running: true, ready: true }
}

/// A pod of gateway2, with its addresses inside and outside.
#[must_use]
pub const fn pod<'a>(name: &'a str, node: &'a str, [addresses, external]: [&'a str; 2]) -> Pod<'a> {
    let (vpc, subnet, labels) = ("vpc1", "subnet1", labels!("gateway2"));
    Pod { name, node, vpc, subnet, addresses, external, labels, running: true, ready: true }
}

/// The specification of gateway1.
#[must_use]
pub fn gateway1() -> Value {
    json!({"vpc": "ovn-cluster", "replicas": 1, "externalSubnet": "macvlan1",
        "policies": [{"snat": true, "subnets": ["ovn-default"]}]})
}

/// The specification of gateway2.
#[must_use]
pub fn gateway2() -> Value {
    json!({"vpc": "vpc1", "replicas": 2, "internalSubnet": "subnet1", "externalSubnet": "macvlan1",
        "bfd": {"enabled": true}, "policies": [{"snat": true, "ipBlocks": ["192.168.0.0/24"]}]})
}

/// The base rows of the reference, on stock OVN.
///
/// # Errors
/// When the fixture is not understood.
pub fn base() -> Result<Dump> {
    // Stock OVN does not know the second one.
    Dump::parse(&dump::source("base.txt")?.replace("[\"ip_src\", \"ipv6_src\"]", "\"ip_src\""))
}

/// Makes VPC and subnet, the BFD port enabled.
///
/// # Errors
/// What the database or the API server says.
pub fn vpc1(world: &World, flavour: Flavour) -> Result<()> {
    let (cidr, gateway, bfd_port) = ("192.168.0.0/24", "192.168.0.1", Some("10.255.255.255"));
    world.topology.vpc(&Vpc { name: "vpc1", bfd_port, cidrs: &[cidr] })?;
    world.topology.subnet(&Subnet { name: "subnet1", vpc: "vpc1", cidr, gateway, provider: "ovn", flavour })
}

/// Enables the BFD port of the VPC, or not.
///
/// # Errors
/// What the API server says.
pub fn bfd_port(world: &World, enabled: bool) -> Result<()> {
    let patch = json!({"spec": {"bfdPort": {"enabled": enabled}}});
    world.api.merge("/apis/kubeovn.io/v1/vpcs/vpc1", &patch).map(drop)
}
