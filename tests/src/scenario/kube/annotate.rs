//! What users write with `kubectl annotate`, by the examples of Kube-OVN's documentation.

use super::lab::{SOON, Way, start};
use super::table::tables;
use crate::fault::{During, Result};
use crate::kube::User;
use crate::kube::objects::{eip, pod, service, subnet};
use crate::router::Kind;
use crate::scenario::lab::conclude;

/// `kubectl` with these words, and the table that must follow.
type Step = (&'static str, &'static str);

const SAMPLE: &str = "10.16.0.5/32 n1 n2\n fd00:10:16::5/128 n1 n2";
const SAMPLE_LOCAL: &str = "10.16.0.5/32 n1\n fd00:10:16::5/128 n1";
const NOTHING: &str = "";

/// Every step changes the table, so that none of them passes because nothing happened.
const PODS: [Step; 12] = [
    ("annotate pod sample ovn.kubernetes.io/bgp=true", SAMPLE),
    ("annotate pod sample ovn.kubernetes.io/bgp-", NOTHING),
    ("annotate pod sample ovn.kubernetes.io/bgp=local", SAMPLE_LOCAL),
    ("annotate --overwrite pod sample ovn.kubernetes.io/bgp=cluster", SAMPLE),
    ("annotate --overwrite pod sample ovn.kubernetes.io/bgp=false", NOTHING),
    ("annotate --overwrite pod sample ovn.kubernetes.io/bgp=yes", SAMPLE),
    ("annotate --overwrite pod sample ovn.kubernetes.io/bgp=True", NOTHING),
    ("annotate --overwrite pod sample ovn.kubernetes.io/bgp=local", SAMPLE_LOCAL),
    ("annotate --overwrite pod sample ovn.kubernetes.io/bgp=banana", NOTHING),
    ("annotate --overwrite pod sample ovn.kubernetes.io/bgp=true", SAMPLE),
    ("annotate --overwrite pod sample ovn.kubernetes.io/bgp=", NOTHING),
    ("label pod sample unrelated=label", NOTHING),
];

const SUBNET: &str = "
    10.16.0.0/16       n1 n2
    10.16.0.5/32       n1 n2
    10.16.0.6/32       n1 n2
    fd00:10:16::/112   n1 n2
    fd00:10:16::5/128  n1 n2
    fd00:10:16::6/128  n1 n2
";
const SUBNET_WITHOUT_SAMPLE: &str = "
    10.16.0.0/16       n1 n2
    10.16.0.6/32       n1 n2
    fd00:10:16::/112   n1 n2
    fd00:10:16::6/128  n1 n2
";
const SUBNET_LOCAL_SAMPLE: &str = "
    10.16.0.0/16       n1 n2
    10.16.0.5/32       n1
    10.16.0.6/32       n1 n2
    fd00:10:16::/112   n1 n2
    fd00:10:16::5/128  n1
    fd00:10:16::6/128  n1 n2
";
const LOCAL_SUBNET: &str = "
    10.16.0.5/32       n1
    10.16.0.6/32          n2
    fd00:10:16::5/128  n1
    fd00:10:16::6/128     n2
";

/// A Pod's own word counts before its Subnet's, whatever that word is.
const SUBNETS: [Step; 12] = [
    ("annotate subnet ovn-default ovn.kubernetes.io/bgp=true", SUBNET),
    ("annotate --overwrite pod sample ovn.kubernetes.io/bgp=false", SUBNET_WITHOUT_SAMPLE),
    ("annotate --overwrite pod sample ovn.kubernetes.io/bgp=local", SUBNET_LOCAL_SAMPLE),
    ("annotate --overwrite pod sample ovn.kubernetes.io/bgp=banana", SUBNET_WITHOUT_SAMPLE),
    ("annotate pod sample ovn.kubernetes.io/bgp-", SUBNET),
    ("annotate --overwrite subnet ovn-default ovn.kubernetes.io/bgp=local", LOCAL_SUBNET),
    ("annotate --overwrite subnet ovn-default ovn.kubernetes.io/bgp=cluster", SUBNET),
    ("annotate --overwrite subnet ovn-default ovn.kubernetes.io/bgp=false", NOTHING),
    ("annotate --overwrite subnet ovn-default ovn.kubernetes.io/bgp=yes", SUBNET),
    ("annotate --overwrite subnet ovn-default ovn.kubernetes.io/bgp=banana", NOTHING),
    ("annotate pod sample ovn.kubernetes.io/bgp=true", SAMPLE),
    ("annotate pod sample ovn.kubernetes.io/bgp-", NOTHING),
];

const SHOP: &str = "10.96.0.10/32 n1 n2\n fd00:10:96::a/128 n1 n2";

/// Services know one policy.
const SERVICES: [Step; 8] = [
    ("annotate service sample ovn.kubernetes.io/bgp=true", SHOP),
    ("annotate service sample ovn.kubernetes.io/bgp-", NOTHING),
    ("annotate service sample ovn.kubernetes.io/bgp=yes", SHOP),
    ("annotate --overwrite service sample ovn.kubernetes.io/bgp=local", NOTHING),
    ("annotate --overwrite service sample ovn.kubernetes.io/bgp=true", SHOP),
    ("annotate --overwrite service sample ovn.kubernetes.io/bgp=false", NOTHING),
    ("annotate --overwrite service sample ovn.kubernetes.io/bgp=true", SHOP),
    ("delete service sample", NOTHING),
];

