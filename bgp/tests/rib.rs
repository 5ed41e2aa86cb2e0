//! The RIB, case by case: what a member is sent, and what it is not.

mod model;

use bgp::rib::{NextHops, UpdateGroup};
use bgp::wire::{MAX_EXTENDED_MESSAGE, MAX_MESSAGE};

use model::world::{V4, V6, World, ebgp, hops, log_entries, net4, net6};

#[test]
fn a_family_without_a_next_hop_waits_for_one_and_is_not_lacking_meanwhile() {
    let mut world = World::default();
    world.apply(&[(net4(1), Some(0)), (net6(1), Some(0))]);
    world.rib.release();
    world.join(UpdateGroup { next_hops: NextHops { v6: None, ..hops(1) }, ..ebgp(&[V4, V6]) });
    let id = world.members[0].0;
    let batch = world.rib.pull(id).expect("the IPv4 table");
    assert_eq!((batch.announced, batch.frames.len()), (1, 2), "one UPDATE and End-of-RIB");
    assert!(world.rib.is_current(id), "all that its next hops allow");
    assert!(world.rib.set_next_hops(id, hops(1)));
    assert!(!world.rib.is_current(id));
    assert_eq!(world.rib.pull(id).map(|batch| (batch.announced, batch.frames.len())), Some((1, 2)));
}

#[test]
fn rfc4724_4_1_a_family_that_will_have_no_next_hop_is_ended_once_all_the_same() {
    let mut world = World::default();
    world.apply(&[(net4(1), Some(0)), (net6(1), Some(0))]);
    let next_hops = NextHops { v4: None, ..hops(1) };
    world.join(UpdateGroup { next_hops, unreachable: vec![V4], ..ebgp(&[V4, V6]) });
    let id = world.members[0].0;
    assert_eq!(world.rib.pull(id), None, "nothing before the sources have listed");
    world.rib.release();
    let batch = world.rib.pull(id).expect("the IPv6 table");
    let ends_v4 = bgp::wire::Message::Update(bgp::wire::Update::end_of_rib(V4));
    let octets = ends_v4.encode(bgp::wire::Context::default()).expect("short");
    assert_eq!((batch.announced, batch.frames.len()), (1, 3), "both ends and one UPDATE");
    assert_eq!(batch.frames[0].0.concat(), octets);
    world.rib.refresh(id, V4);
    assert_eq!(world.rib.pull(id), None, "once");
    assert!(world.rib.set_next_hops(id, hops(1)), "configured after all");
    assert_eq!(world.rib.pull(id).map(|batch| batch.announced), Some(1));
}

#[test]
fn a_next_hop_that_is_lost_keeps_the_last_one_and_withdrawals_still_leave() {
    let mut world = World::default();
    world.apply(&[(net4(1), Some(0)), (net4(2), Some(0))]);
    world.join(ebgp(&[V4]));
    world.settle();
    assert!(!world.rib.set_next_hops(world.members[0].0, NextHops::default()));
    world.apply(&[(net4(1), None)]);
    world.settle();
    assert_eq!(world.members[0].1.table.len(), 1);
}

#[test]
fn messages_of_a_table_and_of_a_change_are_full() {
    for extended in [false, true] {
        let mut world = World::default();
        let mut group = ebgp(&[V4, V6]);
        group.context.max_message = if extended { MAX_EXTENDED_MESSAGE } else { MAX_MESSAGE };
        world.join(group);
        world.members[0].1.seams = 0;
        let both = |number| [(net4(number), Some(0)), (net6(number), Some(1))];
        world.apply(&(0..9000).flat_map(both).collect::<Vec<_>>());
        world.settle();
        world.apply(&(0..8000).flat_map(both).map(|(net, _)| (net, Some(2))).collect::<Vec<_>>());
        world.settle();
        world.apply(&(0..9000).flat_map(both).map(|(net, _)| (net, None)).collect::<Vec<_>>());
        world.settle();
    }
}

#[test]
fn a_table_packed_long_ago_is_not_sent_with_what_went_since() {
    let mut world = World::default();
    world.apply(&(0..3000).map(|number| (net4(number), Some(0))).collect::<Vec<_>>());
    world.rib.release();
    // Too few changes to pack anew, yet nobody may hear of them.
    world.apply(&[(net4(7), None), (net4(8), Some(1))]);
    world.join(ebgp(&[V4]));
    world.settle();
}

#[test]
fn routes_that_came_and_went_while_nobody_listened_leave_no_trace() {
    let mut world = World::default();
    world.join(ebgp(&[V4, V6]));
    world.settle();
    world.apply(&[(net4(1), Some(0)), (net6(1), Some(2))]);
    world.apply(&[(net4(1), None), (net6(1), Some(1))]);
    world.apply(&[(net6(1), None)]);
    assert_eq!(world.pull(0), None);
    assert!(log_entries(&world.rib) <= 5, "one entry per change at most");
}

#[test]
fn rfc2918_4_a_refresh_repeats_the_family_and_nothing_else() {
    let mut world = World::default();
    world.apply(&[(net4(1), Some(0)), (net4(2), Some(1)), (net6(1), Some(0))]);
    world.join(ebgp(&[V4, V6]));
    world.settle();
    world.rib.refresh(world.members[0].0, V4);
    let batch = world.pull(0).expect("the IPv4 table once more");
    assert_eq!((batch.announced, batch.withdrawn, batch.frames.len()), (2, 0, 2), "no second End-of-RIB");
    world.settle();
}

#[test]
fn an_unknown_member_is_answered_with_nothing() {
    let mut world = World::default();
    world.join(ebgp(&[V4]));
    let (id, _) = world.members.remove(0);
    world.rib.leave(id);
    world.rib.release();
    assert_eq!((world.rib.pull(id), world.rib.advertised(id).len()), (None, 0));
    assert!(!world.rib.set_next_hops(id, hops(2)) && !world.rib.is_current(id));
    world.rib.refresh(id, V4);
    world.rib.leave(id);
}
