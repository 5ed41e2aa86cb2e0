//! The same messages as `bgpkit-parser` reads them.

use std::panic::catch_unwind;

use bgpkit_parser::models::{
    AsPath, AsPathSegment, Asn, AsnLength, AttributeValue, BgpMessage, BgpUpdateMessage, Community,
    NextHopAddress, Nlri, Origin,
};
use bgpkit_parser::parser::bgp::messages::parse_bgp_message;
use bytes::Bytes;

use super::{Reading, list};

/// What it makes of a frame.
pub(super) fn read(frame: &[u8], four_octet_as: bool) -> Reading {
    let width = if four_octet_as { AsnLength::Bits32 } else { AsnLength::Bits16 };
    let mut octets = Bytes::copy_from_slice(frame);
    let parsed = catch_unwind(move || parse_bgp_message(&mut octets, false, &width));
    let message = match parsed {
        Err(_) => return Reading::Refused("panicked".to_owned()),
        Ok(Err(error)) => return Reading::Refused(format!("{error:?}")),
        Ok(Ok(message)) => message,
    };
    match message {
        BgpMessage::Open(open) => Reading::Understood(vec![format!(
            "open as={} hold={} id={}",
            open.asn.to_u32(),
            open.hold_time,
            open.bgp_identifier
        )]),
        BgpMessage::Update(update) => match update.attributes.validation_warnings() {
            [] => Reading::Understood(of_update(&update)),
            warnings => Reading::Complained(format!("{warnings:?}")),
        },
        BgpMessage::Notification(_) => Reading::Understood(vec!["notification".to_owned()]),
        BgpMessage::KeepAlive => Reading::Understood(vec!["keepalive".to_owned()]),
        BgpMessage::RouteRefresh(_) => Reading::Understood(vec!["route-refresh".to_owned()]),
    }
}

fn of_update(update: &BgpUpdateMessage) -> Vec<String> {
    let mut out: Vec<String> =
        update.withdrawn_prefixes.iter().map(|one| format!("withdraw {}", one.prefix.trunc())).collect();
    for attr in update.attributes.iter() {
        of_attr(attr, &mut out);
    }
    out.extend(update.announced_prefixes.iter().map(|one| format!("announce {}", one.prefix.trunc())));
    out
}

fn of_attr(attr: &AttributeValue, out: &mut Vec<String>) {
    out.push(match attr {
        AttributeValue::Origin(Origin::IGP) => "origin igp".to_owned(),
        AttributeValue::Origin(Origin::EGP) => "origin egp".to_owned(),
        AttributeValue::Origin(Origin::INCOMPLETE) => "origin incomplete".to_owned(),
        AttributeValue::AsPath(path) => of_path("as-path", path),
        AttributeValue::As4Path(path) => of_path("as4-path", path),
        AttributeValue::NextHop(addr) => format!("next-hop {addr}"),
        AttributeValue::MultiExitDiscriminator(med) => format!("med {med}"),
        AttributeValue::LocalPreference(pref) => format!("local-pref {pref}"),
        AttributeValue::AtomicAggregate => "atomic-aggregate".to_owned(),
        AttributeValue::Aggregator { asn, id } => format!("aggregator {} {id}", asn.to_u32()),
        AttributeValue::As4Aggregator { asn, id } => format!("as4-aggregator {} {id}", asn.to_u32()),
        AttributeValue::Communities(all) => list(
            "communities",
            all.iter().map(|one| match one {
                Community::NoExport => "65535:65281".to_owned(),
                Community::NoAdvertise => "65535:65282".to_owned(),
                Community::NoExportSubConfed => "65535:65283".to_owned(),
                Community::Custom(asn, value) => format!("{}:{value}", asn.to_u32()),
            }),
        ),
        AttributeValue::ExtendedCommunities(all) => format!("extended-communities {}", all.len()),
        AttributeValue::LargeCommunities(all) => list(
            "large-communities",
            all.iter().map(|one| format!("{}:{}:{}", one.global_admin, one.local_data[0], one.local_data[1])),
        ),
        AttributeValue::OriginatorId(id) => format!("originator-id {id}"),
        AttributeValue::Clusters(all) => {
            list("cluster-list", all.iter().map(|one| std::net::Ipv4Addr::from(*one)))
        }
        AttributeValue::OnlyToCustomer(asn) => format!("only-to-customer {}", asn.to_u32()),
        AttributeValue::MpReachNlri(nlri) => return of_nlri("reach", nlri, out),
        AttributeValue::MpUnreachNlri(nlri) => return of_nlri("unreach", nlri, out),
        _ => return, // not understood here
    });
}

fn of_path(word: &str, path: &AsPath) -> String {
    list(
        word,
        path.segments.iter().map(|segment| {
            let (kind, asns): (u8, &[Asn]) = match segment {
                AsPathSegment::AsSet(all) => (1, all),
                AsPathSegment::AsSequence(all) => (2, all),
                AsPathSegment::ConfedSequence(all) => (3, all),
                AsPathSegment::ConfedSet(all) => (4, all),
            };
            let asns: Vec<String> = asns.iter().map(|asn| asn.to_u32().to_string()).collect();
            format!("{kind}:{}", asns.join(","))
        }),
    )
}

fn of_nlri(word: &str, nlri: &Nlri, out: &mut Vec<String>) {
    let head = format!("{word} {}/{}", nlri.afi as u16, nlri.safi as u8);
    out.push(match &nlri.next_hop {
        Some(NextHopAddress::Ipv4(addr)) => format!("{head} {addr}"),
        Some(NextHopAddress::Ipv6(addr)) => format!("{head} {addr}"),
        Some(NextHopAddress::Ipv6LinkLocal(addr, local)) => format!("{head} {addr} {local}"),
        Some(_) | None => head,
    });
    out.extend(nlri.prefixes.iter().map(|one| format!("{word} {}", one.prefix.trunc())));
}
