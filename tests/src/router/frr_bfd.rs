//! FRR's `bfdd`. Every session has the profile `lab`: bgpd asks for them, the profile gives them their timers.

use super::bfd::{BfdSession, BfdState};
use super::frr::{show, vtysh};
use super::{Bfd, Place, text};
use crate::fault::{Fault, Result, ensure};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// What bgpd says to each neighbour.
pub(super) const NEIGHBOR: &str = "bfd profile lab";

pub(super) fn config(bfd: Bfd) -> String {
    format!("bfd\n profile lab\n  {}\n exit\nexit\n", lines(bfd).join("\n  "))
}

fn lines(bfd: Bfd) -> [String; 5] {
    let or_not = |on: bool, what: &str| format!("{}{what}", if on { "" } else { "no " });
    let Bfd { interval, multiplier, .. } = bfd;
    [
        format!("detect-multiplier {multiplier}"),
        format!("receive-interval {interval}"),
        format!("transmit-interval {interval}"),
        or_not(bfd.echo, "echo-mode"),
        or_not(bfd.shutdown, "shutdown"),
    ]
}

pub(super) fn change(place: &Place, bfd: Bfd) -> Result<()> {
    let said = vtysh(place, &format!("configure terminal\nbfd\nprofile lab\n{}", lines(bfd).join("\n")))?;
    ensure(said.trim().is_empty(), || said)
}

pub(super) fn sessions(place: &Place) -> Result<BTreeMap<IpAddr, BfdSession>> {
    let peers = show(place, "show bfd peers json")?;
    let peers = peers.as_array().ok_or_else(|| Fault::new("no list of BFD peers"))?;
    peers.iter().map(|peer| Ok((text(peer, "peer")?.parse()?, session(peer)?))).collect()
}

fn session(peer: &Value) -> Result<BfdSession> {
    let state = match text(peer, "status")? {
        "up" => BfdState::Up,
        "init" => BfdState::Init,
        "down" => BfdState::Down,
        "shutdown" => BfdState::AdminDown,
        other => return Err(Fault::new(format!("a state not known: {other:?}"))),
    };
    let millis = |field: &str| {
        let value = peer[field].as_u64().ok_or_else(|| Fault::new(format!("no {field:?} in {peer}")))?;
        Ok::<_, Fault>(Duration::from_millis(value))
    };
    let multiplier = peer["remote-detect-multiplier"].as_u64().and_then(|value| u32::try_from(value).ok());
    let multiplier = multiplier.ok_or_else(|| Fault::new(format!("no multiplier in {peer}")))?;
    Ok(BfdSession {
        state,
        interval: millis("transmit-interval")?.max(millis("remote-receive-interval")?),
        detection: millis("receive-interval")?.max(millis("remote-transmit-interval")?) * multiplier,
    })
}
