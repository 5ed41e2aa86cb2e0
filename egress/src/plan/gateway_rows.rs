//! Rows of a gateway in the form of policies, as Kube-OVN's releases have them.

use std::collections::{BTreeMap, BTreeSet};

use super::Settings;
use super::members::{Gate, Hop, Hops, Of, Side};
use super::names;
use super::request::Request;
use super::selectors;
use crate::rows::{Action, Ids, Row};
use crate::view::{Cluster, Family, Name, Network};

/// To the next hops on the client's node.
const LOCAL: u16 = 29150;
/// To all next hops.
pub(super) const REROUTE: u16 = 29100;
/// What no next hop takes, with BFD: rather lost than sent out another way.
const DROP: u16 = 29090;

/// What the rows of one gateway are made from.
#[derive(Clone, Copy)]
pub(super) struct Make<'a> {
    /// The objects.
    pub cluster: &'a Cluster,
    /// The network.
    pub network: &'a Network,
    /// What is the same for all.
    pub settings: &'a Settings,
    /// The gateway.
    pub name: &'a Name,
    /// What it asks for.
    pub request: &'a Request,
    /// How sessions are used.
    pub gate: Gate,
}

impl<'a> Make<'a> {
    /// The gateway and its pods.
    pub(super) fn of(self) -> Of<'a> {
        let Make { cluster, network, settings, name, request, .. } = self;
        let side = Some(Side { attachment: &request.attachment, vpc: &request.vpc, router: &request.router });
        Of { cluster, network, group: &settings.group, gateway: name, side }
    }

    /// Owner ids.
    pub(super) fn ids(&self, family: Family) -> Ids {
        names::gateway_ids(&self.settings.group, self.name, family)
    }

    /// Names of the address sets whose members are sources.
    fn sets(&self, family: Family) -> [String; 2] {
        let digest = names::digest(&self.settings.group, self.name);
        [names::sources(&digest, family), names::selected_addresses(&digest, family)]
    }
}

/// Address sets and the port group. The port group and the set that stands in for it have one name in the southbound
/// database, so only one of them is ever wanted, and one transaction exchanges them.
pub(super) fn sets(make: Make<'_>) -> Vec<Row> {
    let mut rows = Vec::new();
    let selectors = &make.request.selectors;
    for family in Family::BOTH {
        let [sources, selected] = make.sets(family).map(Box::from);
        let addresses = make.request.addresses(family);
        rows.push(Row::AddressSet { name: sources, addresses, ids: make.ids(family) });
        if selectors.is_empty() {
            rows.push(Row::AddressSet { name: selected, addresses: BTreeSet::new(), ids: make.ids(family) });
        }
    }
    if !selectors.is_empty() {
        let name = names::selected(&names::digest(&make.settings.group, make.name)).into();
        let ports = selectors::ports(make.cluster, make.network, &make.request.vpc, selectors);
        // One row for both families. Kube-OVN writes `af` in both passes, so at rest it says 6.
        rows.push(Row::PortGroup { name, ports, ids: make.ids(Family::V6) });
    }
    rows
}

/// Policies of one family.
pub(super) fn policies(make: Make<'_>, family: Family, hops: &Hops) -> Vec<Row> {
    let matches = make.sets(family).map(|set| format!("ip{}.src == ${set}", family.digit()));
    let mut rows = Vec::new();
    let used: Vec<&Hop> = hops.used().collect();
    // Packets of a family that has no way out here are left to ordinary routing, not dropped.
    let drops = make.request.bfd.is_some() && !make.request.turned_away(family);
    for text in &matches {
        if !used.is_empty() {
            rows.push(policy(make, family, (REROUTE, text.clone()), reroute(make, &used)));
        }
        if drops {
            rows.push(policy(make, family, (DROP, text.clone()), Action::Drop));
        }
    }
    if make.request.local {
        for (set, used) in by_node(make, family, &used) {
            for text in &matches {
                let text = format!("ip{}.src == ${set} && {text}", family.digit());
                rows.push(policy(make, family, (LOCAL, text), reroute(make, &used)));
            }
        }
    }
    rows
}

/// Next hops by the address set of their node's clients. A node whose port has no name yet has no such set.
fn by_node<'a>(make: Make<'_>, family: Family, used: &[&'a Hop]) -> BTreeMap<String, Vec<&'a Hop>> {
    let mut nodes: BTreeMap<String, Vec<&Hop>> = BTreeMap::new();
    for hop in used {
        let node = make.cluster.nodes.get(&hop.node).filter(|node| !node.port_name.is_empty());
        if let Some(node) = node {
            nodes.entry(names::on_node(&node.port_name, family)).or_default().push(hop);
        }
    }
    nodes
}

fn policy(make: Make<'_>, family: Family, (priority, matching): (u16, String), action: Action) -> Row {
    let router = make.request.router.clone();
    Row::Policy { router, priority, matching: matching.into(), action, ids: make.ids(family) }
}

/// Sessions only where OVN gates policies by those of a BFD port: stock OVN would take them for always alive.
fn reroute(make: Make<'_>, used: &[&Hop]) -> Action {
    let sessions = if make.gate == Gate::Policies {
        used.iter().filter_map(|hop| hop.session.clone()).collect()
    } else {
        BTreeSet::new()
    };
    Action::Reroute { next_hops: used.iter().map(|hop| hop.address).collect(), sessions }
}
