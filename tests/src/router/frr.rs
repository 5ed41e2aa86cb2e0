//! FRR: `zebra`, `bgpd` and, where wanted, `bfdd` with their own runtime directory.
//!
//! `--vty_socket`, `-z` and `-i` move all of FRR's sockets and pid files into the router's directory, which
//! must belong to the user `frr`: both daemons give up root, and refuse to run as root altogether.

use super::{Config, Dialing, Hops, Peering, Place, Session, TablePath, frr_bfd, text};
use crate::fault::{Fault, Result, ensure};
use crate::proc::{Daemon, run};
use crate::topology::ROUTER_LINK;
use crate::wait;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

pub(super) fn start(place: &Place) -> Result<Vec<Daemon>> {
    // Advertisements are how the other end of an unnumbered session finds this router. It knows that end by address:
    // 8.4 takes no range of link-local ones, and without an address waits for advertisements itself.
    let zebra = match place.config.session.peering {
        Peering::Unnumbered => {
            format!("interface {ROUTER_LINK}\n no ipv6 nd suppress-ra\n ipv6 nd ra-interval 1\n")
        }
        Peering::Address | Peering::LinkLocal => String::new(),
    };
    std::fs::write(place.dir.join("zebra.conf"), zebra)?;
    std::fs::write(place.dir.join("bgpd.conf"), config(&place.config))?;
    if let Some(bfd) = place.config.session.bfd {
        std::fs::write(place.dir.join("bfdd.conf"), frr_bfd::config(bfd))?;
    }
    run(&["chown", "-R", "frr:frr", &place.dir.display().to_string()])?;
    // What a killed run left would be taken for the socket of the new one.
    let zserv = place.dir.join("zserv.api");
    if zserv.exists() {
        std::fs::remove_file(&zserv)?;
    }
    let mut daemons = vec![daemon(place, "zebra")?];
    // bgpd asks zebra for its interfaces once and retries only after 10 s.
    wait::until("zebra's socket", Duration::from_secs(5), || {
        daemons[0].check_alive()?;
        ensure(zserv.exists(), || "not there".to_owned())
    })?;
    if place.config.session.bfd.is_some() {
        daemons.push(daemon(place, "bfdd")?);
    }
    daemons.push(daemon(place, "bgpd")?);
    Ok(daemons)
}

fn daemon(place: &Place, name: &str) -> Result<Daemon> {
    let program = format!("/usr/lib/frr/{name}");
    let (config, pid) = (place.file(&format!("{name}.conf")), place.file(&format!("{name}.pid")));
    let (zserv, vty) = (place.file("zserv.api"), place.dir.display().to_string());
    let argv = [&program, "-f", &config, "-i", &pid, "-z", &zserv, "--vty_socket", &vty, "-P", "0"];
    let control = format!("unix:{}", place.file("bfdd.sock"));
    let more: &[&str] = if name == "bfdd" { &["--bfdctl", &control] } else { &[] };
    place.spawn(name, &[&argv[..], &["--log", "stdout"], more].concat())
}

/// FRR keeps a directory per process below /var/tmp/frr, and leaves it when the process is killed.
pub(super) fn forget(daemon: &Daemon) {
    for name in ["zebra", "bfdd", "bgpd"] {
        // Most of the time it is not there: a process that ends in order removes it.
        let _ = std::fs::remove_dir_all(format!("/var/tmp/frr/{name}.{}", daemon.pid()));
    }
}

fn config(config: &Config) -> String {
    let Config { asn, id, neighbor_asn, hold, session, .. } = config;
    let mut out = format!(
        "router bgp {asn}\n bgp router-id {id}\n no bgp ebgp-requires-policy\n no bgp default ipv4-unicast\n \
         bgp log-neighbor-changes\n bgp bestpath as-path multipath-relax\n timers bgp {} {hold}\n",
        hold / 3
    );
    for peer in &config.neighbors {
        let _ = writeln!(out, " neighbor {peer} remote-as {neighbor_asn}");
        if session.peering != Peering::Address {
            let _ = writeln!(out, " neighbor {peer} interface {ROUTER_LINK}");
        }
        let _ = match config.dialing {
            Dialing::Passive => writeln!(out, " neighbor {peer} passive"),
            Dialing::Active => writeln!(out, " neighbor {peer} timers connect 1"),
        };
        for line in options(session) {
            let _ = writeln!(out, " neighbor {peer} {line}");
        }
    }
    for (family, is_v4) in [("ipv4", true), ("ipv6", false)] {
        let _ = writeln!(out, " address-family {family} unicast\n  maximum-paths 8\n  maximum-paths ibgp 8");
        for peer in &config.neighbors {
            if session.both_families || peer.is_ipv4() == is_v4 {
                let _ = writeln!(out, "  neighbor {peer} activate");
                if session.add_path {
                    let _ = writeln!(out, "  neighbor {peer} addpath-tx-all-paths");
                }
            }
        }
        out.push_str(" exit-address-family\n");
    }
    out
}

