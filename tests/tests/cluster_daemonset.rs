//! A DaemonSet of ours on a real Kubernetes with two nodes, in front of two routers.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use tests::cluster::Cluster;
use tests::topology::Topology;

#[test]
fn start() {
    let begin = std::time::Instant::now();
    let topology = Topology::new().unwrap();
    let cluster = Cluster::start(&topology).unwrap();
    println!("up in {:?}", begin.elapsed());
    println!("{}", cluster.kubectl(&["get", "nodes", "-o", "wide"]).unwrap());
    if std::env::var_os("LAB_HOLD").is_some() {
        std::fs::write("/tmp/lab-hold", format!("{:?}", topology)).unwrap();
        while std::path::Path::new("/tmp/lab-hold").exists() { std::thread::sleep(std::time::Duration::from_secs(1)); }
    }
}
