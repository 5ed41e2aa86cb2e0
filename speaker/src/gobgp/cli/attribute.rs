//! Path attributes as text.

use super::text::address;
use super::{family, prefix};
use crate::gobgp::api;
use crate::gobgp::api::attribute::Attr;
use crate::gobgp::api::extended_community::Extcom;

/// The attributes of a path that can be shown: all of those this program knows, or none when one of them is wrong, as
/// GoBGP has it.
pub(super) fn usable(path: &api::Path) -> Option<Vec<&Attr>> {
    let known: Vec<&Attr> = path.pattrs.iter().filter_map(|attribute| attribute.attr.as_ref()).collect();
    let codes: Vec<u32> = known.iter().map(|attr| code(attr)).collect();
    let twice = codes.iter().enumerate().any(|(index, code)| codes[..index].contains(code));
    (!twice && known.iter().all(|attr| valid(attr))).then_some(known)
}

/// The IANA type code.
pub(super) fn code(attr: &Attr) -> u32 {
    match attr {
        Attr::Unknown(unknown) => unknown.r#type,
        Attr::Origin(_) => 1,
        Attr::AsPath(_) => 2,
        Attr::NextHop(_) => 3,
        Attr::MultiExitDisc(_) => 4,
        Attr::LocalPref(_) => 5,
        Attr::AtomicAggregate(_) => 6,
        Attr::Aggregator(_) => 7,
        Attr::Communities(_) => 8,
        Attr::OriginatorId(_) => 9,
        Attr::ClusterList(_) => 10,
        Attr::MpReach(_) => 14,
        Attr::MpUnreach(_) => 15,
        Attr::ExtendedCommunities(_) => 16,
        Attr::As4Path(_) => 17,
        Attr::As4Aggregator(_) => 18,
        Attr::LargeCommunities(_) => 32,
    }
}

/// Addresses are addresses, and an MP_REACH_NLRI says of what.
fn valid(attr: &Attr) -> bool {
    let ipv4 = |text: &str| text.parse::<std::net::Ipv4Addr>().is_ok();
    match attr {
        Attr::NextHop(next_hop) => address(&next_hop.next_hop).is_some(),
        Attr::Aggregator(aggregator) => ipv4(&aggregator.address),
        Attr::As4Aggregator(aggregator) => ipv4(&aggregator.address),
        Attr::OriginatorId(originator) => ipv4(&originator.id),
        Attr::ClusterList(list) => list.ids.iter().all(|id| ipv4(id)),
        Attr::MpReach(reach) => {
            reach.family.is_some()
                && !reach.nlris.is_empty()
                && reach.nlris.iter().all(|nlri| prefix(nlri).is_some())
                && reach.next_hops.iter().all(|hop| address(hop).is_some())
        }
        _ => true,
    }
}

/// The next hop, wherever it is.
pub(super) fn next_hop(attrs: &[&Attr]) -> Option<String> {
    attrs.iter().find_map(|attr| match attr {
        Attr::NextHop(next_hop) => address(&next_hop.next_hop),
        Attr::MpReach(reach) => Some(reached_over(reach)),
        _ => None,
    })
}

pub(super) fn reached_over(reach: &api::MpReachNlriAttribute) -> String {
    let global = reach.next_hops.first().and_then(|hop| address(hop));
    let none =
        if reach.family.is_some_and(|family| family.afi == family::IPV6.afi) { "::" } else { "0.0.0.0" };
    global.unwrap_or_else(|| none.into())
}

