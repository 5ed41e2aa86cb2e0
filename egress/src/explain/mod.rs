//! Why an object has the rows it has: `egress explain`.
//!
//! A function of what the plan is made from, with the plan inside: what is said here is what is done. As text for people
//! ([`std::fmt::Display`]) and as JSON for programs ([`serde::Serialize`]); the names of the JSON members are kept.

mod text;

use std::collections::BTreeSet;

use ipnet::IpNet;
use kubeovn::{StatusCondition, VpcEgressGateway};
use serde::Serialize;

use crate::plan::{self, Member, Settings, names};
use crate::rows::{Key, Row};
use crate::spec::Spec;
use crate::view::{Cluster, Name, Network};

/// Overlaps that are told at once.
const MOST: usize = 4;

/// What became of an object.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// `veg/NAMESPACE/NAME` or `vpc/NAME`.
    pub object: String,
    /// In one word.
    pub outcome: Outcome,
    /// What was decided on the way, each with its reason: a heading and a sentence.
    pub decisions: Vec<Decision>,
    /// Pods of a gateway.
    pub members: Vec<Pod>,
    /// Conditions to have.
    pub conditions: Vec<Told>,
    /// Rows that are wanted or there.
    pub rows: Vec<Line>,
}

/// What became of an object, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// Its rows are kept as it asks for.
    Followed,
    /// It cannot be followed; its rows stay as they are.
    Refused,
    /// It is gone, is going, or asks for nothing: its rows go.
    Withdrawn,
}

/// One decision.
#[derive(Clone, Debug, Serialize)]
pub struct Decision {
    /// About what.
    pub about: &'static str,
    /// What, and why.
    pub text: String,
}

/// One pod.
#[derive(Clone, Debug, Serialize)]
pub struct Pod {
    /// Its name; its namespace is the gateway's.
    pub name: String,
    /// The node it is on.
    pub node: String,
    /// Traffic is sent to it.
    pub used: bool,
    /// Why, or why not.
    pub reason: String,
}

/// One condition.
#[derive(Clone, Debug, Serialize)]
pub struct Told {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Its reason.
    pub reason: String,
    /// Its message.
    pub message: String,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What it says; of a row that is not wanted, what tells it from others.
    pub row: String,
    /// How it stands.
    pub state: State,
}

/// How a row stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// Wanted, and one of its identity is there.
    There,
    /// Wanted, and not there (yet).
    Missing,
    /// There, and not wanted (any more).
    Surplus,
    /// There, and left as it is, for its object cannot be followed.
    Kept,
}

/// Of a gateway. One that does not exist is explained, too: `Withdrawn`, with the rows it left.
#[must_use]
pub fn gateway(cluster: &Cluster, network: &Network, settings: &Settings, name: &Name) -> Explanation {
    let plan = plan::gateway(cluster, network, settings, name);
    let there = network.owned.get(name).cloned().unwrap_or_default();
    let object = cluster.gateways.get(name);
    let mut decisions = Vec::new();
    let mut decide =
        |about, text: Option<String>| decisions.extend(text.map(|text| Decision { about, text }));
    decide("beside", beside(cluster, settings));
    if let Some(object) = object {
        let vpc = object.spec.vpc.as_deref().filter(|vpc| !vpc.is_empty()).unwrap_or(&settings.default_vpc);
        let router = plan.status.router.as_deref().unwrap_or("unknown");
        decide("VPC", Some(format!("{vpc}, logical router {router}")));
        decide(
            "going",
            object.metadata.deletion_timestamp.as_ref().map(|_| "it is being deleted".to_owned()),
        );
    } else {
        decide("gone", Some(format!("there is no such gateway in the group {}", settings.group)));
    }
    let form =
        plan.form.as_ref().map(|form| (if form.routes { "static routes" } else { "policies" }, &form.why));
    decide("form", form.map(|(form, why)| format!("{form}: {why}")));
    decide("gating", plan.gating.map(str::to_owned));
    let lost = Some(plan.unrouted.join(", ")).filter(|lost| !lost.is_empty());
    let drops =
        |lost| format!("none for packets from {lost}: the router drops them before it looks at policies");
    decide("route", lost.map(drops));
    let left = Some(plan.left_out.join(", ")).filter(|left| !left.is_empty());
    decide("left out", left.map(|left| format!("{left}: the pods have no way out for that IP version")));
    decide("shared", shared(cluster, settings, name));
    let last = "no member is known to work, so those that may are used";
    decide("last resort", plan.last_resort.then(|| last.to_owned()));
    decide("finalizer", plan.release.then(|| "no row is left, it may go".to_owned()));
    Explanation {
        object: format!("veg/{name}"),
        outcome: outcome(
            plan.rows.as_deref().filter(|_| !plan.refused),
            object.is_none_or(|one| one.metadata.deletion_timestamp.is_some()),
        ),
        decisions,
        members: plan.members.iter().map(|member| pod(cluster, member)).collect(),
        conditions: told(plan.status.conditions),
        rows: lines(plan.rows.as_deref(), &there),
    }
}

