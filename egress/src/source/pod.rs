//! Pods: a hundred thousand are watched, so nothing is kept that decides nothing.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use k8s_openapi::api::core::v1 as core;
use serde::Deserialize;

use super::parse::{Object, Parsed};
use crate::view::Pod;
use crate::workload;

/// Where Multus tells the addresses of attachments.
const NETWORK_STATUS: &str = "k8s.v1.cni.cncf.io/network-status";

/// Whether a pod with these labels is part of a gateway, of whatever group.
pub(super) fn is_gateway(labels: &BTreeMap<String, String>) -> bool {
    let (key, value) = workload::APP;
    labels.get(key).is_some_and(|app| app == value)
}

pub(super) fn pod(object: core::Pod) -> Parsed {
    let (meta, spec, status) =
        (object.metadata, object.spec.unwrap_or_default(), object.status.unwrap_or_default());
    let labels = meta.labels.unwrap_or_default();
    let host_network = spec.host_network == Some(true);
    let ours = is_gateway(&labels);
    if host_network && !ours {
        return Parsed::Irrelevant; // neither a gateway nor one that has a port in OVN
    }
    let annotations = meta.annotations.unwrap_or_default();
    let text = |key: &str| annotations.get(key).map(String::as_str).unwrap_or_default();
    let phase = status.phase.as_deref().unwrap_or_default();
    let ready = status.conditions.iter().flatten().any(|one| one.type_ == "Ready" && one.status == "True");
    let ips = status.pod_ips.unwrap_or_default();
    Parsed::Object(Object::Pod(Arc::new(Pod {
        node: spec.node_name.unwrap_or_default().into(),
        running: phase == "Running",
        ended: matches!(phase, "Succeeded" | "Failed"),
        ready,
        terminating: meta.deletion_timestamp.is_some(),
        host_network,
        addresses: ips.iter().filter_map(|one| one.ip.parse().ok()).collect(),
        attached: if ours { attached(text(NETWORK_STATUS)) } else { BTreeMap::new() },
        allocated: text("ovn.kubernetes.io/allocated") == "true",
        router: text("ovn.kubernetes.io/logical_router").into(),
        labels,
    })))
}

/// An entry of the network status annotation.
#[derive(Deserialize)]
struct Attached {
    #[serde(default)]
    name: Box<str>,
    #[serde(default)]
    ips: Vec<Box<str>>,
}

/// Addresses by attachment. What cannot be read is as if it were not there: the pod is told to have no address.
fn attached(annotation: &str) -> BTreeMap<Box<str>, Vec<IpAddr>> {
    let entries: Vec<Attached> = serde_json::from_str(annotation).unwrap_or_default();
    let parsed = |one: Attached| {
        let ips = one.ips.iter().filter_map(|ip| ip.split('/').next()?.parse().ok()).collect();
        (one.name, ips)
    };
    entries.into_iter().map(parsed).collect()
}
