//! ExaBGP 4. It keeps no table: its API writes every message as a line of JSON to a file, and what those
//! add up to stands for one.
//!
//! The process that ExaBGP gives its lines to also tells it commands, from another file.

use super::{Config, Dialing, Hops, Place, Session, TablePath, text};
use crate::fault::{Fault, Result};
use crate::netns::Netns;
use crate::proc::Daemon;
use crate::topology::ROUTER_LINK;
use ipnet::IpNet;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::IpAddr;

const UPDATES: &str = "updates.json";
const COMMANDS: &str = "commands";

/// Settings are variables of its environment; it would give up root for a user that cannot listen.
const ENVIRONMENT: [&str; 5] = [
    "env",
    "exabgp.daemon.user=root",
    "exabgp.api.cli=false",
    "exabgp.api.ack=false",
    "exabgp.log.destination=stdout",
];

pub(super) fn start(place: &Place) -> Result<Vec<Daemon>> {
    // Lines of a run before would count as messages of this one.
    for name in [UPDATES, COMMANDS] {
        std::fs::write(place.dir.join(name), "")?;
    }
    // `tail` ends with the shell, which ends when ExaBGP closes its pipe.
    let script = format!(
        "tail --pid=$$ -s 0.1 -n +1 -f '{}' &\ncat >>'{}'\n",
        place.file(COMMANDS),
        place.file(UPDATES)
    );
    std::fs::write(place.dir.join("api.sh"), script)?;
    std::fs::write(place.dir.join("exabgp.conf"), config(place)?)?;
    let config = place.file("exabgp.conf");
    Ok(vec![place.spawn("exabgp", &[&ENVIRONMENT[..], &["exabgp", &config]].concat())?])
}

fn config(place: &Place) -> Result<String> {
    let Config { asn, id, neighbor_asn, hold, session, .. } = &place.config;
    let mut out = format!("process api {{ run /bin/sh {}; encoder json; }}\n", place.file("api.sh"));
    for peer in &place.config.neighbors {
        let local = own(&place.netns, *peer)?;
        let passive = place.config.dialing == Dialing::Passive;
        let families = match (session.both_families, peer.is_ipv4()) {
            (true, _) => "ipv4 unicast; ipv6 unicast;",
            (false, true) => "ipv4 unicast;",
            (false, false) => "ipv6 unicast;",
        };
        let _ = writeln!(
            out,
            "neighbor {peer} {{ router-id {id}; local-address {local}; local-as {asn}; peer-as {neighbor_asn}; \
             hold-time {hold}; passive {passive}; listen 179; family {{ {families} }}\n {}\n \
             api {{ processes [ api ]; neighbor-changes; receive {{ parsed; packets; update; notification; open; }} }} }}",
            options(session)
        );
    }
    Ok(out)
}

fn options(session: &Session) -> String {
    let mut capabilities = "route-refresh enable;".to_owned();
    if session.graceful_restart {
        capabilities.push_str(" graceful-restart 60;");
    }
    if session.add_path {
        capabilities.push_str(" add-path send/receive;");
    }
    let hop = match session.extended_next_hop {
        true => "nexthop { ipv4 unicast ipv6; }",
        false => "",
    };
    let ttl = match session.hops {
        Hops::Link => String::new(),
        Hops::Routed(ttl) => format!("outgoing-ttl {ttl};"),
        Hops::Secured => "outgoing-ttl 255; incoming-ttl 255;".to_owned(),
    };
    let password = session
        .password
        .map_or(String::new(), |password| format!("md5-password '{password}'; md5-base64 false;"));
    format!("capability {{ {capabilities} }} {hop} {ttl} {password}")
}

/// The router's own address of the family of `peer`: ExaBGP wants to be told.
fn own(netns: &Netns, peer: IpAddr) -> Result<IpAddr> {
    let said: Value = serde_json::from_str(&netns.ip(&["-j", "address", "show", "dev", ROUTER_LINK])?)?;
    let addresses = said[0]["addr_info"].as_array().into_iter().flatten();
    let family = if peer.is_ipv4() { "inet" } else { "inet6" };
    let mut ours = addresses.filter(|entry| entry["family"] == family && entry["scope"] == "global");
    let ours = ours.next().ok_or_else(|| Fault::new(format!("no {family} address: {said}")))?;
    Ok(text(ours, "local")?.parse()?)
}

