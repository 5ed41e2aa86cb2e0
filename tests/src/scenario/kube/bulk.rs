//! A thousand objects in no order: the API server and the directory of manifests lead to the same octets.

use super::lab::{Site, Way, start};
use super::table::tables;
use crate::capture::Capture;
use crate::fault::{During, Result, ensure};
use crate::kube::User;
use crate::kube::objects::{pod, service, subnet};
use crate::router::Kind;
use crate::scenario::lab::{Lab, addresses, conclude};
use crate::speaker::{Mode, Options, Speaker};
use crate::stream::updates;
use std::fmt::Write as _;

/// Subnets per policy, Pods per class, Services per class.
const SUBNETS: usize = 20;
const PODS: usize = 120;
const SERVICES: usize = 60;

/// Objects a `kubectl create` gets at once, so that each ends within the bound on commands.
const AT_ONCE: usize = 150;

/// Policy of the Subnets in a row: Cluster, Local, none.
const POLICIES: [Option<&str>; 3] = [Some("cluster"), Some("local"), None];

/// Row of the Subnet, node, own annotation, and the nodes that announce such a Pod.
const CLASSES: [(usize, &str, Option<&str>, &str); 7] = [
    (2, "n1", Some("true"), "n1 n2"),
    (2, "n1", Some("local"), "n1"),
    (2, "n2", Some("local"), "n2"),
    (0, "n1", Some("false"), ""),
    (0, "n2", None, "n1 n2"),
    (1, "n1", None, "n1"),
    (2, "n2", None, ""),
];

/// Initial tables of both speakers, once from the API server and once from files.
///
/// # Errors
/// The step that failed, with the state of everything.
pub fn bulk(kind: Kind) -> Result<()> {
    conclude(
        start(kind, User::Node, Way::Direct)?,
        |lab| {
            let (objects, table) = objects();
            ensure(objects.len() >= 1000, || format!("only {} objects", objects.len()))?;
            for part in objects.chunks(AT_ONCE) {
                lab.source.api.create("bulk", part)?;
            }
            let capture = Capture::start(&lab.topology.routers[0], &lab.topology.dir().join("api.pcapng"))?;
            lab.start_speakers()?;
            lab.converge(&tables(&table)?).during("from the API server")?;
            capture.finish()?;
            lab.speakers.iter_mut().try_for_each(Speaker::terminate)?;
            from_files(lab, &table).during("from files")?;
            same_octets(lab)
        },
        |(), _| Ok(()),
    )
}

/// Every object with the line of the table it leads to; shuffled, the same way every time.
fn objects() -> (Vec<String>, String) {
    let mut all = Vec::new();
    for (row, policy) in POLICIES.into_iter().enumerate() {
        for index in 0..SUBNETS {
            let net = 100 + row * SUBNETS + index;
            let cidr = format!("10.{net}.0.0/16,fd00:10:{net}::/64");
            let nodes = if row == 0 { "n1 n2" } else { "" };
            let lines = format!("10.{net}.0.0/16 {nodes}\nfd00:10:{net}::/64 {nodes}\n");
            all.push((subnet(&format!("sub-{net}"), &cidr, policy), lines));
        }
    }
    for (class, (row, node, bgp, nodes)) in CLASSES.into_iter().enumerate() {
        for index in 0..PODS {
            let net = 100 + row * SUBNETS + index % SUBNETS;
            let (v4, v6) =
                (format!("10.{net}.{class}.{index}"), format!("fd00:10:{net}::{class}:{}", index + 1));
            let name = format!("pod-{class}-{index}");
            let object = pod(&name, node, &format!("sub-{net}"), &format!("{v4},{v6}"), bgp);
            // Pending, as far as the API server knows: that costs one request less each.
            let object =
                object.split_inclusive("\nstatus:").next().unwrap_or_default().replace("\nstatus:", "\n");
            all.push((object, format!("{v4}/32 {nodes}\n{v6}/128 {nodes}\n")));
        }
    }
    for index in 0..2 * SERVICES {
        let (bgp, nodes) = if index % 2 == 0 { (Some("true"), "n1 n2") } else { (None, "") };
        let (v4, v6) = (format!("7.{index}"), format!("{index:x}7"));
        let lines = format!("10.96.{v4}/32 {nodes}\nfd00:10:96::{v6}/128 {nodes}\n");
        all.push((service(&format!("svc-{index}"), &v4, &v6, bgp), lines));
    }
    shuffle(&mut all);
    // A line without a node is a prefix that nobody announces.
    let mut table = String::new();
    for line in all.iter().flat_map(|(_, lines)| lines.lines()).filter(|line| line.contains(" n")) {
        let _ = writeln!(table, "{line}");
    }
    (all.into_iter().map(|(object, _)| object).collect(), table)
}

/// Fisher and Yates, with a generator of its own (Lehmer's) so that every run has the same order.
fn shuffle<T>(items: &mut [T]) {
    let mut state: usize = 2026;
    for last in (1..items.len()).rev() {
        state = state * 48_271 % 0x7fff_ffff;
        items.swap(last, state % (last + 1));
    }
}

/// Started anew on what kubectl prints of the same objects, in several files and another order.
fn from_files(lab: &mut Lab<Site>, table: &str) -> Result<()> {
    let dir = lab.topology.dir().join("manifests");
    std::fs::create_dir_all(&dir)?;
    for (file, kinds) in [("a.yaml", "services"), ("b.yaml", "pods"), ("c.yaml", "subnets.kubeovn.io")] {
        std::fs::write(dir.join(file), lab.source.api.kubectl(&["get", kinds, "-A", "-o", "yaml"])?)?;
    }
    let capture = Capture::start(&lab.topology.routers[0], &lab.topology.dir().join("files.pcapng"))?;
    let options = Options { mode: Mode::Dial, neighbor_asn: 65001, hold: 90, writable: false };
    let nodes = (1..).zip(&lab.topology.nodes);
    let speakers = nodes.map(|(host, netns)| {
        Speaker::start(netns, host, &lab.topology.dir().join(format!("m{host}")), &dir, options)
    });
    lab.speakers = speakers.collect::<Result<_>>()?;
    lab.converge(&tables(table)?)?;
    capture.finish()?;
    Ok(())
}

fn same_octets(lab: &Lab<Site>) -> Result<()> {
    for address in [addresses(1, 1), addresses(1, 2)].concat() {
        let file = |name: &str| updates(&lab.topology.dir().join(name), address);
        let (api, files) = (file("api.pcapng")?, file("files.pcapng")?);
        let octets: usize = api.iter().map(Vec::len).sum();
        println!("{address}: {} UPDATEs, {octets} octets", api.len());
        ensure(octets > 1000, || format!("only {octets} octets from {address}"))?;
        ensure(api == files, || {
            let at = api.iter().zip(&files).position(|(left, right)| left != right);
            format!("{address}: {} and {} UPDATEs, different from {at:?} on", api.len(), files.len())
        })?;
    }
    Ok(())
}
