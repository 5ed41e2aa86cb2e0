//! Octets whose meaning is known from elsewhere: RFC text by hand, and captures of other implementations.
//! The first line of each file names its origin.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bgp::wire::{
    Attr, Capability, Context, Fault, GracefulRestart, HeaderFault, MAX_EXTENDED_MESSAGE, MAX_MESSAGE,
    Message, MpNextHop, MpReach, MpUnreach, Notification, Open, OpenFault, Origin, Prefixes, Reaction,
    Segment, Update, next_frame,
};
use bgp::{Asn, Family, HoldTime, RouterId};

const V4: Family = Family::IPV4_UNICAST;
const V6: Family = Family::IPV6_UNICAST;

/// What both sides of every captured session agreed on.
const AGREED: Context = Context { four_octet_as: true, max_message: MAX_EXTENDED_MESSAGE, internal: false };

/// Octets of a file: hex digits, `#` starts a comment.
fn octets(text: &str) -> Vec<u8> {
    assert!(text.starts_with("# "), "the first line names the origin");
    let digits: String =
        text.lines().flat_map(|line| line.split('#').next()).flat_map(str::split_whitespace).collect();
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("pairs of hex digits"))
        .collect()
}

fn decoded(octets: &[u8]) -> Message {
    let frame = next_frame(octets, MAX_MESSAGE).expect("a header").expect("a whole message");
    assert_eq!(frame.len(), octets.len(), "the length field covers the file");
    Message::decode(frame, AGREED).expect("a message")
}

macro_rules! vector {
    ($name:literal) => {
        octets(include_str!(concat!("vectors/", $name, ".hex")))
    };
}

/// Decodes to exactly `want`, and `want` encodes to the very octets.
fn both_ways(octets: &[u8], want: &Message) {
    assert_eq!(decoded(octets), *want);
    assert_eq!(want.encode(AGREED).as_deref(), Some(octets));
}

fn asn(number: u32) -> Option<Asn> {
    Some(Asn::new(number).expect("not zero"))
}

fn open(my_as: u16, hold: u16, id: [u8; 4], capabilities: Vec<Capability>) -> Message {
    Message::Open(Open {
        my_as,
        hold_time: HoldTime::new(hold).expect("legal"),
        router_id: RouterId::new(Ipv4Addr::from(id)).expect("not zero"),
        capabilities,
    })
}

fn fqdn(host: &str, domain: &str) -> Capability {
    Capability::Fqdn { host: host.into(), domain: domain.into() }
}

fn unknown(code: u8, value: &[u8]) -> Capability {
    Capability::Unknown { code, value: value.to_vec() }
}

fn restart(flags: u8, time: u16, families: &[(Family, u8)]) -> Capability {
    Capability::GracefulRestart(GracefulRestart { flags, time, families: families.to_vec() })
}

fn attrs(attrs: Vec<Attr>) -> Message {
    Message::Update(Update { attrs, ..Update::default() })
}

fn net<T: std::str::FromStr>(text: &str) -> T {
    text.parse().ok().expect("a literal")
}

#[test]
fn rfc4271_4_2_open_with_every_capability_we_know() {
    let capabilities = vec![
        Capability::Multiprotocol(V4),
        Capability::Multiprotocol(V6),
        Capability::RouteRefresh,
        Capability::ExtendedNextHop(vec![(V4, 2)]),
        Capability::ExtendedMessage,
        restart(0b1100, 120, &[(V4, 0x80), (V6, 0)]),
        Capability::FourOctetAs(asn(4_200_000_001)),
        Capability::EnhancedRouteRefresh,
        fqdn("node1", "local"),
        unknown(127, &[0xbe, 0xef]),
    ];
    both_ways(&vector!("rfc_open"), &open(23456, 90, [192, 0, 2, 1], capabilities));
}

