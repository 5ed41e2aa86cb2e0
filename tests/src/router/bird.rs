//! BIRD 2, with one protocol per neighbour and no kernel protocol: it selects, but installs nothing.
//!
//! `direct` is said for iBGP: without it BIRD looks next hops up in its own table, which holds nothing else.

use super::{Config, Dialing, Hops, Peering, Place, Session, TablePath, bird_bfd};
use crate::fault::{Fault, Result, ensure};
use crate::proc::{Daemon, run};
use crate::topology::ROUTER_LINK;
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;

pub(super) fn start(place: &Place) -> Result<Vec<Daemon>> {
    std::fs::write(place.dir.join("bird.conf"), config(&place.config))?;
    let (config, socket) = (place.file("bird.conf"), place.file("bird.ctl"));
    Ok(vec![place.spawn("bird", &["bird", "-f", "-c", &config, "-s", &socket])?])
}

pub(super) fn config(config: &Config) -> String {
    let Config { asn, id, hold, session, .. } = config;
    let mut out = format!("log stderr all;\nrouter id {id};\nprotocol device {{}}\n");
    if session.kernel {
        out.push_str(
            "protocol kernel { ipv4 { export all; }; }\nprotocol kernel { ipv6 { export all; }; }\n",
        );
    }
    if session.peering == Peering::Unnumbered {
        // How the other end of an unnumbered session finds this router.
        let _ = writeln!(
            out,
            "protocol radv {{ interface \"{ROUTER_LINK}\" {{ max ra interval 4; min ra interval 3; }}; }}"
        );
    }
    out.extend(session.bfd.map(bird_bfd::config));
    for (family, network, gateway) in &session.routes {
        let _ = writeln!(out, "protocol static {{ {family}; route {network} via {gateway}; }}");
    }
    // A neighbour is listed under the name of its protocol: its index tells which one it is.
    for (index, peer) in config.neighbors.iter().enumerate() {
        let passive = match config.dialing {
            Dialing::Passive => "passive yes;",
            Dialing::Active => "connect delay time 1; connect retry time 1;",
        };
        let _ = writeln!(
            out,
            "protocol bgp p{index} {{ local {} as {asn}; {} {passive} {} \
             hold time {hold}; keepalive time {}; error wait time 1, 2; {} }}",
            session.sources.get(index).unwrap_or(&""),
            neighbor(config, *peer),
            options(session),
            hold / 3,
            channels(session, *peer)
        );
    }
    out
}

fn neighbor(config: &Config, peer: IpAddr) -> String {
    let asn = config.neighbor_asn;
    match config.session.peering {
        Peering::Address => format!("neighbor {peer} as {asn};"),
        Peering::LinkLocal => format!("neighbor {peer} as {asn}; interface \"{ROUTER_LINK}\";"),
        // Whoever has a link-local address there may connect: a protocol of its own is made for each.
        Peering::Unnumbered => format!(
            "neighbor range fe80::/64 as {asn}; interface \"{ROUTER_LINK}\"; dynamic name \"p\"; \
             dynamic name digits 2;"
        ),
    }
}

fn options(session: &Session) -> String {
    let mut out = match session.hops {
        Hops::Link => "direct;".to_owned(),
        Hops::Routed(ttl) => format!("multihop {ttl};"),
        Hops::Secured => "direct; ttl security yes;".to_owned(),
    };
    if let Some(password) = session.password {
        let _ = write!(out, " password \"{password}\";");
    }
    if let Some(role) = session.role {
        let _ = write!(out, " local role {role};");
    }
    if session.extended_messages {
        out.push_str(" enable extended messages yes;");
    }
    if session.bfd.is_some() {
        // Else the end of BFD takes the routes that graceful restart keeps.
        out.push_str(if session.graceful_restart { " bfd graceful;" } else { " bfd yes;" });
    }
    out
}

fn channels(session: &Session, peer: IpAddr) -> String {
    let mut out = String::new();
    for (family, is_v4) in [("ipv4", true), ("ipv6", false)] {
        if session.both_families || peer.is_ipv4() == is_v4 {
            let hop = if session.extended_next_hop && is_v4 { " extended next hop yes;" } else { "" };
            let paths = if session.add_path { " add paths on;" } else { "" };
            let _ = write!(out, "{family} {{ import all; export none;{hop}{paths} }}; ");
        }
    }
    out
}

