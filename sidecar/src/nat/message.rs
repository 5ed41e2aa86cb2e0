//! Octets of rtnetlink as structs of ours, and back.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netlink_packet_route::AddressFamily;
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage, RouteProtocol};
use netlink_packet_route::rule::{RuleAction, RuleAttribute, RuleFlags, RuleMessage};
use rtnetlink::{IpVersion, RouteMessageBuilder};

use super::routing::{Default, Rule, TABLE};
use super::settings::Family;

pub(super) fn version(family: Family) -> IpVersion {
    match family {
        Family::V4 => IpVersion::V4,
        Family::V6 => IpVersion::V6,
    }
}

pub(super) fn rule(message: &RuleMessage) -> Rule {
    let header = &message.header;
    let mut rule =
        Rule { priority: 0, source: None, input: None, table: u32::from(header.table), foreign: false };
    let host = |ip: &IpAddr| if ip.is_ipv4() { 32 } else { 128 };
    rule.foreign = header.action != RuleAction::ToTable || header.dst_len != 0 || header.tos != 0;
    rule.foreign |= header.flags.contains(RuleFlags::Invert); // other flags only tell what became of it
    for attribute in &message.attributes {
        match attribute {
            RuleAttribute::Priority(priority) => rule.priority = *priority,
            RuleAttribute::Table(table) => rule.table = *table,
            RuleAttribute::Iifname(name) => rule.input = Some(name.clone()),
            RuleAttribute::Source(ip) => {
                rule.foreign |= header.src_len != host(ip);
                rule.source = Some(*ip);
            }
            // Said of each rule.
            RuleAttribute::Protocol(_) | RuleAttribute::SuppressPrefixLen(u32::MAX) => {}
            _ => rule.foreign = true,
        }
    }
    rule
}

pub(super) fn default(message: &RouteMessage) -> Default {
    let mut route = Default { gateway: None, link: None };
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Gateway(gateway) => route.gateway = ip(gateway),
            RouteAttribute::Oif(link) => route.link = Some(*link),
            _ => {}
        }
    }
    route
}

/// The route as it is set; its link and gateway must be there.
pub(super) fn message(family: Family, route: &Default) -> RouteMessage {
    let link = route.link.unwrap_or_default();
    match (family, route.gateway) {
        (Family::V4, Some(IpAddr::V4(gateway))) => RouteMessageBuilder::<Ipv4Addr>::new()
            .table_id(TABLE)
            .gateway(gateway)
            .output_interface(link)
            .protocol(RouteProtocol::Boot)
            .build(),
        (Family::V6, Some(IpAddr::V6(gateway))) => RouteMessageBuilder::<Ipv6Addr>::new()
            .table_id(TABLE)
            .gateway(gateway)
            .output_interface(link)
            .protocol(RouteProtocol::Boot)
            .build(),
        _ => any_route(family),
    }
}

/// What a dump of all routes is asked with.
pub(super) fn any_route(family: Family) -> RouteMessage {
    match family {
        Family::V4 => RouteMessageBuilder::<Ipv4Addr>::new().build(),
        Family::V6 => RouteMessageBuilder::<Ipv6Addr>::new().build(),
    }
}

/// The question of `ip route get`.
pub(super) fn question(gateway: IpAddr) -> RouteMessage {
    let mut question = RouteMessage::default();
    let (family, bits, destination) = match gateway {
        IpAddr::V4(addr) => (AddressFamily::Inet, 32, RouteAddress::Inet(addr)),
        IpAddr::V6(addr) => (AddressFamily::Inet6, 128, RouteAddress::Inet6(addr)),
    };
    question.header.address_family = family;
    question.header.destination_prefix_length = bits;
    question.attributes.push(RouteAttribute::Destination(destination));
    question
}

pub(super) fn ip(addr: &RouteAddress) -> Option<IpAddr> {
    match addr {
        RouteAddress::Inet(addr) => Some(IpAddr::V4(*addr)),
        RouteAddress::Inet6(addr) => Some(IpAddr::V6(*addr)),
        _ => None,
    }
}
