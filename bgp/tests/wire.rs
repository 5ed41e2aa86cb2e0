//! What the codec says and decides beyond single messages: texts of NOTIFICATIONs, roles, merged paths, long forms.

use bgp::wire::notification::{cease, code};
use bgp::wire::{
    Attr, Capability, Context, HeaderFault, MAX_EXTENDED_MESSAGE, MAX_MESSAGE, Message, Notification, Open,
    OpenFault, Role, Segment, Update, ext_community, next_frame,
};
use bgp::{Asn, Family, HoldTime, RouterId};

fn open(capabilities: Vec<Capability>) -> Open {
    let hold_time = HoldTime::new(90).expect("legal");
    let router_id = RouterId::new([192, 0, 2, 2].into()).expect("not zero");
    Open { my_as: 65001, hold_time, router_id, capabilities }
}

fn unknown(code: u8, value: &[u8]) -> Capability {
    Capability::Unknown { code, value: value.to_vec() }
}

fn segment(kind: u8, asns: &[u32]) -> Segment {
    Segment { kind, asns: asns.to_vec() }
}

#[test]
fn rfc9072_2_parameters_beyond_255_octets_are_sent_in_the_extended_form() {
    let many: Vec<_> = (0..60).map(|code| unknown(100 + code, &[1, 2, 3])).collect();
    let message = Message::Open(open(many));
    let octets = message.encode(Context::default()).expect("below 4096 octets");
    assert_eq!(octets[28..35], [255, 255, 0x01, 0x2f, 2, 0x01, 0x2c]); // 60 × 5 = 300 octets of capabilities
    assert_eq!(Message::decode(&octets, Context::default()), Ok(message));
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
fn rfc8538_3_1_a_hard_reset_tells_what_it_is_for() {
    let inner = Notification::shutdown("upgrade\n");
    let hard = Notification::hard_reset(&inner);
    assert_eq!((hard.code, hard.subcode, &hard.data[..3]), (6, 9, &[6, 2, 8][..]));
    assert_eq!(hard.inner(), Some(inner));
    assert_eq!(hard.text(), Some("upgrade\n"));
    assert_eq!(hard.to_string(), "hard reset (6/9) for administrative shutdown (6/2): upgrade\\n");
    assert_eq!(Notification::hard_reset(&hard), hard, "never one in another");
}

#[test]
fn rfc8538_3_1_a_hard_reset_without_a_reason_is_one_all_the_same() {
    for data in [&[][..], &[6]] {
        let hard = Notification::new(code::CEASE, cease::HARD_RESET, data);
        assert!(hard.is_hard_reset());
        assert_eq!((hard.inner(), hard.text()), (None, None));
        assert_eq!(hard.to_string(), "hard reset (6/9)");
    }
}

#[test]
fn rfc8538_3_1_a_hard_reset_fits_any_session_whatever_it_carries() {
    let echo = Notification::new(code::UPDATE, 2, &[0; 4075]); // as much as a message of 4096 octets holds
    assert!(Message::Notification(echo.clone()).encode(Context::default()).is_some());
    let hard = Message::Notification(Notification::hard_reset(&echo));
    assert!(hard.encode(Context::default()).is_some());
}

#[test]
fn rfc4486_4_too_many_prefixes_carry_family_and_limit() {
    let note = Notification::max_prefixes(Family::IPV6_UNICAST, 1000);
    assert_eq!((note.code, note.subcode, &note.data[..]), (6, 1, &[0, 2, 1, 0, 0, 3, 0xe8][..]));
    assert_eq!(note.prefix_limit(), Some((Family::IPV6_UNICAST, 1000)));
    assert_eq!(note.to_string(), "maximum number of prefixes reached (6/1): 1000 of ipv6-unicast");
    assert_eq!(Notification::new(6, 1, &[0, 2, 1]).prefix_limit(), None);
}

#[test]
fn rfc6608_3_each_state_has_a_name() {
    let name = |subcode| Notification::new(code::FSM, subcode, &[]).name();
    assert_eq!(name(0), "finite state machine error");
    assert_eq!(name(1), "unexpected message in OpenSent");
    assert_eq!(name(2), "unexpected message in OpenConfirm");
    assert_eq!(name(3), "unexpected message in Established");
}

#[test]
fn rfc9234_4_2_only_the_counterpart_goes_with_a_role() {
    use Role::{Customer, Peer, Provider, RouteServer, RouteServerClient};
    let pairs = [
        (Provider, Customer),
        (Customer, Provider),
        (RouteServer, RouteServerClient),
        (RouteServerClient, RouteServer),
        (Peer, Peer),
    ];
    let all = [Provider, RouteServer, RouteServerClient, Customer, Peer];
    for (ours, theirs) in all.iter().flat_map(|ours| all.iter().map(move |theirs| (*ours, *theirs))) {
        let said = open(vec![Capability::Role(theirs)]).role_beside(ours, false);
        match pairs.contains(&(ours, theirs)) {
            true => assert_eq!(said, Ok(Some(theirs))),
            false => assert_eq!(said, Err(OpenFault::RoleMismatch { ours, theirs: theirs as u8 })),
        }
    }
}

#[test]
fn rfc9234_4_2_roles_told_twice_must_agree_and_strict_mode_asks_for_one() {
    let [provider, peer] = [Capability::Role(Role::Provider), Capability::Role(Role::Peer)];
    let beside = |capabilities: &[&Capability], strict| {
        open(capabilities.iter().map(|one| (*one).clone()).collect()).role_beside(Role::Customer, strict)
    };
    assert_eq!(beside(&[&provider, &provider], true), Ok(Some(Role::Provider)));
    assert_eq!(beside(&[&provider, &peer], false), Err(OpenFault::RolesDiffer));
    assert_eq!(beside(&[&provider, &unknown(9, &[7])], false), Err(OpenFault::RolesDiffer));
    let mismatch = OpenFault::RoleMismatch { ours: Role::Customer, theirs: 7 };
    assert_eq!(beside(&[&unknown(9, &[7])], false), Err(mismatch.clone()));
    assert_eq!(beside(&[], false), Ok(None));
    assert_eq!(beside(&[], true), Err(OpenFault::RoleMissing));
    for fault in [mismatch, OpenFault::RolesDiffer, OpenFault::RoleMissing] {
        assert_eq!(Notification::from(&fault), Notification::role_mismatch(), "{fault}");
    }
}

#[test]
fn rfc6793_4_2_3_the_path_of_a_two_octet_peer_is_made_whole() {
    let cases = [
        // AS_PATH, AS4_PATH, the path
        (vec![segment(2, &[23456, 65001])], vec![], vec![segment(2, &[23456, 65001])]),
        (
            vec![segment(2, &[275, 250, 225, 23456, 23456, 200, 175])],
            vec![segment(2, &[100_000, 100_001, 200, 175])],
            vec![segment(2, &[275, 250, 225, 100_000, 100_001, 200, 175])],
        ),
        // A set counts as one, a segment of a confederation as none.
        (
            vec![segment(3, &[65500]), segment(2, &[10, 23456]), segment(1, &[20, 30])],
            vec![segment(2, &[100_000]), segment(1, &[20, 100_001])],
            vec![segment(3, &[65500]), segment(2, &[10, 100_000]), segment(1, &[20, 100_001])],
        ),
        // AS4_PATH is longer: an aggregation on the way made it stale.
        (vec![segment(2, &[10])], vec![segment(2, &[100_000, 10])], vec![segment(2, &[10])]),
    ];
    for (as_path, as4_path, whole) in cases {
        let mut attrs = vec![Attr::AsPath(as_path)];
        attrs.extend((!as4_path.is_empty()).then_some(Attr::As4Path(as4_path)));
        assert_eq!(Update { attrs, ..Update::default() }.path(), Some(whole));
    }
    assert_eq!(Update::default().path(), None);
}

#[test]
fn rfc6793_4_2_3_an_aggregator_of_two_octets_makes_the_longer_forms_stale() {
    let addr = [192, 0, 2, 1].into();
    let path = |asn| {
        let attrs = vec![
            Attr::AsPath(vec![segment(2, &[23456])]),
            Attr::Aggregator { asn, addr },
            Attr::As4Path(vec![segment(2, &[100_000])]),
            Attr::As4Aggregator { asn: 100_000, addr },
        ];
        Update { attrs, ..Update::default() }.path()
    };
    assert_eq!(path(23456), Some(vec![segment(2, &[100_000])]));
    assert_eq!(path(65001), Some(vec![segment(2, &[23456])]));
}

#[test]
fn a_link_bandwidth_is_octets_per_second_in_ieee_754() {
    // 10 gigabit per second are 1.25e9 octets: 0x4e9502f9 in single precision.
    assert_eq!(ext_community::link_bandwidth(65001, 1.25e9), [0x40, 4, 0xfd, 0xe9, 0x4e, 0x95, 0x02, 0xf9]);
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
    header[7] = 0xfe;
    assert_eq!(next_frame(&header, MAX_MESSAGE), Err(HeaderFault::NotSynchronized));
}

#[test]
fn an_asn_that_does_not_fit_is_as_trans_for_a_two_octet_peer() {
    let asn = Asn::new(4_200_000_001).expect("not zero");
    let update = Update { attrs: vec![Attr::AsPath(vec![Segment::sequence(asn)])], ..Update::default() };
    let octets = Message::Update(update).encode(Context::default()).expect("short");
    assert!(octets.ends_with(&[0x40, 2, 4, 2, 1, 0x5b, 0xa0]));
}
