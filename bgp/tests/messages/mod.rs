//! Random messages: such as a well-behaved speaker sends in a session, and what becomes of them on a bad day.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::{Range, RangeInclusive};

use bgp::wire::{
    Attr, Capability, Context, GracefulRestart, MAX_EXTENDED_MESSAGE, MAX_MESSAGE, Message, MpNextHop,
    MpReach, MpUnreach, Notification, Open, Origin, Prefixes, Role, Segment, Update,
};
use bgp::{Asn, Family, HoldTime, RouterId};
use ipnet::{Ipv4Net, Ipv6Net};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;

pub(crate) fn context() -> impl Strategy<Value = Context> {
    (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(four_octet_as, extended, internal)| Context {
        four_octet_as,
        max_message: if extended { MAX_EXTENDED_MESSAGE } else { MAX_MESSAGE },
        internal,
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
    let role = prop_oneof![
        Just(Role::Provider),
        Just(Role::RouteServer),
        Just(Role::RouteServerClient),
        Just(Role::Customer),
        Just(Role::Peer),
    ];
    prop_oneof![
        role.prop_map(Capability::Role),
        vec((family(), any::<u8>()), 0..4).prop_map(Capability::AddPath),
        vec((family(), any::<u8>(), 0..1u32 << 24), 0..4).prop_map(Capability::LongLivedGracefulRestart),
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
        (5..=255u8).prop_map(|role| Capability::Unknown { code: 9, value: vec![role] }),
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
fn path(kinds: RangeInclusive<u8>, segments: Range<usize>) -> impl Strategy<Value = Vec<Segment>> {
    let segment = (kinds, vec(1..=65535u32, 1..40)).prop_map(|(kind, asns)| Segment { kind, asns });
    vec(segment, segments)
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

/// What any speaker may put beside announced prefixes.
fn optional() -> impl Strategy<Value = Vec<Attr>> {
    let unknown = (prop_oneof![Just(0x80u8), Just(0xc0), Just(0xe0)], 36..=255u8, vec(any::<u8>(), 0..400))
        .prop_map(|(flags, code, value)| Attr::Unknown { flags, code, value });
    let large = (any::<u32>(), any::<u32>(), any::<u32>()).prop_map(|(admin, one, two)| [admin, one, two]);
    let aggregator =
        (1..=65535u32, any::<u32>()).prop_map(|(asn, addr)| Attr::Aggregator { asn, addr: addr.into() });
    let optional = (
        option::of(any::<u32>().prop_map(Attr::Med)),
        option::of(Just(Attr::AtomicAggregate)),
        option::of(aggregator),
        option::of(vec(any::<u32>(), 1..80).prop_map(Attr::Communities)),
        option::of(vec(any::<[u8; 8]>(), 1..40).prop_map(Attr::ExtendedCommunities)),
        option::of(vec(large, 1..30).prop_map(Attr::LargeCommunities)),
        option::of(any::<u32>().prop_map(Attr::OnlyToCustomer)),
        option::of(reach().prop_map(Attr::MpReach)),
        option::of(unreach().prop_map(Attr::MpUnreach)),
        option::of(unknown),
    );
    optional.prop_map(|(med, atomic, aggregator, standard, extended, large, otc, reach, unreach, unknown)| {
        let all = [med, atomic, aggregator, standard, extended, large, otc, reach, unreach, unknown];
        all.into_iter().flatten().collect()
    })
}

/// What belongs to iBGP alone.
fn internal() -> impl Strategy<Value = Vec<Attr>> {
    let address = || any::<u32>().prop_map(Ipv4Addr::from);
    let all = (
        option::of(any::<u32>().prop_map(Attr::LocalPref)),
        option::of(address().prop_map(Attr::OriginatorId)),
        option::of(vec(address(), 1..20).prop_map(Attr::ClusterList)),
    );
    all.prop_map(|(pref, originator, clusters)| [pref, originator, clusters].into_iter().flatten().collect())
}

/// What a two-octet speaker needs besides.
fn two_octet() -> impl Strategy<Value = Vec<Attr>> {
    let aggregator =
        (1..=u32::MAX, any::<u32>()).prop_map(|(asn, addr)| Attr::As4Aggregator { asn, addr: addr.into() });
    let all = (option::of(path(1..=2, 1..4).prop_map(Attr::As4Path)), option::of(aggregator));
    all.prop_map(|(path, aggregator)| [path, aggregator].into_iter().flatten().collect())
}

/// Attributes a well-behaved speaker may send in such a session, each at most once.
fn attrs(context: Context) -> impl Strategy<Value = Vec<Attr>> {
    let origin = prop_oneof![Just(Origin::Igp), Just(Origin::Egp), Just(Origin::Incomplete)];
    let kinds = if context.internal { 1..=4 } else { 1..=2 };
    let mandatory = (origin, path(kinds, 0..4), any::<u32>()).prop_map(|(origin, path, hop)| {
        vec![Attr::Origin(origin), Attr::AsPath(path), Attr::NextHop(hop.into())]
    });
    (mandatory, optional(), internal(), two_octet()).prop_map(
        move |(mandatory, optional, internal, two_octet)| {
            let internal = internal.into_iter().filter(|_| context.internal);
            let two_octet = two_octet.into_iter().filter(|_| !context.four_octet_as);
            mandatory.into_iter().chain(optional).chain(internal).chain(two_octet).collect()
        },
    )
}

fn update(context: Context) -> impl Strategy<Value = Update> {
    let whole = (vec(net4(), 0..60), attrs(context), vec(net4(), 0..60))
        .prop_map(|(withdrawn, attrs, nlri)| Update { withdrawn, attrs, nlri, faults: vec![] });
    prop_oneof![4 => whole, 1 => family().prop_map(Update::end_of_rib)]
}

pub(crate) fn message(context: Context) -> impl Strategy<Value = Message> {
    let note = (any::<u8>(), any::<u8>(), vec(any::<u8>(), 0..300))
        .prop_map(|(code, subcode, data)| Message::Notification(Notification { code, subcode, data }));
    prop_oneof![
        2 => open().prop_map(Message::Open),
        4 => update(context).prop_map(Message::Update),
        1 => note,
        1 => Just(Message::Keepalive),
        1 => (family(), any::<u8>()).prop_map(|(family, subtype)| Message::RouteRefresh { family, subtype }),
    ]
}

/// A session and what may be said in it.
pub(crate) fn spoken() -> impl Strategy<Value = (Message, Context)> {
    context().prop_flat_map(|context| (message(context), Just(context)))
}

/// What a valid message becomes on a bad day.
#[derive(Clone, Debug)]
pub(crate) enum Damage {
    Flip(Index, u8),
    Truncate(Index),
    Insert(Index, u8),
    HeaderLength(u16),
}

pub(crate) fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        4 => (any::<Index>(), 1..=255u8).prop_map(|(at, bits)| Damage::Flip(at, bits)),
        2 => any::<Index>().prop_map(Damage::Truncate),
        1 => (any::<Index>(), any::<u8>()).prop_map(|(at, octet)| Damage::Insert(at, octet)),
        1 => any::<u16>().prop_map(Damage::HeaderLength),
    ]
}

/// Damage behind the marker and with the length field made right again, or framing would stop most of it.
pub(crate) fn damaged(mut octets: Vec<u8>, harm: &[Damage]) -> Vec<u8> {
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
