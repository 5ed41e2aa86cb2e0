//! The section `Neighbor capabilities` of one neighbour.

use std::io::{self, Write};

use super::family::{self, name};
use super::text::clean;
use crate::gobgp::api;
use crate::gobgp::api::capability::Cap;

/// What both sides said in their OPENs, by code: what is ours, the neighbour's, or both.
pub(super) fn section(out: &mut dyn Write, state: &api::PeerState) -> io::Result<()> {
    let (local, remote) = (decoded(&state.local_cap), decoded(&state.remote_cap));
    let mut all = local.clone();
    for cap in &remote {
        if same(cap, &all).is_none() {
            all.push(cap);
        }
    }
    all.sort_by_key(|cap| code(cap));
    let mut multiprotocol = false;
    for cap in all {
        let sides = [same(cap, &local), same(cap, &remote)];
        let support = match sides {
            [Some(_), Some(_)] => "advertised and received",
            [Some(_), None] => "advertised",
            _ => "received",
        };
        if let Cap::MultiProtocol(family) = cap {
            if !multiprotocol {
                writeln!(out, "    multiprotocol:")?;
                multiprotocol = true;
            }
            writeln!(out, "        {}:\t{support}", name(&family.family.unwrap_or_default()))?;
        } else {
            writeln!(out, "    {}:\t{support}", title(cap))?;
            for (side, cap) in ["Local", "Remote"].iter().zip(sides) {
                cap.map_or(Ok(()), |cap| details(out, side, cap))?;
            }
        }
    }
    Ok(())
}

/// All or nothing, as GoBGP has it.
fn decoded(caps: &[api::Capability]) -> Vec<&Cap> {
    caps.iter().map(|one| one.cap.as_ref()).collect::<Option<_>>().unwrap_or_default()
}

/// The capability of the same code, for multiprotocol the same family.
fn same<'a>(cap: &Cap, among: &[&'a Cap]) -> Option<&'a Cap> {
    let alike = |other: &&&Cap| match (cap, other) {
        (Cap::MultiProtocol(one), Cap::MultiProtocol(other)) => one.family == other.family,
        _ => code(cap) == code(other),
    };
    among.iter().find(alike).copied()
}

/// The IANA code.
fn code(cap: &Cap) -> u32 {
    match cap {
        Cap::Unknown(unknown) => unknown.code,
        Cap::MultiProtocol(_) => 1,
        Cap::RouteRefresh(_) => 2,
        Cap::CarryingLabelInfo(_) => 4,
        Cap::ExtendedNexthop(_) => 5,
        Cap::ExtendedMessage(_) => 6,
        Cap::GracefulRestart(_) => 64,
        Cap::FourOctetAsn(_) => 65,
        Cap::AddPath(_) => 69,
        Cap::EnhancedRouteRefresh(_) => 70,
        Cap::LongLivedGracefulRestart(_) => 71,
        Cap::Fqdn(_) => 73,
        Cap::SoftwareVersion(_) => 75,
        Cap::RouteRefreshCisco(_) => 128,
    }
}

fn title(cap: &Cap) -> String {
    let known = match code(cap) {
        1 => "multiprotocol",
        2 => "route-refresh",
        4 => "carrying-label-info",
        5 => "extended-nexthop",
        6 => "extended-message",
        64 => "graceful-restart",
        65 => "4-octet-as",
        69 => "add-path",
        70 => "enhanced-route-refresh",
        71 => "long-lived-graceful-restart",
        73 => "fqdn",
        75 => "software-version",
        128 => "cisco-route-refresh",
        code => return format!("UnknownCapability({code})"),
    };
    known.into()
}

fn details(out: &mut dyn Write, side: &str, cap: &Cap) -> io::Result<()> {
    match cap {
        Cap::ExtendedNexthop(cap) => next_hops(out, side, cap),
        Cap::GracefulRestart(cap) => graceful_restart(out, side, cap),
        Cap::LongLivedGracefulRestart(cap) => long_lived(out, side, cap),
        Cap::AddPath(cap) => {
            writeln!(out, "      {side}:")?;
            for tuple in &cap.tuples {
                let mode = match tuple.mode {
                    0 => "none".to_owned(),
                    1 => "receive".to_owned(),
                    2 => "send".to_owned(),
                    3 => "receive/send".to_owned(),
                    mode => format!("unknown({mode})"),
                };
                writeln!(out, "         {}:\t{mode}", name(&tuple.family.unwrap_or_default()))?;
            }
            Ok(())
        }
        Cap::Fqdn(cap) => {
            let (host, domain) = (clean(&cap.host_name), clean(&cap.domain_name));
            writeln!(out, "      {side}:\n         name: {host}, domain: {domain}")
        }
        Cap::SoftwareVersion(cap) => {
            writeln!(out, "      {side}:\n         {}", clean(&cap.software_version))
        }
        _ => Ok(()),
    }
}

fn next_hops(out: &mut dyn Write, side: &str, cap: &api::ExtendedNexthopCapability) -> io::Result<()> {
    if !cap.tuples.is_empty() {
        writeln!(out, "        {side}:")?;
    }
    for tuple in &cap.tuples {
        let over = match tuple.nexthop_family.unwrap_or_default().afi {
            afi if afi == family::IPV4.afi => "ipv4".to_owned(),
            afi if afi == family::IPV6.afi => "ipv6".to_owned(),
            afi => afi.to_string(),
        };
        let nlri = name(&tuple.nlri_family.unwrap_or_default());
        writeln!(out, "            nlri: {nlri}, nexthop: {over}")?;
    }
    Ok(())
}

/// RFC 4724 §3: what "restart time" says counts only with families.
fn graceful_restart(out: &mut dyn Write, side: &str, cap: &api::GracefulRestartCapability) -> io::Result<()> {
    let mut said = Vec::new();
    if !cap.tuples.is_empty() {
        said.push(format!("restart time {} sec", cap.time));
    }
    if cap.flags & 0x08 != 0 {
        said.push("restart flag set".into());
    }
    if cap.flags & 0x04 != 0 {
        said.push("notification flag set".into());
    }
    if said.is_empty() {
        return Ok(());
    }
    writeln!(out, "        {side}: {}", said.join(", "))?;
    for tuple in &cap.tuples {
        let forward = if tuple.flags == 0x80 { ", forward flag set" } else { "" };
        writeln!(out, "\t    {}{forward}", name(&tuple.family.unwrap_or_default()))?;
    }
    Ok(())
}

fn long_lived(
    out: &mut dyn Write,
    side: &str,
    cap: &api::LongLivedGracefulRestartCapability,
) -> io::Result<()> {
    if !cap.tuples.is_empty() {
        writeln!(out, "        {side}:")?;
    }
    for tuple in &cap.tuples {
        let forward = if tuple.flags == 0x80 { ", forward flag set" } else { "" };
        let family = name(&tuple.family.unwrap_or_default());
        writeln!(out, "\t    {family}, restart time {} sec{forward}", tuple.time)?;
    }
    Ok(())
}
