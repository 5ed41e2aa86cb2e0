//! Properties of the codec: values survive the wire, octets of any kind are answered, never a panic.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bgp::wire::notification::code;
use bgp::wire::{
    Attr, Capability, Context, GracefulRestart, HEADER_LEN, HeaderFault, MAX_EXTENDED_MESSAGE, MAX_MESSAGE,
    Message, MpNextHop, MpReach, MpUnreach, Notification, Open, Origin, Prefixes, Reaction, Segment, Update,
    attr_code, next_frame,
};
use bgp::{Asn, Family, HoldTime, RouterId};
use ipnet::{Ipv4Net, Ipv6Net};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;

fn context() -> impl Strategy<Value = Context> {
    (any::<bool>(), any::<bool>()).prop_map(|(four_octet_as, extended)| Context {
        four_octet_as,
        max_message: if extended { MAX_EXTENDED_MESSAGE } else { MAX_MESSAGE },
    })
}

fn net4() -> impl Strategy<Value = Ipv4Net> {
    (any::<u32>(), 0..=32u8)
        .prop_map(|(addr, len)| Ipv4Net::new(Ipv4Addr::from(addr), len).expect("0..=32").trunc())
}

fn net6() -> impl Strategy<Value = Ipv6Net> {
    (any::<u128>(), 0..=128u8)
        .prop_map(|(addr, len)| Ipv6Net::new(Ipv6Addr::from(addr), len).expect("0..=128").trunc())
}

fn family() -> impl Strategy<Value = Family> {
    let unicast = prop_oneof![Just(Family::IPV4_UNICAST), Just(Family::IPV6_UNICAST)];
    prop_oneof![3 => unicast, 1 => (any::<u16>(), any::<u8>()).prop_map(|(afi, safi)| Family { afi, safi })]
}

fn foreign_family() -> impl Strategy<Value = Family> {
    (3..=u16::MAX, any::<u8>()).prop_map(|(afi, safi)| Family { afi, safi })
}

fn capability() -> impl Strategy<Value = Capability> {
    let octets = || vec(any::<u8>(), 0..20);
    let restart = (0..16u8, 0..4096u16, vec((family(), any::<u8>()), 0..4))
        .prop_map(|(flags, time, families)| GracefulRestart { flags, time, families });
    prop_oneof![
        family().prop_map(Capability::Multiprotocol),
        Just(Capability::RouteRefresh),
        vec((family(), any::<u16>()), 0..4).prop_map(Capability::ExtendedNextHop),
        Just(Capability::ExtendedMessage),
        restart.prop_map(Capability::GracefulRestart),
        any::<u32>().prop_map(|asn| Capability::FourOctetAs(Asn::new(asn))),
        Just(Capability::EnhancedRouteRefresh),
        (octets(), octets()).prop_map(|(host, domain)| Capability::Fqdn { host, domain }),
        (100..=255u8, octets()).prop_map(|(code, value)| Capability::Unknown { code, value }),
        // A known code with a value no RFC gives it is kept as it is.
        Just(Capability::Unknown { code: 65, value: vec![1, 2, 3] }),
        Just(Capability::Unknown { code: 1, value: vec![0, 1, 9, 1] }),
    ]
}

fn open() -> impl Strategy<Value = Open> {
    let hold = prop_oneof![Just(0u16), 3..=u16::MAX];
    (any::<u16>(), hold, 1..=u32::MAX, vec(capability(), 0..24)).prop_map(
        |(my_as, hold, id, capabilities)| Open {
            my_as,
            hold_time: HoldTime::new(hold).expect("0 or 3.."),
            router_id: RouterId::new(id.into()).expect("not zero"),
            capabilities,
        },
    )
}

/// Numbers that two octets carry, so that the value is the same in both forms.
fn path() -> impl Strategy<Value = Vec<Segment>> {
    let segment = (1..=4u8, vec(0..=65535u32, 1..40)).prop_map(|(kind, asns)| Segment { kind, asns });
    vec(segment, 0..4)
}

fn reach() -> impl Strategy<Value = MpReach> {
    let addr6 = || any::<u128>().prop_map(Ipv6Addr::from);
    let hop4 = prop_oneof![
        any::<u32>().prop_map(|addr| MpNextHop::Addr(IpAddr::V4(addr.into()))),
        addr6().prop_map(|addr| MpNextHop::Addr(addr.into())), // RFC 8950
    ];
    let hop6 = prop_oneof![
        addr6().prop_map(|addr| MpNextHop::Addr(addr.into())),
        (addr6(), addr6()).prop_map(|(global, local)| MpNextHop::WithLinkLocal(global, local)),
    ];
    let v4 = (hop4, vec(net4(), 0..30)).prop_map(|(hop, nets)| (hop, Prefixes::V4(nets)));
    let v6 = (hop6, vec(net6(), 0..30)).prop_map(|(hop, nets)| (hop, Prefixes::V6(nets)));
    let other = (vec(any::<u8>(), 0..40), foreign_family(), vec(any::<u8>(), 0..40))
        .prop_map(|(hop, family, octets)| (MpNextHop::Other(hop), Prefixes::Other(family, octets)));
    prop_oneof![v4, v6, other].prop_map(|(next_hop, prefixes)| MpReach { next_hop, prefixes })
}

