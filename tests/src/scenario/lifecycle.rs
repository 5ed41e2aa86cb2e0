//! What happens to a healthy cluster: start, change, move of a next hop, router restart, leave.

use super::lab::{Lab, Setup, addresses, run};
use super::table::{moved, whole, without_peers, without_web};
use crate::capture::{NOTIFICATION, OPEN, ROUTE_REFRESH, UPDATE, Verdict, now};
use crate::fault::{During, Fault, Result, ensure};
use crate::manifests::Web;
use crate::router::{Kind, Router};
use crate::speaker::Mode;
use crate::topology::{connections, move_source};
use crate::wait;
use std::time::Duration;

/// From a change of a manifest, an address or a session to the routers' tables.
const SOON: Duration = Duration::from_secs(2);

/// Code and subcode of Cease, Administrative Shutdown (RFC 4486 §4).
const ADMINISTRATIVE_SHUTDOWN: (u64, u64) = (6, 2);

/// A span of time on the capture's clock.
type Span = (Duration, Duration);

/// Steps a, b, r, g, f, c: tables and ECMP, a Pod's annotation, routes asked for again, a moved next hop, a router
/// that restarts, and a speaker that leaves on SIGTERM.
///
/// # Errors
/// The step that failed, with the state of everything.
pub fn lifecycle(kind: Kind) -> Result<()> {
    let setup = Setup { kind, mode: Mode::Dial, router_asn: 65001, hold: 9 };
    run(
        setup,
        |lab| {
            tables(lab).during("step a, tables")?;
            annotation(lab).during("step b, annotation removed")?;
            let asked = refresh(lab).during("step r, route refresh")?;
            let quiet = next_hop(lab).during("step g, next hop moved")?;
            restart(lab).during("step f, router restarted")?;
            let left = leave(lab).during("step c, SIGTERM")?;
            Ok((asked, quiet, left))
        },
        |(asked, quiet, left), verdicts| {
            asked
                .map_or(Ok(()), |span| answered(verdicts, span))
                .during("step r, route refresh, in the capture")?;
            no_open(verdicts, quiet).during("step g, next hop moved, in the capture")?;
            cease(verdicts, left).during("step c, SIGTERM, in the capture")
        },
    )
}

fn tables(lab: &Lab) -> Result<()> {
    lab.converge(&whole()?)?;
    for router in &lab.routers {
        for path in router.paths()? {
            ensure(path.as_path == [65000], || format!("{}: AS path {path:?}", router.name()))?;
        }
        if router.kind() == Kind::Frr {
            let both = format!("{} shares traffic over both paths", router.name());
            // bgpd tells zebra, and zebra the kernel, a moment after its own table has the paths.
            wait::until(&both, SOON, || shares(router))?;
        }
    }
    Ok(())
}

/// FRR selects every path, and zebra gives the kernel a route with two next hops.
fn shares(router: &Router) -> Result<()> {
    for path in router.paths()? {
        ensure(path.selected, || format!("not selected: {path:?}"))?;
    }
    for (family, prefix) in [("-4", "10.16.0.0/16"), ("-6", "fd00:10:16::/112")] {
        let text = router.netns().ip(&["-j", family, "route", "show", prefix])?;
        let kernel: serde_json::Value = serde_json::from_str(&text)?;
        let hops = kernel[0]["nexthops"].as_array().map_or(0, Vec::len);
        ensure(hops == 2, || format!("{prefix} has {hops} next hops in the kernel: {text}"))?;
    }
    Ok(())
}

fn annotation(lab: &Lab) -> Result<()> {
    lab.source.web(Web::Plain)?;
    lab.become_within(&without_web(whole()?)?, SOON)?;
    lab.source.web(Web::Announced)?;
    lab.become_within(&whole()?, SOON).during("and put back")?;
    Ok(())
}

