//! The API server and etcd die, come back, and forget.

use super::lab::{BACK, SOON, Site, Way, start};
use super::table::{WEB, WEB_FROM_N1, WITHOUT_WEB, WORLD, tables, withdrawn_were};
use crate::fault::{During, Result, ensure};
use crate::kube::{Seen, User};
use crate::router::Kind;
use crate::scenario::lab::{Lab, conclude};
use crate::wait;
use std::time::{Duration, Instant};

/// How long the API server is dead at first: pauses between tries are at their longest by then.
const LONG_OUTAGE: Duration = Duration::from_secs(65);

/// How long nobody answers later: several tries of a speaker.
const OUTAGE: Duration = Duration::from_secs(3);

/// The API server killed, then etcd as well, then objects deleted and forgotten while n1 does not hear of it.
///
/// # Errors
/// The step that failed, with the state of everything.
pub fn outages(kind: Kind) -> Result<()> {
    conclude(
        start(kind, User::Node, Way::Proxied)?,
        |lab| {
            lab.begin()?;
            apiserver_killed(lab).during("API server killed")?;
            both_killed(lab).during("etcd killed, too")?;
            forgotten(lab).during("deleted and forgotten meanwhile")
        },
        |(), verdicts| withdrawn_were(verdicts, [&WEB, &WEB]),
    )
}

fn apiserver_killed(lab: &mut Lab<Site>) -> Result<()> {
    let world = tables(WORLD)?;
    lab.source.api.kill_apiserver()?;
    wait::stays("the tables", LONG_OUTAGE, || lab.tables_are(&world))?;
    lab.source.api.start_apiserver()?;
    let back = Instant::now();
    lab.kubectl_then("annotate --overwrite pod web ovn.kubernetes.io/bgp=false", WITHOUT_WEB, BACK)?;
    println!("{:?} after it was back, what changed had followed", back.elapsed());
    lab.kubectl_then("annotate --overwrite pod web ovn.kubernetes.io/bgp=true", WORLD, BACK)
}

fn both_killed(lab: &mut Lab<Site>) -> Result<()> {
    let world = tables(WORLD)?;
    lab.source.api.kill_etcd()?;
    wait::stays("the tables without etcd", OUTAGE, || lab.tables_are(&world))?;
    lab.source.api.kill_apiserver()?;
    lab.source.api.start_etcd()?;
    lab.source.api.start_apiserver()?;
    follows(lab, BACK)
}

/// What `web` asks for is done again, and undone.
pub(super) fn follows(lab: &Lab<Site>, limit: Duration) -> Result<()> {
    lab.kubectl_then("annotate --overwrite pod web ovn.kubernetes.io/bgp=false", WITHOUT_WEB, limit)?;
    lab.kubectl_then("annotate --overwrite pod web ovn.kubernetes.io/bgp=true", WORLD, limit)
}

/// The versions n1 knows are compacted away while it cannot ask: a real 410, and what was deleted has to go.
fn forgotten(lab: &mut Lab<Site>) -> Result<()> {
    lab.proxy()?.refuse(true)?;
    lab.kubectl_then("delete pod web --force", WEB_FROM_N1, SOON)?;
    let without = tables(WEB_FROM_N1)?;
    lab.source.api.kill_apiserver()?;
    lab.source.api.compact()?;
    lab.source.api.start_apiserver()?;
    wait::stays("the tables", OUTAGE, || lab.tables_are(&without))?;
    let before = lab.proxy()?.count("pods", Seen::Gone);
    lab.proxy()?.refuse(false)?;
    lab.become_within(&tables(WITHOUT_WEB)?, BACK)?;
    let gone = lab.proxy()?.count("pods", Seen::Gone) - before;
    ensure(gone > 0, || "n1 was not told 410 Gone".to_owned())
}
