//! What a hundred thousand annotated Pods cost in the plan alone: time, and memory for each.
//!
//! `cargo bench -p speaker --bench plan -- [PODS]`. Resident memory is read from the system, so only large numbers say
//! something.

#![allow(missing_docs, reason = "a benchmark is a program")]

use std::time::Instant;

use speaker::plan::{Plan, Settings};
use speaker::policy::Policy;
use speaker::view::{Address, Change, Life, Object, Pod, Subnet};

fn main() {
    let pods = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(100_000_u32);
    let mut plan =
        Plan::new(Settings::Node { name: "n1".into(), announce_cluster_ip: false, local_only: false });
    plan.apply(Change::Put(Object::Subnet(subnet())));
    let (before, began) = (resident(), Instant::now());
    plan.apply(Change::ListBegun(speaker::view::Kind::Pod));
    let mut announced = 0;
    for page in (0..pods).step_by(500) {
        let changes = (page..pods.min(page + 500)).map(|index| Change::Put(Object::Pod(pod(index))));
        announced += plan.apply_batch(changes).announce.len();
    }
    plan.apply(Change::ListDone(speaker::view::Kind::Pod));
    let (took, grown) = (began.elapsed(), resident() - before);
    println!(
        "{pods} Pods, {announced} announced: {:.0} ms, {grown:.1} MB, {:.0} octets a Pod",
        took.as_secs_f64() * 1000.0,
        grown * 1_048_576.0 / f64::from(pods)
    );
}

fn subnet() -> Subnet {
    Subnet {
        name: "ovn-default".into(),
        policy: Policy::Unset,
        cidrs: Box::default(),
        bad_cidrs: Box::default(),
        ready: true,
        nat_outgoing: false,
    }
}

/// As the door makes it: every name is an allocation of its own.
fn pod(index: u32) -> Pod {
    let [_, high, middle, low] = index.to_be_bytes();
    let prefix = format!("10.{}.{middle}.{low}/32", 64 + high).parse().expect("a prefix");
    let address = Address { provider: "ovn".into(), subnet: "ovn-default".into(), prefix };
    Pod {
        namespace: "default".into(),
        name: format!("load-{index}").into(),
        policy: Policy::Cluster,
        addresses: Box::new([address]),
        problems: Box::default(),
        node: Some(format!("n{}", index % 100).into()),
        life: Life::Alive,
        host_network: false,
    }
}

/// In mebibytes.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).map_or(0.0, |kib: f64| kib / 1024.0)
}
