//! One side is killed or ended, and started again.

use super::lab::{Duel, NEAR, Place, Seen, duel, told, with_bfd};
use crate::bfd::packet::{ADMIN_DOWN, BY_ADMINISTRATOR};
use crate::capture::{NOTIFICATION, now};
use crate::fault::{During, Result, ensure};
use crate::matrix::bench::{S4, S6, Told, table};
use crate::matrix::monitor::Monitor;
use crate::router::{BfdState, Kind, Routes, Session};
use crate::wait;
use std::time::Duration;

/// Of the router, and of a speaker that is killed: the other end notices by BFD.
///
/// # Errors
/// The step that failed, with the state of everything.
pub fn restarts(kind: Kind) -> Result<()> {
    duel(
        kind,
        Place::link(),
        |duel| {
            let (whole, told) = (table(S4, S6)?, told(&NEAR));
            duel.bench.route(with_bfd(&[S4, S6], Session::default())?)?;
            duel.bench.speak(&told)?;
            all_up(duel, &whole)?;
            let router = duel.bench.router.as_mut();
            router.map_or(Ok(()), |router| router.kill().and_then(|()| router.restart()))?;
            all_up(duel, &whole).during("the router restarted")?;
            let from = now();
            duel.bench.speaker()?.kill()?;
            wait::until("the router's session is down", Duration::from_secs(3), || {
                let up = duel.bench.router()?.bfd_is(&duel.speaker, BfdState::Up);
                ensure(up.is_err(), || "it is up".to_owned())
            })?;
            duel.bench.speak(&told)?;
            all_up(duel, &whole).during("the speaker killed and started")?;
            let back = now();
            duel.bench.speaker()?.terminate()?;
            duel.bench.becomes_within(&Routes::new(), Duration::from_secs(4)).during("SIGTERM")?;
            Ok(vec![(from, back)])
        },
        goodbye,
    )
}

fn all_up(duel: &Duel<'_>, whole: &Routes) -> Result<()> {
    duel.bench.becomes(whole)?;
    duel.bfd_becomes(BfdState::Up).map(drop)
}

/// On SIGTERM the last packet is AdminDown, after what BGP says: FRR and BIRD end BGP on AdminDown, with a word of theirs.
fn goodbye(seen: &Seen) -> Result<()> {
    seen.ends.iter().try_for_each(|ends| {
        let last = seen.packets.iter().rfind(|packet| ends.sent(packet));
        let (state, why) = (ADMIN_DOWN, BY_ADMINISTRATOR);
        let right = last.is_some_and(|packet| (packet.state, packet.diagnostic) == (state, why));
        ensure(right, || format!("the last packet is {last:?}"))?;
        let mut sent = seen.packets.iter().filter(|packet| ends.sent(packet) && packet.state == ADMIN_DOWN);
        let first = sent.next().map(|packet| packet.at);
        let said = seen.verdict.select(ends.ours, NOTIFICATION, (Duration::ZERO, Duration::MAX));
        let after = said.last().zip(first).is_some_and(|(said, first)| first > said.at);
        ensure(after, || format!("BGP did not say goodbye first: {said:?}, AdminDown at {first:?}"))
    })
}

/// With graceful restart the router keeps the routes while the speaker is away, though BFD goes down with it.
///
/// # Errors
/// The step that failed, with the state of everything.
pub fn graceful(kind: Kind) -> Result<()> {
    const GRACEFUL: [&str; 3] = ["--graceful-restart", "--state-dir=DIR", "--graceful-restart-time=12s"];
    duel(
        kind,
        Place::link(),
        |duel| {
            let session = Session { graceful_restart: true, kernel: true, ..Session::default() };
            duel.bench.route(with_bfd(&[S4, S6], session)?)?;
            let (whole, told): (Routes, Told) = (table(S4, S6)?, told(&NEAR).and(&GRACEFUL, ""));
            duel.bench.speak(&told)?;
            all_up(duel, &whole)?;
            // The state file is written within a second of a change.
            wait::stays("the table", Duration::from_secs(2), || duel.bench.is(&whole))?;
            let monitor = Monitor::start(duel.bench)?;
            let from = now();
            duel.bench.speaker()?.terminate()?;
            wait::stays("the table", Duration::from_secs(3), || duel.bench.is(&whole)).during("SIGTERM")?;
            duel.bench.speak(&told)?;
            all_up(duel, &whole).during("started again")?;
            wait::stays("the table", Duration::from_secs(3), || duel.bench.is(&whole))
                .during("started again")?;
            monitor.saw_none_go(&whole).during("the router's monitor")?;
            Ok(vec![(from, now())])
        },
        |seen| seen.showed(ADMIN_DOWN, BY_ADMINISTRATOR),
    )
}
