//! `gobgp neighbor`: the list, and one neighbour in detail.

use std::io::{self, Write};
use std::net::IpAddr;
use std::sync::LazyLock;

use super::text::{ago, clean};
use super::{Error, capability, family};
use crate::gobgp::api;
use crate::gobgp::api::peer_state::{AdminState, SessionState};

/// The list: IPv4 before IPv6, by address. `now` is in seconds since 1970, `only` what `-a` said.
pub(super) fn list(out: &mut dyn Write, peers: &[api::Peer], only: &str, now: i64) -> io::Result<()> {
    let mut peers: Vec<&api::Peer> = peers.iter().collect();
    peers.sort_by_key(|peer| order(&conf(peer).neighbor_address));
    let rows = peers.iter().map(|peer| {
        let (conf, state) = (conf(peer), state(peer));
        let name = if conf.neighbor_interface.is_empty() {
            &state.neighbor_address
        } else {
            &conf.neighbor_interface
        };
        // As GoBGP, the list counts nothing for a family that does not exist.
        let counts = counts(peer, only).unwrap_or_default();
        [
            clean(name).into_owned(),
            asn(state.peer_asn),
            since(peer, now),
            state_name(state),
            counts.received.to_string(),
            counts.accepted.to_string(),
        ]
    });
    let rows: Vec<[String; 6]> = rows.collect();
    let width = |column: usize, least: usize| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).max(least)
    };
    let (name, asn, time) = (width(0, 0), width(1, 2), width(2, 7));
    let header = ["Peer", "AS", "Up/Down", "State", "#Received", "Accepted"].map(str::to_owned);
    for [a, b, c, d, e, f] in std::iter::once(&header).chain(&rows) {
        writeln!(out, "{a:<name$} {b:>asn$} {c:>time$} {d:<11} |{e:>9} {f:>9}")?;
    }
    Ok(())
}

/// One neighbour.
///
/// # Errors
/// When it cannot be written; for a family that does not exist, after half of the text, as GoBGP has it.
pub(super) fn detail(out: &mut dyn Write, peer: &api::Peer, only: &str, now: i64) -> Result<(), Error> {
    head(out, peer, now)?;
    writeln!(out, "  Neighbor capabilities:")?;
    capability::section(out, state(peer))?;
    let counts = counts(peer, only)?;
    messages(out, peer)?;
    writeln!(out, "  Route statistics:")?;
    writeln!(out, "    Advertised:    {:>10}", counts.advertised)?;
    writeln!(out, "    Received:      {:>10}", counts.received)?;
    writeln!(out, "    Accepted:      {:>10}", counts.accepted)?;
    Ok(limits(out, peer)?)
}

fn head(out: &mut dyn Write, peer: &api::Peer, now: i64) -> io::Result<()> {
    let (conf, state) = (conf(peer), state(peer));
    let timers = peer.timers.unwrap_or_default();
    let role = if peer.route_reflector.as_ref().is_some_and(|role| role.route_reflector_client) {
        ", route-reflector-client"
    } else if peer.route_server.is_some_and(|role| role.route_server_client) {
        ", route-server-client"
    } else {
        ""
    };
    let address = clean(&state.neighbor_address);
    writeln!(out, "BGP neighbor is {address}, remote AS {}{role}", asn(state.peer_asn))?;
    let id = if state.router_id.is_empty() { "unknown".into() } else { clean(&state.router_id) };
    writeln!(out, "  BGP version 4, remote router ID {id}")?;
    write!(out, "  BGP state = {}", session_state(state))?;
    match timers.state.unwrap_or_default().uptime {
        Some(since) => writeln!(out, ", up for {}", ago(since.seconds, now))?,
        None => writeln!(out)?,
    }
    writeln!(out, "  BGP OutQ = {}, Flops = {}", state.queues.unwrap_or_default().output, state.flops)?;
    let local = peer.transport.as_ref().map(|transport| clean(&transport.local_address)).unwrap_or_default();
    writeln!(out, "  Local address is {local}, local ASN: {}", asn(state.local_asn))?;
    let (config, used) = (timers.config.unwrap_or_default(), timers.state.unwrap_or_default());
    let (hold, keepalive) = (used.negotiated_hold_time, used.keepalive_interval);
    writeln!(out, "  Hold time is {hold}, keepalive interval is {keepalive} seconds")?;
    let (hold, keepalive) = (config.hold_time, config.keepalive_interval);
    writeln!(out, "  Configured hold time is {hold}, keepalive interval is {keepalive} seconds")?;
    writeln!(out, "  {}", as_options(conf).join(", "))
}

fn as_options(conf: &api::PeerConf) -> Vec<String> {
    let mut said = Vec::new();
    if conf.allow_own_asn > 0 {
        said.push(format!("Allow Own AS: {}", conf.allow_own_asn));
    }
    match conf.remove_private() {
        api::RemovePrivate::All => said.push("Remove private AS: all".into()),
        api::RemovePrivate::Replace => said.push("Remove private AS: replace".into()),
        api::RemovePrivate::Unspecified => {}
    }
    if conf.replace_peer_asn {
        said.push("Replace peer AS: enabled".into());
    }
    said
}

