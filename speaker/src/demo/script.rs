//! What the demo shows: each step's edit, and what both routers must have learned from it.

use std::io;
use std::time::Instant;

use super::manifests::Manifests;

/// The two nodes, by index.
pub(super) const A: usize = 0;
/// See [`A`].
pub(super) const B: usize = 1;

/// A path a router must gain (`true`) or lose: prefix, node it comes from.
pub(super) type Expected = (&'static str, usize, bool);

/// An edit and its consequences.
pub(super) struct Step {
    pub(super) title: &'static str,
    pub(super) what: &'static str,
    pub(super) edit: fn(&Manifests) -> io::Result<Instant>,
    pub(super) expect: &'static [Expected],
}

/// What both routers hold once both nodes have announced.
pub(super) const INITIAL: &[Expected] = &[
    ("10.16.0.0/16", A, true),
    ("10.16.0.0/16", B, true),
    ("10.17.0.10/32", A, true),
    ("10.17.0.11/32", B, true),
    ("10.18.0.20/32", A, true),
    ("10.18.0.20/32", B, true),
    ("10.96.0.10/32", A, true),
    ("10.96.0.10/32", B, true),
    ("fd00:10:16::/64", A, true),
    ("fd00:10:16::/64", B, true),
    ("fd00:10:17::10/128", A, true),
    ("fd00:10:17::11/128", B, true),
    ("fd00:10:96::a/128", A, true),
    ("fd00:10:96::a/128", B, true),
];

/// The edits, in order.
pub(super) const STEPS: [Step; 3] = [
    Step {
        title: "annotation removed",
        what: "pod-api.yaml loses its ovn.kubernetes.io/bgp annotation",
        edit: |manifests| {
            manifests.edit("pod-api.yaml", |text| {
                let keep = text.lines().filter(|line| !line.contains("ovn.kubernetes.io/bgp:"));
                keep.map(|line| format!("{line}\n")).collect()
            })
        },
        expect: &[("10.18.0.20/32", A, false), ("10.18.0.20/32", B, false)],
    },
    Step {
        title: "Pod moved",
        what: "pod-db-0.yaml moves from node-a to node-b (policy Local: its routes move along)",
        edit: |manifests| {
            manifests.edit("pod-db-0.yaml", |text| text.replace("nodeName: node-a", "nodeName: node-b"))
        },
        expect: &[
            ("10.17.0.10/32", A, false),
            ("10.17.0.10/32", B, true),
            ("fd00:10:17::10/128", A, false),
            ("fd00:10:17::10/128", B, true),
        ],
    },
    Step {
        title: "Service deleted",
        what: "service-shop.yaml is deleted",
        edit: |manifests| manifests.delete("service-shop.yaml"),
        expect: &[
            ("10.96.0.10/32", A, false),
            ("10.96.0.10/32", B, false),
            ("fd00:10:96::a/128", A, false),
            ("fd00:10:96::a/128", B, false),
        ],
    },
];