/// Of the BFD ports of a VPC.
#[must_use]
pub fn vpc(cluster: &Cluster, network: &Network, settings: &Settings, name: &str) -> Explanation {
    let plan = plan::vpc(cluster, network, settings, name);
    let vendor = names::vendor(&settings.group);
    let ours = network.bfd_ports.iter().filter(|(_, port)| *port.vpc == *name && *port.vendor == *vendor);
    let there = ours.map(|(port, _)| Key::BfdPort(port.clone())).collect();
    let port = cluster.vpcs.get(name).and_then(|vpc| vpc.spec.bfd_port.as_ref());
    let enabled = port.is_some_and(|port| port.enabled);
    let mut decisions = Vec::new();
    decisions.extend(beside(cluster, settings).map(|text| Decision { about: "beside", text }));
    let asks = match port {
        _ if !cluster.vpcs.contains_key(name) => "there is no such VPC".to_owned(),
        Some(port) if enabled => format!("asked for at {}", port.ip.as_deref().unwrap_or_default()),
        _ => "not asked for (spec.bfdPort.enabled)".to_owned(),
    };
    decisions.push(Decision { about: "BFD port", text: asks });
    if let Some(status) = plan.status.bfd_port {
        let nodes = status.nodes.unwrap_or_default().join(", ");
        decisions.push(Decision { about: "nodes", text: nodes });
    }
    let kind = if network.features.bfd_only {
        "one port serves gateways on every node"
    } else {
        "a port for each node with gateways"
    };
    decisions.push(Decision { about: "OVN", text: kind.to_owned() });
    Explanation {
        object: format!("vpc/{name}"),
        outcome: outcome(plan.rows.as_deref(), !enabled || plan.rows.as_ref().is_some_and(Vec::is_empty)),
        decisions,
        members: Vec::new(),
        conditions: told(plan.status.conditions),
        rows: lines(plan.rows.as_deref(), &there),
    }
}

/// Whether the group is left to somebody else.
fn beside(cluster: &Cluster, settings: &Settings) -> Option<String> {
    let served = &*settings.group == kubeovn::GROUP && cluster.controller_alive;
    let why = "a kube-ovn-controller is alive and serves this group: egress changes nothing, this is what it would do";
    served.then(|| why.to_owned())
}

/// Sources that overlap those of other gateways of the VPC.
fn shared(cluster: &Cluster, settings: &Settings, name: &Name) -> Option<String> {
    let vpc = |object: &VpcEgressGateway| {
        let vpc = object.spec.vpc.clone().filter(|vpc| !vpc.is_empty());
        vpc.unwrap_or_else(|| settings.default_vpc.to_string())
    };
    let object = cluster.gateways.get(name)?;
    let mine = sources(object, cluster, settings);
    let others = cluster.gateways.iter().filter(|(other, one)| *other != name && vpc(one) == vpc(object));
    let mut all = Vec::new();
    for (other, one) in others {
        for theirs in sources(one, cluster, settings) {
            let meets = |own: &&IpNet| own.contains(&theirs) || theirs.contains(*own);
            all.extend(mine.iter().find(meets).map(|own| format!("{own} and {theirs} of {other}")));
        }
    }
    let more = all.len().saturating_sub(MOST);
    all.truncate(MOST);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    let why = "of two policies of one priority OVN takes either";
    (!all.is_empty()).then(|| format!("{}{more}: {why}", all.join(", ")))
}

/// Sources of a gateway, if it can be followed.
fn sources(object: &VpcEgressGateway, cluster: &Cluster, settings: &Settings) -> Vec<IpNet> {
    let spec = Spec::check(object, cluster, settings);
    spec.map(|spec| spec.sources.iter().map(|one| one.network).collect()).unwrap_or_default()
}

fn outcome(rows: Option<&[Row]>, leaving: bool) -> Outcome {
    match rows {
        None => Outcome::Refused,
        Some(_) if leaving => Outcome::Withdrawn,
        Some(_) => Outcome::Followed,
    }
}

fn pod(cluster: &Cluster, member: &Member) -> Pod {
    let node = cluster.pods.get(&member.pod).map(|pod| pod.node.to_string()).unwrap_or_default();
    Pod { name: member.pod.name.to_string(), node, used: member.used, reason: member.reason.clone() }
}

fn told(conditions: Option<Vec<StatusCondition>>) -> Vec<Told> {
    let told = |one: StatusCondition| Told {
        kind: one.kind,
        status: one.status,
        reason: one.reason.unwrap_or_default(),
        message: one.message.unwrap_or_default(),
    };
    conditions.unwrap_or_default().into_iter().map(told).collect()
}

/// Rows wanted beside rows there, which are known by their identity alone.
fn lines(wanted: Option<&[Row]>, there: &BTreeSet<Key>) -> Vec<Line> {
    let Some(wanted) = wanted else {
        return there.iter().map(|key| Line { row: key.to_string(), state: State::Kept }).collect();
    };
    let keys: BTreeSet<Key> = wanted.iter().map(Row::key).collect();
    let state = |row: &Row| if there.contains(&row.key()) { State::There } else { State::Missing };
    let wanted = wanted.iter().map(|row| Line { row: row.to_string(), state: state(row) });
    let surplus = there.difference(&keys).map(|key| Line { row: key.to_string(), state: State::Surplus });
    wanted.chain(surplus).collect()
}
