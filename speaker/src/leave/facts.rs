//! What the API server knows, cut down to what decides.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::placement::Placement;

/// Present and not `false`: the node is being drained of its routes.
pub(super) const DRAIN: &str = "bgp.kubeovn.io/drain";
/// Put on a node that is down and whose Pods are to run elsewhere.
pub(super) const OUT_OF_SERVICE: &str = "node.kubernetes.io/out-of-service";
/// The finalizer of an object whose dependents are to outlive it (`--cascade=orphan`).
const ORPHAN: &str = "orphan";

/// One answer of the API server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fact<T> {
    /// As it is now.
    Known(T),
    /// There is no such object: the API server said so itself.
    Gone,
    /// Nobody could be asked, or said no; why, and about what.
    Unknown(String),
}

/// What decides about a node's speaker.
#[derive(Clone, Debug)]
pub(super) struct NodeFacts {
    /// The node.
    pub(super) name: String,
    /// The name is that of our Pod's node, and not only what a flag says.
    pub(super) sure: bool,
    /// The Node object.
    pub(super) node: Fact<Node>,
    /// Who starts the next speaker.
    pub(super) keeper: Keeper,
}

/// Who sees to it that a node has a speaker.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one of it, once")]
pub(super) enum Keeper {
    /// The DaemonSet that owns our Pod.
    DaemonSet {
        /// Namespace and name.
        name: String,
        /// The one that has this name now: a new one counts as much as the one that made our Pod.
        set: Fact<DaemonSet>,
        /// What our Pod itself asks of a node.
        own: Placement,
    },
    /// No DaemonSet, and why.
    Nobody(String),
    /// It cannot be found out, and why.
    Unknown(String),
}

/// Of any object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Meta {
    pub(super) name: String,
    pub(super) resource_version: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) deletion_timestamp: Option<String>,
    pub(super) finalizers: Vec<String>,
    pub(super) owner_references: Vec<Owner>,
}

/// One of `metadata.ownerReferences`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Owner {
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) controller: bool,
}

impl Owner {
    pub(super) fn is_daemon_set(&self) -> bool {
        self.kind == "DaemonSet" && self.api_version.starts_with("apps/")
    }
}

/// What has metadata.
pub(super) trait Object {
    fn meta(&self) -> &Meta;
}

impl Object for Node {
    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

impl Object for Pod {
    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

impl Object for DaemonSet {
    fn meta(&self) -> &Meta {
        &self.metadata
    }
}

/// A Node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Node {
    pub(super) metadata: Meta,
    #[serde(default)]
    pub(super) spec: NodeSpec,
}

/// Its `spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct NodeSpec {
    pub(super) taints: Vec<Taint>,
}

/// One of a node's taints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Taint {
    pub(super) key: String,
}

impl Node {
    pub(super) fn is_drained(&self) -> bool {
        self.metadata.annotations.get(DRAIN).is_some_and(|value| value != "false")
    }

    pub(super) fn is_out_of_service(&self) -> bool {
        self.spec.taints.iter().any(|taint| taint.key == OUT_OF_SERVICE)
    }
}

/// A Pod.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Pod {
    pub(super) metadata: Meta,
    pub(super) spec: PodSpec,
}

impl Pod {
    /// The owner that makes another Pod when this one is gone.
    pub(super) fn owner(&self) -> Option<&Owner> {
        self.metadata.owner_references.iter().find(|owner| owner.controller)
    }
}

/// The `spec` of a Pod, or that of a template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PodSpec {
    pub(super) node_name: Option<String>,
    #[serde(flatten)]
    pub(super) placement: Placement,
}

/// A DaemonSet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct DaemonSet {
    pub(super) metadata: Meta,
    pub(super) spec: DaemonSetSpec,
}

/// Its `spec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct DaemonSetSpec {
    pub(super) template: Template,
}

/// What its Pods are made from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Template {
    pub(super) spec: PodSpec,
}

impl DaemonSet {
    /// It goes, and its Pods with it.
    pub(super) fn is_going(&self) -> bool {
        self.metadata.deletion_timestamp.is_some() && !self.is_orphaning()
    }

    /// It goes, but its Pods stay.
    pub(super) fn is_orphaning(&self) -> bool {
        let orphans = self.metadata.finalizers.iter().any(|one| one == ORPHAN);
        self.metadata.deletion_timestamp.is_some() && orphans
    }
}
