//! Answers that are cut, refused, wrong or never come, to a speaker that is at work.

use super::lab::{BACK, SOON, Site, Way, start};
use super::outage::follows;
use super::table::{WEB, WEB_FROM_N1, WITHOUT_WEB, WORLD, tables, withdrawn_were};
use crate::fault::{During, Result, ensure};
use crate::kube::{Break, Cut, Proxy, Seen, User};
use crate::router::Kind;
use crate::scenario::lab::{Lab, conclude};
use crate::wait;
use std::time::Duration;

/// The kinds a speaker on a node lists.
const KINDS: [&str; 3] = ["pods", "subnets", "services"];

/// How often a spoiled page is spoiled again: more often than it is asked for again by itself.
const STUBBORN: usize = 5;

/// Watches cut in every way, told 410 in the stream, lists spoiled while they are made anew, silence.
///
/// # Errors
/// The step that failed, with the state of everything.
pub fn spoiled(kind: Kind) -> Result<()> {
    conclude(
        start(kind, User::Node, Way::Proxied)?,
        |lab| {
            lab.begin()?;
            for how in [Cut::End, Cut::Abort, Cut::MidLine] {
                cut(lab, how).during(format_args!("watches cut: {how:?}"))?;
            }
            // Each kind of the world then has more than one page.
            lab.proxy()?.limit_pages(1);
            for how in [Break::Status(500), Break::Status(410), Break::Cut, Break::EndEarly] {
                relisted(lab, how).during(format_args!("listed anew: {how:?}"))?;
            }
            silent(lab).during("silence")
        },
        |(), verdicts| withdrawn_were(verdicts, [&WEB, &WEB]),
    )
}

fn cut(lab: &Lab<Site>, how: Cut) -> Result<()> {
    let proxy = lab.proxy()?;
    let before = proxy.count("pods", Seen::CutWatch);
    proxy.cut_watches(how);
    // This event is the one that is cut in two, if one is.
    follows(lab, BACK)?;
    let cut = proxy.count("pods", Seen::CutWatch) - before;
    ensure(cut == 1, || format!("{cut} watches of Pods were cut"))
}

/// 410 makes n1 list everything anew, and the second page of each list fails until it gives up and begins again.
fn relisted(lab: &Lab<Site>, how: Break) -> Result<()> {
    let proxy = lab.proxy()?;
    let count = |seen| KINDS.map(|kind| proxy.count(kind, seen));
    let before = (count(Seen::Expired), count(Seen::Broken), count(Seen::Watch));
    for kind in KINDS {
        proxy.break_list(kind, 2, how, STUBBORN);
        proxy.expire_watches(kind, 1);
    }
    proxy.cut_watches(Cut::Abort);
    let world = tables(WORLD)?;
    wait::until("every list was spoiled, then watched from", Duration::from_secs(60), || {
        lab.tables_are(&world)?;
        let (expired, broken, watched) = (count(Seen::Expired), count(Seen::Broken), count(Seen::Watch));
        let all = (0..KINDS.len()).all(|kind| {
            expired[kind] == before.0[kind] + 1
                && broken[kind] == before.1[kind] + STUBBORN
                && watched[kind] > before.2[kind]
        });
        ensure(all, || format!("410 {expired:?}, spoiled {broken:?}, watches {watched:?}, before {before:?}"))
    })?;
    lab.tables_are(&world)?;
    follows(lab, BACK)
}

/// Connections that stand and carry nothing: n1 knows nothing better than what it knew.
fn silent(lab: &Lab<Site>) -> Result<()> {
    let hold = |held| lab.proxy().map(|proxy: &Proxy| proxy.hold(held));
    hold(true)?;
    lab.kubectl_then("annotate --overwrite pod web ovn.kubernetes.io/bgp=false", WEB_FROM_N1, SOON)?;
    wait::stays("the tables", Duration::from_secs(2), || lab.tables_are(&tables(WEB_FROM_N1)?))?;
    hold(false)?;
    lab.become_within(&tables(WITHOUT_WEB)?, BACK).map(drop)
}
