//! `speaker neighbor`: which of its forms was asked for, and the JSON of all of them.

use std::io::Write;

use serde_json::{Value, json};

use super::{detail, print, socket};
use crate::api::client::{Client, ShowError};
use crate::api::proto;
use crate::api::proto::administer_neighbor_request::Action;
use crate::api::table::{Table, uptime};
use crate::cli::{NeighborArgs, NeighborVerb, Output};

/// `speaker neighbor [ADDR [adj-out|adj-in|reset|softreset|shutdown|enable [TEXT]]]`.
///
/// # Errors
/// [`ShowError`], with its exit code.
pub async fn neighbor(args: &NeighborArgs, out: &mut impl Write) -> Result<(), ShowError> {
    let action = match args.what {
        None => return show(args, out).await,
        Some(NeighborVerb::AdjOut | NeighborVerb::AdjIn) if args.text.is_some() => {
            return Err(ShowError::Usage("a text goes with reset and shutdown only"));
        }
        Some(NeighborVerb::AdjOut) => return adj_out(args, out).await,
        Some(NeighborVerb::AdjIn) => return adj_in(args, out).await,
        Some(NeighborVerb::Reset) => Action::Reset,
        Some(NeighborVerb::Softreset) => Action::SoftReset,
        Some(NeighborVerb::Shutdown) => Action::Shutdown,
        Some(NeighborVerb::Enable) => Action::Enable,
    };
    let text = args.text.clone().unwrap_or_default();
    crate::api::communication(&text).map_err(|rule| ShowError::Refused(format!("the text {rule}")))?;
    let request = proto::AdministerNeighborRequest { address: name(args), action: action.into(), text };
    let done = Client::connect(&socket(&args.show)).await?.administer(request).await?;
    match args.show.output {
        Output::Json => print(out, &json!(done)),
        Output::Table => Ok(done.iter().try_for_each(|addr| writeln!(out, "{addr}: done"))?),
    }
}

fn name(args: &NeighborArgs) -> String {
    args.address.clone().unwrap_or_default()
}

async fn show(args: &NeighborArgs, out: &mut impl Write) -> Result<(), ShowError> {
    let all = Client::connect(&socket(&args.show)).await?.neighbors(name(args)).await?;
    match args.show.output {
        Output::Json => print(out, &Value::Array(all.iter().map(neighbor_json).collect())),
        Output::Table if args.address.is_none() => detail::table(&all, out),
        Output::Table => all.iter().try_for_each(|one| detail::detail(one, out)),
    }
}

async fn adj_out(args: &NeighborArgs, out: &mut impl Write) -> Result<(), ShowError> {
    let routes = Client::connect(&socket(&args.show)).await?.adj_out(name(args)).await?;
    if args.show.output == Output::Json {
        let all = routes.iter().map(|route| json!({ "prefix": route.prefix, "nextHop": route.next_hop }));
        return print(out, &Value::Array(all.collect()));
    }
    let mut table = Table::new(["Prefix", "Next hop"]);
    for route in routes {
        table.row([route.prefix, route.next_hop]);
    }
    Ok(table.print(out)?)
}

async fn adj_in(args: &NeighborArgs, out: &mut impl Write) -> Result<(), ShowError> {
    let routes = Client::connect(&socket(&args.show)).await?.adj_in(name(args)).await?;
    if args.show.output == Output::Json {
        let all = routes.iter().map(|route| {
            json!({
                "prefix": route.prefix, "nextHop": route.next_hop, "asPath": route.as_path,
                "ageMs": route.age_ms, "accepted": route.accepted, "stale": route.stale,
            })
        });
        return print(out, &Value::Array(all.collect()));
    }
    let mut table = Table::new(["Prefix", "Next hop", "Age", "", "AS path"]);
    for route in routes {
        let mark = match (route.accepted, route.stale) {
            (_, true) => "stale",
            (false, false) => "our AS",
            (true, false) => "",
        };
        let age = uptime(std::time::Duration::from_millis(route.age_ms));
        table.row([route.prefix, route.next_hop, age, mark.to_owned(), route.as_path]);
    }
    Ok(table.print(out)?)
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
        "description": one.description,
        "enabled": one.enabled,
        "password": if one.password { Some("set") } else { None },
        "ttl": one.ttl,
        "ttlSecurity": one.ttl_security,
        "maxPrefixes": one.max_prefixes,
        "role": one.role,
        "roleStrict": one.role_strict,
        "restart": one.restart.as_ref().map(|restart| {
            json!({ "time": restart.time, "longLived": restart.long_lived })
        }),
        "communication": one.communication,
        "communicationMsAgo": one.communication_ms_ago,
        "receivedPrefixes": one.received_prefixes,
        "stalePrefixes": one.stale_prefixes,
        "waits": one.waits,
        "bfd": one.bfd.as_ref().map(super::bfd::session_json),
        "session": one.session.as_ref().map(session_json),
    })
}

fn session_json(session: &proto::Session) -> Value {
    json!({
        "routerId": session.router_id,
        "hostname": session.hostname,
        "localAddress": session.local_address,
        "remoteAddress": session.remote_address,
        "holdTime": session.hold_time,
        "families": session.families,
        "maxMessage": session.max_message,
        "routeRefresh": session.route_refresh,
        "fourOctetAs": session.four_octet_as,
        "enhancedRefresh": session.enhanced_refresh,
        "extendedNextHop": session.extended_next_hop,
        "peerRole": session.peer_role,
        "restart": session.restart.as_ref().map(|restart| json!({
            "time": restart.time,
            "restarted": restart.restarted,
            "notification": restart.notification,
            "families": restart.families,
            "forwarding": restart.forwarding,
        })),
    })
}