/// Objects that come, change and go.
const LIVES: [Step; 6] = [
    ("annotate subnet ovn-default --overwrite ovn.kubernetes.io/bgp=true", SUBNET),
    ("delete pod sample --force", SUBNET_WITHOUT_SAMPLE),
    (
        r#"patch pod other --subresource=status -p {"status":{"phase":"Succeeded"}}"#,
        // It asked to be started again, as Pods do by default: it is not dead yet.
        SUBNET_WITHOUT_SAMPLE,
    ),
    (
        r#"patch subnet ovn-default --subresource=status --type=merge -p {"status":{"conditions":[{"type":"Ready","status":"False"}]}}"#,
        NOTHING,
    ),
    (
        r#"patch subnet ovn-default --subresource=status --type=merge -p {"status":{"conditions":[{"type":"Ready","status":"True"}]}}"#,
        SUBNET_WITHOUT_SAMPLE,
    ),
    ("delete pod other --force", "10.16.0.0/16 n1 n2\n fd00:10:16::/112 n1 n2"),
];

/// Pods, Subnets and Services.
///
/// # Errors
/// The step that failed, with the state of everything.
pub fn annotations(kind: Kind) -> Result<()> {
    conclude(
        start(kind, User::Node, Way::Direct)?,
        |lab| {
            let objects = [
                subnet("ovn-default", "10.16.0.0/16,fd00:10:16::/112", None),
                pod("sample", "n1", "ovn-default", "10.16.0.5,fd00:10:16::5", None),
                pod("other", "n2", "ovn-default", "10.16.0.6,fd00:10:16::6", None),
                service("sample", "0.10", "a", None),
            ];
            lab.source.api.create("samples", &objects)?;
            lab.start_speakers()?;
            lab.converge(&tables(NOTHING)?).during("nothing is annotated")?;
            let all = PODS.iter().chain(&SUBNETS).chain(&SERVICES).chain(&LIVES);
            for (number, (words, table)) in (1..).zip(all) {
                lab.kubectl_then(words, table, SOON).during(format_args!("step {number}"))?;
            }
            Ok(())
        },
        |(), _| Ok(()),
    )
}

const EIP: &str = "10.30.0.5/32 n1\n fd00:30::5/128 n1";
const BOTH_EIPS: &str = "10.30.0.5/32 n1\n fd00:30::5/128 n1\n 10.30.0.6/32 n2\n fd00:30::6/128 n2";

/// `eip` is the short name of `iptables-eips.kubeovn.io`.
const EIPS: [Step; 13] = [
    ("annotate eip sample ovn.kubernetes.io/bgp=true", EIP),
    ("annotate eip other ovn.kubernetes.io/bgp=true", BOTH_EIPS),
    ("annotate eip unready ovn.kubernetes.io/bgp=true", BOTH_EIPS),
    ("annotate eip other ovn.kubernetes.io/bgp-", EIP),
    (r#"patch eip sample --subresource=status --type=merge -p {"status":{"ready":false}}"#, NOTHING),
    (r#"patch eip sample --subresource=status --type=merge -p {"status":{"ready":true}}"#, EIP),
    ("annotate --overwrite eip sample ovn.kubernetes.io/bgp=local", NOTHING),
    ("annotate --overwrite eip sample ovn.kubernetes.io/bgp=yes", EIP),
    (
        "label --overwrite eip sample ovn.kubernetes.io/vpc-nat-gw-name=gw2",
        "10.30.0.5/32 n2\n fd00:30::5/128 n2",
    ),
    ("label --overwrite eip sample ovn.kubernetes.io/vpc-nat-gw-name=gw1", EIP),
    (
        r#"patch eip unready --subresource=status --type=merge -p {"status":{"ready":true}}"#,
        "10.30.0.5/32 n1\n fd00:30::5/128 n1\n 10.30.0.7/32 n1\n fd00:30::7/128 n1",
    ),
    ("delete eip unready", EIP),
    ("annotate eip sample ovn.kubernetes.io/bgp-", NOTHING),
];

/// The speakers as sidecars of the gateways `gw1` and `gw2`.
///
/// # Errors
/// The step that failed, with the state of everything.
pub fn eips(kind: Kind) -> Result<()> {
    conclude(
        start(kind, User::Gateway, Way::Direct)?,
        |lab| {
            let objects = [
                eip("sample", "gw1", ("10.30.0.5", "fd00:30::5"), true),
                eip("other", "gw2", ("10.30.0.6", "fd00:30::6"), true),
                eip("unready", "gw1", ("10.30.0.7", "fd00:30::7"), false),
            ];
            lab.source.api.create("eips", &objects)?;
            lab.start_speakers()?;
            lab.converge(&tables(NOTHING)?).during("nothing is annotated")?;
            for (number, (words, table)) in (1..).zip(&EIPS) {
                lab.kubectl_then(words, table, SOON).during(format_args!("step {number}"))?;
            }
            Ok(())
        },
        |(), _| Ok(()),
    )
}
