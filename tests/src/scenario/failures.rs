//! What happens when something breaks without a word: a killed speaker, a cut link.

use super::lab::{Lab, Setup, addresses, run};
use super::table::{whole, without_peers};
use crate::fault::{During, Result, ensure};
use crate::router::Kind;
use crate::speaker::Mode;
use crate::topology::{cut, mend};
use crate::wait;
use std::time::Duration;

/// The shortest hold time BGP knows (RFC 4271 §4.2).
const HOLD: Duration = Duration::from_secs(3);

/// The kernel closes a dead process's sessions.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Back after a session was lost: redials, and the idle time GoBGP (5 s) and BIRD insist on.
const BACK: Duration = Duration::from_secs(20);

/// Steps d and e: a speaker killed by SIGKILL and started again, a link cut and mended.
///
/// # Errors
/// The step that failed, with the state of everything.
pub fn failures(kind: Kind) -> Result<()> {
    let setup = Setup { kind, mode: Mode::Dial, router_asn: 65001, hold: 3 };
    run(
        setup,
        |lab| {
            lab.converge(&whole()?).during("start")?;
            killed(lab).during("step d, SIGKILL")?;
            link_cut(lab).during("step e, link cut")
        },
        |(), _| Ok(()),
    )
}

fn killed(lab: &mut Lab) -> Result<()> {
    let [first, second] = whole()?;
    let want = [without_peers(first, &addresses(1, 2)), without_peers(second, &addresses(2, 2))];
    lab.speakers[1].kill()?;
    lab.become_within(&want, AT_ONCE)?;
    lab.start_speaker(2)?;
    lab.become_within(&whole()?, BACK).during("started again")?;
    Ok(())
}

fn link_cut(lab: &Lab) -> Result<()> {
    let [first, second] = whole()?;
    let want = without_peers(first.clone(), &addresses(1, 1));
    let node = &lab.topology.nodes[0];
    cut(node, 1)?;
    let (_, took) = wait::until("r1 drops n1's paths", HOLD + Duration::from_secs(4), || {
        lab.table_is(1, &second)?;
        lab.table_is(0, &want)
    })?;
    ensure(took >= HOLD / 2, || format!("gone after {took:?}: not by the hold timer"))?;
    wait::stays("r2's table", Duration::from_secs(1), || lab.table_is(1, &second))?;
    mend(node, 1)?;
    lab.become_within(&[first, second], BACK).during("mended")?;
    Ok(())
}
