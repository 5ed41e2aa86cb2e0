//! Who dials whom, and iBGP.

use super::lab::{Lab, Setup, addresses, run};
use super::table::whole;
use crate::capture::Verdict;
use crate::fault::{During, Result, ensure};
use crate::router::Kind;
use crate::speaker::Mode;
use crate::topology::{connections, mend};
use crate::wait;
use std::collections::BTreeSet;
use std::time::Duration;

/// Cease, Connection Collision Resolution (RFC 4486 §4), from either side.
const RESOLVED: Option<(u64, u64)> = Some((6, 7));

/// How long one connection per neighbour must stay the same.
const STABLE: Duration = Duration::from_secs(5);

/// Both sides dial and listen: collisions end with one session per neighbour, which stays.
///
/// The lab starts with links that let no data through, so that both connections of every pair stand
/// before the first OPEN arrives.
///
/// # Errors
/// The step that failed, with the state of everything.
pub fn collision(kind: Kind) -> Result<()> {
    let setup = Setup { kind, mode: Mode::Both, router_asn: 65001, hold: 9 };
    run(
        setup,
        |lab| {
            collide(lab).during("step h, both connections of each pair")?;
            lab.converge(&whole()?).during("step h, both dial")?;
            one_connection_each(lab).during("step h, one session per neighbour")
        },
        |(), verdicts| {
            let ceased = |verdict: &Verdict| {
                verdict.messages.iter().filter(|message| message.notification == RESOLVED).count()
            };
            println!("collisions resolved by a Cease: {:?}", verdicts.each_ref().map(ceased));
            Ok(())
        },
    )
}

/// The speakers only listen.
///
/// # Errors
/// The step that failed, with the state of everything.
pub fn passive(kind: Kind) -> Result<()> {
    let setup = Setup { kind, mode: Mode::Passive, router_asn: 65001, hold: 9 };
    run(setup, |lab| lab.converge(&whole()?).during("step i, passive"), |(), _| Ok(()))
}

/// The routers are in the cluster's own AS: LOCAL_PREF 100 and an empty AS path (RFC 4271 §5.1.2, §5.1.5).
///
/// # Errors
/// The step that failed, with the state of everything.
pub fn ibgp(kind: Kind) -> Result<()> {
    let setup = Setup { kind, mode: Mode::Dial, router_asn: 65000, hold: 9 };
    run(
        setup,
        |lab| {
            lab.converge(&whole()?).during("step j, iBGP")?;
            for path in [lab.routers[0].paths()?, lab.routers[1].paths()?].concat() {
                let right = path.as_path.is_empty() && path.local_pref == Some(100);
                ensure(right, || format!("step j, iBGP: attributes of {path:?}"))?;
            }
            Ok(())
        },
        |(), _| Ok(()),
    )
}

/// Waits for both connections between each speaker and router, then lets the OPENs through.
fn collide(lab: &Lab) -> Result<()> {
    for (segment, router) in (1..).zip(&lab.routers) {
        // GoBGP stops dialing as soon as it has accepted a connection: it may or may not get this far.
        let wanted = if router.kind() == Kind::Gobgp { 1 } else { 2 };
        wait::until(&format!("connections of {}", router.name()), Duration::from_secs(10), || {
            let now = connections(router.netns())?;
            [addresses(segment, 1), addresses(segment, 2)].concat().into_iter().try_for_each(|peer| {
                let many = now.iter().filter(|connection| connection.peer == peer).count();
                ensure(many >= wanted, || format!("{many} with {peer}"))
            })
        })?;
    }
    lab.topology.nodes.iter().try_for_each(|node| (1..=2).try_for_each(|segment| mend(node, segment)))
}

fn one_connection_each(lab: &Lab) -> Result<()> {
    // A connection that lost a collision may take a moment to go.
    let settled = Duration::from_secs(3);
    let look =
        || -> Result<_> { Ok([connections(lab.routers[0].netns())?, connections(lab.routers[1].netns())?]) };
    let (first, _) = wait::until("one connection per neighbour", settled, || {
        let now = look()?;
        for (segment, connections) in (1..).zip(&now) {
            let want: BTreeSet<_> =
                [addresses(segment, 1), addresses(segment, 2)].concat().into_iter().collect();
            let peers: BTreeSet<_> = connections.iter().map(|connection| connection.peer).collect();
            ensure(peers == want && connections.len() == want.len(), || format!("{connections:?}"))?;
        }
        Ok(now)
    })?;
    wait::stays("the same connections", STABLE, || {
        let now = look()?;
        ensure(now == first, || format!("{first:?}, then {now:?}"))?;
        lab.tables_are(&whole()?)
    })
}
