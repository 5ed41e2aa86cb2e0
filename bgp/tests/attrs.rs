//! Attributes are bounded where they are made, so that no route can be too large to be sent.

use std::net::Ipv6Addr;

use bgp::rib::{NextHops, Policy, Rib, RouteAttrs, UpdateGroup};
use bgp::wire::{Attr, Context, Message};
use bgp::{Asn, Family};

/// The first message a member gets that announces a prefix with all that can be asked for.
fn first_message(group: UpdateGroup, prefix: &str, attrs: &RouteAttrs) -> (Vec<u8>, Message) {
    let (mut rib, context) = (Rib::new(), group.context);
    rib.apply([(prefix.parse().expect("a prefix"), Some(attrs))]);
    rib.release();
    let member = rib.join(group);
    let batch = rib.pull(member).expect("a table");
    let octets: Vec<u8> = batch.frames[0].0.iter().flatten().copied().collect();
    let message = Message::decode(&octets, context).expect("a message");
    (octets, message)
}

fn asn(number: u32) -> Asn {
    Asn::new(number).expect("not zero")
}

#[test]
fn the_most_of_everything_still_leaves_room_for_the_prefix() {
    let all: Vec<u32> = (0..).take(RouteAttrs::MAX_COMMUNITIES).collect();
    let attrs = RouteAttrs::new(Some(1), all.clone()).expect("as many as allowed");
    // More than is allowed of what a policy may add: it is cut, never sent too long.
    let policy = Policy {
        med: Some(2),
        prepend: 255,
        communities: (1000..1200).collect(),
        extended_communities: (0..200u64).map(u64::to_be_bytes).collect(),
        large_communities: (0..200).map(|one| [65000, one, 0]).collect(),
        graceful_shutdown: true,
        ..Policy::default()
    };
    for (four_octet_as, internal) in [(true, false), (false, false), (true, true)] {
        let next_hops = NextHops {
            v6: Some(Ipv6Addr::from(0x2001_0db8 << 96 | 1)),
            link_local: Some(Ipv6Addr::from(0xfe80 << 112 | 1)),
            v4: None,
        };
        let context = Context { four_octet_as, max_message: 4096, internal: true };
        let families = vec![Family::IPV6_UNICAST];
        let group = UpdateGroup::new((asn(4_200_000_000), internal), context, families, next_hops);
        let group = UpdateGroup { policy: policy.clone(), only_to_customer: true, ..group };
        let (octets, message) = first_message(group, "2001:db8::1/128", &attrs);
        assert!(octets.len() <= 4096 - 17, "{} octets leave no room for another prefix", octets.len());
        let Message::Update(update) = message else { panic!("no UPDATE: {octets:?}") };
        assert_eq!(update.faults, []);
        let Some(Attr::Communities(sent)) = update.attrs.iter().find(|attr| attr.code() == 8) else {
            panic!("no communities in {update:?}")
        };
        assert_eq!(sent[..all.len()], all, "those of the route come first");
        assert_eq!(sent.len(), RouteAttrs::MAX_COMMUNITIES + Policy::MAX_COMMUNITIES + 1);
    }
}

#[test]
fn rfc8950_ipv4_prefixes_go_with_the_ipv6_next_hop_where_there_is_no_other() {
    let context = Context { four_octet_as: true, max_message: 4096, internal: true };
    let v6 = Some(Ipv6Addr::from(0x2001_0db8 << 96 | 1));
    let next_hops = NextHops { v4: None, v6, link_local: None };
    let group = UpdateGroup::new((asn(65001), false), context, vec![Family::IPV4_UNICAST], next_hops);
    let group = UpdateGroup { extended_next_hop: true, ..group };
    let (octets, _) = first_message(group, "10.0.0.1/32", &RouteAttrs::default());
    // RFC 8950 §3 by hand: MP_REACH_NLRI, AFI 1, SAFI 1, sixteen octets of next hop, reserved, one prefix; then
    // ORIGIN and AS_PATH, and no NEXT_HOP: 30 + 4 + 9 octets of attributes.
    let by_hand = "ffffffffffffffffffffffffffffffff 0042 02 0000 002b \
        90 0e 001a 0001 01 10 20010db8000000000000000000000001 00 200a000001 \
        40 01 01 00 40 02 06 02 01 0000fde9";
    let by_hand: String = by_hand.split_whitespace().collect();
    let hex: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    assert_eq!(hex, by_hand);
}

#[test]
fn more_communities_are_refused() {
    assert_eq!(RouteAttrs::new(None, vec![1; RouteAttrs::MAX_COMMUNITIES + 1]), None);
}