/// What comes after `neighbor ADDRESS`, for all families.
fn options(session: &Session) -> Vec<String> {
    let mut out = Vec::new();
    out.extend(session.password.map(|password| format!("password {password}")));
    match session.hops {
        Hops::Link => {}
        Hops::Routed(ttl) => out.push(format!("ebgp-multihop {ttl}")),
        Hops::Secured => out.push("ttl-security hops 1".to_owned()),
    }
    if session.extended_next_hop {
        out.push("capability extended-nexthop".to_owned());
    }
    out.extend(session.role.map(|role| format!("local-role {role}")));
    out.extend(session.bfd.map(|_| frr_bfd::NEIGHBOR.to_owned()));
    out
}

pub(super) fn neighbors(place: &Place) -> Result<String> {
    vtysh(place, "show bgp neighbors json")
}

pub(super) fn vtysh(place: &Place, command: &str) -> Result<String> {
    run(&["vtysh", "--vty_socket", &place.dir.display().to_string(), "-c", command])
}

pub(super) fn show(place: &Place, command: &str) -> Result<Value> {
    Ok(serde_json::from_str(&vtysh(place, command)?)?)
}

pub(super) fn ask_again(place: &Place) -> Result<()> {
    ["ipv4", "ipv6"].iter().try_for_each(|family| {
        let said = vtysh(place, &format!("clear bgp {family} unicast * soft in"))?;
        ensure(said.trim().is_empty(), || said)
    })
}

pub(super) fn paths(place: &Place) -> Result<Vec<TablePath>> {
    let mut paths = Vec::new();
    for family in ["ipv4", "ipv6"] {
        let table = show(place, &format!("show bgp {family} unicast json"))?;
        let routes = table["routes"].as_object().ok_or_else(|| Fault::new("no routes in the JSON"))?;
        for (prefix, entries) in routes {
            for entry in entries.as_array().into_iter().flatten() {
                paths.push(path(prefix, entry)?);
            }
        }
    }
    Ok(paths)
}

fn path(prefix: &str, entry: &Value) -> Result<TablePath> {
    ensure(entry["valid"] == true, || format!("{prefix}: a path that is not valid: {entry}"))?;
    // Beside the global next hop of IPv6, FRR lists the link-local one.
    let hops = entry["nexthops"].as_array().into_iter().flatten();
    let (local, global): (Vec<_>, Vec<_>) = hops.partition(|hop| hop["scope"] == "link-local");
    let [hop] = (if global.is_empty() { local } else { global })[..] else {
        return Err(Fault::new(format!("{prefix}: not exactly one next hop: {entry}")));
    };
    let asns = text(entry, "path")?.split_whitespace().map(str::parse);
    Ok(TablePath {
        prefix: prefix.parse()?,
        next_hop: text(hop, "ip")?.parse()?,
        peer: text(entry, "peerId")?.parse()?,
        as_path: asns.collect::<std::result::Result<_, _>>().map_err(|_| Fault::new("AS path"))?,
        local_pref: entry["locPrf"].as_u64().and_then(|pref| u32::try_from(pref).ok()),
        // In the short form, a best path is not marked as one of several: only the others are.
        selected: entry["bestpath"] == true || entry["multipath"] == true,
    })
}

pub(super) fn established(place: &Place) -> Result<BTreeSet<IpAddr>> {
    let neighbors = show(place, "show bgp neighbors json")?;
    let neighbors = neighbors.as_object().ok_or_else(|| Fault::new("no neighbours in the JSON"))?;
    let up = neighbors.iter().filter(|(_, state)| state["bgpState"] == "Established");
    up.map(|(peer, _)| Ok(peer.parse()?)).collect()
}

impl super::Router {
    /// What FRR answers to a command that ends in `json`.
    ///
    /// # Errors
    /// When this is no FRR, or it does not understand.
    pub fn frr(&self, command: &str) -> Result<Value> {
        ensure(self.kind == super::Kind::Frr, || format!("{} is no FRR", self.name()))?;
        show(&self.place, command)
    }
}
