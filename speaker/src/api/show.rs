//! The debug commands: tables for people, JSON for programs (its fields are documented in `docs/cli.md`).

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Client, ShowError};
use super::proto;
use super::table::{Table, uptime};
use crate::cli::{NeighborArgs, NeighborView, Output, RibArgs, ShowArgs};

fn socket(show: &ShowArgs) -> PathBuf {
    show.socket.clone().unwrap_or_else(crate::config::default_socket)
}

fn print(out: &mut impl Write, value: &Value) -> Result<(), ShowError> {
    Ok(writeln!(out, "{value:#}")?)
}

/// `speaker neighbor [ADDR [adj-out]]`.
///
/// # Errors
/// [`ShowError`], with its exit code.
pub async fn neighbor(args: &NeighborArgs, out: &mut impl Write) -> Result<(), ShowError> {
    let mut client = Client::connect(&socket(&args.show)).await?;
    let address = args.address.map(|addr| addr.to_string()).unwrap_or_default();
    match (args.view, args.show.output) {
        (Some(NeighborView::AdjOut), output) => adj_out(client.adj_out(address).await?, output, out),
        (None, Output::Json) => {
            let all: Vec<Value> = client.neighbors(address).await?.iter().map(neighbor_json).collect();
            print(out, &Value::Array(all))
        }
        (None, Output::Table) if args.address.is_none() => {
            neighbor_table(&client.neighbors(address).await?, out)
        }
        (None, Output::Table) => {
            for neighbor in client.neighbors(address).await? {
                neighbor_detail(&neighbor, out)?;
            }
            Ok(())
        }
    }
}

