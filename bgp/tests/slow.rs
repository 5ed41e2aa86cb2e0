//! A peer that stops reading: nobody waits for it, nothing piles up for it, and when it reads again it gets the
//! difference. `cargo bench -p bgp --features net --bench slow` measures the same at full size.

mod wire_peer;

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use bgp::net::Engine;
use bgp::rib::RouteAttrs;
use bgp::wire::{Message, Update};
use ipnet::Ipv4Net;

use wire_peer::{Raw, host, listening, until, waiting};

const TABLE: u32 = 30_000;
const ROUNDS: u32 = 60;
const CHANGES: u32 = 300;

fn route(at: u32) -> Ipv4Net {
    Ipv4Net::from(Ipv4Addr::from(0x0a00_0000 + at))
}

fn apply(engine: &Engine, routes: impl Iterator<Item = u32>, attrs: Option<&RouteAttrs>) {
    engine.apply(routes.map(|at| (route(at).into(), attrs)));
}

/// Keeps what a peer holds; whatever is withdrawn must have been there.
fn take(held: &mut BTreeSet<Ipv4Net>, update: Update) -> usize {
    let prefixes = update.withdrawn.len() + update.nlri.len();
    update.withdrawn.iter().for_each(|net| assert!(held.remove(net), "{net} was never announced"));
    held.extend(update.nlri);
    prefixes
}

/// Withdraws and announces a piece of the table in turn, and says how long the reader waited for each.
async fn churn(engine: &Engine, reader: &mut Raw, held: &mut BTreeSet<Ipv4Net>) -> Vec<Duration> {
    let (attrs, mut took) = (RouteAttrs::default(), Vec::new());
    for round in 0..ROUNDS {
        let first = (round / 2) * CHANGES;
        let begin = Instant::now();
        let wanted = match round % 2 {
            0 => None,
            _ => Some(&attrs),
        };
        apply(engine, first..first + CHANGES, wanted);
        let mut left = CHANGES as usize;
        while left > 0 {
            let Some(Message::Update(update)) = reader.receive().await else { continue };
            left -= take(held, update);
        }
        took.push(begin.elapsed());
    }
    took.sort_unstable();
    took
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_it_and_it_catches_up_by_difference() {
    let (one, at) = listening(120, |_| {});
    one.add_peer(waiting(1, 3, host(120, 3)));
    apply(&one, 0..TABLE, Some(&RouteAttrs::default()));
    one.release();
    let (mut fast, mut held) = (Raw::connect(host(120, 3), at).await.expect("connected"), BTreeSet::new());
    fast.handshake(3, 90).await;
    while held.len() < TABLE as usize {
        take(&mut held, fast.update().await);
    }
    let alone = churn(&one, &mut fast, &mut held).await;

    let mut slow = Raw::connect(host(120, 2), at).await.expect("connected");
    slow.handshake(2, 90).await;
    let of_slow = || one.peer(host(120, 2)).expect("a peer");
    let mut filled = 0;
    while of_slow().out_queue == 0 {
        filled += 1;
        assert!(filled < 400, "the kernel takes it all");
        let attrs = RouteAttrs::new(Some(filled % 2), Vec::new()).expect("few");
        apply(&one, 0..TABLE, Some(&attrs));
        let mut left = TABLE as usize;
        while left > 0 {
            left -= take(&mut held, fast.update().await);
        }
    }
    apply(&one, 0..TABLE, Some(&RouteAttrs::default()));
    let mut left = TABLE as usize;
    while left > 0 {
        left -= take(&mut held, fast.update().await);
    }
    let before = (of_slow().sent.update, of_slow().out_queue);
    let beside = churn(&one, &mut fast, &mut held).await;
    assert_eq!(
        (of_slow().sent.update, of_slow().out_queue),
        before,
        "nothing is queued for one that takes nothing"
    );
    // The bench measures the ratio; here a peer that was waited for would cost seconds.
    let (half, slowest) = (beside[beside.len() / 2], beside[beside.len() - 1]);
    assert!(
        half <= alone[alone.len() / 2] * 5 + Duration::from_millis(20),
        "{half:?} beside, {alone:?} alone"
    );
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");

    apply(&one, 0..10, None);
    let (mut late, mut got, sent) = (BTreeSet::new(), 0, of_slow().sent.update);
    while late.len() != TABLE as usize - 10 || !of_slow().current {
        let Some(Message::Update(update)) = slow.receive().await else { continue };
        got += take(&mut late, update);
    }
    assert!(late.iter().eq((10..TABLE).map(route).collect::<BTreeSet<_>>().iter()), "exactly what is wanted");
    let more = of_slow().sent.update - sent;
    assert!(
        more <= 2 * u64::from(TABLE / 700),
        "{more} messages after {got} prefixes: one catch-up, no history"
    );
    until("all have all", || one.peers().iter().all(|peer| peer.current)).await;
}
