//! The load lab (`lab/mod.rs`): does our side declare anybody down whom it should not, and everybody whom it should?
//!
//! `cargo bench -p bfd --features net --bench load -- [SECONDS [RUN…]]` (60; runs `a` to `e`, `r`, `cpu`). Fails if a session
//! went down that the wire does not justify, or a silence was not found within multiplier × interval + 1 interval and
//! the time our side counted as lost. `cpu` compares with FRR's bfdd and BIRD under the same peers; needs root.
//! The quota wants control groups to be had, or stops and continues the process instead, and says so.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that cannot go on should say where")]

mod cpu;
mod lab;

use std::time::Duration;

use lab::run::{Burden, Outcome, run};
use lab::{Load, Net};

const MS: Duration = Duration::from_millis(1);

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if lab::is_helper(&args) {
        return;
    }
    lab::isolate();
    let seconds = args.first().map_or(60, |arg| arg.parse().expect("seconds"));
    let chosen = |name: &str| args.len() < 2 || args[1..].iter().any(|arg| arg == name);
    let fast = Load { sessions: 100, interval: 10 * MS, mult: 3, net: Net::Loopback };
    let many = Load { sessions: 1000, interval: 100 * MS, mult: 3, net: Net::Loopback };
    let runs = [
        ("a", "both cores busy", fast, Burden::Busy),
        ("b", "both cores busy", many, Burden::Busy),
        ("r", "busy, real-time", fast, Burden::RealTime),
        ("c", "20 % quota, shared", fast, Burden::Quota),
        ("d", "20 % quota, shared", many, Burden::Quota),
        ("e", "stopped 0.5-5 x", fast, Burden::Stops),
        ("e", "stopped 0.5-5 x", many, Burden::Stops),
    ];
    let mut failed = false;
    let mut is_first = true;
    for (_, what, load, burden) in runs.into_iter().filter(|(name, ..)| chosen(name)) {
        if std::mem::take(&mut is_first) {
            head(seconds);
        }
        let outcome = run(load, burden, Duration::from_secs(seconds));
        row(what, load, &outcome);
        failed |= !outcome.failures().is_empty();
    }
    if chosen("cpu") {
        failed |= !cpu::compare(Duration::from_secs(seconds.min(20)));
    }
    std::process::exit(i32::from(failed));
}

fn head(seconds: u64) {
    println!(
        "\n{seconds} s each; times in ms; `found` is from the last packet to the session down, less time lost"
    );
    println!(
        "{:20} {:>14} {:>5} {:>5} {:>7} {:>8} {:>7} {:>8} {:>8} {:>8} {:>22} {:>6}",
        "",
        "sessions",
        "downs",
        "false",
        "stalls",
        "lost",
        "gap",
        "too long",
        "theirs",
        "CPU %",
        "found p50/max/bound",
        "late"
    );
}

fn row(what: &str, load: Load, outcome: &Outcome) {
    let ms = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1e3);
    let found = &outcome.found;
    let median = found.get(found.len() / 2).copied().unwrap_or_default();
    let bound = load.detection() + load.interval;
    println!(
        "{what:20} {:>14} {:>5} {:>5} {:>7} {:>8} {:>7} {:>8} {:>8} {:>8.1} {:>22} {:>6}",
        format!("{} x {} ms", load.sessions, load.interval.as_millis()),
        outcome.downs,
        outcome.unjustified,
        outcome.stalls,
        ms(outcome.lost),
        ms(outcome.longest),
        outcome.too_long,
        ms(outcome.theirs),
        outcome.cpu * 100.0,
        format!("{}/{}/{}", ms(median), ms(found.last().copied().unwrap_or_default()), ms(bound)),
        outcome.late,
    );
    if !outcome.note.is_empty() {
        println!("  {}", outcome.note);
    }
    if outcome.overflow > 0 {
        println!("  {} datagrams did not fit into the socket's buffer", outcome.overflow);
    }
    outcome.failures().iter().for_each(|failure| println!("  FAILED: {failure}"));
}
