//! GoBGP 3, asked through its own CLI over gRPC on the loopback address of its namespace.

use super::{Config, Dialing, Place, TablePath, text};
use crate::fault::{Fault, Result};
use crate::proc::Daemon;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;

/// What GoBGP's API calls an Established session.
const ESTABLISHED: u64 = 6;

/// Path attributes by their codes (RFC 4271 §5, RFC 4760 §3).
const AS_PATH: u64 = 2;
const NEXT_HOP: u64 = 3;
const LOCAL_PREF: u64 = 5;
const MP_REACH_NLRI: u64 = 14;

pub(super) fn start(place: &Place) -> Result<Vec<Daemon>> {
    std::fs::write(place.dir.join("gobgpd.toml"), config(&place.config))?;
    let config = place.file("gobgpd.toml");
    let argv = ["gobgpd", "-f", &config, "--api-hosts", "127.0.0.1:50051", "--pprof-disable", "-l", "debug"];
    Ok(vec![place.spawn("gobgpd", &argv)?])
}

fn config(config: &Config) -> String {
    let Config { asn, id, neighbor_asn, hold, .. } = config;
    let mut out = format!(
        "[global.config]\n as = {asn}\n router-id = \"{id}\"\n[global.use-multiple-paths.config]\n enabled = true\n"
    );
    let passive = config.dialing == Dialing::Passive;
    for peer in &config.neighbors {
        let family = if peer.is_ipv4() { "ipv4-unicast" } else { "ipv6-unicast" };
        let _ = writeln!(
            out,
            "[[neighbors]]\n [neighbors.config]\n  neighbor-address = \"{peer}\"\n  peer-as = {neighbor_asn}\n \
             [neighbors.transport.config]\n  passive-mode = {passive}\n \
             [neighbors.timers.config]\n  hold-time = {hold}\n  keepalive-interval = {}\n  connect-retry = 1\n \
             [[neighbors.afi-safis]]\n  [neighbors.afi-safis.config]\n   afi-safi-name = \"{family}\"",
            hold / 3
        );
    }
    out
}

fn gobgp(place: &Place, args: &[&str]) -> Result<Value> {
    let text = place.netns.exec(&[&["gobgp"], args, &["-j"]].concat())?;
    Ok(serde_json::from_str(&text)?)
}

pub(super) fn paths(place: &Place) -> Result<Vec<TablePath>> {
    let mut paths = Vec::new();
    for family in ["ipv4", "ipv6"] {
        let table = gobgp(place, &["global", "rib", "-a", family])?;
        for (prefix, entries) in table.as_object().into_iter().flatten() {
            for entry in entries.as_array().into_iter().flatten() {
                paths.push(path(prefix, entry)?);
            }
        }
    }
    Ok(paths)
}

fn path(prefix: &str, entry: &Value) -> Result<TablePath> {
    let attribute = |code| entry["attrs"].as_array()?.iter().find(|attr| attr["type"] == code);
    let hop = attribute(NEXT_HOP).or_else(|| attribute(MP_REACH_NLRI));
    let hop = hop.ok_or_else(|| Fault::new(format!("{prefix}: no next hop in {entry}")))?;
    let segments = attribute(AS_PATH).and_then(|attr| attr["as_paths"].as_array()).into_iter().flatten();
    let asns = segments.filter_map(|segment| segment["asns"].as_array()).flatten();
    let number = |value: &Value| value.as_u64().and_then(|value| u32::try_from(value).ok());
    Ok(TablePath {
        prefix: prefix.parse()?,
        next_hop: text(hop, "nexthop")?.parse()?,
        peer: text(entry, "neighbor-ip")?.parse()?,
        as_path: asns.filter_map(number).collect(),
        local_pref: attribute(LOCAL_PREF).and_then(|attr| number(&attr["value"])),
        selected: false,
    })
}

pub(super) fn established(place: &Place) -> Result<BTreeSet<IpAddr>> {
    let neighbors = gobgp(place, &["neighbor"])?;
    let up = neighbors.as_array().into_iter().flatten();
    up.filter(|neighbor| neighbor["state"]["session_state"] == ESTABLISHED)
        .map(|neighbor| Ok(text(&neighbor["state"], "neighbor_address")?.parse()?))
        .collect()
}