/// The AS path: `65001 65002 {3,4}`, confederation segments in `()` and `[]`.
pub(super) fn as_path(attrs: &[&Attr]) -> String {
    let segments = attrs.iter().find_map(|attr| match attr {
        Attr::AsPath(path) => Some(&path.segments),
        _ => None,
    });
    let shown = segments.into_iter().flatten().map(|segment| {
        let (open, between, close) = match segment.r#type() {
            api::as_segment::Type::AsSet => ("{", ",", "}"),
            api::as_segment::Type::AsConfedSequence => ("(", " ", ")"),
            api::as_segment::Type::AsConfedSet => ("[", ",", "]"),
            _ => ("", " ", ""),
        };
        format!("{open}{}{close}", join(&segment.numbers, between))
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// What the column `Attrs` shows: all but next hop and AS path, in the server's order.
pub(super) fn column(attrs: &[&Attr]) -> String {
    let shown: Vec<String> = attrs.iter().filter_map(|attr| text(attr)).collect();
    format!("[{}]", shown.join(" "))
}

fn text(attr: &Attr) -> Option<String> {
    Some(match attr {
        Attr::AsPath(_) | Attr::As4Path(_) | Attr::NextHop(_) | Attr::MpReach(_) => return None,
        Attr::Unknown(unknown) => format!(
            "{{Flags: {}, Type: BGPAttrType({}), Value: [{}]}}",
            flags(unknown.flags),
            unknown.r#type,
            join(&unknown.value, " ")
        ),
        Attr::Origin(origin) => {
            let letter = usize::try_from(origin.origin).ok().and_then(|at| ["i", "e", "?"].get(at).copied());
            format!("{{Origin: {}}}", letter.unwrap_or("-"))
        }
        Attr::MultiExitDisc(med) => format!("{{Med: {}}}", med.med),
        Attr::LocalPref(pref) => format!("{{LocalPref: {}}}", pref.local_pref),
        Attr::AtomicAggregate(_) => "{AtomicAggregate}".into(),
        Attr::Aggregator(by) => format!("{{Aggregate: {{AS: {}, Address: {}}}}}", by.asn, by.address),
        Attr::As4Aggregator(by) => format!("{{As4Aggregator: {{AS: {}, Address: {}}}}}", by.asn, by.address),
        Attr::Communities(all) => {
            let all: Vec<String> = all.communities.iter().map(|value| community(*value)).collect();
            format!("{{Communities: {}}}", all.join(", "))
        }
        Attr::OriginatorId(originator) => format!("{{Originator: {}}}", originator.id),
        Attr::ClusterList(list) => format!("{{ClusterList: [{}]}}", list.ids.join(" ")),
        Attr::MpUnreach(unreach) => unreachable_prefixes(unreach),
        Attr::ExtendedCommunities(all) => {
            let all = all.communities.iter().filter_map(|one| one.extcom.as_ref());
            let all: Vec<String> = all.map(|one| format!("[{}]", extended(one).2)).collect();
            format!("{{Extcomms: {}}}", all.join(", "))
        }
        Attr::LargeCommunities(all) => {
            let all = all.communities.iter();
            let all: Vec<String> =
                all.map(|c| format!("{}:{}:{}", c.global_admin, c.local_data1, c.local_data2)).collect();
            format!("{{LargeCommunity: [ {}]}}", all.join(", "))
        }
    })
}

fn unreachable_prefixes(unreach: &api::MpUnreachNlriAttribute) -> String {
    let name = family::name(&unreach.family.unwrap_or_default());
    let prefixes: Vec<String> = unreach.nlris.iter().filter_map(prefix).collect();
    if prefixes.is_empty() {
        format!("{{MpUnreach({name}): End-of-Rib}}")
    } else {
        format!("{{MpUnreach({name}): {{NLRIs: [{}]}}}}", prefixes.join(" "))
    }
}

fn join<T: ToString>(values: &[T], between: &str) -> String {
    values.iter().map(T::to_string).collect::<Vec<_>>().join(between)
}

/// RFC 4271 §4.3.
fn flags(flags: u32) -> String {
    let names = [(0x10, "EXTENDED_LENGTH"), (0x20, "PARTIAL"), (0x40, "TRANSITIVE"), (0x80, "OPTIONAL")];
    names.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, name)| *name).collect::<Vec<_>>().join("|")
}

/// `AS:value`, or the name IANA gave it.
fn community(value: u32) -> String {
    let name = match value {
        0 => "internet",
        0xffff_0000 => "planned-shut",
        0xffff_0001 => "accept-own",
        0xffff_0002 => "route-filter-translated-v4",
        0xffff_0003 => "route-filter-v4",
        0xffff_0004 => "route-filter-translated-v6",
        0xffff_0005 => "route-filter-v6",
        0xffff_0006 => "llgr-stale",
        0xffff_0007 => "no-llgr",
        0xffff_029a => "blackhole",
        0xffff_ff01 => "no-export",
        0xffff_ff02 => "no-advertise",
        0xffff_ff03 => "no-export-subconfed",
        0xffff_ff04 => "no-peer",
        _ => return format!("{}:{}", value >> 16, value & 0xffff),
    };
    name.into()
}

/// Type, sub-type (RFC 4360 §3, RFC 5668) and text.
pub(super) fn extended(community: &Extcom) -> (u32, u32, String) {
    let kind = |base: u32, transitive: bool| if transitive { base } else { base | 0x40 };
    match community {
        Extcom::TwoOctetAsSpecific(c) => {
            (kind(0, c.is_transitive), c.sub_type, format!("{}:{}", c.asn, c.local_admin))
        }
        Extcom::Ipv4AddressSpecific(c) => {
            let address = address(&c.address).unwrap_or_else(|| "invalid IP".into());
            (kind(1, c.is_transitive), c.sub_type, format!("{address}:{}", c.local_admin))
        }
        Extcom::FourOctetAsSpecific(c) => {
            let text = format!("{}.{}:{}", c.asn >> 16, c.asn & 0xffff, c.local_admin);
            (kind(2, c.is_transitive), c.sub_type, text)
        }
        Extcom::Unknown(c) => {
            let number =
                c.value.iter().chain(&[0; 7]).take(7).fold(0_u64, |sum, octet| sum << 8 | u64::from(*octet));
            (c.r#type, c.value.first().copied().unwrap_or(0).into(), number.to_string())
        }
    }
}
