//! The stand-in for kube-ovn-controller, which owns all this in a cluster: from Vpcs, Subnets and Nodes it makes routers,
//! switches, their ports, base policies, port groups and load balancers, and fills in the status of the objects.
//!
//! What it leaves in the database after [`Topology::base`] is compared, row by row, with what kube-ovn-controller wrote.

mod base;
pub(crate) mod batch;
mod vpc;

pub use vpc::{Flavour, Subnet, Vpc};

use super::api::Api;
use super::northbound::Nb;
use crate::fault::Result;
use std::sync::Arc;

/// The default VPC.
pub const DEFAULT_VPC: &str = "ovn-cluster";

/// The default subnet.
pub const DEFAULT_SUBNET: &str = "ovn-default";

/// A node as kube-ovn-controller sees it.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// Its name, and that of its chassis.
    pub name: &'static str,
    /// Its own address.
    pub address: &'static str,
    /// Its address in the subnet `join`.
    pub join: &'static str,
}

/// The nodes of the reference.
pub const NODES: [Node; 2] = [
    Node { name: "node1", address: "10.95.0.11", join: "100.64.0.2" },
    Node { name: "node2", address: "10.95.0.12", join: "100.64.0.3" },
];

/// Writes both sides: objects of the API server and rows.
#[derive(Clone, Debug)]
pub struct Topology {
    pub(super) nb: Nb,
    pub(super) api: Option<Arc<Api>>,
    pub(super) newer: bool,
}

impl Topology {
    /// Without `api` it writes rows only. `newer`: the schema knows the words of Kube-OVN's own OVN.
    #[must_use]
    pub fn new(nb: Nb, api: Option<Arc<Api>>, newer: bool) -> Self {
        Self { nb, api, newer }
    }

    pub(super) fn write(&self, batch: &batch::Batch) -> Result<()> {
        self.nb.transact(batch.operations())
    }
}
