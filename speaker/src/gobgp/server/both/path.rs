//! Destinations, paths and their attributes.

use std::net::{IpAddr, Ipv4Addr};

use bgp::Family;
use bgp::wire::{Attr, Context, Segment};
use ipnet::IpNet;

use super::super::super::table::{Destination, Path, family_of};
use super::super::super::timestamp;
use super::super::{Attribute, attribute, nlri, pb};

/// Optional attributes with a message of their own (RFC 4271, 4456, 6793, 8092).
mod code {
    pub(super) const AGGREGATOR: u8 = 7;
    pub(super) const ORIGINATOR_ID: u8 = 9;
    pub(super) const CLUSTER_LIST: u8 = 10;
    pub(super) const AS4_AGGREGATOR: u8 = 18;
    pub(super) const LARGE_COMMUNITIES: u8 = 32;
}

/// A family in the API's numbers, which are IANA's.
pub(super) fn family(of: Family) -> pb::Family {
    pb::Family { afi: of.afi.into(), safi: of.safi.into() }
}

/// A destination with its paths.
pub(super) fn destination(one: &Destination) -> pb::Destination {
    let paths = one.paths.iter().map(|path| self::path(one.prefix, path)).collect();
    pb::Destination { prefix: one.prefix.to_string(), paths }
}

fn prefix(net: IpNet) -> pb::IpAddressPrefix {
    pb::IpAddressPrefix { prefix_len: net.prefix_len().into(), prefix: net.network().to_string() }
}

fn path(net: IpNet, path: &Path) -> pb::Path {
    let mut pattrs: Vec<Attribute> = path.attrs.iter().filter_map(attr).collect();
    pattrs.push(next_hop(net, path.next_hop));
    pb::Path {
        nlri: Some(nlri(prefix(net))),
        pattrs,
        age: Some(timestamp(path.since)),
        best: path.best,
        family: Some(family(family_of(&net))),
        source_asn: path.source.asn.get(),
        source_id: path.source.id.map(|id| id.to_string()).unwrap_or_default(),
        filtered: path.filtered,
        is_from_external: path.source.neighbor.is_some(),
        neighbor_ip: path.source.neighbor.map(|addr| addr.to_string()).unwrap_or_default(),
        is_nexthop_invalid: path.next_hop.is_unspecified(),
        local_identifier: path.local_identifier,
        ..pb::Path::default()
    }
}

/// `NEXT_HOP` where the wire has one, else `MP_REACH_NLRI` with the prefix in it.
fn next_hop(net: IpNet, addr: IpAddr) -> Attribute {
    match (net, addr) {
        (IpNet::V4(_), IpAddr::V4(addr)) => attribute(pb::NextHopAttribute { next_hop: addr.to_string() }),
        _ => attribute(pb::MpReachNlriAttribute {
            family: Some(family(family_of(&net))),
            next_hops: vec![addr.to_string()],
            nlris: vec![nlri(prefix(net))],
        }),
    }
}

fn segments(path: &[Segment]) -> Vec<pb::AsSegment> {
    let segment = |one: &Segment| pb::AsSegment { r#type: one.kind.into(), numbers: one.asns.clone() };
    path.iter().map(segment).collect()
}

fn attr(one: &Attr) -> Option<Attribute> {
    Some(match one {
        Attr::Origin(origin) => attribute(pb::OriginAttribute { origin: *origin as u32 }),
        Attr::AsPath(path) => attribute(pb::AsPathAttribute { segments: segments(path) }),
        Attr::As4Path(path) => attribute(pb::As4PathAttribute { segments: segments(path) }),
        Attr::Med(med) => attribute(pb::MultiExitDiscAttribute { med: *med }),
        Attr::LocalPref(local_pref) => attribute(pb::LocalPrefAttribute { local_pref: *local_pref }),
        Attr::AtomicAggregate => attribute(pb::AtomicAggregateAttribute {}),
        Attr::Communities(all) => attribute(pb::CommunitiesAttribute { communities: all.clone() }),
        Attr::NextHop(_) | Attr::MpReach(_) | Attr::MpUnreach(_) => return None, // told apart
        other => {
            let value = other.value_octets(Context { four_octet_as: true, ..Context::default() })?;
            known(other.code(), &value).unwrap_or_else(|| {
                let (flags, code) = (other.flags().into(), other.code().into());
                attribute(pb::UnknownAttribute { flags, r#type: code, value })
            })
        }
    })
}

/// Attributes the API has messages of its own for, from their octets.
fn known(code: u8, value: &[u8]) -> Option<Attribute> {
    let addr = |octets: &[u8]| octets.first_chunk::<4>().map(|octets| Ipv4Addr::from(*octets).to_string());
    let number = |octets: &[u8]| octets.first_chunk::<4>().map(|octets| u32::from_be_bytes(*octets));
    Some(match (code, value.len()) {
        (code::AGGREGATOR, 8) => {
            attribute(pb::AggregatorAttribute { asn: number(value)?, address: addr(value.get(4..)?)? })
        }
        (code::AGGREGATOR, 6) => {
            let asn = u16::from_be_bytes(*value.first_chunk::<2>()?).into();
            attribute(pb::AggregatorAttribute { asn, address: addr(value.get(2..)?)? })
        }
        (code::AS4_AGGREGATOR, 8) => {
            attribute(pb::As4AggregatorAttribute { asn: number(value)?, address: addr(value.get(4..)?)? })
        }
        (code::ORIGINATOR_ID, 4) => attribute(pb::OriginatorIdAttribute { id: addr(value)? }),
        (code::CLUSTER_LIST, len) if len % 4 == 0 => {
            attribute(pb::ClusterListAttribute { ids: value.chunks(4).filter_map(addr).collect() })
        }
        (code::LARGE_COMMUNITIES, len) if len % 12 == 0 => {
            let one = |octets: &[u8]| {
                Some(pb::LargeCommunity {
                    global_admin: number(octets)?,
                    local_data1: number(octets.get(4..)?)?,
                    local_data2: number(octets.get(8..)?)?,
                })
            };
            let communities = value.chunks(12).map(one).collect::<Option<_>>()?;
            attribute(pb::LargeCommunitiesAttribute { communities })
        }
        _ => return None,
    })
}
