//! The full-table benchmark: N host routes to K routers that connect at once, from connect to the last prefix.
//!
//! `cargo bench -p bgp --features net --bench fanout -- [N [ROUNDS]]` (100 000 and 7). Three originators, each a
//! process of its own, take turns: the engine, the floor (writes the same octets from memory), and BIRD 2. The
//! routers are the same minimal program for all. Messages are at most 4096 octets for all.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on should say where")]

mod originator;
mod sink;

use std::time::Duration;

use originator::{Originator, Which};
use sink::Took;

/// How many routers connect at once, one after the other.
const ROUTERS: [usize; 2] = [1, 8];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let Some(which) = args.first().and_then(|arg| Which::of_subcommand(arg)) {
        return which.run(args[1].parse().unwrap());
    }
    let number = |at: usize, default| args.get(at).map_or(default, |arg| arg.parse().expect("a number"));
    let (routes, rounds) = (number(0, 100_000), number(1, 7));
    let all: Vec<Originator> = Which::ALL.map(|which| Originator::start(which, routes)).into();
    for routers in ROUTERS {
        report(routes, routers, rounds, &all);
    }
}

/// Runs the rounds, each originator once in each, and prints what came of it.
fn report(routes: usize, routers: usize, rounds: usize, all: &[Originator]) {
    let mut times = vec![Vec::new(); all.len()];
    for _ in 0..rounds {
        for (originator, times) in all.iter().zip(&mut times) {
            times.push(sink::fill(originator.addr, routers, routes));
        }
    }
    let floor = all.iter().zip(&times).find(|(one, _)| one.which == Which::Floor).unwrap().1.clone();
    println!("\n{routes} routes to {routers} router(s), {rounds} rounds");
    println!(
        "{:8} {:>10} {:>10} {:>10} {:>8} {:>10} {:>9} {:>9}",
        "", "min", "median", "max", "x floor", "to 99 %", "VmRSS", "VmHWM"
    );
    for (originator, times) in all.iter().zip(&times) {
        let ratio = |(one, floor): (&Took, &Took)| one.all.as_secs_f64() / floor.all.as_secs_f64();
        let mut ratios: Vec<f64> = times.iter().zip(&floor).map(ratio).collect();
        ratios.sort_unstable_by(f64::total_cmp);
        let sorted = |pick: fn(&Took) -> Duration| {
            let mut all: Vec<Duration> = times.iter().map(pick).collect();
            all.sort_unstable();
            all
        };
        let (whole, most) = (sorted(|took| took.all), sorted(|took| took.most));
        let ms = |time: Duration| format!("{:.2} ms", time.as_secs_f64() * 1e3);
        let mb = |field| format!("{:.1} MB", originator.memory_kb(field) / 1e3);
        println!(
            "{:8} {:>10} {:>10} {:>10} {:>8.2} {:>10} {:>9} {:>9}",
            originator.which.name(),
            ms(whole[0]),
            ms(whole[rounds / 2]),
            ms(whole[rounds - 1]),
            ratios[rounds / 2],
            ms(most[rounds / 2]),
            mb("VmRSS"),
            mb("VmHWM"),
        );
    }
}
