//! BIRD's `protocol bfd`, whose sessions its BGP protocols ask for.

use super::bfd::{BfdSession, BfdState};
use super::bird::{birdc, config as whole};
use super::{Bfd, Place};
use crate::fault::{Fault, Result, ensure};
use crate::proc::run;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

pub(super) fn config(bfd: Bfd) -> String {
    let Bfd { interval, multiplier, auth, .. } = bfd;
    let auth = auth.map(|(kind, key)| format!(" authentication {kind}; password \"{key}\" {{ id 1; }};"));
    let auth = auth.unwrap_or_default();
    let timers = format!("interval {interval} ms; idle tx interval 1 s; multiplier {multiplier};{auth}");
    format!("protocol bfd {{ interface \"*\" {{ {timers} }}; multihop {{ {timers} }}; }}\n")
}

pub(super) fn change(place: &Place) -> Result<()> {
    std::fs::write(place.dir.join("bird.conf"), whole(&place.config))?;
    let said = run(&["birdc", "-s", &place.file("bird.ctl"), "configure"])?;
    ensure(said.contains("Reconfigured"), || said)
}

/// Reads `show bfd sessions`: address, interface, state, since, interval and timeout in seconds.
pub(super) fn sessions(place: &Place) -> Result<BTreeMap<IpAddr, BfdSession>> {
    let text = birdc(place, &["show", "bfd", "sessions"])?;
    let mut out = BTreeMap::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        // Lines about the program and the heads of the table do not begin with an address.
        if let Some((peer, session)) = words.first().and_then(|word| word.parse().ok()).zip(words.get(2..)) {
            out.insert(peer, row(session).ok_or_else(|| Fault::new(format!("not understood: {line:?}")))?);
        }
    }
    Ok(out)
}

fn row(words: &[&str]) -> Option<BfdSession> {
    let state = match *words.first()? {
        "Up" => BfdState::Up,
        "Init" => BfdState::Init,
        "Down" => BfdState::Down,
        "AdminDown" => BfdState::AdminDown,
        _ => return None,
    };
    // The time since when may be one word or two.
    let [.., interval, detection] = words else { return None };
    let seconds = |word: &str| word.parse().ok().and_then(|value| Duration::try_from_secs_f64(value).ok());
    Some(BfdSession { state, interval: seconds(interval)?, detection: seconds(detection)? })
}
