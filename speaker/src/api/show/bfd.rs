//! `speaker bfd`: sessions for people and for programs.

use std::io::Write;
use std::time::Duration;

use serde_json::{Value, json};

use super::{print, socket};
use crate::api::client::{Client, ShowError};
use crate::api::proto;
use crate::api::table::{Table, printable, uptime};
use crate::cli::{BfdArgs, Output};

/// `speaker bfd [ADDR]`.
///
/// # Errors
/// [`ShowError`], with its exit code.
pub async fn bfd(args: &BfdArgs, out: &mut impl Write) -> Result<(), ShowError> {
    let name = args.address.clone().unwrap_or_default();
    let all = Client::connect(&socket(&args.show)).await?.bfd(name).await?;
    if args.show.output == Output::Json {
        let sessions: Vec<Value> = all.sessions.iter().map(session_json).collect();
        let counters = all.counters.as_ref().map(counters_json);
        return print(out, &json!({ "sessions": sessions, "counters": counters }));
    }
    if args.address.is_some() {
        return all.sessions.iter().try_for_each(|one| {
            writeln!(out, "Neighbor {}", one.neighbor)?;
            detail(one, out)
        });
    }
    table(&all.sessions, out)?;
    if let Some(counters) = all.counters.filter(|one| one.stalls > 0) {
        writeln!(out, "This process was late {} times, {} in all", counters.stalls, spent(counters.lost_ms))?;
    }
    Ok(())
}

fn table(all: &[proto::BfdSession], out: &mut impl Write) -> Result<(), ShowError> {
    let header =
        ["Neighbor", "State", "For", "Its state", "Interval", "Detection", "Failures", "Local", "Trouble"];
    let mut table = Table::new(header);
    for one in all {
        table.row([
            one.neighbor.clone(),
            state(one).to_owned(),
            one.state_ms.map_or_else(|| "-".to_owned(), spent),
            or_dash(&one.remote_state),
            micros(one.transmit_interval),
            micros(one.detection_time),
            one.failures.to_string(),
            or_dash(&one.local_address),
            printable(&one.trouble),
        ]);
    }
    Ok(table.print(out)?)
}

/// `Up`, or `none` where there is no session.
pub(super) fn state(one: &proto::BfdSession) -> &str {
    if one.state.is_empty() { "none" } else { &one.state }
}

fn or_dash(text: &str) -> String {
    if text.is_empty() { "-".to_owned() } else { text.to_owned() }
}

fn spent(ms: u64) -> String {
    uptime(Duration::from_millis(ms))
}

/// `50ms`, `1.5s`; nothing in force is a dash.
fn micros(interval: u64) -> String {
    match interval {
        0 => "-".to_owned(),
        some => format!("{:?}", Duration::from_micros(some)),
    }
}

/// The lines of one session, as they stand in one neighbour's details, too.
pub(super) fn detail(one: &proto::BfdSession, out: &mut impl Write) -> Result<(), ShowError> {
    if one.state.is_empty() {
        return Ok(writeln!(out, "  BFD          none: {}", printable(&one.trouble))?);
    }
    let since = one.state_ms.map(|ms| format!(" for {}", spent(ms))).unwrap_or_default();
    let strict = if one.strict { ", strict" } else { "" };
    let kind = if one.multihop { "multihop" } else { "single hop" };
    writeln!(out, "  BFD          {}{since}, {}{strict}", one.state, one.diagnostic)?;
    let remote = match one.remote_state.as_str() {
        "" => "never heard".to_owned(),
        state => format!(
            "{state}, {}, {} ago",
            one.remote_diagnostic,
            spent(one.last_heard_ms_ago.unwrap_or_default())
        ),
    };
    writeln!(out, "    Its end    {remote}")?;
    writeln!(out, "    Path       {} to {}, {kind}", or_dash(&one.local_address), one.remote_address)?;
    writeln!(
        out,
        "    Timers     sent every {}, down after {} of silence",
        micros(one.transmit_interval),
        micros(one.detection_time)
    )?;
    let ours = (micros(one.min_tx.into()), micros(one.min_rx.into()), one.multiplier);
    writeln!(out, "    Ours       min-tx {}, min-rx {}, × {}", ours.0, ours.1, ours.2)?;
    if one.remote_multiplier > 0 {
        let its = (micros(one.remote_min_tx.into()), micros(one.remote_min_rx.into()), one.remote_multiplier);
        writeln!(out, "    Its        min-tx {}, min-rx {}, × {}", its.0, its.1, its.2)?;
    }
    writeln!(
        out,
        "    Packets    {} sent, {} received; failed {} times",
        one.transmitted, one.received, one.failures
    )?;
    if !one.auth.is_empty() {
        writeln!(out, "    Signed     {}", one.auth)?;
    }
    Ok(())
}

pub(super) fn session_json(one: &proto::BfdSession) -> Value {
    let history: Vec<Value> = one
        .history
        .iter()
        .map(|change| json!({ "state": change.state, "msAgo": change.ms_ago, "forced": change.forced }))
        .collect();
    json!({
        "neighbor": one.neighbor,
        "state": state(one),
        "trouble": one.trouble,
        "stateMs": one.state_ms,
        "diagnostic": one.diagnostic,
        "remoteState": one.remote_state,
        "remoteDiagnostic": one.remote_diagnostic,
        "localAddress": one.local_address,
        "remoteAddress": one.remote_address,
        "interface": one.interface,
        "multihop": one.multihop,
        "minTtl": one.min_ttl,
        "discriminator": one.discriminator,
        "remoteDiscriminator": one.remote_discriminator,
        "minTx": one.min_tx,
        "minRx": one.min_rx,
        "multiplier": one.multiplier,
        "remoteMinTx": one.remote_min_tx,
        "remoteMinRx": one.remote_min_rx,
        "remoteMultiplier": one.remote_multiplier,
        "transmitInterval": one.transmit_interval,
        "detectionTime": one.detection_time,
        "auth": one.auth,
        "strict": one.strict,
        "bgp": one.bgp,
        "failures": one.failures,
        "transmitted": one.transmitted,
        "received": one.received,
        "lastHeardMsAgo": one.last_heard_ms_ago,
        "remoteIndependent": one.remote_independent,
        "history": history,
    })
}

fn counters_json(all: &proto::BfdCounters) -> Value {
    json!({
        "received": all.received,
        "invalid": all.invalid,
        "ttl": all.ttl,
        "auth": all.auth,
        "unknown": all.unknown,
        "dropped": all.dropped,
        "receiveErrors": all.receive_errors,
        "sendErrors": all.send_errors,
        "stalls": all.stalls,
        "lostMs": all.lost_ms,
    })
}
