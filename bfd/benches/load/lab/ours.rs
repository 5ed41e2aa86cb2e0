//! Our side: the driver with its sessions, which tells in lines what it is told.
//!
//! `changed PEER FROM TO REASON AT HEARD` and `stalled AT NANOS`; on `lost`, a line `lost NANOS OVERFLOW`.

use std::io::{BufRead, Write};
use std::net::IpAddr;
use std::sync::mpsc::channel;
use std::time::Instant;

use bfd::net::{Driver, Listen, Notice, Options};
use bfd::session::{Hops, Path, Role, Settings};
use bfd::{DetectMult, Micros};

use super::{Load, clock, nanos, peer_of};

/// Runs until standard input ends.
pub(crate) fn run(load: Load) {
    let (instant, time) = (Instant::now(), clock());
    let (send, notices) = channel::<(u64, Notice)>();
    let listen = vec![Listen { hops: Hops::Single, address: load.net.ours().into(), device: None }];
    let tell = move |notice| _ = send.send((clock(), notice)); // nobody reads it at the end
    let driver = Driver::start(Options { listen, ..Options::default() }, tell).expect("the port is free");
    std::thread::spawn(move || {
        let at = |when: Instant| {
            let since = nanos(when.saturating_duration_since(instant));
            time + since - nanos(instant.saturating_duration_since(when))
        };
        for (told, notice) in notices {
            let mut out = std::io::stdout().lock();
            let written = match notice {
                Notice::Changed(_, path, change) => {
                    let IpAddr::V4(remote) = path.remote else { continue };
                    let (peer, heard) = (peer_of(remote), change.last_heard.map_or(0, at));
                    let (from, to, reason) = (change.from, change.to, change.reason);
                    writeln!(out, "changed {peer} {from} {to} {reason:?} {told} {heard}")
                }
                Notice::Stalled(late) => writeln!(out, "stalled {told} {}", nanos(late)),
                Notice::Opened(..) | Notice::Closed(..) => Ok(()),
            };
            if written.and_then(|()| out.flush()).is_err() {
                return;
            }
        }
    });
    open(&driver, load);
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        assert_eq!(line, "lost");
        let counters = driver.counters();
        println!("lost {} {}", nanos(counters.lost_time), counters.overflow);
    }
}

fn open(driver: &Driver, load: Load) {
    let interval = Micros(u32::try_from(load.interval.as_micros()).expect("short"));
    let settings = Settings {
        desired_min_tx: interval,
        required_min_rx: interval,
        detect_mult: DetectMult::new(load.mult).expect("not zero"),
        ..Settings::default()
    };
    for peer in 0..load.sessions {
        let path = Path {
            hops: Hops::Single,
            local: Some(load.net.ours().into()),
            remote: load.net.peer(peer).into(),
            interface: 0,
        };
        let settings = settings.clone();
        let opened =
            driver.call(move |engine, now, out| engine.open(now, path, (Role::Active, settings), out));
        opened.blocking_recv().expect("the driver runs").expect("a session");
    }
}
