//! The status of a gateway, by the names of Kube-OVN's releases.

use std::collections::BTreeSet;

use kubeovn::{VpcEgressGateway, VpcEgressGatewayStatus, Workload};

use super::Notice;
use super::conditions::{self, Verdict};
use super::members::{self, Hops, Of};
use super::request::{Request, Why};
use crate::view::{Deployment, Family, Name, Pod};
use crate::workload;

/// Whether the gateway is ready, with the reason and what speaks against it.
fn ready(of: Of<'_>, request: &Request, hash: Option<&str>) -> Verdict {
    let key = Name::new(&of.gateway.namespace, &request.spec.pods.workload);
    let deployment = of.cluster.deployments.get(&key).map(|one| &**one);
    let owned = of.network.owned.get(of.gateway).is_some_and(|rows| !rows.is_empty());
    if let (false, Some((reason, message))) = (owned, &request.deaf) {
        return Verdict::bad("Ready", false, reason, message.clone());
    }
    let mut against = Vec::new();
    let mut external = 0;
    for (pod_name, pod) in of.pods().filter(|(_, pod)| !pod.terminating && !pod.ended) {
        let hard = members::hard(pod, of.side).or_else(|| members::elsewhere(pod, &request.attachment));
        external += usize::from(hard.is_none());
        match hard {
            Some(reason) => against.push(format!("pod {}: {reason}", pod_name.name)),
            None if !pod.ready => against.push(format!("pod {}: it is not ready", pod_name.name)),
            None => {}
        }
    }
    if external != request.replicas {
        against.push(format!("{external} pods have an external address, {} are asked for", request.replicas));
    }
    if let Some(waits) = rollout(deployment, request.replicas, hash) {
        against.insert(0, waits);
        let warning = false;
        return Verdict { warning, ..Verdict::bad("Ready", false, "Processing", against.join("; ")) };
    }
    if against.is_empty() {
        Verdict { quiet: false, ..Verdict::good("Ready", true, "ReconcileSuccess") }
    } else {
        Verdict::bad("Ready", false, "WorkloadNetworkNotReady", against.join("; "))
    }
}

/// What the Deployment still waits for.
fn rollout(deployment: Option<&Deployment>, replicas: usize, hash: Option<&str>) -> Option<String> {
    let Some(one) = deployment else { return Some("the Deployment is not there yet".to_owned()) };
    let [all, updated, available] = one.counts;
    let wanted = i32::try_from(replicas).unwrap_or(i32::MAX);
    let says = |text: String| Some(format!("Deployment: {text}"));
    let other = hash.is_some_and(|hash| *one.hash != *hash);
    if other || one.observed < one.generation || one.replicas != wanted {
        return says("its last change has not been seen by its controller yet".to_owned());
    }
    if one.stuck {
        return says("its rollout exceeded the progress deadline".to_owned());
    }
    if updated < wanted || all > updated || available < updated {
        return says(format!(
            "{all} pods, {updated} of them up to date, {available} available, {wanted} asked for"
        ));
    }
    None
}

/// The status of a gateway that is followed.
pub(super) fn followed(
    of: Of<'_>,
    object: &VpcEgressGateway,
    (request, hash): (&Request, Option<&str>),
    hops: &[Hops; 2],
) -> (VpcEgressGatewayStatus, Vec<Notice>) {
    let ready = ready(of, request, hash);
    let validated = match &request.deaf {
        None => Verdict::good("Validated", true, "Valid"),
        Some((reason, message)) => Verdict::bad("Validated", false, reason, message.clone()),
    };
    let is_ready = ready.holds;
    let verdicts = [ready, validated, degraded(hops)];
    let (conditions, notices) = conditions::merge(told(object), &verdicts, object.metadata.generation, true);
    let usable: Vec<&Pod> =
        of.pods().map(|(_, pod)| pod).filter(|pod| members::hard(pod, of.side).is_none()).collect();
    let attached = |pod: &&Pod| pod.attached.get(&*request.attachment).map(|all| joined(all));
    let internal = usable.iter().map(|pod| joined(&pod.addresses)).collect();
    let external = usable.iter().filter_map(attached).collect();
    let nodes: BTreeSet<String> = usable.iter().map(|pod| pod.node.to_string()).collect();
    let status = VpcEgressGatewayStatus {
        replicas: i32::try_from(request.replicas).ok(),
        label_selector: Some(workload::label_selector(of.group, &of.gateway.name)),
        ready: is_ready,
        phase: if is_ready { "Completed" } else { "Processing" }.to_owned(),
        internal_ips: some(internal),
        external_ips: some(external),
        workload: Some(Workload {
            api_version: "apps/v1".to_owned(),
            kind: "Deployment".to_owned(),
            name: request.spec.pods.workload.to_string(),
            nodes: some(nodes.into_iter().collect()),
        }),
        conditions: Some(conditions),
        router: Some(request.router.to_string()),
    };
    (status, notices)
}

/// The status of a gateway that is not followed: what was there, and why it stays so. `invalid`: its specification is why.
pub(super) fn refused(
    (group, name, object): (&str, &Name, &VpcEgressGateway),
    (reason, message): Why,
    invalid: bool,
) -> (VpcEgressGatewayStatus, Vec<Notice>) {
    let mut verdicts = vec![Verdict::bad("Ready", false, reason, message.clone())];
    if invalid {
        verdicts.push(Verdict::bad("Validated", false, reason, message));
    }
    let (conditions, mut notices) =
        conditions::merge(told(object), &verdicts, object.metadata.generation, true);
    notices.dedup();
    let old = object.status.clone().unwrap_or_default();
    let status = VpcEgressGatewayStatus {
        replicas: Some(object.spec.replicas.unwrap_or(1)),
        label_selector: Some(workload::label_selector(group, &name.name)),
        ready: false,
        phase: "Processing".to_owned(),
        conditions: Some(conditions),
        ..old
    };
    (status, notices)
}

/// Whether evidence speaks against every member of a family.
fn degraded(hops: &[Hops; 2]) -> Verdict {
    let last: Vec<&str> = Family::BOTH
        .into_iter()
        .zip(hops)
        .filter(|(_, hops)| hops.last_resort)
        .map(|(family, _)| if family == Family::V4 { "IPv4" } else { "IPv6" })
        .collect();
    if last.is_empty() {
        return Verdict::good("Degraded", false, "MembersUsable");
    }
    let message = format!("{}: no gateway is known to work, so those that may are used", last.join(" and "));
    Verdict::bad("Degraded", true, "LastResort", message)
}

fn told(object: &VpcEgressGateway) -> &[kubeovn::StatusCondition] {
    object.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default()
}

/// One address, or the first of each family with a comma between.
fn joined(all: &[std::net::IpAddr]) -> String {
    let first = |family| all.iter().find(|one| Family::of(**one) == family).map(ToString::to_string);
    Family::BOTH.into_iter().filter_map(first).collect::<Vec<_>>().join(",")
}

fn some(list: Vec<String>) -> Option<Vec<String>> {
    Some(list).filter(|list| !list.is_empty())
}
