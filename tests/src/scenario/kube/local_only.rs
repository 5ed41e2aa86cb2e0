//! `--local-only`: what is asked for, and what is announced.

use super::lab::{SOON, Way, start};
use super::table::tables;
use crate::fault::{During, Result, ensure};
use crate::kube::User;
use crate::kube::objects::{pod, service, subnet};
use crate::router::Kind;
use crate::scenario::lab::conclude;

/// `here` and `there` say nothing themselves.
const START: &str = "
    10.16.0.0/16       n1 n2
    10.16.0.5/32       n1
    10.16.0.6/32          n2
    10.96.0.10/32      n1 n2
    fd00:10:16::/112   n1 n2
    fd00:10:16::5/128  n1
    fd00:10:16::6/128     n2
    fd00:10:96::a/128  n1 n2
";

/// A Pod of the other node asks for every node; n2 does not see it, n1 is its own.
const ANNOTATED: [(&str, &str); 3] = [
    ("annotate pod here ovn.kubernetes.io/bgp=false", WITHOUT_HERE),
    ("annotate --overwrite pod here ovn.kubernetes.io/bgp=cluster", START),
    ("delete pod here --force", WITHOUT_HERE),
];

const WITHOUT_HERE: &str = "
    10.16.0.0/16       n1 n2
    10.16.0.6/32          n2
    10.96.0.10/32      n1 n2
    fd00:10:16::/112   n1 n2
    fd00:10:16::6/128     n2
    fd00:10:96::a/128  n1 n2
";

/// Pods of a Subnet that asks for every node come from their own node alone, with one warning; Subnets and Services
/// come from every node. A Pod that is made while it is watched counts as one that is listed.
///
/// # Errors
/// The step that failed, with the state of everything.
pub fn local_only(kind: Kind) -> Result<()> {
    conclude(
        start(kind, User::Node, Way::Proxied)?,
        |lab| {
            let objects = [
                subnet("ovn-default", "10.16.0.0/16,fd00:10:16::/112", Some("cluster")),
                pod("here", "n1", "ovn-default", "10.16.0.5,fd00:10:16::5", None),
                service("sample", "0.10", "a", Some("true")),
            ];
            lab.source.api.create("samples", &objects)?;
            lab.start_speakers_with([&["--local-only"], &["--local-only=true"]])?;
            lab.speakers.iter().try_for_each(|speaker| {
                crate::wait::until("listed", SOON * 4, || speaker.synced()).map(drop)
            })?;
            let there = pod("there", "n2", "ovn-default", "10.16.0.6,fd00:10:16::6", None);
            lab.source.api.create("there", &[there])?;
            lab.converge(&tables(START)?).during("start")?;
            for (words, table) in ANNOTATED {
                lab.kubectl_then(words, table, SOON)?;
            }
            warned(&std::fs::read_to_string(lab.directory(1).join("speaker.log"))?)
        },
        |(), _| Ok(()),
    )
}

fn warned(log: &str) -> Result<()> {
    let about = |object: &str| {
        let word = format!("object={object} ");
        log.lines().filter(|line| line.contains("cluster-with-local-only") && line.contains(&word)).count()
    };
    let seen = ["subnet/ovn-default", "pod/default/here", "pod/default/there"].map(about);
    ensure(seen == [1, 1, 0], || format!("warnings about the Subnet, its Pods here and there: {seen:?}"))
}
