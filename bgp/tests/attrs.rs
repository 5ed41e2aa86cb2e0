//! Attributes are bounded where they are made, so that no route can be too large to be sent.

use bgp::rib::{NextHops, Rib, RouteAttrs, UpdateGroup};
use bgp::wire::{Attr, Context, Message};
use bgp::{Asn, Family};

#[test]
fn the_most_communities_still_leave_room_for_the_prefix() {
    let all: Vec<u32> = (0..).take(RouteAttrs::MAX_COMMUNITIES).collect();
    let attrs = RouteAttrs::new(Some(1), all.clone()).expect("as many as allowed");
    let context = Context { four_octet_as: true, max_message: 4096, internal: false };
    let mut rib = Rib::new();
    rib.apply([("10.0.0.1/32".parse().expect("a prefix"), Some(&attrs))]);
    rib.release();
    let member = rib.join(UpdateGroup::new(
        (Asn::new(65000).expect("not zero"), true),
        context,
        vec![Family::IPV4_UNICAST],
        NextHops { v4: Some([192, 0, 2, 1].into()), v6: None, link_local: None },
    ));
    let batch = rib.pull(member).expect("a table");
    let octets: Vec<u8> = batch.frames[0].0.iter().flatten().copied().collect();
    let Ok(Message::Update(update)) = Message::decode(&octets, context) else {
        panic!("no UPDATE: {octets:?}")
    };
    assert_eq!(update.nlri, ["10.0.0.1/32".parse().expect("a prefix")]);
    assert!(update.attrs.contains(&Attr::Communities(all)));
}

#[test]
fn more_communities_are_refused() {
    assert_eq!(RouteAttrs::new(None, vec![1; RouteAttrs::MAX_COMMUNITIES + 1]), None);
}
