//! A start without the API server, from what was wanted last.

use super::lab::{BACK, SOON, Site, Way, start, world};
use super::outage::follows;
use super::table::{ONLY_N2, WEB, WEB_FROM_N1, WITHOUT_WEB, WORLD, tables};
use crate::capture::Verdict;
use crate::fault::{During, Result, ensure};
use crate::kube::User;
use crate::router::Kind;
use crate::scenario::lab::{Lab, addresses, conclude};
use crate::wait;
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;
use std::time::Duration;

const KEPT: &[&str] = &["--intent-max-age=10m"];

/// From a start until what was wanted last is in the tables: the lists get three seconds, sessions some more.
const START: Duration = Duration::from_secs(30);

/// Longer than the lists get.
const SPAN: Duration = Duration::from_secs(6);

/// What n1 alone announces of the world.
const ONLY_N1: &str = "
    10.16.0.0/16        n1
    10.17.0.5/32        n1
    10.18.0.7/32        n1
    10.96.0.10/32       n1
    fd00:10:16::/112    n1
    fd00:10:17::5/128   n1
    fd00:10:18::7/128   n1
    fd00:10:96::a/128   n1
";

/// n1 keeps what it wants and n2 does not.
///
/// # Errors
/// The step that failed, with the state of everything.
pub fn intent(kind: Kind) -> Result<()> {
    conclude(
        start(kind, User::Node, Way::Proxied)?,
        |lab| {
            lab.source.api.create("world", &world())?;
            lab.start_speakers_with([KEPT, &[]])?;
            lab.converge(&tables(WORLD)?).during("start")?;
            kept(lab)?;
            unreachable(lab).during("n1 cannot reach the API server")?;
            unfit(lab).during("a file that will not do")?;
            killed(lab).during("API server killed")
        },
        |(), verdicts| withdrawn(verdicts),
    )
}

/// Killed and started while it cannot reach the API server: what it wanted, less what goes meanwhile once it can.
fn unreachable(lab: &mut Lab<Site>) -> Result<()> {
    lab.proxy()?.refuse(true)?;
    lab.start_deployed(1, KEPT)?;
    lab.become_within(&tables(ONLY_N2)?, SOON).during("n1 is gone")?;
    lab.become_within(&tables(WORLD)?, START).during("from the last intent")?;
    let rib = lab.speakers[0].command(&["rib"])?;
    ensure(rib.contains("from the last intent"), || rib.clone())?;
    ensure(lab.speakers[0].synced().is_err(), || "it says it knows everything".to_owned())?;
    lab.kubectl_then("delete pod web --force", WEB_FROM_N1, SOON)?;
    lab.proxy()?.refuse(false)?;
    lab.become_within(&tables(WITHOUT_WEB)?, BACK).during("listed")?;
    lab.speakers[0].synced()?;
    let rib = lab.speakers[0].command(&["rib"])?;
    ensure(!rib.contains("from the last intent"), || rib.clone())?;
    let web = world().into_iter().filter(|object| object.contains("name: web\n")).collect::<Vec<_>>();
    lab.source.api.create("web", &web)?;
    lab.become_within(&tables(WORLD)?, SOON).map(drop)
}

/// Too old, set in the future, and spoiled: nothing is announced, and the reason is told once.
fn unfit(lab: &mut Lab<Site>) -> Result<()> {
    kept(lab)?;
    lab.proxy()?.refuse(true)?;
    let spoil: [(&str, &[u8], u64); 3] = [
        ("was known to be right", b"00000000001700000000", 17),
        ("the clock was set back", b"00000000009700000000", 17),
        ("the file makes no sense", b"n0", 43),
    ];
    for (said, octets, at) in spoil {
        lab.speakers[0].kill()?;
        std::fs::OpenOptions::new().write(true).open(file(lab))?.write_all_at(octets, at)?;
        lab.start_deployed(1, KEPT)?;
        lab.become_within(&tables(ONLY_N2)?, SOON).during(said)?;
        wait::stays("nothing comes from n1", SPAN, || lab.tables_are(&tables(ONLY_N2)?)).during(said)?;
        let log = std::fs::read_to_string(lab.directory(1).join("speaker.log"))?;
        let told = log.lines().filter(|line| line.contains("wanted last is not announced")).count();
        ensure(told == 1 && log.contains(said), || format!("{said}: told {told} times in {log}"))?;
    }
    lab.proxy()?.refuse(false)?;
    lab.become_within(&tables(WORLD)?, START).during("listed").map(drop)
}

/// The same with an API server that is dead for all; n2, which keeps nothing, has nothing to announce.
fn killed(lab: &mut Lab<Site>) -> Result<()> {
    kept(lab)?;
    lab.source.api.kill_apiserver()?;
    lab.start_deployed(2, &[])?;
    lab.start_deployed(1, KEPT)?;
    lab.become_within(&tables(ONLY_N1)?, START).during("from the last intent")?;
    wait::stays("n2 has nothing", SPAN, || lab.tables_are(&tables(ONLY_N1)?))?;
    lab.source.api.start_apiserver()?;
    lab.become_within(&tables(WORLD)?, BACK).during("API server back")?;
    follows(lab, BACK)
}

fn file(lab: &Lab<Site>) -> PathBuf {
    lab.directory(1).join("speaker-n1.intent")
}

/// Waits until what n1 wants now is in its file, which is its owner's alone.
fn kept(lab: &Lab<Site>) -> Result<()> {
    let (meta, _) = wait::until("a file", SOON * 3, || {
        let meta = std::fs::metadata(file(lab))?;
        let age = meta.modified()?.elapsed().unwrap_or_default();
        ensure(age < SOON * 3, || format!("written {age:?} ago"))?;
        Ok(meta)
    })?;
    ensure(meta.mode() & 0o777 == 0o600, || format!("mode {:o}", meta.mode()))
}

/// What goes is `web` alone, though the speaker was killed and started four times: a process that is killed says
/// nothing, and what it announces at its start is what it goes on with.
fn withdrawn(verdicts: &[Verdict; 2]) -> Result<()> {
    let want = WEB.iter().map(|prefix| Ok(prefix.parse()?)).collect::<Result<BTreeSet<IpNet>>>()?;
    for (segment, verdict) in (1..).zip(verdicts) {
        let peers = addresses(segment, 1);
        let sent = verdict.messages.iter().filter(|message| peers.contains(&message.from));
        let got: BTreeSet<IpNet> = sent.flat_map(|message| message.withdrawn.iter().copied()).collect();
        ensure(got == want, || format!("n1 withdrew {got:?} from r{segment}, not {want:?}"))?;
    }
    Ok(())
}
