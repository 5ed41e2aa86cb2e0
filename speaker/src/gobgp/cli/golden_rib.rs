//! What the tables of routes print, against text written by hand after GoBGP 4.8's.

use prost_types::Timestamp;

use super::rib::{View, json, lookup, summary, table};
use crate::gobgp::api;
use crate::gobgp::api::attribute::Attr;
use crate::gobgp::api::extended_community::Extcom;

const NOW: i64 = 1_000_000;

fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds, nanos: 0 })
}

fn shown(view: View, destinations: Vec<api::Destination>) -> String {
    let mut out = Vec::new();
    table(&mut out, view, destinations, NOW).unwrap();
    String::from_utf8(out).unwrap()
}

fn attributes(all: Vec<Attr>) -> Vec<api::Attribute> {
    all.into_iter().map(|attr| api::Attribute { attr: Some(attr) }).collect()
}

fn path(afi: i32, prefix: &str, prefix_len: u32, attrs: Vec<Attr>) -> api::Path {
    let prefix = api::IpAddressPrefix { prefix_len, prefix: prefix.into() };
    api::Path {
        nlri: Some(api::Nlri { nlri: Some(api::nlri::Nlri::Prefix(prefix)) }),
        family: Some(api::Family { afi, safi: 1 }),
        pattrs: attributes(attrs),
        age: at(NOW - 2),
        identifier: 7,
        local_identifier: 1,
        ..Default::default()
    }
}

fn destination(prefix: &str, paths: Vec<api::Path>) -> api::Destination {
    api::Destination { prefix: prefix.into(), paths }
}

fn origin(origin: u32) -> Attr {
    Attr::Origin(api::OriginAttribute { origin })
}

fn hop(next_hop: &str) -> Attr {
    Attr::NextHop(api::NextHopAttribute { next_hop: next_hop.into() })
}