fn unreach() -> impl Strategy<Value = MpUnreach> {
    reach().prop_map(|reach| MpUnreach { prefixes: reach.prefixes })
}

/// Attributes a well-behaved speaker may put beside announced prefixes, each at most once.
fn attrs() -> impl Strategy<Value = Vec<Attr>> {
    let origin = prop_oneof![Just(Origin::Igp), Just(Origin::Egp), Just(Origin::Incomplete)];
    let mandatory = (origin, path(), any::<u32>()).prop_map(|(origin, path, hop)| {
        vec![Attr::Origin(origin), Attr::AsPath(path), Attr::NextHop(hop.into())]
    });
    let unknown = (prop_oneof![Just(0x80u8), Just(0xc0), Just(0xe0)], 32..=255u8, vec(any::<u8>(), 0..400))
        .prop_map(|(flags, code, value)| Attr::Unknown { flags, code, value });
    let optional = (
        option::of(any::<u32>().prop_map(Attr::Med)),
        option::of(any::<u32>().prop_map(Attr::LocalPref)),
        option::of(Just(Attr::AtomicAggregate)),
        option::of(vec(any::<u32>(), 1..80).prop_map(Attr::Communities)),
        option::of(reach().prop_map(Attr::MpReach)),
        option::of(unreach().prop_map(Attr::MpUnreach)),
        option::of(path().prop_map(Attr::As4Path)),
        option::of(unknown),
    );
    (mandatory, optional).prop_map(
        |(mut all, (med, pref, atomic, communities, reach, unreach, as4, unknown))| {
            all.extend([med, pref, atomic, communities, reach, unreach, as4, unknown].into_iter().flatten());
            all
        },
    )
}

fn update() -> impl Strategy<Value = Update> {
    let whole = (vec(net4(), 0..60), attrs(), vec(net4(), 0..60))
        .prop_map(|(withdrawn, attrs, nlri)| Update { withdrawn, attrs, nlri, faults: vec![] });
    prop_oneof![4 => whole, 1 => family().prop_map(Update::end_of_rib)]
}

fn message() -> impl Strategy<Value = Message> {
    let note = (any::<u8>(), any::<u8>(), vec(any::<u8>(), 0..300))
        .prop_map(|(code, subcode, data)| Message::Notification(Notification { code, subcode, data }));
    prop_oneof![
        2 => open().prop_map(Message::Open),
        4 => update().prop_map(Message::Update),
        1 => note,
        1 => Just(Message::Keepalive),
        1 => (family(), any::<u8>()).prop_map(|(family, subtype)| Message::RouteRefresh { family, subtype }),
    ]
}

/// What a valid message becomes on a bad day.
#[derive(Clone, Debug)]
enum Damage {
    Flip(Index, u8),
    Truncate(Index),
    Insert(Index, u8),
    HeaderLength(u16),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        4 => (any::<Index>(), 1..=255u8).prop_map(|(at, bits)| Damage::Flip(at, bits)),
        2 => any::<Index>().prop_map(Damage::Truncate),
        1 => (any::<Index>(), any::<u8>()).prop_map(|(at, octet)| Damage::Insert(at, octet)),
        1 => any::<u16>().prop_map(Damage::HeaderLength),
    ]
}

/// Damage behind the marker and with the length field made right again, or framing would stop most of it.
fn damaged(mut octets: Vec<u8>, harm: &[Damage]) -> Vec<u8> {
    let mut length = None;
    for one in harm {
        let body = octets.len() - 18;
        match one {
            Damage::Flip(at, bits) => octets[18 + at.index(body)] ^= bits,
            Damage::Truncate(at) => octets.truncate(19 + at.index(body)),
            Damage::Insert(at, octet) => octets.insert(19 + at.index(body), *octet),
            Damage::HeaderLength(len) => length = Some(*len),
        }
    }
    let real = u16::try_from(octets.len()).unwrap_or(u16::MAX);
    octets[16..18].copy_from_slice(&length.unwrap_or(real).to_be_bytes());
    octets
}

/// A message without what only tells of its trip. `None` for an UPDATE whose routes are treated as withdrawn:
/// that is what to do with it, no message any more.
fn meaning(message: Message) -> Option<Message> {
    match message {
        Message::Update(update) => {
            let discard = update.faults.iter().all(|fault| fault.reaction == Reaction::Discard);
            discard.then(|| Message::Update(Update { faults: vec![], ..update }))
        }
        other => Some(other),
    }
}

