//! A speaker that starts while the API server cannot be reached, or does not finish its lists.

use super::lab::{BACK, SOON, Site, Way, start as start_lab, world};
use super::outage::follows;
use super::table::{ONLY_N2, WEB, WORLD, first_updates, tables, withdrawn_were};
use crate::capture::{Verdict, now};
use crate::fault::{During, Result, ensure};
use crate::kube::{Break, Seen, User};
use crate::router::Kind;
use crate::scenario::lab::{Lab, addresses, conclude};
use crate::wait;
use std::time::Duration;

/// How long a list is kept from being complete.
const SPAN: Duration = Duration::from_secs(3);

/// Until every list of n1 has been complete once it announces nothing, not even the end of its table.
///
/// # Errors
/// The step that failed, with the state of everything.
pub fn start(kind: Kind) -> Result<()> {
    conclude(
        start_lab(kind, User::Node, Way::Proxied)?,
        |lab| {
            lab.source.api.create("world", &world())?;
            let proxy = lab.proxy()?;
            proxy.limit_pages(1);
            proxy.refuse(true)?;
            lab.start_speakers()?;
            lab.become_within(&tables(ONLY_N2)?, BACK).during("n2 starts")?;
            nothing_of_n1(lab).during("API server unreachable")?;
            let complete = lists(lab)?;
            lab.converge(&tables(WORLD)?).during("lists complete")?;
            follows(lab, SOON)?;
            Ok(complete)
        },
        |complete, verdicts| {
            withdrawn_were(verdicts, [&WEB, &WEB])?;
            silent_until(complete, verdicts)
        },
    )
}

/// A page of every list fails for ever, until one list after the other is mended. Returns when the last was.
fn lists(lab: &Lab<Site>) -> Result<Duration> {
    let proxy = lab.proxy()?;
    proxy.break_list("services", 1, Break::Status(500), usize::MAX);
    proxy.break_list("subnets", 2, Break::EndEarly, usize::MAX);
    proxy.break_list("pods", 3, Break::Cut, usize::MAX);
    proxy.refuse(false)?;
    wait::until("every list is spoiled", BACK, || {
        let broken = ["services", "subnets", "pods"].map(|kind| proxy.count(kind, Seen::Broken));
        ensure(!broken.contains(&0), || format!("spoiled: {broken:?}"))
    })?;
    nothing_of_n1(lab).during("no list complete")?;
    for resource in ["services", "subnets"] {
        proxy.mend_list(resource);
        wait::until("a watch after the list", BACK, || {
            ensure(proxy.count(resource, Seen::Watch) > 0, || format!("{resource} are not watched"))
        })?;
        nothing_of_n1(lab).during(format_args!("{resource} complete"))?;
    }
    let complete = now();
    proxy.mend_list("pods");
    Ok(complete)
}

fn nothing_of_n1(lab: &Lab<Site>) -> Result<()> {
    wait::stays("nothing comes from n1", SPAN, || lab.tables_are(&tables(ONLY_N2)?))
}

/// Neither a route nor an End-of-RIB came from n1 before, and something after.
fn silent_until(complete: Duration, verdicts: &[Verdict; 2]) -> Result<()> {
    for (segment, verdict) in (1..).zip(verdicts) {
        for first in first_updates(verdict, &addresses(segment, 1)) {
            let right = first.is_some_and(|first| first > complete);
            ensure(right, || format!("n1's first UPDATE to r{segment}: {first:?}, complete {complete:?}"))?;
        }
    }
    Ok(())
}