fn neighbor_table(all: &[proto::Neighbor], out: &mut impl Write) -> Result<(), ShowError> {
    let mut table =
        Table::new(["Neighbor", "AS", "State", "For", "Advertised", "Next hop", "Flaps", "Last end"]);
    for one in all {
        let queued = if one.session.is_some() && !one.current { " (sending)" } else { "" };
        table.row([
            one.address.clone(),
            one.peer_as.to_string(),
            one.state.clone(),
            uptime(Duration::from_millis(one.state_ms)),
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

fn neighbor_detail(one: &proto::Neighbor, out: &mut impl Write) -> Result<(), ShowError> {
    writeln!(out, "Neighbor {} port {}, AS {} (ours {})", one.address, one.port, one.peer_as, one.local_as)?;
    writeln!(out, "  State        {} for {}", one.state, uptime(Duration::from_millis(one.state_ms)))?;
    if let Some(session) = &one.session {
        let name = if session.hostname.is_empty() {
            String::new()
        } else {
            format!(" ({})", printable(&session.hostname))
        };
        writeln!(out, "  Router ID    {}{name}", session.router_id)?;
        writeln!(out, "  Local        {}", session.local_address)?;
        writeln!(out, "  Families     {}", session.families.join(", "))?;
        writeln!(out, "  Hold time    {} s (ours {} s)", session.hold_time, one.configured_hold_time)?;
        let can = [("route refresh", session.route_refresh), ("4-octet AS", session.four_octet_as)];
        let can: Vec<&str> = can.into_iter().filter(|(_, has)| *has).map(|(name, _)| name).collect();
        writeln!(out, "  Negotiated   {}, messages up to {} octets", can.join(", "), session.max_message)?;
    } else {
        writeln!(out, "  Hold time    {} s proposed", one.configured_hold_time)?;
    }
    writeln!(out, "  Next hop     {}", next_hops(one))?;
    let pending = if one.session.is_some() && !one.current { ", more is being sent" } else { "" };
    writeln!(out, "  Advertised   {} prefixes{pending}", one.advertised)?;
    writeln!(out, "  Flaps        {}", one.flaps)?;
    if !one.last_end.is_empty() {
        let ago = uptime(Duration::from_millis(one.last_end_ms_ago));
        writeln!(out, "  Last end     {} ago: {}", ago, printable(&one.last_end))?;
    }
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

/// A router's own words reach the terminal without control characters.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn neighbor_json(one: &proto::Neighbor) -> Value {
    let counts = |counts: Option<proto::MessageCounts>| {
        let counts = counts.unwrap_or_default();
        json!({
            "open": counts.open, "update": counts.update, "notification": counts.notification,
            "keepalive": counts.keepalive, "routeRefresh": counts.route_refresh,
        })
    };
    json!({
        "address": one.address,
        "port": one.port,
        "localAs": one.local_as,
        "peerAs": one.peer_as,
        "state": one.state,
        "stateMs": one.state_ms,
        "advertised": one.advertised,
        "current": one.current,
        "nextHopIpv4": one.next_hop_ipv4,
        "nextHopIpv6": one.next_hop_ipv6,
        "configuredHoldTime": one.configured_hold_time,
        "sent": counts(one.sent),
        "received": counts(one.received),
        "flaps": one.flaps,
        "lastEnd": one.last_end,
        "lastEndMsAgo": one.last_end_ms_ago,
        "session": one.session.as_ref().map(|session| json!({
            "routerId": session.router_id,
            "hostname": session.hostname,
            "localAddress": session.local_address,
            "holdTime": session.hold_time,
            "families": session.families,
            "maxMessage": session.max_message,
            "routeRefresh": session.route_refresh,
            "fourOctetAs": session.four_octet_as,
        })),
    })
}

fn adj_out(
    routes: Vec<proto::AdvertisedRoute>,
    output: Output,
    out: &mut impl Write,
) -> Result<(), ShowError> {
    if output == Output::Json {
        let all = routes.iter().map(|route| json!({ "prefix": route.prefix, "nextHop": route.next_hop }));
        return print(out, &Value::Array(all.collect()));
    }
    let mut table = Table::new(["Prefix", "Next hop"]);
    for route in routes {
        table.row([route.prefix, route.next_hop]);
    }
    Ok(table.print(out)?)
}

/// `speaker rib [PREFIX]`.
///
/// # Errors
/// [`ShowError`], with its exit code.
pub async fn rib(args: &RibArgs, out: &mut impl Write) -> Result<(), ShowError> {
    let mut client = Client::connect(&socket(&args.show)).await?;
    let prefix = args.prefix.map(|prefix| prefix.to_string()).unwrap_or_default();
    let routes = client.rib(prefix).await?;
    if args.show.output == Output::Json {
        let all = routes.iter().map(|route| json!({ "prefix": route.prefix, "reasons": route.reasons }));
        return print(out, &Value::Array(all.collect()));
    }
    let mut table = Table::new(["Prefix", "Wanted by"]);
    for route in routes {
        table.row([route.prefix, route.reasons.join(", ")]);
    }
    Ok(table.print(out)?)
}

/// `speaker status`.
///
/// # Errors
/// [`ShowError`], with its exit code.
pub async fn status(args: &ShowArgs, out: &mut impl Write) -> Result<(), ShowError> {
    let status = Client::connect(&socket(args)).await?.status().await?;
    if args.output == Output::Json {
        let notices: std::collections::BTreeMap<_, _> = status.notices.into_iter().collect();
        return print(
            out,
            &json!({
                "node": status.node, "version": status.version, "localAs": status.local_as,
                "routerId": status.router_id, "synced": status.synced,
                "ipv4Prefixes": status.ipv4_prefixes, "ipv6Prefixes": status.ipv6_prefixes, "notices": notices,
            }),
        );
    }
    writeln!(out, "Node       {}", status.node)?;
    writeln!(out, "Version    {}", status.version)?;
    writeln!(out, "AS         {}, router ID {}", status.local_as, status.router_id)?;
    let synced =
        if status.synced { "yes" } else { "no: nothing is announced before every source has listed" };
    writeln!(out, "Synced     {synced}")?;
    writeln!(
        out,
        "Wanted     {} IPv4 prefixes, {} IPv6 prefixes",
        status.ipv4_prefixes, status.ipv6_prefixes
    )?;
    for (kind, count) in std::collections::BTreeMap::from_iter(status.notices) {
        writeln!(out, "Notices    {kind}: {count}")?;
    }
    Ok(())
}
