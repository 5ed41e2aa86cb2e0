//! A DaemonSet of ours on a real Kubernetes with two nodes, in front of two routers.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::time::Instant;
use tests::cluster::{BOTH, ONLY_N1, SOON, Site, published};

#[test]
fn the_published_manifest_with_our_image() {
    let begin = Instant::now();
    let site = Site::start().unwrap();
    println!("up in {:?}", begin.elapsed());
    let steps = || {
        site.cluster.apply("speaker", &published(&[])?)?;
        site.label("n1", true)?;
        println!("n1: {:?}", site.hold_within(ONLY_N1, SOON)?);
        site.label("n2", true)?;
        println!("n2: {:?}", site.hold_within(BOTH, SOON)?);
        println!("{}", site.exec("n1", &["gobgp", "neighbor"])?);
        let probing = site.client.probe()?;
        std::thread::sleep(std::time::Duration::from_secs(2));
        println!("{:?}", probing.finish()?);
        if std::env::var_os("LAB_HOLD").is_some() {
            std::fs::write("/tmp/lab-hold", format!("{:?}", site.topology))?;
            while std::path::Path::new("/tmp/lab-hold").exists() {
                std::thread::sleep(std::time::Duration::from_secs(1));
            }
        }
        Ok(())
    };
    steps().map_err(|fault| site.explain(&fault)).unwrap();
}