pub(super) fn protocols(place: &Place) -> Result<String> {
    birdc(place, &["show", "protocols", "all"])
}

pub(super) fn birdc(place: &Place, command: &[&str]) -> Result<String> {
    run(&[&["birdc", "-r", "-s", &place.file("bird.ctl")], command].concat())
}

pub(super) fn ask_again(place: &Place) -> Result<()> {
    // Not restricted (`-r`) as all the others are: this is an action.
    let said = run(&["birdc", "-s", &place.file("bird.ctl"), "reload", "in", "all"])?;
    ensure(said.contains("reloading"), || said)
}

fn peer(place: &Place, protocol: &str) -> Result<IpAddr> {
    let index = protocol.strip_prefix('p').and_then(|index| index.parse::<usize>().ok());
    // Those made for an unnumbered neighbour count from 1.
    let index =
        index.map(|index| if place.config.session.peering == Peering::Unnumbered { 0 } else { index });
    let peer = index.and_then(|index| place.config.neighbors.get(index));
    peer.copied().ok_or_else(|| Fault::new(format!("no neighbour behind protocol {protocol:?}")))
}

/// Reads `show route all`, of what came by BGP: a prefix at the start of its first path's line, more paths below with the
/// prefix left out, attributes indented by a tab.
pub(super) fn paths(place: &Place) -> Result<Vec<TablePath>> {
    let text = birdc(place, &["show", "route", "all", "where", "source", "=", "RTS_BGP"])?;
    let mut paths: Vec<TablePath> = Vec::new();
    let mut prefix: Option<IpNet> = None;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        if let Some(attribute) = line.strip_prefix('\t') {
            let last = paths.last_mut().ok_or_else(|| Fault::new(format!("no path before {line:?}")))?;
            read_attribute(attribute, last)?;
        } else if line.contains('[') {
            if !line.starts_with(' ') {
                prefix = Some(line.split(' ').next().unwrap_or_default().parse()?);
            }
            let prefix = prefix.ok_or_else(|| Fault::new(format!("no prefix before {line:?}")))?;
            let (kind, protocol) = kind_and_protocol(line);
            ensure(kind == "unicast", || format!("{prefix} is {kind}"))?;
            let peer = peer(place, protocol)?;
            let (as_path, local_pref) = (Vec::new(), None);
            let none = if prefix.addr().is_ipv4() { [0; 4].into() } else { [0; 16].into() };
            paths.push(TablePath { prefix, next_hop: none, peer, as_path, local_pref, selected: false });
        }
    }
    Ok(paths)
}

/// `… unicast [p0 08:07:11.860] * (100) [AS65000i]` into `unicast` and `p0`.
fn kind_and_protocol(line: &str) -> (&str, &str) {
    let (before, after) = line.split_once('[').unwrap_or((line, ""));
    let kind = before.split_whitespace().last().unwrap_or_default();
    (kind, after.split_whitespace().next().unwrap_or_default())
}

fn read_attribute(line: &str, path: &mut TablePath) -> Result<()> {
    let Some((name, value)) = line.split_once(':') else { return Ok(()) };
    let mut words = value.split_whitespace();
    let odd = |_| Fault::new(format!("an attribute not understood: {line:?}"));
    match name {
        // The global next hop of IPv6 comes first, unspecified if there is none; the link-local one may follow.
        "BGP.next_hop" => path.next_hop = words.find(|word| *word != "::").unwrap_or_default().parse()?,
        "BGP.as_path" => {
            path.as_path = words.map(str::parse).collect::<std::result::Result<_, _>>().map_err(odd)?;
        }
        "BGP.local_pref" => path.local_pref = words.next().map(str::parse).transpose().map_err(odd)?,
        _ => {}
    }
    Ok(())
}

pub(super) fn established(place: &Place) -> Result<BTreeSet<IpAddr>> {
    let text = birdc(place, &["show", "protocols"])?;
    let up = text.lines().filter(|line| line.trim_end().ends_with("Established"));
    up.map(|line| peer(place, line.split_whitespace().next().unwrap_or_default())).collect()
}
