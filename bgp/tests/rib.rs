//! The RIB against a model: random histories, every member a router that keeps its own table.

mod model;

use std::net::{Ipv4Addr, Ipv6Addr};

use bgp::rib::{Batch, MemberId, NextHops, Rib, RouteAttrs, UpdateGroup};
use bgp::wire::{Context, MAX_EXTENDED_MESSAGE, MAX_MESSAGE};
use bgp::{Asn, Family};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::Index;

use model::{Router, Wanted};

const V4: Family = Family::IPV4_UNICAST;
const V6: Family = Family::IPV6_UNICAST;

fn routes() -> [RouteAttrs; 3] {
    [
        RouteAttrs::default(),
        RouteAttrs::new(Some(7), vec![]).expect("few"),
        RouteAttrs::new(Some(0), vec![0xfde9_0001, 0xffff_ff01]).expect("few"),
    ]
}

fn net4(number: u32) -> IpNet {
    // Few lengths beside host routes, so that prefixes nest and fields differ in size.
    let len = [32, 32, 32, 24, 16, 31, 0][(number % 7) as usize];
    Ipv4Net::new(Ipv4Addr::from(0x0a00_0000 | (number << 8) | number), len).expect("a length").trunc().into()
}

fn net6(number: u32) -> IpNet {
    let len = [128, 128, 64, 48, 127][(number % 5) as usize];
    let addr = Ipv6Addr::from((0x2001_0db8_u128 << 96) | (u128::from(number) << 80) | u128::from(number));
    Ipv6Net::new(addr, len).expect("a length").trunc().into()
}

fn hops(number: u8) -> NextHops {
    NextHops {
        v4: Some(Ipv4Addr::new(192, 0, 2, number)),
        v6: Some(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number.into())),
    }
}

/// One thing that may happen to a RIB.
#[derive(Clone, Debug)]
enum Step {
    Apply(Vec<(IpNet, Option<usize>)>),
    /// So many prefixes from this number on, of IPv6 or IPv4.
    Bulk(bool, u32, u32, Option<usize>),
    Pull(Index),
    Refresh(Index, Family),
    NextHops(Index, u8),
    Join(UpdateGroup),
    Leave(Index),
    Release,
}

fn group() -> impl Strategy<Value = UpdateGroup> {
    let families = prop_oneof![Just(vec![V4, V6]), Just(vec![V6, V4]), Just(vec![V4]), Just(vec![V6])];
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (families, flags, 1..4u8).prop_map(|(families, (internal, four_octet_as, extended, wide), hop)| {
        UpdateGroup {
            local_as: Asn::new(if wide { 4_200_000_001 } else { 65001 }).expect("not zero"),
            internal,
            context: Context {
                four_octet_as,
                max_message: if extended { MAX_EXTENDED_MESSAGE } else { MAX_MESSAGE },
            },
            families,
            next_hops: hops(hop),
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
        2 => (any::<Index>(), 1..4u8).prop_map(|(at, hop)| Step::NextHops(at, hop)),
        2 => group().prop_map(Step::Join),
        1 => any::<Index>().prop_map(Step::Leave),
        1 => Just(Step::Release),
    ]
}

/// The RIB, what it was asked for, and the routers it feeds.
#[derive(Default)]
struct World {
    rib: Rib,
    wanted: Wanted,
    members: Vec<(MemberId, Router)>,
}

impl World {
    fn apply(&mut self, changes: &[(IpNet, Option<usize>)]) {
        let routes = routes();
        self.rib.apply(changes.iter().map(|(net, attrs)| (*net, attrs.map(|at| &routes[at]))));
        for (net, attrs) in changes {
            match attrs {
                Some(at) => self.wanted.insert(*net, routes[*at].clone()),
                None => self.wanted.remove(net),
            };
        }
    }

    fn join(&mut self, group: UpdateGroup) {
        let id = self.rib.join(group.clone());
        self.members.push((id, Router::new(group)));
    }

    fn pull(&mut self, at: usize) -> Option<Batch> {
        let (id, router) = &mut self.members[at];
        let batch = self.rib.pull(*id);
        match &batch {
            Some(batch) => {
                assert!(self.rib.is_released(), "told before release");
                router.receive(batch, &self.wanted);
            }
            None if self.rib.is_released() => {
                assert_eq!(router.table, router.expected(&self.wanted), "nothing to pull, yet not the same");
                assert!(self.rib.is_current(*id));
                assert_eq!(router.ended.len(), router.group.families.len(), "End-of-RIB of each family");
            }
            None => {}
        }
        batch
    }

    fn take(&mut self, step: Step) {
        let count = self.members.len();
        let some = |at: Index| if count == 0 { None } else { Some(at.index(count)) };
        match step {
            Step::Apply(changes) => self.apply(&changes),
            Step::Bulk(six, from, count, attrs) => {
                let net = if six { net6 } else { net4 };
                self.apply(&(from..from + count).map(|number| (net(number), attrs)).collect::<Vec<_>>());
            }
            Step::Join(group) if count < 6 => self.join(group),
            Step::Join(_) => {}
            Step::Release => self.rib.release(),
            Step::Pull(at) => drop(some(at).map(|at| self.pull(at))),
            Step::Refresh(at, family) => {
                some(at).map(|at| self.rib.refresh(self.members[at].0, family)).unwrap_or_default();
            }
            Step::NextHops(at, hop) => {
                let Some(at) = some(at) else { return };
                let (id, router) = &mut self.members[at];
                let differs = router.group.next_hops != hops(hop);
                router.group.next_hops = hops(hop);
                assert_eq!(self.rib.set_next_hops(*id, hops(hop)), differs);
            }
            Step::Leave(at) => {
                let Some(at) = some(at) else { return };
                self.rib.leave(self.members.swap_remove(at).0);
            }
        }
    }

    /// What holds at every moment.
    fn check(&self) {
        for (id, router) in &self.members {
            router.check_advertised(&self.rib.advertised(*id), self.rib.advertised_len(*id));
        }
        let wanted: Wanted = self.rib.wanted().map(|(net, attrs)| (net, attrs.clone())).collect();
        assert_eq!(wanted, self.wanted);
        assert_eq!(self.rib.len(V4) + self.rib.len(V6), self.wanted.len());
    }

    /// Everybody pulls until there is nothing left: one batch brings the whole difference.
    fn settle(&mut self) {
        self.rib.release();
        for at in 0..self.members.len() {
            self.pull(at);
            assert_eq!(self.pull(at), None, "the second pull finds nothing");
        }
        self.check();
    }
}

/// The log's length, which only its printed form shows.
fn log_entries(rib: &Rib) -> usize {
    format!("{rib:?}").matches("Entry {").count()
}

fn ebgp(families: &[Family]) -> UpdateGroup {
    UpdateGroup {
        local_as: Asn::new(65001).expect("not zero"),
        internal: false,
        context: Context { four_octet_as: true, max_message: MAX_MESSAGE },
        families: families.to_vec(),
        next_hops: hops(1),
    }
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
