//! How long changes take to the peers: what counts, from when, and what does not.

mod model;
mod wire_peer;

use std::time::{Duration, Instant};

use bgp::net::{Engine, Latency};
use bgp::rib::{Due, NextHops, Rib, RouteAttrs};
use bgp::wire::Message;
use ipnet::IpNet;
use model::world::{V4, V6, ebgp, hops, net4, net6};
use wire_peer::{Raw, announce, host, listening, net, until};

fn want(rib: &mut Rib, prefix: IpNet, due: Due) {
    assert!(rib.apply([(prefix, Some(&RouteAttrs::default()))]));
    rib.note(due);
}

/// Moments a second apart.
fn moments() -> [Due; 3] {
    let epoch = Instant::now();
    [0, 1, 2].map(|at| {
        let noticed = epoch + Duration::from_secs(at);
        Due { noticed, applied: noticed + Duration::from_millis(1) }
    })
}

#[test]
fn a_batch_tells_of_the_oldest_change_in_it_and_a_whole_table_of_none() {
    let (mut rib, [first, second, third]) = (Rib::new(), moments());
    want(&mut rib, net4(1), first);
    rib.release();
    let id = rib.join(ebgp(&[V4, V6]));
    assert_eq!(rib.pull(id).map(|batch| batch.due), Some(None), "the table");
    want(&mut rib, net4(2), second);
    want(&mut rib, net4(3), third);
    assert_eq!(rib.pull(id).map(|batch| (batch.announced, batch.due)), Some((2, Some(second))));
    want(&mut rib, net6(4), third);
    assert_eq!(rib.pull(id).map(|batch| batch.due), Some(Some(third)), "the older one is done");
    want(&mut rib, net4(5), first);
    rib.refresh(id, V4);
    assert_eq!(rib.pull(id).map(|batch| batch.due), Some(None), "asked for the table");
    want(&mut rib, net4(6), third);
    assert_eq!(rib.pull(id).map(|batch| batch.due), Some(Some(third)));
}

#[test]
fn a_change_that_goes_before_it_is_sent_and_one_that_cannot_be_sent_are_no_waiting() {
    let (mut rib, [first, second, _]) = (Rib::new(), moments());
    rib.release();
    let id =
        rib.join(bgp::rib::UpdateGroup { next_hops: NextHops { v6: None, ..hops(1) }, ..ebgp(&[V4, V6]) });
    let _ = rib.pull(id);
    want(&mut rib, net6(1), first);
    assert_eq!(rib.pull(id), None, "no next hop for IPv6");
    want(&mut rib, net4(1), second);
    assert_eq!(rib.pull(id).map(|batch| batch.due), Some(Some(second)), "not since the IPv6 one");
    want(&mut rib, net4(2), first);
    rib.apply([(net4(2), None)]);
    rib.note(first);
    assert_eq!(rib.pull(id), None, "came and went");
    want(&mut rib, net4(3), second);
    assert_eq!(rib.pull(id).map(|batch| batch.due), Some(Some(second)));
}

#[test]
fn a_bucket_holds_what_took_as_long_as_its_bound() {
    let latency = Latency::default();
    for micros in [10, 11, 1_000, 5_000_000, 5_000_001] {
        latency.observe(Duration::from_micros(micros));
    }
    let hit: Vec<_> = latency.buckets().into_iter().enumerate().filter(|(_, count)| *count > 0).collect();
    assert_eq!(hit, [(0, 1), (1, 1), (6, 1), (17, 1), (18, 1)], "10 µs, 25 µs, 1 ms, 5 s and more");
    assert!((latency.seconds() - 10.001_022).abs() < 1e-9 && latency.count() == 5);
}

fn counts(engine: &Engine) -> [u64; 4] {
    let timing = engine.timing();
    [&timing.wake, &timing.encode, &timing.write, &timing.event_to_wire].map(Latency::count)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_write_of_a_change_is_measured_from_the_moment_it_was_noticed() {
    let (one, at) = listening(150, |_| {});
    announce(&one, [net("198.51.100.0/24")]);
    one.release();
    let mut peer = Raw::connect(host(150, 2), at).await.expect("connected");
    peer.handshake(2, 90).await;
    until("the table", || one.peers().iter().all(|peer| peer.current && peer.advertised == 1)).await;
    assert_eq!(counts(&one), [0; 4], "a table is no event");
    let (attrs, noticed) = (RouteAttrs::default(), Instant::now() - Duration::from_secs(2));
    one.apply_noticed([(net("203.0.113.7/32"), Some(&attrs))], noticed);
    until("the write", || counts(&one) == [1; 4]).await;
    let timing = one.timing();
    let whole = timing.event_to_wire.seconds();
    let parts = timing.wake.seconds() + timing.encode.seconds() + timing.write.seconds();
    assert!((2.0..7.0).contains(&whole), "{whole} s, of which it was 2 s old");
    assert!(parts <= whole - 2.0 + 1e-6, "{parts} s of {whole} s");
}

/// Its queue stands still, so that its changes wait; what the kernel has not taken has not left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_ends_when_the_kernel_has_taken_all_of_it() {
    const TABLE: u32 = 30_000;
    let all = || (0..TABLE).map(|at| IpNet::from(std::net::IpAddr::from((0x0a00_0000 + at).to_be_bytes())));
    let (one, at) = listening(151, |_| {});
    announce(&one, all());
    one.release();
    let mut peer = Raw::connect(host(151, 2), at).await.expect("connected");
    peer.handshake(2, 90).await;
    let status = || one.peer(host(151, 2)).expect("a peer");
    let mut rounds = 0;
    loop {
        until("its turn", || status().current || status().out_queue > 0).await;
        if status().out_queue > 0 {
            break;
        }
        rounds += 1;
        assert!(rounds < 400, "the kernel takes it all");
        let attrs = RouteAttrs::new(Some(rounds % 2), Vec::new()).expect("few");
        one.apply(all().map(|net| (net, Some(&attrs))));
    }
    let [.., packed, written, wired] = counts(&one);
    assert!(written + 1 >= packed && written == wired, "{packed} packed, {written} written");
    let before = (packed, written, one.timing().write.seconds());
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!((counts(&one)[1], counts(&one)[2]), (before.0, before.1), "nothing leaves");
    let reading = tokio::spawn(async move {
        while let Some(message) = peer.receive().await {
            drop::<Message>(message);
        }
    });
    until("the rest", || counts(&one)[2] > before.1 && status().out_queue == 0).await;
    let took = one.timing().write.seconds() - before.2;
    assert!(took >= 0.4, "{took} s: it stood still for 0.4 s at least");
    reading.abort();
}
