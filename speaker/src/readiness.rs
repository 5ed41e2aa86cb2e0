//! What `/readyz` says: whether everything is known that is to be announced, and what else is not as it should be.
//!
//! The first line is the answer, every other one is a trouble that does not make a speaker unready.

use std::time::Duration;

use bgp::fsm::State;
use bgp::net::PeerStatus;
use bgp::rib::NextHops;

use crate::announce::Announcer;
use crate::metrics::Metrics;
use crate::nexthop::Troubles;
use crate::view::Kind;

/// Neighbours told about one by one; of more there is a number.
const LINES: usize = 16;
/// Characters of what another program said.
const SAID: usize = 160;

/// Ready is a speaker that knows everything it is to announce. A session that is down, or a neighbour that cannot be told
/// a next hop, is said but is no reason: routers that are away must not hold up a rollout, and no traffic depends on our
/// readiness. `Err` if it is not ready.
pub(crate) fn of(metrics: &Metrics) -> Result<String, String> {
    let announcer = metrics.announcer();
    let peers = announcer.engine().peers();
    let is_up = |peer: &&PeerStatus| peer.state == State::Established;
    let up = peers.iter().filter(is_up).count();
    let sessions = format!("{up} of {} sessions are up", peers.len());
    let hops = missing_next_hops(&peers, metrics.troubles());
    let more = troubles(announcer, &peers);
    if announcer.is_synced() {
        let but: Vec<String> = (up == 0).then_some(sessions).into_iter().chain(hops).collect();
        let first = if but.is_empty() { "ok".to_owned() } else { format!("ok, but {}", but.join("; ")) };
        return Ok(first + &more);
    }
    let unlisted: Vec<&str> = announcer.stages().unlisted().map(Kind::name).collect();
    let missing = match unlisted.is_empty() {
        true => "the last listing is not in force yet".to_owned(),
        false => format!("not listed yet: {}", unlisted.join(", ")),
    };
    let assumed =
        announcer.assumed().map(|count| format!("{count} prefixes are announced from the last intent"));
    let all: Vec<String> =
        [Some(missing), assumed, Some(sessions)].into_iter().flatten().chain(hops).collect();
    Err(format!("not ready: {}{more}", all.join("; ")))
}

/// The parts of the first line about neighbours that nothing is announced to for want of a next hop.
fn missing_next_hops(peers: &[PeerStatus], troubles: &Troubles) -> Vec<String> {
    let without: Vec<_> = peers.iter().filter(|peer| peer.next_hops == NextHops::default()).collect();
    let told = |peer: &&PeerStatus| {
        let cause = troubles.of(peer.addr).map(|trouble| format!(": {}", trouble.cause)).unwrap_or_default();
        format!("no next hop towards {}{cause}", peer.addr)
    };
    let rest = without.len().saturating_sub(LINES);
    let rest = (rest > 0).then(|| format!("none towards {rest} more"));
    without.iter().take(LINES).map(told).chain(rest).collect()
}

/// The other lines, each with the line end before it.
fn troubles(announcer: &Announcer, peers: &[PeerStatus]) -> String {
    let down: Vec<_> = peers.iter().filter(|peer| peer.state != State::Established).collect();
    let rest = down.len().saturating_sub(LINES);
    let source = Kind::ALL.into_iter().filter_map(|kind| {
        let since = announcer.stages().trouble(kind)?;
        let kind = kind.name();
        Some(format!(
            "{kind}: no good answer of the API server for {}; what is announced stays",
            seconds(since)
        ))
    });
    let sessions = down.iter().take(LINES).map(|peer| session(peer));
    let rest = (rest > 0).then(|| format!("{rest} more sessions are down"));
    source.chain(sessions).chain(rest).map(|line| format!("\n{line}")).collect()
}

fn session(peer: &PeerStatus) -> String {
    let since = match (peer.enabled, peer.last_down) {
        (false, _) => "shut down by the administrator".to_owned(),
        (true, Some(at)) => format!("down for {}", seconds(at.elapsed())),
        (true, None) => "not up since the start".to_owned(),
    };
    let why = peer
        .last_end
        .as_ref()
        .map(|(_, reason)| format!(": {}", tame(&reason.to_string())))
        .unwrap_or_default();
    format!("neighbor {}: {since} ({}){why}", peer.addr, peer.state.name())
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs())
}

/// On one line and bounded: a router says what it likes.
fn tame(said: &str) -> String {
    said.chars().take(SAID).map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