#[test]
fn rfc9072_2_extended_parameters_are_told_by_the_type_octet_whatever_the_length_octet_says() {
    let want = open(65001, 180, [192, 0, 2, 2], vec![Capability::Multiprotocol(V4)]);
    assert_eq!(decoded(&vector!("rfc9072_open")), want);
}

#[test]
fn rfc9072_2_parameters_beyond_255_octets_are_sent_in_the_extended_form() {
    let many: Vec<_> = (0..60).map(|code| unknown(100 + code, &[1, 2, 3])).collect();
    let message = open(65001, 180, [192, 0, 2, 2], many);
    let octets = message.encode(Context::default()).expect("below 4096 octets");
    assert_eq!(octets[28..35], [255, 255, 0x01, 0x2f, 2, 0x01, 0x2c]); // 60 × 5 = 300 octets of capabilities
    assert_eq!(decoded(&octets), message);
}

#[test]
fn rfc4271_4_3_update_of_ipv4_prefixes() {
    let octets = vector!("rfc_update_v4");
    let want = Update {
        withdrawn: vec![net("203.0.113.1/32")],
        attrs: vec![
            Attr::Origin(Origin::Igp),
            Attr::AsPath(vec![Segment { kind: 2, asns: vec![65001, 4_200_000_001] }]),
            Attr::NextHop(Ipv4Addr::new(192, 0, 2, 1)),
            Attr::Med(100),
            Attr::Communities(vec![0xfde9_0007]),
        ],
        nlri: vec![net("198.51.100.0/24"), net("0.0.0.0/0"), net("10.128.0.0/9")],
        faults: vec![],
    };
    assert_eq!(decoded(&octets), Message::Update(want.clone()));
    // Host bits are not sent: the last octet is the only one to differ.
    let again = Message::Update(want).encode(AGREED).expect("short");
    assert_eq!((&again[..again.len() - 1], again.last()), (&octets[..octets.len() - 1], Some(&0x80)));
}

#[test]
fn rfc4760_3_update_of_ipv6_prefixes_with_a_link_local_next_hop() {
    let global: Ipv6Addr = net("2001:db8::1");
    let prefixes = Prefixes::V6(vec![net("2001:db8:1::/48"), net("2001:db8:2:3::/64"), net("::/0")]);
    let next_hop = MpNextHop::WithLinkLocal(global, net("fe80::1"));
    assert_eq!(next_hop.addr(), Some(IpAddr::V6(global)));
    let want = attrs(vec![
        Attr::MpReach(MpReach { next_hop, prefixes }),
        Attr::Origin(Origin::Igp),
        Attr::AsPath(vec![Segment::sequence(Asn::new(65001).expect("not zero"))]),
    ]);
    assert_eq!(decoded(&vector!("rfc_update_v6_reach")), want);
}

#[test]
fn rfc4760_4_update_that_withdraws_an_ipv6_prefix() {
    let prefixes = Prefixes::V6(vec![net("2001:db8::1/128")]);
    both_ways(&vector!("rfc_update_v6_unreach"), &attrs(vec![Attr::MpUnreach(MpUnreach { prefixes })]));
}

#[test]
fn rfc4724_2_end_of_rib_of_both_families() {
    for (octets, family) in [(vector!("rfc_end_of_rib_v4"), V4), (vector!("rfc_end_of_rib_v6"), V6)] {
        let update = Update::end_of_rib(family);
        assert_eq!(update.ends_rib_of(), Some(family));
        both_ways(&octets, &Message::Update(update));
    }
}

#[test]
fn rfc9003_2_notification_with_a_shutdown_text() {
    let note = Notification::shutdown("NOC: upgrade, back in 10 min \u{2014} #42");
    assert_eq!(note.text(), Some("NOC: upgrade, back in 10 min \u{2014} #42"));
    both_ways(&vector!("rfc_notification"), &Message::Notification(note));
}