/// Cuts and decodes like a driver does, checking everything that must hold for any octets.
fn digest(mut octets: &[u8], context: Context) -> Result<(), TestCaseError> {
    loop {
        let frame = match next_frame(octets, context.max_message) {
            Ok(None) => {
                prop_assert!(
                    octets.len() < context.max_message.into(),
                    "a full buffer holds a frame or a fault"
                );
                return Ok(());
            }
            Err(fault) => {
                let note = Notification::from(&bgp::wire::Fault::from(fault));
                prop_assert_eq!(note.code, code::HEADER);
                return Ok(());
            }
            Ok(Some(frame)) => frame,
        };
        prop_assert!((HEADER_LEN..=context.max_message.into()).contains(&frame.len()));
        octets = &octets[frame.len()..];
        match Message::decode(frame, context) {
            Err(fault) => {
                let note = Notification::from(&fault);
                prop_assert!((1..=7).contains(&note.code), "{fault} has no NOTIFICATION");
                prop_assert!(Message::Notification(note).encode(Context::default()).is_some());
                return Ok(());
            }
            Ok(first) => {
                let Some(first) = meaning(first) else { continue };
                let again = first.encode(context);
                let again =
                    again.ok_or_else(|| TestCaseError::fail(format!("does not encode: {first:?}")))?;
                prop_assert!(again.len() <= frame.len() || matches!(first, Message::Open(_)));
                prop_assert_eq!(Message::decode(&again, context), Ok(first));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_message_survives_encode_then_decode(message in message(), context in context()) {
        let Some(octets) = message.encode(context) else { return Ok(()) }; // longer than 4096
        let frame = next_frame(&octets, context.max_message).expect("a header").expect("a whole message");
        prop_assert_eq!(frame, &octets[..]);
        prop_assert_eq!(Message::decode(frame, context), Ok(message));
    }

    #[test]
    fn a_message_cut_short_asks_for_more_and_never_decodes(message in message(), at in any::<Index>()) {
        let Some(octets) = message.encode(Context::default()) else { return Ok(()) };
        prop_assert_eq!(next_frame(&octets[..at.index(octets.len())], MAX_MESSAGE), Ok(None));
    }

    #[test]
    fn random_octets_are_answered(octets in vec(any::<u8>(), 0..200), context in context()) {
        digest(&octets, context)?;
    }

    #[test]
    fn random_octets_behind_a_good_header_are_answered(
        kind in 0..7u8, body in vec(any::<u8>(), 0..300), context in context(),
    ) {
        let mut octets = vec![0xff; 16];
        octets.extend(u16::try_from(HEADER_LEN + body.len()).expect("small").to_be_bytes());
        octets.push(kind);
        octets.extend(body);
        digest(&octets, context)?;
    }

    #[test]
    fn damaged_messages_are_answered(
        messages in vec((message(), vec(damage(), 0..4)), 1..4), context in context(),
    ) {
        let octets: Vec<u8> = messages
            .into_iter()
            .filter_map(|(message, harm)| Some(damaged(message.encode(context)?, &harm)))
            .flatten()
            .collect();
        digest(&octets, context)?;
    }
}

#[test]
fn a_notification_of_any_code_has_a_name_and_prints_without_control_characters() {
    for (code, subcode) in (0..=255u8).flat_map(|code| (0..=255u8).map(move |subcode| (code, subcode))) {
        let note = Notification::new(code, subcode, b"\x05\x1b[2J\n");
        assert!(!note.name().is_empty());
        assert!(!note.to_string().contains(char::is_control), "{note:?}");
    }
}

#[test]
fn rfc4271_6_1_a_frame_too_short_to_hold_a_header_is_a_fault_not_a_panic() {
    for len in 0..HEADER_LEN {
        let fault = Message::decode(&vec![0xff; len], Context::default()).expect_err("no header");
        assert!(matches!(fault, bgp::wire::Fault::Header(HeaderFault::BadLength { .. })), "{fault}");
    }
}

#[test]
fn a_list_longer_than_its_length_field_does_not_encode() {
    let path = Attr::AsPath(vec![Segment { kind: 2, asns: vec![1; 256] }]);
    let update = Update { attrs: vec![path], ..Update::default() };
    assert_eq!(Message::Update(update).encode(Context { four_octet_as: true, max_message: 65535 }), None);
    let value = Attr::Unknown { flags: 0xc0, code: attr_code::AS4_PATH + 100, value: vec![0; 70_000] };
    let update = Update { attrs: vec![value], ..Update::default() };
    assert_eq!(Message::Update(update).encode(Context { four_octet_as: true, max_message: 65535 }), None);
}
