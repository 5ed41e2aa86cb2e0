//! A DaemonSet of ours on a real Kubernetes with two nodes, in front of two routers.
//!
//! Each test starts a site once and takes it through many steps, since starting is what costs time. Times are loose;
//! what they are on a machine with nothing else to do is in `docs/lab.md`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::time::{Duration, Instant};
use tests::cluster::{CLUSTER, LOCAL, Site, Step, published};
use tests::fault::{Result, ensure};

/// What a restart may cost routes of one node, without graceful restart, on a busy machine.
const RESTART: Duration = Duration::from_secs(5);

/// Starts a site, takes it through the steps, and has all messages judged.
fn run(
    steps: impl FnOnce(&mut Site) -> Result<Vec<Step>>,
    after: impl FnOnce(&mut Site, &[Step]) -> Result<()>,
) {
    let begin = Instant::now();
    let mut site = Site::start().unwrap();
    println!("the site is up after {:.1} s", begin.elapsed().as_secs_f64());
    let outcome = steps(&mut site).and_then(|steps| after(&mut site, &steps));
    outcome.map_err(|fault| site.explain(&fault)).unwrap();
    println!("all of it took {:.1} s", begin.elapsed().as_secs_f64());
}

#[test]
fn the_published_manifest_with_our_image() {
    run(
        |site| {
            let mut steps = site.appear(&limited(&published(&[])?))?;
            site.tools()?;
            let restart = site.rollout_restart("Rollout restart, without graceful restart")?;
            restart.lost_at_most(LOCAL, RESTART)?;
            restart.nothing_lost(CLUSTER)?;
            steps.push(restart);
            let killed = site.out_of_memory("Out of memory, without graceful restart")?;
            killed.lost_at_most(LOCAL, RESTART)?;
            steps.push(killed);
            steps.push(site.lose_label("stopped by SIGTERM")?);
            steps.push(site.delete("stopped by SIGTERM")?);
            Ok(steps)
        },
        |site, steps| {
            let verdicts = site.judge(steps)?;
            let restart = &steps[2];
            let ended = restart.ended(&verdicts);
            // Two nodes with two sessions at each of two routers.
            ensure(ended == 8, || format!("{ended} of 8 sessions were ended with a NOTIFICATION"))
        },
    );
}

#[test]
fn the_published_manifest_with_graceful_restart() {
    run(
        |site| {
            let mut steps = site.appear(&limited(&published(&["--graceful-restart"])?))?;
            steps.push(site.rollout_restart("Rollout restart, with graceful restart")?);
            steps.push(site.out_of_memory("Out of memory, with graceful restart")?);
            for step in &steps[2..] {
                step.nothing_lost(LOCAL)?;
                step.nothing_lost(CLUSTER)?;
            }
            steps.push(site.lose_label("node has no label ovn.kubernetes.io/bgp=true")?);
            steps.push(site.drain("node is being drained (annotation bgp.kubeovn.io/drain)")?);
            steps.push(site.without_kubelet()?);
            steps.push(site.delete("was deleted")?);
            Ok(steps)
        },
        |site, steps| {
            let verdicts = site.judge(steps)?;
            for step in &steps[2..4] {
                let (withdrawn, ended) = (step.withdrawn(&verdicts), step.ended(&verdicts));
                ensure(withdrawn == 0 && ended == 0, || {
                    format!(
                        "{}: {withdrawn} prefixes withdrawn, {ended} sessions ended by a message",
                        step.name
                    )
                })?;
            }
            Ok(())
        },
    );
}

#[test]
fn links_and_nodes_that_fail() {
    run(
        |site| {
            let bfd = ["--enable-bfd", "--bfd-min-tx=100", "--bfd-min-rx=100", "--holdtime=6s"];
            let mut steps = site.appear(&published(&bfd)?)?;
            let limit = Duration::from_secs(5);
            steps.push(site.cut_link("The link of n1 to r1 is cut, with BFD", limit)?);
            site.cluster.apply("speaker", &published(&bfd[3..])?)?;
            site.rolled_out(2)?;
            let held = Duration::from_secs(15);
            steps.push(site.cut_link("The link of n1 to r1 is cut, with a hold time of 6 s", held)?);
            site.cluster.apply("speaker", &published(&bfd)?)?;
            site.rolled_out(2)?;
            steps.push(site.power_off("Node n1 loses its power, with BFD", limit)?);
            for step in &steps[2..] {
                step.lost_at_most(CLUSTER, held)?;
            }
            Ok(steps)
        },
        |site, steps| site.judge(steps).map(drop),
    );
}

/// A manifest with a memory limit for its container, as high as what it asks for.
fn limited(manifest: &str) -> String {
    let asks = "            memory: 300Mi\n";
    assert!(manifest.contains(asks), "the manifest asks for another amount of memory");
    manifest.replace(asks, &format!("{asks}          limits:\n            memory: 300Mi\n"))
}
