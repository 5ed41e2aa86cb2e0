//! One full UPDATE of host routes, decoded and encoded.

use std::hint::black_box;
use std::net::Ipv4Addr;

use bgp::Asn;
use bgp::wire::{Attr, Context, Message, Origin, Segment, Update, next_frame};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ipnet::Ipv4Net;

fn full_update() -> Message {
    let hosts = (0..810).map(|at| Ipv4Net::from(Ipv4Addr::from(0x0a00_0000 + at)));
    Message::Update(Update {
        attrs: vec![
            Attr::Origin(Origin::Igp),
            Attr::AsPath(vec![Segment::sequence(Asn::new(65001).expect("not zero"))]),
            Attr::NextHop(Ipv4Addr::new(192, 0, 2, 1)),
        ],
        nlri: hosts.collect(),
        ..Update::default()
    })
}

fn codec(criterion: &mut Criterion) {
    let context = Context { four_octet_as: true, ..Context::default() };
    let message = full_update();
    let octets = message.encode(context).expect("810 host routes fill 4093 octets");
    let mut group = criterion.benchmark_group("full UPDATE");
    group.throughput(Throughput::Bytes(octets.len() as u64));
    group.bench_function("decode", |bencher| {
        bencher.iter(|| {
            let frame = next_frame(black_box(&octets), context.max_message).expect("valid").expect("whole");
            Message::decode(frame, context)
        });
    });
    group.bench_function("encode", |bencher| bencher.iter(|| black_box(&message).encode(context)));
    group.finish();
}

criterion_group!(benches, codec);
criterion_main!(benches);
