//! Selectors of pods and of nodes.

use k8s_openapi::api::core::v1::{NodeSelectorRequirement, NodeSelectorTerm};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kubeovn::{NodeTerm, Selector, VpcEgressGatewaySpec};

use super::refusal::{Faults, Reason};

/// Selectors of pods. An absent part matches everything, one that is there has to say something.
pub(super) fn of(spec: &VpcEgressGatewaySpec, faults: &mut Faults) -> Vec<Selector> {
    let all = spec.selectors.as_deref().unwrap_or_default();
    for (at, selector) in all.iter().enumerate() {
        let parts =
            [("namespaceSelector", &selector.namespace_selector), ("podSelector", &selector.pod_selector)];
        for (name, part) in parts {
            if let Some(part) = part {
                labels(part, &format!("spec.selectors[{at}].{name}"), faults);
            }
        }
    }
    all.to_vec()
}

fn labels(selector: &LabelSelector, field: &str, faults: &mut Faults) {
    let requirements = selector.match_expressions.as_deref().unwrap_or_default();
    if requirements.is_empty() && selector.match_labels.as_ref().is_none_or(|labels| labels.is_empty()) {
        faults.add(
            Reason::EmptySelector,
            field,
            "{}",
            "must have matchLabels or matchExpressions; leave it out for all",
        );
    }
    for (at, one) in requirements.iter().enumerate() {
        let values = one.values.as_deref().unwrap_or_default();
        requirement(&one.operator, values.len(), false, &format!("{field}.matchExpressions[{at}]"), faults);
    }
}

/// Terms of the pods' node affinity: labels become requirements after those that are there, sorted by key.
pub(super) fn nodes(spec: &VpcEgressGatewaySpec, faults: &mut Faults) -> Vec<NodeSelectorTerm> {
    let all = spec.node_selector.as_deref().unwrap_or_default();
    all.iter()
        .enumerate()
        .map(|(at, term)| node_term(term, &format!("spec.nodeSelector[{at}]"), faults))
        .collect()
}

fn node_term(term: &NodeTerm, field: &str, faults: &mut Faults) -> NodeSelectorTerm {
    let mut expressions = term.match_expressions.clone().unwrap_or_default();
    let fields = term.match_fields.clone().unwrap_or_default();
    for (at, one) in expressions.iter().enumerate() {
        let values = one.values.as_deref().unwrap_or_default();
        requirement(&one.operator, values.len(), true, &format!("{field}.matchExpressions[{at}]"), faults);
    }
    for (at, one) in fields.iter().enumerate() {
        // The API server knows no other field and takes no more values.
        let values = one.values.as_deref().unwrap_or_default();
        if one.key != "metadata.name" || !matches!(&*one.operator, "In" | "NotIn") || values.len() != 1 {
            let rule = "must be metadata.name In or NotIn with one value";
            faults.add(Reason::InvalidSelector, format!("{field}.matchFields[{at}]"), &one.key, rule);
        }
    }
    for (key, value) in term.match_labels.iter().flatten() {
        expressions.push(NodeSelectorRequirement {
            key: key.clone(),
            operator: "In".to_owned(),
            values: Some(vec![value.clone()]),
        });
    }
    NodeSelectorTerm {
        match_expressions: Some(expressions).filter(|all| !all.is_empty()),
        match_fields: Some(fields).filter(|all| !all.is_empty()),
    }
}

fn requirement(operator: &str, values: usize, compares: bool, field: &str, faults: &mut Faults) {
    let rule = match operator {
        "In" | "NotIn" if values == 0 => "must have values with In and NotIn",
        "Exists" | "DoesNotExist" if values != 0 => "must have no values with Exists and DoesNotExist",
        "Gt" | "Lt" if compares && values != 1 => "must have one value with Gt and Lt",
        "In" | "NotIn" | "Exists" | "DoesNotExist" => return,
        "Gt" | "Lt" if compares => return,
        _ if compares => "must have the operator In, NotIn, Exists, DoesNotExist, Gt or Lt",
        _ => "must have the operator In, NotIn, Exists or DoesNotExist",
    };
    faults.add(Reason::InvalidSelector, field, operator, rule);
}