/// Both routers ask; the tables stay as they are. Returns when that was, if these routers can ask.
fn refresh(lab: &Lab) -> Result<Option<Span>> {
    let start = now();
    for router in &lab.routers {
        if !router.ask_again()? {
            return Ok(None);
        }
    }
    wait::stays("the tables", Duration::from_secs(1), || lab.tables_are(&whole()?))?;
    Ok(Some((start, now())))
}

/// Every session had a ROUTE-REFRESH, and UPDATEs after it.
fn answered(verdicts: &[Verdict; 2], span: Span) -> Result<()> {
    for (segment, verdict) in (1..).zip(verdicts) {
        let asked = verdict.messages.iter().filter(|message| message.kind == ROUTE_REFRESH).count();
        ensure(asked >= 4, || format!("only {asked} ROUTE-REFRESHes for 4 sessions"))?;
        for address in [addresses(segment, 1), addresses(segment, 2)].concat() {
            let updates = verdict.select(address, UPDATE, span);
            ensure(!updates.is_empty(), || format!("{address} answered nothing"))?;
        }
    }
    Ok(())
}

/// There and back again, for the sessions live on the first address. Returns when that was.
fn next_hop(lab: &Lab) -> Result<Span> {
    let start = now();
    let before = connections(lab.routers[0].netns())?;
    move_source(&lab.topology.nodes[0], 1, 11, 21)?;
    lab.become_within(&moved()?, SOON)?;
    move_source(&lab.topology.nodes[0], 1, 21, 11)?;
    lab.become_within(&whole()?, SOON).during("and moved back")?;
    let after = connections(lab.routers[0].netns())?;
    ensure(before == after, || format!("other connections: {before:?}, then {after:?}"))?;
    Ok((start, now()))
}

pub(super) fn no_open(verdicts: &[Verdict; 2], span: Span) -> Result<()> {
    for (segment, verdict) in (1..).zip(verdicts) {
        for address in [addresses(segment, 1), addresses(segment, 2)].concat() {
            let opens = verdict.select(address, OPEN, span);
            ensure(opens.is_empty(), || format!("a session was opened anew: {opens:?}"))?;
        }
    }
    Ok(())
}

fn restart(lab: &mut Lab) -> Result<()> {
    let want = whole()?;
    let before = connections(lab.routers[1].netns())?;
    lab.routers[0].kill()?;
    wait::stays("the other router's table", Duration::from_secs(3), || lab.table_is(1, &want[1]))?;
    lab.routers[0].restart()?;
    lab.become_within(&want, Duration::from_secs(8)).during("announced again")?;
    let after = connections(lab.routers[1].netns())?;
    ensure(before == after, || format!("the other router's connections: {before:?}, then {after:?}"))
}

/// n2 leaves; the paths of n1 stay. Returns when that was.
fn leave(lab: &mut Lab) -> Result<Span> {
    let [first, second] = whole()?;
    let want = [without_peers(first, &addresses(1, 2)), without_peers(second, &addresses(2, 2))];
    let start = now();
    // It may take its time to exit; the routes must be gone nevertheless, counted from the signal.
    let ended = lab.speakers[1].terminate();
    let rest = SOON.saturating_sub(now().saturating_sub(start));
    lab.become_within(&want, rest)?;
    ended?;
    wait::stays("the tables after it", Duration::from_secs(1), || lab.tables_are(&want))?;
    Ok((start, now()))
}

fn cease(verdicts: &[Verdict; 2], span: Span) -> Result<()> {
    for (segment, verdict) in (1..).zip(verdicts) {
        for address in addresses(segment, 2) {
            let sent = verdict.select(address, NOTIFICATION, span);
            let [one] = sent[..] else {
                return Err(Fault::new(format!("not exactly one NOTIFICATION from {address}: {sent:?}")));
            };
            ensure(one.notification == Some(ADMINISTRATIVE_SHUTDOWN), || format!("{address} said {one:?}"))?;
        }
    }
    Ok(())
}
