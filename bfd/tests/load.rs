//! The load lab in small: busy cores, and our process stopped for longer than the detection time. See
//! `bfd/benches/load/main.rs` for the whole of it.
//!
//! Without the test harness, as this program is also the lab's processes. Needs `unshare` and `ip`, and root or user
//! namespaces.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "support of tests")]

#[path = "../benches/load/lab/mod.rs"]
mod lab;

use std::time::Duration;

use lab::run::{Burden, run};
use lab::{Load, Net};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if lab::is_helper(&args) {
        return;
    }
    // Of the harness's arguments those that ask for something else than running.
    if args.iter().any(|arg| arg == "--list" || arg == "--ignored") {
        return;
    }
    lab::isolate();
    // Slower than the benchmark, as other tests run beside it and this is not optimised.
    let load = Load { sessions: 30, interval: Duration::from_millis(30), mult: 3, net: Net::Loopback };
    for (what, burden, seconds) in
        [("both cores busy", Burden::Busy, 2), ("stopped for 0.5 to 5 detection times", Burden::Stops, 1)]
    {
        let outcome = run(load, burden, Duration::from_secs(seconds));
        println!("{what}: {outcome:?}");
        // To the interval is the benchmark's business: here others hold us up.
        let failures: Vec<String> =
            outcome.failures().into_iter().filter(|one| !one.contains("too late")).collect();
        assert_eq!(failures, Vec::<String>::new(), "{what}");
        let longest = outcome.found.last().copied().unwrap_or_default();
        assert!(longest < load.detection() * 3 / 2, "{what}: a silence found after {longest:?}");
    }
}
