//! A DaemonSet of ours on a real Kubernetes with two nodes, in front of two routers.
//!
//! Each test starts a site once and takes it through many steps, since starting is what costs time. Times are loose;
//! what was measured is in `docs/lab.md`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::time::{Duration, Instant};
use tests::capture::Verdict;
use tests::cluster::{CLUSTER, LOCAL, Site, Step, overlay, published};
use tests::fault::{Result, ensure};

/// What a restart may cost routes of one node, without graceful restart, on a busy machine.
const RESTART: Duration = Duration::from_secs(5);

/// The reasons a speaker that leaves gives the routers.
const UNLABELLED: &str = "node has no label ovn.kubernetes.io/bgp=true";
const DRAINED: &str = "node is being drained (annotation bgp.kubeovn.io/drain)";
const DELETED: &str = "was deleted";
const STOPPED: &str = "stopped by SIGTERM";

/// Starts a site, takes it through the steps, has all messages judged, then looks at those of each step.
fn run(
    steps: impl FnOnce(&mut Site) -> Result<Vec<Step>>,
    after: impl FnOnce(&[Step], &[Verdict; 2]) -> Result<()>,
) {
    let begin = Instant::now();
    let mut site = Site::start().unwrap();
    println!("the site is up after {:.1} s", begin.elapsed().as_secs_f64());
    let judged = |site: &mut Site, steps: Vec<Step>| after(&steps, &site.judge(&steps)?);
    let outcome = steps(&mut site).and_then(|steps| judged(&mut site, steps));
    outcome.map_err(|fault| site.explain(&fault)).unwrap();
    println!("all of it took {:.1} s", begin.elapsed().as_secs_f64());
}

/// Fails unless the speakers ended so many sessions with a NOTIFICATION in this step; they have four each.
fn ended(step: &Step, verdicts: &[Verdict; 2], want: usize) -> Result<()> {
    let ended = step.ended(verdicts);
    ensure(ended == want, || format!("{}: {ended} sessions were ended by a message, not {want}", step.name))
}

/// Fails unless the speakers took nothing back in this step: no withdrawal, no NOTIFICATION.
fn silent(step: &Step, verdicts: &[Verdict; 2]) -> Result<()> {
    let withdrawn = step.withdrawn(verdicts);
    ensure(withdrawn == 0, || format!("{}: {withdrawn} prefixes were withdrawn", step.name))?;
    ended(step, verdicts, 0)
}

/// What a DaemonSet without graceful restart lives through.
fn without_graceful_restart(site: &mut Site) -> Result<Vec<Step>> {
    let mut steps = site.appear()?;
    site.tools()?;
    let restart = site.rollout_restart("Rollout restart, without graceful restart")?;
    restart.lost_at_most(LOCAL, RESTART)?;
    restart.nothing_lost(CLUSTER)?;
    steps.push(restart);
    let killed = site.out_of_memory("Out of memory, without graceful restart")?;
    killed.lost_at_most(LOCAL, RESTART)?;
    steps.push(killed);
    steps.push(site.lose_label(STOPPED)?);
    steps.push(site.delete(STOPPED)?);
    Ok(steps)
}

fn told_without(steps: &[Step], verdicts: &[Verdict; 2]) -> Result<()> {
    let [_, _, restart, killed, unlabelled, deleted] = steps else { panic!("other steps than expected") };
    ended(restart, verdicts, 8)?;
    ended(killed, verdicts, 0)?;
    ended(unlabelled, verdicts, 4)?;
    ended(deleted, verdicts, 8)
}

/// What one with it lives through.
fn with_graceful_restart(site: &mut Site) -> Result<Vec<Step>> {
    let mut steps = site.appear()?;
    steps.push(site.rollout_restart("Rollout restart, with graceful restart")?);
    steps.push(site.out_of_memory("Out of memory, with graceful restart")?);
    for step in &steps[2..] {
        step.nothing_lost(LOCAL)?;
        step.nothing_lost(CLUSTER)?;
    }
    steps.push(site.lose_label(UNLABELLED)?);
    steps.push(site.drain(DRAINED)?);
    steps.push(site.without_kubelet()?);
    steps.push(site.delete(DELETED)?);
    Ok(steps)
}

fn told_with(steps: &[Step], verdicts: &[Verdict; 2]) -> Result<()> {
    let [_, _, restart, killed, unlabelled, drained, lost, deleted] = steps else {
        panic!("other steps than expected")
    };
    [restart, killed, lost].iter().try_for_each(|step| silent(step, verdicts))?;
    ended(unlabelled, verdicts, 4)?;
    ended(drained, verdicts, 4)?;
    ended(deleted, verdicts, 8)
}

#[test]
fn the_published_manifest_with_our_image() {
    let steps = |site: &mut Site| {
        site.cluster.apply("speaker", &published(&[])?)?;
        without_graceful_restart(site)
    };
    run(steps, told_without);
}

#[test]
fn the_published_manifest_with_graceful_restart() {
    let steps = |site: &mut Site| {
        site.cluster.apply("speaker", &published(&["--graceful-restart"])?)?;
        with_graceful_restart(site)
    };
    run(steps, told_with);
}

#[test]
fn our_manifest() {
    let steps = |site: &mut Site| {
        let dir = overlay(&site.topology.dir().join("overlay"), &[], &[])?;
        site.cluster.apply_overlay(&dir)?;
        without_graceful_restart(site)
    };
    run(steps, told_without);
}

#[test]
fn our_manifest_with_graceful_restart() {
    let steps = |site: &mut Site| {
        let dir = overlay(&site.topology.dir().join("overlay"), &["graceful-restart"], &[])?;
        site.cluster.apply_overlay(&dir)?;
        with_graceful_restart(site)
    };
    run(steps, told_with);
}

#[test]
fn links_and_nodes_that_fail() {
    let steps = |site: &mut Site| {
        let bfd = ["--enable-bfd", "--bfd-min-tx=100", "--bfd-min-rx=100", "--holdtime=6s"];
        site.cluster.apply("speaker", &published(&bfd)?)?;
        let mut steps = site.appear()?;
        let limit = Duration::from_secs(5);
        steps.push(site.cut_link("The link of n1 to r1 is cut, with BFD", limit)?);
        site.cluster.apply("speaker", &published(&bfd[3..])?)?;
        site.rolled_out(2)?;
        let held = Duration::from_secs(15);
        steps.push(site.cut_link("The link of n1 to r1 is cut, with a hold time of 6 s", held)?);
        site.cluster.apply("speaker", &published(&bfd)?)?;
        site.rolled_out(2)?;
        site.settle(tests::cluster::BOTH, held)?;
        steps.push(site.power_off("Node n1 loses its power, with BFD", limit)?);
        steps[2..].iter().try_for_each(|step| step.lost_at_most(CLUSTER, held))?;
        Ok(steps)
    };
    run(steps, |_, _| Ok(()));
}
