//! Sources of the policies.

use std::net::IpAddr;

use ipnet::IpNet;
use kubeovn::{Policy, VpcEgressGatewaySpec};

use super::refusal::{Faults, Reason};
use super::sides::{self, Home, overlap};
use super::{Side, Source};
use crate::view::Cluster;

/// A source with the field it comes from.
pub(super) type Told = (Source, String);

/// Every source of every policy, in the order of the object.
pub(super) fn of(
    spec: &VpcEgressGatewaySpec,
    home: &Home<'_>,
    cluster: &Cluster,
    faults: &mut Faults,
) -> Vec<Told> {
    let policies = spec.policies.as_deref().unwrap_or_default();
    if policies.is_empty() && spec.selectors.as_deref().unwrap_or_default().is_empty() {
        let rule = "must have at least one entry, or spec.selectors must";
        faults.add(Reason::PolicyOrSelectorMissing, "spec.policies", "", rule);
    }
    let mut all = Vec::new();
    for (at, policy) in policies.iter().enumerate() {
        one(policy, &format!("spec.policies[{at}]"), (home, cluster), &mut all, faults);
    }
    all
}

fn one(
    policy: &Policy,
    field: &str,
    (home, cluster): (&Home<'_>, &Cluster),
    all: &mut Vec<Told>,
    faults: &mut Faults,
) {
    let blocks = policy.ip_blocks.as_deref().unwrap_or_default();
    let subnets = policy.subnets.as_deref().unwrap_or_default();
    if blocks.is_empty() && subnets.is_empty() {
        faults.add(Reason::EmptyPolicy, field, "", "must have ipBlocks or subnets");
    }
    for (at, block) in blocks.iter().enumerate() {
        let field = format!("{field}.ipBlocks[{at}]");
        match network(block.trim()) {
            Some(network) => {
                all.push((Source { network, snat: policy.snat, written: block.trim().into() }, field));
            }
            None => faults.add(Reason::InvalidAddress, field, block, "must be an address or a CIDR"),
        }
    }
    for (at, name) in subnets.iter().enumerate() {
        let field = format!("{field}.subnets[{at}]");
        for network in of_subnet(name, &field, (home, cluster), faults) {
            let written = network.to_string().into();
            all.push((Source { network, snat: policy.snat, written }, field.clone()));
        }
    }
}

/// An address, as the network it is alone in, or a CIDR.
fn network(text: &str) -> Option<IpNet> {
    let bare = || text.parse::<IpAddr>().ok().map(IpNet::from);
    text.parse::<IpNet>().ok().or_else(bare).map(|network| network.trunc())
}

fn of_subnet(
    name: &str,
    field: &str,
    (home, cluster): (&Home<'_>, &Cluster),
    faults: &mut Faults,
) -> Vec<IpNet> {
    let Some(subnet) = sides::existing(name, field, cluster, faults) else { return Vec::new() };
    // A network that is attached beside the first one is routed only if it is one of OVN.
    let provider = subnet.spec.provider.as_deref().unwrap_or_default();
    if !matches!(provider, "" | "ovn") && !provider.ends_with(".ovn") {
        let rule = "must be ovn or end in .ovn: no logical router sees the traffic of other networks";
        faults.add(Reason::InvalidProvider, format!("Subnet/{name}: spec.provider"), provider, rule);
        return Vec::new();
    }
    if sides::in_vpc(subnet, name, field, home, faults).is_none() {
        return Vec::new();
    }
    sides::networks(name, subnet, faults).unwrap_or_default()
}

/// A source that shares addresses with the external network would draw the gateway's own way out into the VPC.
pub(super) fn against(external: &Side, sources: &[Told], faults: &mut Faults) {
    for (source, field) in sources {
        if let Some(network) = external.networks.iter().find(|network| overlap(&source.network, network)) {
            let rule = format!("must not overlap {network} of external Subnet {}", external.subnet);
            faults.add(Reason::OverlappingCIDRs, field, &source.written, rule);
        }
    }
}

/// Every network once, sorted: said twice is fine, said twice with different `snat` is not.
pub(super) fn once(sources: Vec<Told>, faults: &mut Faults) -> Vec<Source> {
    let mut all: Vec<(Source, String)> = Vec::with_capacity(sources.len());
    for (source, field) in sources {
        match all.binary_search_by(|(other, _)| other.network.cmp(&source.network)) {
            Err(at) => all.insert(at, (source, field)),
            Ok(at) if all[at].0.snat == source.snat => {}
            Ok(at) => {
                let rule = format!("is in {} too, with the other snat", all[at].1);
                faults.add(Reason::OverlappingCIDRs, field, &source.written, rule);
            }
        }
    }
    all.into_iter().map(|(source, _)| source).collect()
}
