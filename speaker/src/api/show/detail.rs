//! Neighbours, for people and for programs.

use std::io::Write;
use std::time::Duration;

use crate::api::client::ShowError;
use crate::api::proto;
use crate::api::table::{Table, printable, uptime};

pub(super) fn table(all: &[proto::Neighbor], out: &mut impl Write) -> Result<(), ShowError> {
    let mut table =
        Table::new(["Neighbor", "AS", "State", "For", "BFD", "Advertised", "Next hop", "Flaps", "Last end"]);
    for one in all {
        let queued = if one.session.is_some() && !one.current { " (sending)" } else { "" };
        table.row([
            one.address.clone(),
            one.peer_as.to_string(),
            one.state.clone(),
            uptime(Duration::from_millis(one.state_ms)),
            one.bfd.as_ref().map_or("-", super::bfd::state).to_owned(),
            format!("{}{queued}", one.advertised),
            next_hops(one),
            one.flaps.to_string(),
            if one.last_end.is_empty() { "-".to_owned() } else { one.last_end.clone() },
        ]);
    }
    Ok(table.print(out)?)
}

fn next_hops(one: &proto::Neighbor) -> String {
    let both = [one.next_hop_ipv4.as_str(), one.next_hop_ipv6.as_str()];
    let known: Vec<&str> = both.into_iter().filter(|addr| !addr.is_empty()).collect();
    if known.is_empty() { "none yet".to_owned() } else { known.join(", ") }
}

pub(super) fn detail(one: &proto::Neighbor, out: &mut impl Write) -> Result<(), ShowError> {
    let about =
        if one.description.is_empty() { String::new() } else { format!(": {}", printable(&one.description)) };
    writeln!(
        out,
        "Neighbor {} port {}, AS {} (ours {}){about}",
        one.address, one.port, one.peer_as, one.local_as
    )?;
    let down = if one.enabled { "" } else { ", administratively down" };
    writeln!(out, "  State        {} for {}{down}", one.state, uptime(Duration::from_millis(one.state_ms)))?;
    if !one.waits.is_empty() {
        writeln!(out, "  Waits        {}", one.waits)?;
    }
    if let Some(bfd) = &one.bfd {
        super::bfd::detail(bfd, out)?;
    }
    detail_session(one, out)?;
    detail_configured(one, out)?;
    detail_routes(one, out)?;
    detail_messages(one, out)
}

fn detail_session(one: &proto::Neighbor, out: &mut impl Write) -> Result<(), ShowError> {
    if let Some(session) = &one.session {
        let name = if session.hostname.is_empty() {
            String::new()
        } else {
            format!(" ({})", printable(&session.hostname))
        };
        writeln!(out, "  Router ID    {}{name}", session.router_id)?;
        writeln!(out, "  Local        {}", session.local_address)?;
        writeln!(out, "  Remote       {}", session.remote_address)?;
        writeln!(out, "  Families     {}", session.families.join(", "))?;
        writeln!(out, "  Hold time    {} s (ours {} s)", session.hold_time, one.configured_hold_time)?;
        let can = [
            ("route refresh", session.route_refresh),
            ("enhanced refresh", session.enhanced_refresh),
            ("4-octet AS", session.four_octet_as),
            ("extended next hop", session.extended_next_hop),
            ("graceful restart", session.restart.is_some()),
        ];
        let can: Vec<&str> = can.into_iter().filter(|(_, has)| *has).map(|(name, _)| name).collect();
        writeln!(out, "  Negotiated   {}, messages up to {} octets", can.join(", "), session.max_message)?;
        if let Some(restart) = &session.restart {
            writeln!(out, "  Its restart  {}", peer_restart(restart))?;
        }
    } else {
        writeln!(out, "  Hold time    {} s proposed", one.configured_hold_time)?;
    }
    Ok(())
}

