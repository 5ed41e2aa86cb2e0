//! BFD is lost one way at a time, and nothing else: BGP must end at both ends because of it, and come back with it.

use super::lab::{Duel, LIMIT, NEAR, Place, Seen, duel, told, with_bfd};
use crate::bfd::packet::{DOWN, EXPIRED, INIT, NEIGHBOR_DOWN, UP};
use crate::capture::{NOTIFICATION, now};
use crate::fault::{During, Result, ensure};
use crate::matrix::bench::{S4, S6, table};
use crate::router::{BfdState, Kind, Routes, Session};
use crate::topology::{Way, mend, silence};
use crate::wait;
use std::time::Duration;

/// Detection is 300 ms; what is left is for processes of the router's CLI on a busy machine. The hold time is 9 s.
const SOON: Duration = Duration::from_secs(3);

/// Cease (RFC 4271 §6.7), BFD Down (RFC 9384 §3).
const BFD_DOWN: (u64, u64) = (6, 10);

/// First what the speaker should hear is lost, then what it says.
///
/// # Errors
/// The step that failed, with the state of everything.
pub fn failures(kind: Kind) -> Result<()> {
    duel(
        kind,
        Place::link(),
        |duel| {
            duel.bench.route(with_bfd(&[S4, S6], Session::default())?)?;
            duel.bench.speak(&told(&NEAR))?;
            duel.bench.becomes(&table(S4, S6)?)?;
            duel.bfd_becomes(BfdState::Up)?;
            lost(duel, Way::In).during("the speaker hears nothing")?;
            // What it says then is not in the capture.
            lost(duel, Way::Out).during("the router hears nothing").map(|away| vec![away])
        },
        |seen| {
            seen.showed(DOWN, EXPIRED)?;
            // Down itself is lost on the way then: the first that arrives again tells why.
            seen.showed(INIT, NEIGHBOR_DOWN).or_else(|_| seen.showed(UP, NEIGHBOR_DOWN))?;
            told_why(seen)
        },
    )
}

fn lost(duel: &Duel<'_>, way: Way) -> Result<(Duration, Duration)> {
    let (whole, from) = (table(S4, S6)?, now());
    silence(&duel.bench.s, 1, way)?;
    wait::until("BGP is down, the routes are gone", SOON, || {
        duel.bench.is(&Routes::new())?;
        let up = duel.bench.router()?.established()?;
        ensure(up.is_empty(), || format!("Established are {up:?}"))
    })?;
    // Not to be had again as long as nothing is heard.
    wait::stays("no session", Duration::from_secs(2), || duel.bench.is(&Routes::new()))?;
    ensure(now() - from < Duration::from_secs(9), || "as slow as the hold timer".to_owned())?;
    mend(&duel.bench.s, 1)?;
    duel.bfd_becomes(BfdState::Up)?;
    let until = now();
    duel.bench.becomes_within(&whole, LIMIT).during("mended")?;
    Ok((from, until))
}

/// The first to know says why: the speaker Cease/BFD Down, or the router, to which the speaker's Down came first, a Cease.
fn told_why(seen: &Seen) -> Result<()> {
    let always = (Duration::ZERO, Duration::MAX);
    let mut said = Vec::new();
    for ends in &seen.ends {
        let here = [ends.ours, ends.theirs].map(|from| seen.verdict.select(from, NOTIFICATION, always));
        let here: Vec<_> = here.concat().into_iter().filter_map(|message| message.notification).collect();
        ensure(here.len() >= 2, || format!("not a word for each end of BFD at {}: {here:?}", ends.ours))?;
        said.extend(here);
    }
    ensure(said.iter().all(|(code, _)| *code == BFD_DOWN.0), || format!("not Cease: {said:?}"))?;
    // BIRD says a Cease without a reason, and may be the first in each session.
    let others = said.iter().all(|(_, reason)| *reason == 0);
    ensure(said.contains(&BFD_DOWN) || others, || format!("nobody said BFD Down: {said:?}"))
}
