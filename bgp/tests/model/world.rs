//! A RIB, what it was asked for, and the routers it feeds: what the tests of the RIB have in common.

use std::net::{Ipv4Addr, Ipv6Addr};

use bgp::rib::{Batch, MemberId, NextHops, Policy, Rib, RouteAttrs, UpdateGroup};
use bgp::wire::{Context, MAX_MESSAGE};
use bgp::{Asn, Family};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use proptest::sample::Index;

use super::{Router, Wanted};

pub(crate) const V4: Family = Family::IPV4_UNICAST;
pub(crate) const V6: Family = Family::IPV6_UNICAST;

pub(crate) fn routes() -> [RouteAttrs; 3] {
    [
        RouteAttrs::default(),
        RouteAttrs::new(Some(7), vec![]).expect("few"),
        RouteAttrs::new(Some(0), vec![0xfde9_0001, 0xffff_ff01]).expect("few"),
    ]
}

pub(crate) fn net4(number: u32) -> IpNet {
    // Few lengths beside host routes, so that prefixes nest and fields differ in size.
    let len = [32, 32, 32, 24, 16, 31, 0][(number % 7) as usize];
    Ipv4Net::new(Ipv4Addr::from(0x0a00_0000 | (number << 8) | number), len).expect("a length").trunc().into()
}

pub(crate) fn net6(number: u32) -> IpNet {
    let len = [128, 128, 64, 48, 127][(number % 5) as usize];
    let addr = Ipv6Addr::from((0x2001_0db8_u128 << 96) | (u128::from(number) << 80) | u128::from(number));
    Ipv6Net::new(addr, len).expect("a length").trunc().into()
}

/// The addresses of way `number`; the third has a link-local one, the fourth no IPv4 one.
pub(crate) fn hops(number: u8) -> NextHops {
    NextHops {
        v4: (number != 4).then_some(Ipv4Addr::new(192, 0, 2, number)),
        v6: Some(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, number.into())),
        link_local: (number >= 3).then_some(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, number.into())),
    }
}

pub(crate) fn policies() -> [Policy; 4] {
    [
        Policy::default(),
        Policy { med: Some(9), prepend: 2, communities: vec![0xfde9_0063], ..Policy::default() },
        Policy {
            local_pref: Some(200),
            extended_communities: vec![[0x40, 4, 0xfd, 0xe9, 0x4e, 0x95, 0x02, 0xf9]],
            large_communities: vec![[65001, 1, 2], [65001, 3, 4]],
            ..Policy::default()
        },
        Policy { graceful_shutdown: true, local_pref: Some(200), ..Policy::default() },
    ]
}

/// One thing that may happen to a RIB.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Apply(Vec<(IpNet, Option<usize>)>),
    /// So many prefixes from this number on, of IPv6 or IPv4.
    Bulk(bool, u32, u32, Option<usize>),
    Pull(Index),
    Refresh(Index, Family),
    NextHops(Index, u8),
    Policy(Index, usize),
    Join(UpdateGroup),
    Leave(Index),
    Release,
}

/// The RIB, what it was asked for, and the routers it feeds.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) rib: Rib,
    pub(crate) wanted: Wanted,
    pub(crate) members: Vec<(MemberId, Router)>,
}

impl World {
    pub(crate) fn apply(&mut self, changes: &[(IpNet, Option<usize>)]) {
        let routes = routes();
        self.rib.apply(changes.iter().map(|(net, attrs)| (*net, attrs.map(|at| &routes[at]))));
        for (net, attrs) in changes {
            match attrs {
                Some(at) => self.wanted.insert(*net, routes[*at].clone()),
                None => self.wanted.remove(net),
            };
        }
    }

    pub(crate) fn join(&mut self, group: UpdateGroup) {
        let id = self.rib.join(group.clone());
        self.members.push((id, Router::new(group)));
    }

    pub(crate) fn pull(&mut self, at: usize) -> Option<Batch> {
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

    pub(crate) fn take(&mut self, step: Step) {
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
                let now = |router: &Router| -> Vec<_> {
                    router.group.families.iter().map(|family| router.hop(*family)).collect()
                };
                let before = now(router);
                // An address that is lost stays the last one known.
                let kept = hops(hop).v4.or(router.group.next_hops.v4);
                router.group.next_hops = NextHops { v4: kept, ..hops(hop) };
                assert_eq!(self.rib.set_next_hops(*id, hops(hop)), before != now(router));
            }
            Step::Policy(at, policy) => {
                let Some(at) = some(at) else { return };
                let (id, router) = &mut self.members[at];
                let policy = &policies()[policy];
                let differs = router.group.policy != *policy;
                router.group.policy = policy.clone();
                assert_eq!(self.rib.set_policy(*id, policy), differs);
            }
            Step::Leave(at) => {
                let Some(at) = some(at) else { return };
                self.rib.leave(self.members.swap_remove(at).0);
            }
        }
    }

    /// What holds at every moment.
    pub(crate) fn check(&self) {
        for (id, router) in &self.members {
            router.check_advertised(&self.rib.advertised(*id), self.rib.advertised_len(*id));
        }
        let wanted: Wanted = self.rib.wanted().map(|(net, attrs)| (net, attrs.clone())).collect();
        assert_eq!(wanted, self.wanted);
        assert_eq!(self.rib.len(V4) + self.rib.len(V6), self.wanted.len());
    }

    /// Everybody pulls until there is nothing left: one batch brings the whole difference.
    pub(crate) fn settle(&mut self) {
        self.rib.release();
        for at in 0..self.members.len() {
            self.pull(at);
            assert_eq!(self.pull(at), None, "the second pull finds nothing");
        }
        self.check();
    }
}

/// The log's length, which only its printed form shows.
pub(crate) fn log_entries(rib: &Rib) -> usize {
    format!("{rib:?}").matches("Entry {").count()
}

pub(crate) fn ebgp(families: &[Family]) -> UpdateGroup {
    UpdateGroup::new(
        (Asn::new(65001).expect("not zero"), false),
        Context { four_octet_as: true, max_message: MAX_MESSAGE, internal: true },
        families.to_vec(),
        hops(1),
    )
}
