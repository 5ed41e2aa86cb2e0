//! Path attributes as JSON: each its type code and the fields GoBGP gives it.

use super::attribute::{code, extended, reached_over};
use super::json::{Json, Object, Raw};
use super::prefix;
use super::text::address;
use crate::gobgp::api;
use crate::gobgp::api::attribute::Attr;
use crate::gobgp::api::extended_community::Extcom;

impl Json for &Attr {
    fn is_zero(&self) -> bool {
        false
    }

    fn write(&self, out: &mut String) {
        let mut object = Object::open(out);
        if let Attr::Unknown(unknown) = self {
            object.always("flags", &unknown.flags).always("type", &unknown.r#type);
            object.always("value", &unknown.value).close();
            return;
        }
        object.always("type", &code(self));
        match self {
            Attr::Unknown(_) | Attr::AtomicAggregate(_) => &mut object,
            Attr::Origin(origin) => object.always("value", &origin.origin),
            Attr::AsPath(path) => object.always("as_paths", &segments(&path.segments)),
            Attr::As4Path(path) => object.always("as_paths", &segments(&path.segments)),
            Attr::NextHop(hop) => object.always("nexthop", &address(&hop.next_hop)),
            Attr::MultiExitDisc(med) => object.always("metric", &med.med),
            Attr::LocalPref(pref) => object.always("value", &pref.local_pref),
            Attr::Aggregator(by) => object.always("as", &by.asn).always("address", &by.address),
            Attr::As4Aggregator(by) => object.always("as", &by.asn).always("address", &by.address),
            Attr::Communities(all) => object.always("communities", &all.communities),
            Attr::OriginatorId(originator) => object.always("value", &originator.id),
            Attr::ClusterList(list) => object.always("value", &list.ids),
            Attr::MpReach(reach) => {
                object.always("nexthop", &reached_over(reach));
                prefixes(&mut object, reach.family, &reach.nlris)
            }
            Attr::MpUnreach(unreach) => prefixes(&mut object, unreach.family, &unreach.nlris),
            Attr::ExtendedCommunities(all) => {
                let all = all.communities.iter().filter_map(|one| one.extcom.as_ref());
                object.always("value", &all.map(extended_json).collect::<Vec<_>>())
            }
            Attr::LargeCommunities(all) => {
                object.always("value", &all.communities.iter().map(large_json).collect::<Vec<_>>())
            }
        };
        object.close();
    }
}

fn segments(segments: &[api::AsSegment]) -> Vec<Raw> {
    let one = |segment: &api::AsSegment| {
        let mut out = String::new();
        let count = u64::try_from(segment.numbers.len()).unwrap_or(u64::MAX);
        Object::open(&mut out)
            .always("segment_type", &segment.r#type)
            .always("num", &count)
            .always("asns", &segment.numbers)
            .close();
        Raw(out)
    };
    segments.iter().map(one).collect()
}

fn prefixes<'a, 'o>(
    object: &'a mut Object<'o>,
    family: Option<api::Family>,
    nlris: &[api::Nlri],
) -> &'a mut Object<'o> {
    let family = family.unwrap_or_default();
    let one = |nlri: &api::Nlri| {
        let mut out = String::new();
        Object::open(&mut out).always("NLRI", &prefix_json(nlri)).always("ID", &0_u32).close();
        Raw(out)
    };
    object.always("afi", &family.afi).always("safi", &family.safi);
    object.always("value", &nlris.iter().map(one).collect::<Vec<_>>())
}

/// `{"prefix":"…"}`, or null when it is none.
pub(super) fn prefix_json(nlri: &api::Nlri) -> Option<Raw> {
    let mut out = String::new();
    Object::open(&mut out).always("prefix", &prefix(nlri)?).close();
    Some(Raw(out))
}

fn extended_json(community: &Extcom) -> Raw {
    let (kind, sub_type, text) = extended(community);
    let mut out = String::new();
    let mut object = Object::open(&mut out);
    object.always("type", &kind).always("subtype", &sub_type);
    match community {
        Extcom::Unknown(unknown) => object.always("value", &unknown.value).close(),
        _ => object.always("value", &text).close(),
    }
    Raw(out)
}

fn large_json(community: &api::LargeCommunity) -> Raw {
    let mut out = String::new();
    Object::open(&mut out)
        .always("ASN", &community.global_admin)
        .always("LocalData1", &community.local_data1)
        .always("LocalData2", &community.local_data2)
        .close();
    Raw(out)
}
