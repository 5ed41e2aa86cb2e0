//! One gateway of several fails under load: the longest gap that its flows had, and where they went.

use super::flows::{Flows, Track};
use super::gateway::{Failure, Gateway};
use super::outside::servers;
use crate::fault::{During, Result, ensure};
use crate::netns::Netns;
use crate::wait;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// How long flows run before a failure, so that each is known to be somewhere.
const BEFORE: Duration = Duration::from_millis(500);

/// How long they run after it: many detection times.
const AFTER: Duration = Duration::from_millis(2500);

/// How long it may take at most until nothing goes by it, and everything is answered.
const LIMIT: Duration = Duration::from_secs(20);

/// How long short flows run that only show who is used.
const SHORT: Duration = Duration::from_millis(100);

/// What a failure did to flows of one family.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// The longest gap of a flow that was on the gateway.
    pub gap: Duration,
    /// The longest gap of a flow that was not.
    pub others: Duration,
    /// How many flows were on it, of how many.
    pub flows: (usize, usize),
}

/// Has a gateway fail while flows of both families run, and undoes it afterwards. Its flows have to be on others then.
///
/// # Errors
/// When one is not, or ended.
pub fn during(client: &Netns, gateway: &mut Gateway, failure: Failure) -> Result<[Outcome; 2]> {
    let to = [servers(false)?, servers(true)?];
    let flows = Flows::start(client, &to.concat())?;
    std::thread::sleep(BEFORE);
    let from = Instant::now();
    gateway.fail(failure)?;
    std::thread::sleep(AFTER);
    let dead = [gateway.external(to[0][0])?, gateway.external(to[1][0])?];
    wait::until("all flows are answered by others", LIMIT, || {
        let seen = users(client, &to.concat())?;
        ensure(dead.iter().all(|dead| !seen.contains(dead)), || format!("{seen:?}, {dead:?} among them"))
    })
    .during(format_args!("{failure:?}"))?;
    let until = Instant::now();
    let tracks = flows.end()?;
    gateway.recover(failure)?;
    let [v4, v6] = [false, true].map(|v6| {
        let dead = dead[usize::from(v6)];
        let tracks = tracks.iter().filter(|track| track.to.is_ipv6() == v6);
        judge(&tracks.collect::<Vec<_>>(), (from, until), dead).during(format_args!("{failure:?}"))
    });
    Ok([v4?, v6?])
}

fn judge(tracks: &[&Track], (from, until): (Instant, Instant), dead: IpAddr) -> Result<Outcome> {
    let mut outcome = Outcome { gap: Duration::ZERO, others: Duration::ZERO, flows: (0, tracks.len()) };
    for track in tracks {
        let gap = track.longest_gap(from)?;
        if track.client_at(from)? == dead {
            outcome.gap = outcome.gap.max(gap);
            outcome.flows.0 += 1;
        } else {
            outcome.others = outcome.others.max(gap);
        }
        let at_the_end = track.client_at(until)?;
        ensure(at_the_end != dead, || format!("the flow to {} is still on {dead}", track.to))?;
        let last = track.last().map(|last| until.saturating_duration_since(last));
        ensure(last.is_some_and(|ago| ago < BEFORE), || format!("the flow to {} ended: {last:?}", track.to))?;
    }
    Ok(outcome)
}

/// The clients' addresses that servers see of short flows to all these.
///
/// # Errors
/// When a flow had no answer.
pub fn users(client: &Netns, to: &[IpAddr]) -> Result<BTreeSet<IpAddr>> {
    let flows = Flows::start(client, to)?;
    std::thread::sleep(SHORT);
    flows.end()?.iter().map(|track| track.client_at(Instant::now())).collect()
}