fn went(segments: &[(i32, &[u32])]) -> Attr {
    let segment =
        |(kind, numbers): &(i32, &[u32])| api::AsSegment { r#type: *kind, numbers: numbers.to_vec() };
    Attr::AsPath(api::AsPathAttribute { segments: segments.iter().map(segment).collect() })
}

#[test]
fn the_global_table() {
    let best = |mut path: api::Path| {
        path.best = true;
        path
    };
    let mut valid =
        best(path(1, "10.3.0.0", 24, vec![origin(0), hop("192.0.2.1"), went(&[(2, &[65001, 65002])])]));
    valid.pattrs.extend(attributes(vec![Attr::MultiExitDisc(api::MultiExitDiscAttribute { med: 5 })]));
    valid.stale = true;
    valid.validation = Some(api::Validation { state: api::ValidationState::Valid.into(), reason: 0 });
    valid.age = at(NOW - 93_784);
    let other = path(1, "10.2.0.0", 24, vec![origin(2), hop("0.0.0.0")]);
    let table = vec![
        destination("10.3.0.0/24", vec![valid]),
        destination("10.2.0.0/24", vec![other]),
        destination("9.1.0.0/24", vec![best(path(1, "9.1.0.0", 24, vec![hop("10.0.0.1"), origin(2)]))]),
    ];
    let wanted = "   Network              Next Hop             AS_PATH              Age        Attrs
*> 9.1.0.0/24           10.0.0.1                                  00:00:02   [{Origin: ?}]
*  10.2.0.0/24          0.0.0.0                                   00:00:02   [{Origin: ?}]
SV*>10.3.0.0/24          192.0.2.1            65001 65002          1d 02:03:04 [{Origin: i} {Med: 5}]
";
    assert_eq!(shown(View::Global, table), wanted);
    assert_eq!(shown(View::Global, Vec::new()), "Network not in table\n");
}

#[test]
fn long_ipv6_networks_widen_the_column() {
    let nlri = |prefix: &str, prefix_len| {
        let prefix = api::IpAddressPrefix { prefix_len, prefix: prefix.into() };
        api::Nlri { nlri: Some(api::nlri::Nlri::Prefix(prefix)) }
    };
    let reach = |nlri| {
        let next_hops = vec!["fd99:0:0:1::2".into(), "fe80::2".into()];
        Attr::MpReach(api::MpReachNlriAttribute {
            family: Some(super::family::IPV6),
            next_hops,
            nlris: vec![nlri],
        })
    };
    let long = "2001:db8:ffff:ffff:ffff:ffff:ffff:fff1";
    let table = vec![
        destination(
            &format!("{long}/128"),
            vec![path(2, long, 128, vec![origin(1), reach(nlri(long, 128))])],
        ),
        destination("2001:db8::/32", vec![path(2, "2001:db8::", 32, vec![reach(nlri("2001:db8::", 32))])]),
    ];
    let wanted = "   ID  Network                                    Next Hop             AS_PATH              Age        Attrs
   7   2001:db8::/32                              fd99:0:0:1::2                             00:00:02   []
   7   2001:db8:ffff:ffff:ffff:ffff:ffff:fff1/128 fd99:0:0:1::2                             00:00:02   [{Origin: e}]
";
    assert_eq!(shown(View::AdjIn, table), wanted);
}

/// One of each attribute that the column shows.
fn all_attributes() -> Vec<Attr> {
    let large = |global_admin, local_data1, local_data2| api::LargeCommunity {
        global_admin,
        local_data1,
        local_data2,
    };
    let target =
        api::TwoOctetAsSpecificExtended { is_transitive: true, sub_type: 2, asn: 65001, local_admin: 7 };
    let four =
        api::FourOctetAsSpecificExtended { is_transitive: false, sub_type: 2, asn: 70_000, local_admin: 1 };
    let unknown = api::UnknownExtended { r#type: 0x43, value: vec![0, 0, 0, 0, 0, 1, 2] };
    let extended =
        [Extcom::TwoOctetAsSpecific(target), Extcom::FourOctetAsSpecific(four), Extcom::Unknown(unknown)];
    let extended = extended.map(|extcom| api::ExtendedCommunity { extcom: Some(extcom) });
    vec![
        origin(9),
        went(&[(2, &[65002, 1]), (1, &[3, 4]), (3, &[5, 6]), (4, &[7, 8])]),
        Attr::LocalPref(api::LocalPrefAttribute { local_pref: 200 }),
        Attr::AtomicAggregate(api::AtomicAggregateAttribute {}),
        Attr::Aggregator(api::AggregatorAttribute { asn: 65001, address: "192.0.2.9".into() }),
        Attr::Communities(api::CommunitiesAttribute {
            communities: vec![65001 << 16 | 1, 0xffff_ff01, 0xffff_029a],
        }),
        Attr::OriginatorId(api::OriginatorIdAttribute { id: "1.1.1.1".into() }),
        Attr::ClusterList(api::ClusterListAttribute { ids: vec!["2.2.2.2".into(), "3.3.3.3".into()] }),
        Attr::ExtendedCommunities(api::ExtendedCommunitiesAttribute { communities: extended.into() }),
        Attr::LargeCommunities(api::LargeCommunitiesAttribute {
            communities: vec![large(1, 2, 3), large(4, 5, 6)],
        }),
        Attr::Unknown(api::UnknownAttribute { flags: 0xc0, r#type: 99, value: vec![1, 2] }),
        hop("10.0.0.1"),
    ]
}

#[test]
fn every_attribute() {
    let table = vec![destination("10.1.0.0/24", vec![path(1, "10.1.0.0", 24, all_attributes())])];
    let wanted = "   ID  Network              Next Hop             AS_PATH                   AttrsFiltered
   1   10.1.0.0/24          10.0.0.1             65002 1 {3,4} (5 6) [7,8] [{Origin: -} {LocalPref: 200} \
{AtomicAggregate} {Aggregate: {AS: 65001, Address: 192.0.2.9}} {Communities: 65001:1, no-export, blackhole} \
{Originator: 1.1.1.1} {ClusterList: [2.2.2.2 3.3.3.3]} {Extcomms: [65001:7], [1.4464:1], [258]} \
{LargeCommunity: [ 1:2:3, 4:5:6]} {Flags: TRANSITIVE|OPTIONAL, Type: BGPAttrType(99), Value: [1 2]}]not filtered
";
    assert_eq!(shown(View::AdjOut, table), wanted);
}

#[test]
fn adj_out_says_what_was_filtered() {
    let filtered = |policy, count| {
        let path = path(1, "10.1.0.0", 24, vec![hop("10.0.0.1")]);
        api::Path { filtered: policy, send_max_filtered: count, ..path }
    };
    let table = vec![destination(
        "10.1.0.0/24",
        vec![filtered(false, false), filtered(true, false), filtered(true, true)],
    )];
    let text = shown(View::AdjOut, table);
    let ends: Vec<&str> = text.lines().skip(1).filter_map(|line| line.split(']').nth(1)).collect();
    assert_eq!(ends, ["not filtered", "policy-filtered", "send-max-filtered"]);
}

#[test]
fn accepted_and_rejected_split_the_table() {
    let mut table = vec![destination(
        "10.1.0.0/24",
        vec![path(1, "10.1.0.0", 24, Vec::new()), path(1, "10.2.0.0", 24, Vec::new())],
    )];
    table[0].paths[1].filtered = true;
    let accepted = shown(View::Accepted, table.clone());
    assert!(accepted.contains("10.1.0.0/24") && !accepted.contains("10.2.0.0/24"), "{accepted}");
    let rejected = shown(View::Rejected, table);
    assert!(rejected.contains("10.2.0.0/24") && !rejected.contains("10.1.0.0/24"), "{rejected}");
}

#[test]
fn a_wrong_attribute_or_one_twice_drops_all_of_them() {
    let aggregator = Attr::Aggregator(api::AggregatorAttribute { asn: 1, address: "2001:db8::1".into() });
    for attrs in [vec![origin(0), hop("here")], vec![origin(0), origin(0)], vec![origin(0), aggregator]] {
        let text =
            shown(View::Global, vec![destination("10.1.0.0/24", vec![path(1, "10.1.0.0", 24, attrs)])]);
        assert!(
            text.contains("10.1.0.0/24          fictitious                                00:00:02   []"),
            "{text}"
        );
    }
}

#[test]
fn parts_that_are_missing_do_no_harm() {
    let bare = api::Path::default();
    let text = shown(View::Global, vec![destination("nonsense", vec![bare.clone()])]);
    assert!(
        text.ends_with("*  ?                    fictitious                                11d 13:46:40 []\n"),
        "{text}"
    );
    let wanted = r#"{"x\u001b":[{"Family":0,"nlri":null,"age":0,"best":false,"attrs":[],"stale":false,"RemoteID":0,"LocalID":0}]}"#;
    assert_eq!(json(&[destination("x\u{1b}", vec![bare])]), wanted);
}

#[test]
fn the_table_as_json() {
    let mut path = path(1, "10.1.0.0", 24, all_attributes());
    path.best = true;
    path.source_id = "192.0.2.2".into();
    path.neighbor_ip = "10.99.0.2".into();
    let wanted = concat!(
        r#"{"10.1.0.0/24":[{"Family":0,"nlri":{"prefix":"10.1.0.0/24"},"age":999998,"best":true,"attrs":["#,
        r#"{"type":1,"value":9},"#,
        r#"{"type":2,"as_paths":[{"segment_type":2,"num":2,"asns":[65002,1]},{"segment_type":1,"num":2,"asns":[3,4]},"#,
        r#"{"segment_type":3,"num":2,"asns":[5,6]},{"segment_type":4,"num":2,"asns":[7,8]}]},"#,
        r#"{"type":5,"value":200},{"type":6},{"type":7,"as":65001,"address":"192.0.2.9"},"#,
        r#"{"type":8,"communities":[4259905537,4294967041,4294902426]},{"type":9,"value":"1.1.1.1"},"#,
        r#"{"type":10,"value":["2.2.2.2","3.3.3.3"]},"#,
        r#"{"type":16,"value":[{"type":0,"subtype":2,"value":"65001:7"},{"type":66,"subtype":2,"value":"1.4464:1"},"#,
        r#"{"type":67,"subtype":0,"value":"AAAAAAABAg=="}]},"#,
        r#"{"type":32,"value":[{"ASN":1,"LocalData1":2,"LocalData2":3},{"ASN":4,"LocalData1":5,"LocalData2":6}]},"#,
        r#"{"flags":192,"type":99,"value":"AQI="},{"type":3,"nexthop":"10.0.0.1"}],"stale":false,"#,
        r#""peer-id":"192.0.2.2","peer-address":"10.99.0.2","RemoteID":0,"LocalID":0}],"10.2.0.0/24":[]}"#,
    );
    assert_eq!(
        json(&[destination("10.2.0.0/24", Vec::new()), destination("10.1.0.0/24", vec![path])]),
        wanted
    );
}

#[test]
fn what_is_looked_up() {
    assert_eq!(lookup(&[]).unwrap(), []);
    let one = |words: &[&str]| lookup(words).unwrap().remove(0);
    assert_eq!((one(&["10.1.0.5"]).prefix.as_str(), one(&["10.1.0.5"]).r#type), ("10.1.0.5", 0));
    assert_eq!(one(&["2001:db8::/32", "longer-prefixes"]).r#type, 2);
    assert_eq!(one(&["10.1.0.0/16", "shorter-prefixes"]).r#type, 3);
    assert_eq!(lookup(&["here"]).unwrap_err().to_string(), "invalid CIDR/IP");
    let said = lookup(&["10.1.0.0/16", "all"]).unwrap_err().to_string();
    assert_eq!(said, "invalid format for route filtering");
}

#[test]
fn a_summary() {
    let mut out = Vec::new();
    let counts = api::GetTableResponse { num_destination: 3, num_path: 4, num_accepted: 0 };
    summary(&mut out, &super::family::IPV6, &counts).unwrap();
    let wanted = "Table afi:AFI_IP6 safi:SAFI_UNICAST\nDestination: 3, Path: 4\n";
    assert_eq!(String::from_utf8(out).unwrap(), wanted);
}
