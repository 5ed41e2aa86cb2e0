//! Which pods the selectors of a gateway name.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use kubeovn::Selector;

use crate::view::{Cluster, Name, Network, Pod};
use crate::workload;

/// Whether labels satisfy a selector; one without requirements matches all. An operator that nobody knows matches nothing.
#[must_use]
pub fn matches(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    let equal = |(key, value): (&String, &String)| labels.get(key) == Some(value);
    selector.match_labels.iter().flatten().all(equal)
        && selector.match_expressions.iter().flatten().all(|one| holds(one, labels))
}

/// One requirement; `NotIn` holds where the label is absent, as in Kubernetes.
fn holds(requirement: &LabelSelectorRequirement, labels: &BTreeMap<String, String>) -> bool {
    let value = labels.get(&requirement.key);
    let listed = value.is_some_and(|value| requirement.values.iter().flatten().any(|one| one == value));
    match &*requirement.operator {
        "In" => listed,
        "NotIn" => !listed,
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        _ => false,
    }
}

/// Names of the switch ports, `POD.NAMESPACE`, of the pods that any of `selectors` names: in the pod network of this VPC,
/// not ended, with a port there is. Pods of gateways are left out, or what they answer would come back to a gateway.
pub(super) fn ports(
    cluster: &Cluster,
    network: &Network,
    vpc: &str,
    selectors: &[Selector],
) -> BTreeSet<Box<str>> {
    let none = BTreeMap::new();
    let named = |name: &Name, pod: &Pod| {
        let namespace = cluster.namespaces.get(&name.namespace).unwrap_or(&none);
        selectors.iter().any(|one| {
            one.namespace_selector.as_ref().is_none_or(|selector| matches(selector, namespace))
                && one.pod_selector.as_ref().is_none_or(|selector| matches(selector, &pod.labels))
        })
    };
    cluster
        .pods
        .iter()
        .filter(|(_, pod)| pod.allocated && !pod.host_network && !pod.ended && *pod.router == *vpc)
        .filter(|(_, pod)| pod.labels.get(workload::APP.0).is_none_or(|app| app != workload::APP.1))
        .filter(|(name, pod)| named(name, pod))
        .map(|(name, _)| Box::from(format!("{}.{}", name.name, name.namespace)))
        .filter(|port| network.ports.contains(port))
        .collect()
}
