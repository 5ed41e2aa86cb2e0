//! The same messages as `netgauze-bgp-pkt` reads them.

use std::collections::HashMap;

use netgauze_bgp_pkt::BgpMessage;
use netgauze_bgp_pkt::path_attribute::{
    Aggregator, As4PathSegment, AsPath, MpReach, MpUnreach, Origin, PathAttributeValue,
};
use netgauze_bgp_pkt::update::BgpUpdateMessage;
use netgauze_bgp_pkt::wire::deserializer::{BgpParsingContext, BgpParsingIgnoredErrors};
use netgauze_parse_utils::reader::SliceReader;
use netgauze_parse_utils::traits::ParseFromWithOneInput;

use super::{Reading, list};

/// What it makes of a frame.
pub(super) fn read(frame: &[u8], four_octet_as: bool) -> Reading {
    let mut context =
        BgpParsingContext::new(four_octet_as, HashMap::new(), HashMap::new(), false, false, false, false);
    let mut reader = SliceReader::new(frame);
    match BgpMessage::parse(&mut reader, &mut context) {
        Err(error) => Reading::Refused(format!("{error:?}")),
        Ok(message) => {
            let errors = context.reset_parsing_errors();
            let noticed = errors != BgpParsingIgnoredErrors::default();
            let facts = match &message {
                BgpMessage::Open(open) => {
                    vec![format!("open as={} hold={} id={}", open.my_as(), open.hold_time(), open.bgp_id())]
                }
                BgpMessage::Update(update) => of_update(update),
                BgpMessage::Notification(_) => vec!["notification".to_owned()],
                BgpMessage::KeepAlive => vec!["keepalive".to_owned()],
                BgpMessage::RouteRefresh(_) => vec!["route-refresh".to_owned()],
            };
            if noticed { Reading::Complained(format!("{errors:?}")) } else { Reading::Understood(facts) }
        }
    }
}

fn of_update(update: &BgpUpdateMessage) -> Vec<String> {
    let mut out: Vec<String> = update
        .withdraw_routes()
        .iter()
        .map(|one| format!("withdraw {}", one.network().address().trunc()))
        .collect();
    for attr in update.path_attributes() {
        of_attr(attr.value(), &mut out);
    }
    out.extend(update.nlri().iter().map(|one| format!("announce {}", one.network().address().trunc())));
    out
}

fn of_attr(attr: &PathAttributeValue, out: &mut Vec<String>) {
    out.push(match attr {
        PathAttributeValue::Origin(Origin::IGP) => "origin igp".to_owned(),
        PathAttributeValue::Origin(Origin::EGP) => "origin egp".to_owned(),
        PathAttributeValue::Origin(Origin::Incomplete) => "origin incomplete".to_owned(),
        PathAttributeValue::AsPath(AsPath::As4PathSegments(path)) => {
            list("as-path", path.iter().map(segment))
        }
        PathAttributeValue::AsPath(AsPath::As2PathSegments(path)) => list(
            "as-path",
            path.iter().map(|one| {
                let asns: Vec<String> = one.as_numbers().iter().map(u16::to_string).collect();
                format!("{}:{}", u8::from(one.segment_type()), asns.join(","))
            }),
        ),
        PathAttributeValue::As4Path(path) => list("as4-path", path.segments().iter().map(segment)),
        PathAttributeValue::NextHop(hop) => format!("next-hop {}", hop.next_hop()),
        PathAttributeValue::MultiExitDiscriminator(med) => format!("med {}", med.metric()),
        PathAttributeValue::LocalPreference(pref) => format!("local-pref {}", pref.metric()),
        PathAttributeValue::AtomicAggregate(_) => "atomic-aggregate".to_owned(),
        PathAttributeValue::Aggregator(Aggregator::As2Aggregator(one)) => {
            format!("aggregator {} {}", one.asn(), one.origin())
        }
        PathAttributeValue::Aggregator(Aggregator::As4Aggregator(one)) => {
            format!("aggregator {} {}", one.asn(), one.origin())
        }
        PathAttributeValue::Communities(all) => list(
            "communities",
            all.communities().iter().map(|one| format!("{}:{}", one.value() >> 16, one.value() & 0xffff)),
        ),
        PathAttributeValue::ExtendedCommunities(all) => {
            format!("extended-communities {}", all.communities().len())
        }
        PathAttributeValue::LargeCommunities(all) => list(
            "large-communities",
            all.communities()
                .iter()
                .map(|one| format!("{}:{}:{}", one.global_admin(), one.local_data1(), one.local_data2())),
        ),
        PathAttributeValue::Originator(one) => format!("originator-id {}", one.id()),
        PathAttributeValue::ClusterList(all) => {
            list("cluster-list", all.cluster_list().iter().map(|one| one.id()))
        }
        PathAttributeValue::OnlyToCustomer(one) => format!("only-to-customer {}", one.asn()),
        PathAttributeValue::MpReach(reach) => return of_reach(reach, out),
        PathAttributeValue::MpUnreach(unreach) => return of_unreach(unreach, out),
        _ => return, // not understood here
    });
}

fn of_reach(reach: &MpReach, out: &mut Vec<String>) {
    match reach {
        MpReach::Ipv4Unicast { next_hop, next_hop_local, nlri } => {
            out.push(list(&format!("reach 1/1 {next_hop}"), next_hop_local.iter()));
            out.extend(nlri.iter().map(|one| format!("reach {}", one.network().address().trunc())));
        }
        MpReach::Ipv6Unicast { next_hop_global, next_hop_local, nlri } => {
            out.push(list(&format!("reach 2/1 {next_hop_global}"), next_hop_local.iter()));
            out.extend(nlri.iter().map(|one| format!("reach {}", one.network().address().trunc())));
        }
        _ => {} // not understood here
    }
}

fn of_unreach(unreach: &MpUnreach, out: &mut Vec<String>) {
    match unreach {
        MpUnreach::Ipv4Unicast { nlri } => {
            out.push("unreach 1/1".to_owned());
            out.extend(nlri.iter().map(|one| format!("unreach {}", one.network().address().trunc())));
        }
        MpUnreach::Ipv6Unicast { nlri } => {
            out.push("unreach 2/1".to_owned());
            out.extend(nlri.iter().map(|one| format!("unreach {}", one.network().address().trunc())));
        }
        _ => {} // not understood here
    }
}

fn segment(one: &As4PathSegment) -> String {
    let asns: Vec<String> = one.as_numbers().iter().map(u32::to_string).collect();
    format!("{}:{}", u8::from(one.segment_type()), asns.join(","))
}