/// What is not as it is by default.
fn detail_configured(one: &proto::Neighbor, out: &mut impl Write) -> Result<(), ShowError> {
    let mut transport = Vec::new();
    if one.password {
        transport.push("TCP MD5".to_owned());
    }
    match (one.ttl_security, one.ttl) {
        (0, 0) => {}
        (0, ttl) => transport.push(format!("TTL {ttl}")),
        (1, _) => transport.push("TTL security, 1 hop".to_owned()),
        (hops, _) => transport.push(format!("TTL security, {hops} hops")),
    }
    if !transport.is_empty() {
        writeln!(out, "  Transport    {}", transport.join(", "))?;
    }
    let theirs = one.session.as_ref().map(|session| session.peer_role.as_str()).unwrap_or_default();
    if !one.role.is_empty() || !theirs.is_empty() {
        let (ours, theirs) = (or_none(&one.role), or_none(theirs));
        let strict = if one.role_strict { ", strict" } else { "" };
        writeln!(out, "  Role         ours {ours}{strict}, its {theirs}")?;
    }
    if let Some(restart) = &one.restart {
        let long = match restart.long_lived {
            0 => String::new(),
            seconds => format!(", {seconds} s more as last resort"),
        };
        writeln!(out, "  Our restart  routes to be kept for {} s{long}", restart.time)?;
    }
    if one.max_prefixes > 0 {
        writeln!(out, "  Max prefixes {} in a family", one.max_prefixes)?;
    }
    Ok(())
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

fn peer_restart(restart: &proto::PeerRestart) -> String {
    let families: Vec<String> = restart
        .families
        .iter()
        .map(|family| match restart.forwarding.contains(family) {
            true => format!("{family} (forwarding kept)"),
            false => family.clone(),
        })
        .collect();
    let mut parts = vec![format!("{} s", restart.time)];
    parts.extend((!families.is_empty()).then(|| families.join(", ")));
    parts.extend(restart.notification.then(|| "NOTIFICATION too".to_owned()));
    parts.extend(restart.restarted.then(|| "it was restarted".to_owned()));
    parts.join(", ")
}

fn detail_routes(one: &proto::Neighbor, out: &mut impl Write) -> Result<(), ShowError> {
    writeln!(out, "  Next hop     {}", next_hops(one))?;
    let pending = if one.session.is_some() && !one.current { ", more is being sent" } else { "" };
    writeln!(out, "  Advertised   {} prefixes{pending}", one.advertised)?;
    let stale = if one.stale_prefixes > 0 {
        format!(", {} of them stale", one.stale_prefixes)
    } else {
        String::new()
    };
    writeln!(out, "  Received     {} prefixes{stale}", one.received_prefixes)?;
    writeln!(out, "  Flaps        {}", one.flaps)?;
    if !one.last_end.is_empty() {
        let ago = uptime(Duration::from_millis(one.last_end_ms_ago));
        writeln!(out, "  Last end     {} ago: {}", ago, printable(&one.last_end))?;
    }
    if !one.communication.is_empty() {
        let ago = uptime(Duration::from_millis(one.communication_ms_ago));
        writeln!(out, "  Its operator {} ago: {}", ago, printable(&one.communication))?;
    }
    Ok(())
}

fn detail_messages(one: &proto::Neighbor, out: &mut impl Write) -> Result<(), ShowError> {
    let mut table =
        Table::new(["  Messages", "OPEN", "UPDATE", "NOTIFICATION", "KEEPALIVE", "ROUTE-REFRESH"]);
    for (name, counts) in [("  sent", &one.sent), ("  received", &one.received)] {
        let counts = counts.unwrap_or_default();
        let all = [counts.open, counts.update, counts.notification, counts.keepalive, counts.route_refresh];
        let [open, update, notification, keepalive, refresh] = all.map(|count| count.to_string());
        table.row([name.to_owned(), open, update, notification, keepalive, refresh]);
    }
    Ok(table.print(out)?)
}