fn messages(out: &mut dyn Write, peer: &api::Peer) -> io::Result<()> {
    let counts = state(peer).messages.unwrap_or_default();
    let (sent, received) = (counts.sent.unwrap_or_default(), counts.received.unwrap_or_default());
    writeln!(out, "  Message statistics:\n                         Sent       Rcvd")?;
    let rows = [
        ("Opens:", sent.open, received.open),
        ("Notifications:", sent.notification, received.notification),
        ("Updates:", sent.update, received.update),
        ("Keepalives:", sent.keepalive, received.keepalive),
        ("Route Refresh:", sent.refresh, received.refresh),
        ("Discarded:", sent.discarded, received.discarded),
        ("Total:", sent.total, received.total),
    ];
    for (title, sent, received) in rows {
        writeln!(out, "    {title:<14} {sent:>10} {received:>10}")?;
    }
    Ok(())
}

fn limits(out: &mut dyn Write, peer: &api::Peer) -> io::Result<()> {
    let limits = peer.afi_safis.iter().filter_map(|afi_safi| afi_safi.prefix_limits);
    for (index, limit) in limits.filter(|limit| limit.max_prefixes > 0).enumerate() {
        if index == 0 {
            writeln!(out, "  Prefix Limits:")?;
        }
        let name = family::name(&limit.family.unwrap_or_default());
        write!(out, "    {name}:\tMaximum prefixes allowed {}", limit.max_prefixes)?;
        match limit.shutdown_threshold_pct {
            0 => writeln!(out)?,
            percent => writeln!(out, ", Threshold for warning message {percent}%")?,
        }
    }
    Ok(())
}

/// Absent parts count as empty ones; GoBGP's command breaks on them.
fn conf(peer: &api::Peer) -> &api::PeerConf {
    static NONE: LazyLock<api::PeerConf> = LazyLock::new(Default::default);
    peer.conf.as_ref().unwrap_or(&NONE)
}

fn state(peer: &api::Peer) -> &api::PeerState {
    static NONE: LazyLock<api::PeerState> = LazyLock::new(Default::default);
    peer.state.as_ref().unwrap_or(&NONE)
}

fn asn(asn: u32) -> String {
    if asn == 0 { "*".into() } else { asn.to_string() }
}

/// Since when it is Established or, once it has been, no longer is.
fn since(peer: &api::Peer, now: i64) -> String {
    let state = peer.timers.and_then(|timers| timers.state).unwrap_or_default();
    let up = peer.state.as_ref().is_some_and(|state| state.session_state() == SessionState::Established);
    match state.uptime {
        None => "never".into(),
        Some(uptime) if up => ago(uptime.seconds, now),
        Some(_) => ago(state.downtime.unwrap_or_default().seconds, now),
    }
}

/// The word of the list.
fn state_name(state: &api::PeerState) -> String {
    let word = match (state.admin_state(), SessionState::try_from(state.session_state)) {
        (AdminState::Down, _) => "Idle(Admin)",
        (AdminState::PfxCt, _) => "Idle(PfxCt)",
        (_, Ok(SessionState::Unspecified)) => "Unknown",
        (_, Ok(SessionState::Idle)) => "Idle",
        (_, Ok(SessionState::Connect)) => "Connect",
        (_, Ok(SessionState::Active)) => "Active",
        (_, Ok(SessionState::Opensent)) => "Sent",
        (_, Ok(SessionState::Openconfirm)) => "Confirm",
        (_, Ok(SessionState::Established)) => "Establ",
        (_, Err(_)) => return state.session_state.to_string(),
    };
    word.into()
}

/// The name of the protobuf.
pub(super) fn session_state(state: &api::PeerState) -> String {
    let number = state.session_state;
    SessionState::try_from(number).map_or_else(|_| number.to_string(), |state| state.as_str_name().into())
}

/// The name of the protobuf.
pub(super) fn admin_state(state: &api::PeerState) -> String {
    let number = state.admin_state;
    AdminState::try_from(number).map_or_else(|_| number.to_string(), |state| state.as_str_name().into())
}

/// Counts of prefixes.
#[derive(Default)]
struct Counts {
    received: u64,
    accepted: u64,
    advertised: u64,
}

fn counts(peer: &api::Peer, only: &str) -> Result<Counts, Error> {
    let only = if only.is_empty() { None } else { Some(family::parse(only)?) };
    let mut sum = Counts::default();
    for state in peer.afi_safis.iter().filter_map(|afi_safi| afi_safi.state) {
        if only.is_none_or(|only| state.family.unwrap_or_default() == only) {
            sum.received = sum.received.saturating_add(state.received);
            sum.accepted = sum.accepted.saturating_add(state.accepted);
            sum.advertised = sum.advertised.saturating_add(state.advertised);
        }
    }
    Ok(sum)
}

/// IPv4, then IPv6, then text that is no address.
fn order(address: &str) -> (bool, Option<IpAddr>, String) {
    let parsed = address.parse().ok();
    (address.contains(':'), parsed, if parsed.is_some() { String::new() } else { address.into() })
}