#[test]
fn rfc9003_2_a_text_too_long_is_cut_between_characters() {
    let note = Notification::shutdown(&"\u{2014}".repeat(100)); // 300 octets, three each
    assert_eq!(note.data.len(), 256);
    assert_eq!(note.text().map(|text| text.chars().count()), Some(85));
    let odd = Notification::shutdown(&format!("ab{}", "\u{2014}".repeat(100)));
    assert_eq!(odd.data[0], 254); // 2 + 84 × 3
    assert!(odd.text().is_some());
}

#[test]
fn rfc2918_3_route_refresh() {
    both_ways(&vector!("rfc_route_refresh"), &Message::RouteRefresh { family: V6, subtype: 0 });
}

#[test]
fn rfc7313_5_a_route_refresh_of_wrong_length_is_answered_with_the_whole_message() {
    let mut octets = vector!("rfc_route_refresh");
    octets.push(0);
    octets[17] += 1;
    let fault = Message::decode(&octets, AGREED).expect_err("five octets");
    assert_eq!(Notification::from(&fault), Notification { code: 7, subcode: 1, data: octets });
}

#[test]
fn bird_open_is_understood() {
    let capabilities = vec![
        Capability::Multiprotocol(V4),
        Capability::Multiprotocol(V6),
        Capability::RouteRefresh,
        Capability::ExtendedMessage,
        restart(0, 120, &[(V4, 0), (V6, 0)]),
        Capability::FourOctetAs(asn(4_200_000_001)),
        Capability::EnhancedRouteRefresh,
        Capability::LongLivedGracefulRestart(vec![]),
        fqdn("vm", ""),
    ];
    both_ways(&vector!("bird_open"), &open(23456, 240, [10, 0, 0, 2], capabilities));
}

#[test]
fn frr_open_is_understood() {
    let capabilities = vec![
        Capability::Multiprotocol(V4),
        Capability::Multiprotocol(V6),
        unknown(128, &[]), // route refresh before it had a number
        Capability::RouteRefresh,
        Capability::EnhancedRouteRefresh,
        Capability::FourOctetAs(asn(64501)),
        Capability::ExtendedMessage,
        Capability::AddPath(vec![(V4, 1), (V6, 1)]),
        fqdn("frr-lab", ""),
        restart(0b1100, 120, &[]),
        Capability::LongLivedGracefulRestart(vec![(V4, 0x80, 0), (V6, 0x80, 0)]),
    ];
    assert_eq!(decoded(&vector!("frr_open")), open(64501, 180, [10, 0, 0, 3], capabilities));
}

#[test]
fn gobgp_open_is_understood() {
    let capabilities = vec![
        Capability::RouteRefresh,
        fqdn("vm", ""),
        Capability::Multiprotocol(V4),
        Capability::Multiprotocol(V6),
        Capability::FourOctetAs(asn(64502)),
        restart(0, 120, &[(V4, 0)]),
        Capability::ExtendedNextHop(vec![(V4, 2)]),
    ];
    assert_eq!(decoded(&vector!("gobgp_open")), open(64502, 9, [10, 0, 0, 4], capabilities));
}

#[test]
fn bird_updates_are_understood() {
    let want = Update {
        attrs: vec![
            Attr::Origin(Origin::Igp),
            Attr::AsPath(vec![Segment { kind: 2, asns: vec![4_200_000_001] }]),
            Attr::NextHop(Ipv4Addr::new(192, 0, 2, 1)),
        ],
        nlri: vec![net("198.51.100.7/32"), net("203.0.113.0/24")],
        ..Update::default()
    };
    both_ways(&vector!("bird_update_v4"), &Message::Update(want));
    // BIRD uses the extended length where one octet would do.
    assert_eq!(decoded(&vector!("bird_end_of_rib_v6")), Message::Update(Update::end_of_rib(V6)));
}

