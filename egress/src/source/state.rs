//! What is known of the API server's objects.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use kubeovn::Vpc;

use super::kinds::Kind;
use crate::lease::Pulse;
use crate::view::Cluster;

/// Behind the lock.
pub(super) struct State {
    pub(super) cluster: Cluster,
    /// VPCs as Kube-OVN has them.
    pub(super) vpcs: BTreeMap<Box<str>, Arc<Vpc>>,
    /// Those of our group; `None`: Kube-OVN's are ours, too.
    pub(super) own: Option<BTreeMap<Box<str>, Arc<Vpc>>>,
    /// VPCs that are there and cannot be read, of either group.
    pub(super) unreadable: BTreeSet<(Kind, Box<str>)>,
    pub(super) listed: BTreeSet<Kind>,
    /// Since when, and why, a kind has no good answer.
    pub(super) troubles: BTreeMap<Kind, (Instant, String)>,
    pub(super) pulse: Pulse,
    /// Name of the default VPC.
    pub(super) default_vpc: Box<str>,
}
