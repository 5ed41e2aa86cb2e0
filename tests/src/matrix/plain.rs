//! Cells that share one lab: both families, the router only waits, routes asked for again, the text of a shutdown.

use super::absent::can;
use super::bench::{Bench, S4, S6, Shape, Told, run, table, waiting};
use super::feature::Feature;
use crate::capture::{ROUTE_REFRESH, UPDATE, Verdict, now};
use crate::fault::{During, Result, ensure};
use crate::manifests::Web;
use crate::router::{Kind, Routes, Session};
use crate::topology::{BGP_PORT, connections};
use crate::wait;
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

/// From a change of an object to the router's table.
const SOON: Duration = Duration::from_secs(3);

/// How long nothing is said before routes are asked for again, and how long the answer may take.
const ASKING: Duration = Duration::from_secs(2);

/// What the speaker tells its neighbours when it is told to end.
const TEXT: &str = "speaker stopped by SIGTERM";

/// What the operator tells a router; the text is UTF-8 (RFC 9003 §2).
const BY_COMMAND: &str = "rack 7: power work until 18:00";

/// BoRR and EoRR (RFC 7313 §3.2).
const MARKERS: [u64; 2] = [1, 2];

const R4: &str = "10.0.1.1";
const R6: &str = "fd00:1::1";

/// See the module.
///
/// # Errors
/// The step that failed, with the state of everything.
pub(super) fn plain(kind: Kind) -> Result<()> {
    run(
        kind,
        Shape::Direct,
        |bench| {
            bench.route(waiting(&[S4, S6], Session::default())?)?;
            ensure(bench.router()?.routes()?.is_empty(), || "routes before there was a speaker".to_owned())?;
            bench.speak(&Told::new(&[R4, R6]))?;
            bench.becomes(&table(S4, S6)?).during("the table")?;
            sound(bench)?;
            changes(bench).during("a Pod's annotation")?;
            let asked = again(bench).during("route refresh")?;
            shutdown(bench).during("SIGTERM")?;
            Ok(asked)
        },
        |asked, verdict| asked.map_or(Ok(()), |start| answered(kind, verdict, start)),
    )
}

/// AS paths, and that the speaker dialed: the router's end of each connection is the BGP port.
fn sound(bench: &Bench) -> Result<()> {
    for path in bench.router()?.paths()? {
        ensure(path.as_path == [65000], || format!("AS path of {path:?}"))?;
    }
    for connection in connections(&bench.r)? {
        ensure(connection.ports.0 == BGP_PORT, || format!("the router dialed: {connection:?}"))?;
    }
    Ok(())
}

/// What is no longer wanted goes from the router's table, and comes back.
fn changes(bench: &Bench) -> Result<()> {
    let whole = table(S4, S6)?;
    let mut less = whole.clone();
    for prefix in ["10.18.0.7/32", "fd00:10:18::7/128"] {
        less.remove(&prefix.parse::<IpNet>()?);
    }
    bench.manifests.web(Web::Plain)?;
    bench.becomes_within(&less, SOON)?;
    bench.manifests.web(Web::Announced)?;
    bench.becomes_within(&whole, SOON)?;
    Ok(())
}

/// Nothing is said for a while, then the router asks. Returns when it did, if it can.
fn again(bench: &Bench) -> Result<Option<Duration>> {
    if !can(bench.kind, Feature::RouteRefresh) {
        return Ok(None);
    }
    std::thread::sleep(ASKING);
    let start = now();
    ensure(bench.router()?.ask_again()?, || "it cannot ask".to_owned())?;
    wait::stays("the table", ASKING, || bench.is(&table(S4, S6)?))?;
    Ok(Some(start))
}

/// The router asked on both sessions; each answer was that session's whole table, and before there was nothing.
fn answered(kind: Kind, verdict: &Verdict, start: Duration) -> Result<()> {
    let announced = |from: IpAddr, span| -> BTreeSet<IpNet> {
        let updates = verdict.select(from, UPDATE, span);
        updates.into_iter().flat_map(|update| update.announced.iter().copied()).collect()
    };
    for (ours, theirs, want) in [(S4, R4, table(S4, "")?), (S6, R6, table("", S6)?)] {
        let (ours, theirs): (IpAddr, IpAddr) = (ours.parse()?, theirs.parse()?);
        let before = (start.saturating_sub(ASKING - Duration::from_millis(500)), start);
        let early = announced(ours, before);
        ensure(early.is_empty(), || format!("{ours} announced {early:?} before it was asked"))?;
        let span = (start, start + ASKING);
        ensure(!verdict.select(theirs, ROUTE_REFRESH, span).is_empty(), || format!("{theirs} did not ask"))?;
        let (got, want) = (announced(ours, span), want.keys().copied().collect());
        ensure(got == want, || format!("{ours} answered {got:?}"))?;
        if can(kind, Feature::EnhancedRefresh) {
            let marks = verdict.select(ours, ROUTE_REFRESH, span);
            let marks: Vec<_> = marks.into_iter().filter_map(|mark| mark.refresh).collect();
            ensure(marks == MARKERS, || format!("{ours} marked its answer with {marks:?}"))?;
        }
    }
    Ok(())
}

/// One session is shut down by command and comes back by another, then the speaker ends: routes go with their
/// sessions, and the texts are in the router's own words, where they were not before.
fn shutdown(bench: &mut Bench) -> Result<()> {
    for text in [BY_COMMAND, TEXT] {
        ensure(bench.router()?.says(text).is_err(), || format!("{text:?} was there before"))?;
    }
    bench.speaker()?.command(&["neighbor", R4, "shutdown", BY_COMMAND])?;
    bench.becomes_within(&table("", S6)?, SOON).during("one session shut down")?;
    wait::until("the text of the command", SOON, || bench.router()?.says(BY_COMMAND))?;
    bench.holds(&table("", S6)?)?;
    bench.speaker()?.command(&["neighbor", R4, "enable"])?;
    bench.becomes(&table(S4, S6)?).during("and enabled")?;
    bench.speaker()?.terminate()?;
    bench.becomes_within(&Routes::new(), SOON)?;
    wait::until("the text of the end", SOON, || bench.router()?.says(TEXT)).map(drop)
}