#[test]
fn frr_update_of_an_ipv6_prefix_is_understood() {
    let next_hop = MpNextHop::Addr(net::<Ipv6Addr>("::ffff:127.0.0.1").into());
    let want = attrs(vec![
        Attr::MpReach(MpReach { next_hop, prefixes: Prefixes::V6(vec![net("2001:db8:2::/48")]) }),
        Attr::Origin(Origin::Igp),
        Attr::AsPath(vec![Segment { kind: 2, asns: vec![64501] }]),
        Attr::Med(0),
    ]);
    assert_eq!(decoded(&vector!("frr_update_v6")), want);
}

/// The valid octets with one of them changed.
fn spoiled(mut octets: Vec<u8>, at: usize, to: u8) -> Result<Message, Fault> {
    octets[at] = to;
    Message::decode(&octets, AGREED)
}

#[test]
fn rfc4271_6_2_faults_of_an_open_name_their_field() {
    let octets = || vector!("rfc_open");
    assert_eq!(spoiled(octets(), 19, 3), Err(OpenFault::Version { got: 3 }.into()));
    assert_eq!(spoiled(octets(), 23, 1), Err(OpenFault::HoldTime { got: 1 }.into()));
    assert_eq!(spoiled(octets(), 29, 1), Err(OpenFault::Parameter { at: 29, kind: 1 }.into()));
    assert_eq!(spoiled(octets(), 28, 1), Err(OpenFault::Malformed { at: 30 }.into()));
    let mut zero = octets();
    zero[24..28].fill(0);
    assert!(matches!(Message::decode(&zero, AGREED), Err(Fault::Open(OpenFault::Identifier { .. }))));
}

#[test]
fn rfc4271_6_1_faults_of_the_header_come_before_the_body_is_there() {
    let mut header = [0xff; 19];
    header[16..].copy_from_slice(&[0, 19, 4]);
    assert!(next_frame(&header, MAX_MESSAGE).is_ok());
    let cases = [(0, 18, 4), (0, 20, 4), (0, 28, 1), (0, 22, 2), (0, 20, 3), (16, 1, 2), (16, 1, 1)];
    for (high, low, kind) in cases {
        header[16..].copy_from_slice(&[high, low, kind]);
        let len = u16::from_be_bytes([high, low]);
        assert_eq!(next_frame(&header, MAX_MESSAGE), Err(HeaderFault::BadLength { kind, len }));
    }
    header[16..].copy_from_slice(&[16, 1, 2]);
    assert_eq!(next_frame(&header, MAX_EXTENDED_MESSAGE), Ok(None)); // RFC 8654 §4
    header[16..].copy_from_slice(&[16, 1, 1]);
    assert!(next_frame(&header, MAX_EXTENDED_MESSAGE).is_err(), "an OPEN never is extended (RFC 8654 §4)");
    header[16..].copy_from_slice(&[0, 19, 6]);
    assert_eq!(next_frame(&header, MAX_MESSAGE), Err(HeaderFault::BadType { kind: 6 }));
    header[7] = 0xfe;
    assert_eq!(next_frame(&header, MAX_MESSAGE), Err(HeaderFault::NotSynchronized));
}

#[test]
fn rfc7606_a_broken_attribute_withdraws_the_routes_and_keeps_the_session() {
    let withdrawn = [net("203.0.113.1/32"), net("198.51.100.0/24"), net("0.0.0.0/0"), net("10.128.0.0/9")];
    // ORIGIN 9; ORIGIN optional; AS_PATH segment of kind 7.
    for (at, to) in [(31, 9), (28, 0xc0), (35, 7)] {
        let Ok(Message::Update(update)) = spoiled(vector!("rfc_update_v4"), at, to) else {
            panic!("octet {at}")
        };
        assert!(update.faults.iter().any(|fault| fault.reaction == Reaction::TreatAsWithdraw), "octet {at}");
        assert_eq!((&update.withdrawn[..], update.nlri.len()), (&withdrawn[..], 0), "octet {at}");
    }
}
