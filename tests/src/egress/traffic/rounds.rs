//! One gateway of several fails and comes back, under load: the longest gap that its flows had.

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
const AFTER: Duration = Duration::from_secs(3);

/// How long a gateway that came back may take until it is used: ovn-controller may need 5 s to say so.
const RETURN: Duration = Duration::from_secs(20);

/// What a failure did.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// The longest gap of a flow that was on the gateway.
    pub gap: Duration,
    /// The longest gap of a flow that was not.
    pub others: Duration,
    /// How many flows were on it, of how many.
    pub flows: (usize, usize),
}

/// Has gateway `index` fail while flows of a family run, and come back. Its flows have to be on others at the end.
///
/// # Errors
/// When one is not, or the gateway is not used again.
pub fn fail_over(
    client: &Netns,
    gateways: &mut [Gateway],
    index: usize,
    (failure, v6): (Failure, bool),
) -> Result<Outcome> {
    let to = servers(v6)?;
    let like = to[0];
    let flows = Flows::start(client, &to)?;
    std::thread::sleep(BEFORE);
    let from = Instant::now();
    gateways[index].fail(failure)?;
    std::thread::sleep(AFTER);
    let until = Instant::now();
    let dead = gateways[index].external(like)?;
    let tracks = flows.end()?;
    gateways[index].recover(failure)?;
    let outcome = judge(&tracks, (from, until), dead);
    let outcome = outcome.during(format_args!("{failure:?}"))?;
    wait::until("it is used again", RETURN, || {
        gateways[index].is_up(2)?;
        let users = users(client, &to)?;
        ensure(users.contains(&dead), || format!("only {users:?} are used"))
    })?;
    Ok(outcome)
}

fn judge(tracks: &[Track], (from, until): (Instant, Instant), dead: IpAddr) -> Result<Outcome> {
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
    ensure(outcome.flows.0 > 0, || format!("no flow was on {dead}"))?;
    Ok(outcome)
}

/// The gateways' addresses that short flows to all these are seen to come from.
///
/// # Errors
/// When a flow had no answer.
pub fn users(client: &Netns, to: &[IpAddr]) -> Result<BTreeSet<IpAddr>> {
    let flows = Flows::start(client, to)?;
    std::thread::sleep(Duration::from_millis(100));
    flows.end()?.iter().map(|track| track.client_at(Instant::now())).collect()
}