/// Whether its API wrote this text, or the octets of it as part of a message: of NOTIFICATIONs with a text 4.2.21
/// shows the octets only, for its decoder fails on them.
pub(super) fn says(place: &Place, text: &str) -> bool {
    let octets: String = text.bytes().map(|octet| format!("{octet:02X}")).collect();
    let told = told(place);
    told.contains(text) || told.contains(&octets)
}

/// Everything its API wrote.
pub(super) fn told(place: &Place) -> String {
    std::fs::read_to_string(place.dir.join(UPDATES)).unwrap_or_default()
}

/// Its messages in order; the last line may be half written.
fn lines(place: &Place) -> Vec<Value> {
    let text = told(place);
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

pub(super) fn ask_again(place: &Place) -> Result<()> {
    let mut commands = std::fs::File::options().append(true).open(place.dir.join(COMMANDS))?;
    for peer in &place.config.neighbors {
        let family = if peer.is_ipv4() { "ipv4" } else { "ipv6" };
        writeln!(commands, "neighbor {peer} announce route-refresh {family} unicast")?;
    }
    Ok(())
}

pub(super) fn established(place: &Place) -> Result<BTreeSet<IpAddr>> {
    let mut up = BTreeSet::new();
    for line in lines(place).iter().filter(|line| line["type"] == "state") {
        let peer = text(&line["neighbor"]["address"], "peer")?.parse()?;
        match text(&line["neighbor"], "state")? {
            "up" => _ = up.insert(peer),
            _ => _ = up.remove(&peer),
        }
    }
    Ok(up)
}

/// What the updates add up to; with a session its routes go.
pub(super) fn paths(place: &Place) -> Result<Vec<TablePath>> {
    let mut table: BTreeMap<(IpAddr, IpNet), TablePath> = BTreeMap::new();
    for line in lines(place) {
        let neighbor = &line["neighbor"];
        if line["type"] == "state" && neighbor["state"] != "up" {
            let gone: IpAddr = text(&neighbor["address"], "peer")?.parse()?;
            table.retain(|(peer, _), _| *peer != gone);
        }
        if line["type"] == "update" {
            let peer = text(&neighbor["address"], "peer")?.parse()?;
            update(&mut table, peer, &neighbor["message"]["update"])?;
        }
    }
    Ok(table.into_values().collect())
}

fn update(table: &mut BTreeMap<(IpAddr, IpNet), TablePath>, peer: IpAddr, update: &Value) -> Result<()> {
    let families = |side: &str| update[side].as_object().into_iter().flatten().map(|(_, inner)| inner);
    for gone in families("withdraw").filter_map(Value::as_array).flatten() {
        table.remove(&(peer, text(gone, "nlri")?.parse()?));
    }
    let attribute = &update["attribute"];
    let number = |value: &Value| value.as_u64().and_then(|value| u32::try_from(value).ok());
    let as_path: Vec<u32> =
        attribute["as-path"].as_array().into_iter().flatten().filter_map(number).collect();
    // Two next hops of IPv6 (RFC 2545 §3) are listed as if each were of a path of its own: the global one counts.
    let mut hops: Vec<_> = families("announce").filter_map(Value::as_object).flatten().collect();
    hops.sort_by_key(|(hop, _)| !hop.starts_with("fe80:"));
    for (hop, prefixes) in hops {
        for entry in prefixes.as_array().into_iter().flatten() {
            let prefix = text(entry, "nlri")?.parse()?;
            let local_pref = number(&attribute["local-preference"]);
            let (as_path, next_hop) = (as_path.clone(), hop.parse()?);
            let path = TablePath { prefix, next_hop, peer, as_path, local_pref, selected: false };
            table.insert((peer, prefix), path);
        }
    }
    Ok(())
}
