//! What a change costs, and what a session that comes up after one costs, with 100 000 host routes.

use std::hint::black_box;

use bgp::rib::{MemberId, NextHops, Rib, RouteAttrs, UpdateGroup};
use bgp::wire::{Context, MAX_MESSAGE};
use bgp::{Asn, Family};
use criterion::{Criterion, criterion_group, criterion_main};
use ipnet::{IpNet, Ipv4Net};

const ROUTES: u32 = 100_000;
const MEMBERS: usize = 8;

fn host(index: u32) -> IpNet {
    Ipv4Net::from(std::net::Ipv4Addr::from_bits(0x0a00_0000 + index)).into()
}

fn full() -> Rib {
    let attrs = RouteAttrs::default();
    let mut rib = Rib::new();
    rib.apply((0..ROUTES).map(|index| (host(index), Some(&attrs))));
    rib.release();
    rib
}

fn join(rib: &mut Rib) -> MemberId {
    rib.join(UpdateGroup::new(
        (Asn::new(65000).expect("not zero"), false),
        Context { four_octet_as: true, max_message: MAX_MESSAGE, internal: true },
        vec![Family::IPV4_UNICAST],
        NextHops { v4: Some([192, 0, 2, 1].into()), v6: None, link_local: None },
    ))
}

fn rib(criterion: &mut Criterion) {
    let attrs = RouteAttrs::default();
    let mut rib = full();
    criterion.bench_function("a session comes up, nothing changed", |bencher| {
        bencher.iter(|| {
            let member = join(&mut rib);
            black_box(rib.pull(member));
            rib.leave(member);
        });
    });
    let mut round = 0;
    criterion.bench_function("a session comes up after one route went and one came", |bencher| {
        bencher.iter(|| {
            round = (round + 1) % ROUTES;
            rib.apply([(host(round), None), (host(round.checked_sub(1).unwrap_or(ROUTES)), Some(&attrs))]);
            let member = join(&mut rib);
            black_box(rib.pull(member));
            rib.leave(member);
        });
    });
    let mut rib = full();
    let members: Vec<MemberId> = (0..MEMBERS).map(|_| join(&mut rib)).collect();
    let mut wanted = false;
    criterion.bench_function("one route flips, 8 members pull", |bencher| {
        bencher.iter(|| {
            wanted = !wanted;
            rib.apply([(host(ROUTES), wanted.then_some(&attrs))]);
            members.iter().for_each(|member| drop(black_box(rib.pull(*member))));
        });
    });
}

criterion_group!(benches, rib);
criterion_main!(benches);
