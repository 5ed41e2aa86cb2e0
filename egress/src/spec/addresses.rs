//! `internalIPs`, `externalIPs` and the pools in their place.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use kubeovn::VpcEgressGatewaySpec;

use super::refusal::{Faults, Reason};
use super::sides::one_a_family;
use super::{Addresses, Side};

/// What one side asks for; a pool counts where there is no list.
pub(super) fn wanted(list: &Option<Vec<String>>, pool: &Option<String>) -> Addresses {
    match (list.as_deref().unwrap_or_default(), pool.as_deref().unwrap_or_default()) {
        ([], "") => Addresses::Any,
        ([], pool) => Addresses::Pool(pool.into()),
        (list, _) => Addresses::Fixed(list.iter().map(|item| item.trim().into()).collect()),
    }
}

/// Checks the lists of both sides, the internal one first.
pub(super) fn check(spec: &VpcEgressGatewaySpec, replicas: u8, sides: [&Side; 2], faults: &mut Faults) {
    let pools = [&spec.internal_ip_pool, &spec.external_ip_pool];
    let names = [("internalIPs", "internalIPPool"), ("externalIPs", "externalIPPool")];
    for ((side, pool), (list_name, pool_name)) in sides.into_iter().zip(pools).zip(names) {
        let Addresses::Fixed(list) = &side.addresses else { continue };
        if let Some(pool) = pool.as_deref().filter(|pool| !pool.is_empty()) {
            let rule = format!("must be empty beside {list_name}");
            faults.add(Reason::AddressesAndPool, format!("spec.{pool_name}"), pool, rule);
        }
        if list.len() < usize::from(replicas) {
            let rule = format!("must be at least as many as replicas, {replicas}");
            faults.add(Reason::TooFewAddresses, format!("spec.{list_name}"), &list.len().to_string(), rule);
        }
        let mut seen = BTreeSet::new();
        for (at, item) in list.iter().enumerate() {
            if let Err(rule) = entry(item, side, &mut seen) {
                faults.add(Reason::InvalidAddress, format!("spec.{list_name}[{at}]"), item, rule);
            }
        }
    }
}

/// One entry: what it must be, if it is not that.
fn entry(item: &str, side: &Side, seen: &mut BTreeSet<IpAddr>) -> Result<(), String> {
    let parsed: Option<Vec<IpAddr>> = item.split(',').map(|one| one.trim().parse().ok()).collect();
    let parsed = parsed
        .filter(|all| one_a_family(all.iter().copied()))
        .ok_or("must be an address, or an IPv4 and an IPv6 one with a comma between")?;
    for address in parsed {
        let Some(network) = side.networks.iter().find(|network| network.contains(&address)) else {
            return Err(format!("{address} must be in Subnet {}, {}", side.subnet, join(&side.networks)));
        };
        if side.gateways.contains(&address) {
            return Err(format!("{address} must not be the gateway of Subnet {}", side.subnet));
        }
        if reserved(network, address) {
            return Err(format!("{address} must not be the network's or the broadcast address of {network}"));
        }
        if !seen.insert(address) {
            return Err(format!("{address} must be there only once"));
        }
    }
    Ok(())
}

/// The first address of a network, and of an IPv4 one the last, belong to no host; in /31, /32, /127 and /128 all do.
fn reserved(network: &IpNet, address: IpAddr) -> bool {
    network.prefix_len() + 1 < network.max_prefix_len()
        && (address == network.network() || address.is_ipv4() && address == network.broadcast())
}

fn join(networks: &[IpNet]) -> String {
    networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}
