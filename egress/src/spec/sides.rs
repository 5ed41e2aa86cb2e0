//! The VPC, its Subnet and the external one: looked up, and whether they fit each other.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use kubeovn::{Condition, Subnet, VpcEgressGatewaySpec};

use super::refusal::{Faults, Reason};
use super::{Addresses, Bfd, Side, addresses};
use crate::plan::Settings;
use crate::view::{Cluster, Family, Name};

/// The VPC of a gateway.
pub(super) struct Home<'a> {
    pub(super) name: Box<str>,
    pub(super) router: Box<str>,
    pub(super) object: &'a kubeovn::Vpc,
    /// Subnets that name no VPC are in this one.
    pub(super) default_vpc: &'a str,
}

/// An external side with its provider and the attachment that it names.
pub(super) type External = (Side, Box<str>, Name);

pub(super) fn vpc<'a>(
    spec: &VpcEgressGatewaySpec,
    cluster: &'a Cluster,
    settings: &'a Settings,
    faults: &mut Faults,
) -> Option<Home<'a>> {
    let name = spec.vpc.as_deref().filter(|name| !name.is_empty()).unwrap_or(&settings.default_vpc);
    let Some(object) = cluster.vpcs.get(name) else {
        faults.add(Reason::UnknownVpc, "spec.vpc", name, "must be the name of a Vpc that exists");
        return None;
    };
    let router = object.status.as_ref().and_then(|status| status.router.as_deref()).unwrap_or_default();
    if router.is_empty() {
        faults.add(
            Reason::VpcNotReady,
            format!("Vpc/{name}: status.router"),
            "",
            "is not filled in yet by the controller of VPCs",
        );
        return None;
    }
    Some(Home { name: name.into(), router: router.into(), object, default_vpc: &settings.default_vpc })
}

/// The Subnet the pods have their first interface in.
pub(super) fn internal(
    spec: &VpcEgressGatewaySpec,
    home: &Home<'_>,
    cluster: &Cluster,
    faults: &mut Faults,
) -> Option<Side> {
    let named = spec.internal_subnet.as_deref().filter(|name| !name.is_empty());
    let default = || home.object.status.as_ref()?.default_logical_switch.as_deref();
    let Some(name) = named.or_else(default).filter(|name| !name.is_empty()) else {
        let rule =
            format!("must be set, for Vpc {} has no default Subnet (status.defaultLogicalSwitch)", home.name);
        faults.add(Reason::MissingSubnet, "spec.internalSubnet", "", rule);
        return None;
    };
    let subnet = existing(name, "spec.internalSubnet", cluster, faults)?;
    in_vpc(subnet, name, "spec.internalSubnet", home, faults)?;
    // The pods' first interface is the cluster's own network; another one would be an attachment.
    let provider = subnet.spec.provider.as_deref().unwrap_or_default();
    if !matches!(provider, "" | "ovn") {
        let rule = "must be ovn, the network of the pods' first interface";
        faults.add(Reason::InvalidProvider, format!("Subnet/{name}: spec.provider"), provider, rule);
        return None;
    }
    side(name, subnet, addresses::wanted(&spec.internal_ips, &spec.internal_ip_pool), faults)
}

/// The Subnet of the external network, and how pods get into it.
pub(super) fn external(
    spec: &VpcEgressGatewaySpec,
    cluster: &Cluster,
    faults: &mut Faults,
) -> Option<External> {
    let name = spec.external_subnet.as_str();
    let subnet = existing(name, "spec.externalSubnet", cluster, faults)?;
    let provider = subnet.spec.provider.as_deref().unwrap_or_default();
    let mut parts = provider.split('.').filter(|part| !part.is_empty());
    let (Some(attachment), Some(namespace)) = (parts.next(), parts.next()) else {
        let rule = "must be NAME.NAMESPACE of the NetworkAttachmentDefinition of the external network";
        faults.add(Reason::InvalidProvider, format!("Subnet/{name}: spec.provider"), provider, rule);
        return None;
    };
    let attachment = Name { namespace: namespace.into(), name: attachment.into() };
    if cluster.attachments.as_ref().is_some_and(|known| !known.contains(&attachment)) {
        let rule = format!(
            "names the NetworkAttachmentDefinition {}/{}, which does not exist",
            attachment.namespace, attachment.name
        );
        faults.add(Reason::MissingAttachment, format!("Subnet/{name}: spec.provider"), provider, rule);
        return None;
    }
    let side = side(name, subnet, addresses::wanted(&spec.external_ips, &spec.external_ip_pool), faults)?;
    Some((side, provider.into(), attachment))
}

/// A Subnet that exists and that its controller has not refused.
pub(super) fn existing<'a>(
    name: &str,
    field: &str,
    cluster: &'a Cluster,
    faults: &mut Faults,
) -> Option<&'a Subnet> {
    let Some(subnet) = cluster.subnets.get(name) else {
        faults.add(Reason::MissingSubnet, field, name, "must be the name of a Subnet that exists");
        return None;
    };
    let conditions = subnet.status.as_ref().and_then(|status| status.conditions.as_deref());
    if Condition::denied(conditions, "Validated") {
        faults.add(
            Reason::SubnetNotValidated,
            field,
            name,
            "has the condition Validated with the status False",
        );
        return None;
    }
    Some(subnet)
}

