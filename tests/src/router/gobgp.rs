//! GoBGP 3, asked through its own CLI over gRPC on the loopback address of its namespace.

use super::{Config, Dialing, Hops, Peering, Place, Session, TablePath, text};
use crate::fault::{Fault, Result};
use crate::proc::Daemon;
use crate::topology::ROUTER_LINK;
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
    let Config { asn, id, neighbor_asn, hold, session, .. } = config;
    let mut out = format!(
        "[global.config]\n as = {asn}\n router-id = \"{id}\"\n[global.use-multiple-paths.config]\n enabled = true\n"
    );
    let passive = config.dialing == Dialing::Passive;
    for peer in &config.neighbors {
        let scope =
            if session.peering == Peering::Address { String::new() } else { format!("%{ROUTER_LINK}") };
        let password =
            session.password.map_or(String::new(), |password| format!("  auth-password = \"{password}\"\n"));
        let _ = writeln!(
            out,
            "[[neighbors]]\n [neighbors.config]\n  neighbor-address = \"{peer}{scope}\"\n  peer-as = {neighbor_asn}\n\
             {password} \
             [neighbors.transport.config]\n  passive-mode = {passive}\n \
             [neighbors.timers.config]\n  hold-time = {hold}\n  keepalive-interval = {}\n  connect-retry = 1",
            hold / 3
        );
        out.push_str(&match session.hops {
            Hops::Link => String::new(),
            Hops::Routed(ttl) => {
                format!(" [neighbors.ebgp-multihop.config]\n  enabled = true\n  multihop-ttl = {ttl}\n")
            }
            Hops::Secured => {
                " [neighbors.ttl-security.config]\n  enabled = true\n  ttl-min = 255\n".to_owned()
            }
        });
        if session.graceful_restart {
            out.push_str(
                " [neighbors.graceful-restart.config]\n  enabled = true\n  helper-only = true\n  \
                 restart-time = 60\n",
            );
        }
        for (family, is_v4) in [("ipv4-unicast", true), ("ipv6-unicast", false)] {
            if session.both_families || peer.is_ipv4() == is_v4 {
                out.push_str(&of_family(family, session));
            }
        }
    }
    out
}

fn of_family(family: &str, session: &Session) -> String {
    let mut out = format!(
        " [[neighbors.afi-safis]]\n  [neighbors.afi-safis.config]\n   afi-safi-name = \"{family}\"\n"
    );
    if session.graceful_restart {
        out.push_str("  [neighbors.afi-safis.mp-graceful-restart.config]\n   enabled = true\n");
    }
    if session.add_path {
        out.push_str("  [neighbors.afi-safis.add-paths.config]\n   receive = true\n   send-max = 8\n");
    }
    out
}

pub(super) fn neighbors(place: &Place) -> Result<String> {
    place.netns.exec(&["gobgp", "neighbor", "-j"])
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
        peer: address(text(entry, "neighbor-ip")?)?,
        as_path: asns.filter_map(number).collect(),
        local_pref: attribute(LOCAL_PREF).and_then(|attr| number(&attr["value"])),
        selected: false,
    })
}

/// A link-local address comes with its interface.
fn address(text: &str) -> Result<IpAddr> {
    Ok(text.split('%').next().unwrap_or(text).parse()?)
}

pub(super) fn established(place: &Place) -> Result<BTreeSet<IpAddr>> {
    let neighbors = gobgp(place, &["neighbor"])?;
    let up = neighbors.as_array().into_iter().flatten();
    up.filter(|neighbor| neighbor["state"]["session_state"] == ESTABLISHED)
        .map(|neighbor| address(text(&neighbor["state"], "neighbor_address")?))
        .collect()
}
