//! The RIB against a model: random histories, every member a router that keeps its own table.

mod model;

use bgp::Asn;
use bgp::rib::{Rib, RouteAttrs, UpdateGroup};
use bgp::wire::{Context, MAX_EXTENDED_MESSAGE, MAX_MESSAGE};
use ipnet::IpNet;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;

use model::world::{Step, V4, V6, World, ebgp, hops, log_entries, net4, net6, policies};

fn group() -> impl Strategy<Value = UpdateGroup> {
    let families = prop_oneof![Just(vec![V4, V6]), Just(vec![V6, V4]), Just(vec![V4]), Just(vec![V6])];
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let more = (any::<bool>(), any::<bool>(), 0..4usize);
    (families, flags, more, 1..5u8).prop_map(|(families, flags, (enhanced, marked, policy), hop)| {
        let (internal, four_octet_as, extended, wide) = flags;
        let group = UpdateGroup::new(
            (Asn::new(if wide { 4_200_000_001 } else { 65001 }).expect("not zero"), internal),
            Context {
                four_octet_as,
                max_message: if extended { MAX_EXTENDED_MESSAGE } else { MAX_MESSAGE },
                internal,
            },
            families,
            hops(hop),
        );
        let policy = policies()[policy].clone();
        UpdateGroup {
            policy,
            extended_next_hop: hop == 4,
            enhanced_refresh: enhanced,
            only_to_customer: marked,
            ..group
        }
    })
}

fn few() -> impl Strategy<Value = Vec<(IpNet, Option<usize>)>> {
    let net = prop_oneof![(0..24u32).prop_map(net4), (0..12u32).prop_map(net6)];
    vec((net, option::of(0..3usize)), 1..8)
}

/// Enough to fill several messages, and to make the log compact and the packed table stale.
fn many() -> impl Strategy<Value = Step> {
    (any::<bool>(), 0..500u32, 100..2500u32, option::weighted(0.7, 0..3usize))
        .prop_map(|(six, from, count, attrs)| Step::Bulk(six, from, count, attrs))
}

fn step() -> impl Strategy<Value = Step> {
    let family = prop_oneof![Just(V4), Just(V6)];
    prop_oneof![
        8 => few().prop_map(Step::Apply),
        3 => many(),
        8 => any::<Index>().prop_map(Step::Pull),
        2 => (any::<Index>(), family).prop_map(|(at, family)| Step::Refresh(at, family)),
        2 => (any::<Index>(), 1..5u8).prop_map(|(at, hop)| Step::NextHops(at, hop)),
        2 => (any::<Index>(), 0..4usize).prop_map(|(at, policy)| Step::Policy(at, policy)),
        2 => group().prop_map(Step::Join),
        1 => any::<Index>().prop_map(Step::Leave),
        1 => Just(Step::Release),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, max_shrink_iters: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn members_hold_what_is_wanted_whatever_the_history(
        early in any::<bool>(), first in group(), steps in vec(step(), 1..50),
    ) {
        let mut world = World::default();
        if early {
            world.rib.release();
        }
        world.join(first);
        for step in steps {
            world.take(step);
            world.check();
        }
        world.settle();
    }

}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, max_shrink_iters: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_routes_give_the_same_octets_in_whatever_order_they_came(
        order in Just((0..2000u32).collect::<Vec<_>>()).prop_shuffle(), extended in any::<bool>(),
    ) {
        let route = RouteAttrs::default();
        let mut group = ebgp(&[V4, V6]);
        group.context.max_message = if extended { MAX_EXTENDED_MESSAGE } else { MAX_MESSAGE };
        let frames = |numbers: &mut dyn Iterator<Item = u32>| {
            let mut rib = Rib::new();
            for number in numbers {
                rib.apply([(net4(number), Some(&route)), (net6(number), Some(&route))]);
            }
            rib.release();
            let member = rib.join(group.clone());
            rib.pull(member).expect("a table").frames.iter().map(|frame| frame.0.concat()).collect::<Vec<_>>()
        };
        prop_assert_eq!(frames(&mut order.into_iter()), frames(&mut (0..2000)));
    }

    #[test]
    fn flapping_behind_lagging_members_neither_grows_the_log_nor_reaches_them(
        flaps in vec((0..400u32, 50..300u32, option::of(0..3usize), any::<Index>(), 0..4u8), 200..300),
    ) {
        let mut world = World::default();
        world.apply(&(0..700).map(|number| (net4(number), Some(0))).collect::<Vec<_>>());
        for _ in 0..4 {
            world.join(ebgp(&[V4]));
        }
        world.settle();
        for (round, (from, count, attrs, who, lag)) in flaps.into_iter().enumerate() {
            world.apply(&(from..from + count).map(|number| (net4(number), attrs)).collect::<Vec<_>>());
            if lag == 0 && round % 8 == 0 {
                world.pull(who.index(3)); // the fourth never does
            }
            let entries = if round % 16 == 0 { log_entries(&world.rib) } else { 0 };
            prop_assert!(entries <= 2 * 5 * 700 + 4096 + 300, "{entries} entries");
        }
        world.check();
        world.settle();
    }
}
