//! What one VPC wants: its BFD ports.

use std::collections::BTreeSet;

use kubeovn::{BfdPortStatus, Vpc, VpcStatus};

use super::bfd_port::{self, Ports};
use super::conditions::{self, Verdict};
use super::{Notice, Settings, VpcPlan};
use crate::rows::Row;
use crate::view::{Cluster, Network};

/// The condition that is ours.
const CONDITION: &str = "BfdPortReady";

/// What the VPC `name` wants; it may be gone or going.
#[must_use]
pub fn vpc(cluster: &Cluster, network: &Network, settings: &Settings, name: &str) -> VpcPlan {
    let none = VpcPlan { rows: Some(Vec::new()), ..VpcPlan::default() };
    let Some(object) = cluster.vpcs.get(name) else {
        // One that is there and cannot be read keeps its ports.
        return if cluster.unreadable_vpcs.contains(name) { VpcPlan::default() } else { none };
    };
    if object.metadata.deletion_timestamp.is_some() {
        return VpcPlan { status: conditions_only(object), ..none };
    }
    let (rows, bfd_port, verdict) = match bfd_port::check(cluster, network, settings, name) {
        Ok(false) => (Some(Vec::new()), None, Verdict::good(CONDITION, false, "Disabled")),
        Ok(true) => wanted(cluster, network, settings, (name, object)),
        Err(refused) => {
            let verdict = Verdict::bad(CONDITION, false, refused.reason, refused.message);
            // A port that takes load balancers elsewhere goes; what is not known yet, or written wrong, changes nothing.
            if refused.reason == "VpcBfdPortConflict" {
                (Some(Vec::new()), None, verdict)
            } else {
                let old = object.status.as_ref().and_then(|status| status.bfd_port.clone());
                (None, old, verdict)
            }
        }
    };
    let (conditions, notices) = told(object, verdict);
    VpcPlan { rows, status: VpcStatus { bfd_port, conditions, ..VpcStatus::default() }, notices }
}

type Wanted = (Option<Vec<Row>>, Option<BfdPortStatus>, Verdict);

/// A VPC with a BFD port.
fn wanted(cluster: &Cluster, network: &Network, settings: &Settings, (name, object): (&str, &Vpc)) -> Wanted {
    let ports = bfd_port::ports(cluster, network, settings, name);
    let rows = ports.rows(settings);
    let names: Vec<&str> = rows.iter().filter_map(port_name).collect();
    let status = BfdPortStatus {
        name: Some(names.join(",")),
        ip: object.spec.bfd_port.as_ref().and_then(|port| port.ip.clone()),
        nodes: Some(nodes(network, &ports)).filter(|nodes| !nodes.is_empty()),
    };
    let verdict = if status.nodes.is_some() {
        Verdict::good(CONDITION, true, "ReconcileSuccess")
    } else {
        let rule =
            "no node that is ready, has a chassis in the southbound database and is selected by spec.bfdPort";
        Verdict::bad(CONDITION, false, "NoChassis", rule.to_owned())
    };
    (Some(rows), Some(status), verdict)
}

fn port_name(row: &Row) -> Option<&str> {
    if let Row::BfdPort { name, .. } = row { Some(name) } else { None }
}

/// Nodes of the chassis that may hold a port, sorted.
fn nodes(network: &Network, ports: &Ports) -> Vec<String> {
    let chassis: BTreeSet<_> = ports.chassis().collect();
    network
        .chassis
        .iter()
        .filter(|(_, one)| chassis.contains(one))
        .map(|(node, _)| node.to_string())
        .collect()
}

fn told(object: &Vpc, verdict: Verdict) -> (Option<Vec<kubeovn::StatusCondition>>, Vec<Notice>) {
    let old = object.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let (all, notices) = conditions::merge(old, &[verdict], object.metadata.generation, false);
    (Some(all).filter(|all| !all.is_empty()), notices)
}

fn conditions_only(object: &Vpc) -> VpcStatus {
    let conditions = object.status.as_ref().and_then(|status| status.conditions.clone());
    VpcStatus { conditions, ..VpcStatus::default() }
}