/// Whether a Subnet's traffic passes the VPC's logical router.
pub(super) fn in_vpc(
    subnet: &Subnet,
    name: &str,
    field: &str,
    home: &Home<'_>,
    faults: &mut Faults,
) -> Option<()> {
    let vpc = subnet.spec.vpc.as_deref().filter(|vpc| !vpc.is_empty()).unwrap_or(home.default_vpc);
    if vpc != &*home.name {
        let rule = format!("must be in Vpc {}, but is in {vpc}", home.name);
        faults.add(Reason::SubnetOfOtherVpc, field, name, rule);
        return None;
    }
    let bridged = subnet.spec.vlan.as_deref().is_some_and(|vlan| !vlan.is_empty());
    let routed = [subnet.spec.logical_gateway, subnet.spec.u2o_interconnection].contains(&Some(true));
    if bridged && !routed {
        let rule =
            "is on a Vlan without logicalGateway or u2oInterconnection: its traffic passes no logical router";
        faults.add(Reason::UnderlaySubnet, field, name, rule);
        return None;
    }
    Some(())
}

/// Networks of a Subnet.
pub(super) fn networks(name: &str, subnet: &Subnet, faults: &mut Faults) -> Option<Vec<IpNet>> {
    let text = subnet.spec.cidr_block.as_deref().unwrap_or_default();
    let all: Option<Vec<IpNet>> =
        text.split(',').map(|one| one.trim().parse::<IpNet>().ok().map(|net| net.trunc())).collect();
    let all = all.filter(|all| one_a_family(all.iter().map(IpNet::addr)));
    if all.is_none() {
        let rule = "must be a CIDR, or an IPv4 and an IPv6 one with a comma between";
        faults.add(Reason::InvalidAddress, format!("Subnet/{name}: spec.cidrBlock"), text, rule);
    }
    all
}

/// Whether no family is there twice.
pub(super) fn one_a_family(addresses: impl Iterator<Item = IpAddr>) -> bool {
    let mut seen = [false; 2];
    addresses.into_iter().all(|address| !std::mem::replace(&mut seen[usize::from(address.is_ipv6())], true))
}

fn side(name: &str, subnet: &Subnet, addresses: Addresses, faults: &mut Faults) -> Option<Side> {
    let networks = networks(name, subnet, faults)?;
    let text = subnet.spec.gateway.as_deref().unwrap_or_default();
    let gateways: Option<Vec<IpAddr>> = if text.is_empty() {
        // What Kube-OVN fills in for a Subnet that names none.
        Some(networks.iter().filter_map(first_host).collect())
    } else {
        text.split(',').map(|one| one.trim().parse().ok()).collect()
    };
    let Some(gateways) = gateways.filter(|all| one_a_family(all.iter().copied())) else {
        let rule = "must be an address, or an IPv4 and an IPv6 one with a comma between";
        faults.add(Reason::InvalidAddress, format!("Subnet/{name}: spec.gateway"), text, rule);
        return None;
    };
    Some(Side { subnet: name.into(), networks, gateways, addresses })
}

fn first_host(network: &IpNet) -> Option<IpAddr> {
    let next = match network.network() {
        IpAddr::V4(address) => IpAddr::V4(Ipv4Addr::from_bits(address.to_bits().checked_add(1)?)),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits().checked_add(1)?)),
    };
    network.contains(&next).then_some(next)
}

/// Whether both sides, and the BFD port, go together.
pub(super) fn together(internal: &Side, external: &Side, bfd: Option<&Bfd>, faults: &mut Faults) {
    for network in &internal.networks {
        for other in external.networks.iter().filter(|other| overlap(network, other)) {
            let rule =
                format!("its {other} must not overlap {network} of internal Subnet {}", internal.subnet);
            faults.add(Reason::OverlappingCIDRs, "spec.externalSubnet", &external.subnet, rule);
        }
    }
    let served = |family: &Family| internal.gateway(*family).is_some() && external.gateway(*family).is_some();
    if !Family::BOTH.iter().any(served) {
        let rule = format!("has a gateway of no family in which internal Subnet {} has one", internal.subnet);
        faults.add(Reason::NoFamily, "spec.externalSubnet", &external.subnet, rule);
    }
    if let Some(bfd) = bfd
        && !bfd.peers.iter().any(|peer| internal.gateway(Family::of(*peer)).is_some())
    {
        let peers: Vec<_> = bfd.peers.iter().map(ToString::to_string).collect();
        let rule =
            format!("the VPC's BFD port must have an address of a family of Subnet {}", internal.subnet);
        faults.add(Reason::InvalidBfdPort, "spec.bfd.enabled", &peers.join(","), rule);
    }
}

/// Whether two networks share an address.
pub(super) fn overlap(one: &IpNet, other: &IpNet) -> bool {
    one.contains(other) || other.contains(one)
}
