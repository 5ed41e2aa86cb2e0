//! `nodeSelector` and required node affinity, by what the Kubernetes API reference and "Assigning Pods to Nodes" say.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::object;
use crate::leave::facts::PodSpec;

/// The labels of node `n1`.
fn labels() -> BTreeMap<String, String> {
    let labels =
        [("bgp", "true"), ("rack", "7"), ("gen", "12"), ("minus", "-3"), ("empty", ""), ("word", "x1")];
    labels.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn misses(spec: Value) -> Option<String> {
    object::<PodSpec>(spec).placement.misses("n1", &labels())
}

/// A Pod that requires one of these terms.
fn terms(terms: Value) -> Value {
    let required = json!({"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}});
    json!({"nodeName": "n1", "affinity": {"nodeAffinity": required}})
}

fn expression(key: &str, operator: &str, values: &[&str]) -> Value {
    json!({"key": key, "operator": operator, "values": values})
}

fn holds(key: &str, operator: &str, values: &[&str]) -> bool {
    misses(terms(json!([{"matchExpressions": [expression(key, operator, values)]}]))).is_none()
}

#[test]
fn every_pair_of_a_node_selector_has_to_be_a_label() {
    assert_eq!(misses(json!({})), None);
    assert_eq!(misses(json!({"nodeSelector": {"bgp": "true", "rack": "7"}})), None);
    assert_eq!(misses(json!({"nodeSelector": {"empty": ""}})), None);
    let missing = |selector| misses(json!({"nodeSelector": selector})).expect("a reason");
    assert_eq!(missing(json!({"bgp": "true", "rack": "8"})), "node has no label rack=8");
    assert_eq!(missing(json!({"other": "true"})), "node has no label other=true");
    assert_eq!(missing(json!({"other": ""})), "node has no label other with an empty value");
    assert_eq!(missing(json!({"bgp": ""})), "node has no label bgp with an empty value");
}

#[test]
fn every_operator_holds_where_the_documents_say() {
    let cases: [(&str, &str, &[&str], bool); 27] = [
        ("bgp", "In", &["false", "true"], true),
        ("bgp", "In", &["false"], false),
        ("none", "In", &["true"], false),
        ("empty", "In", &[""], true),
        ("bgp", "NotIn", &["false"], true),
        ("bgp", "NotIn", &["false", "true"], false),
        ("none", "NotIn", &["true"], true), // a label that is not there is in no list
        ("bgp", "Exists", &[], true),
        ("empty", "Exists", &[], true),
        ("none", "Exists", &[], false),
        ("none", "DoesNotExist", &[], true),
        ("empty", "DoesNotExist", &[], false),
        ("gen", "Gt", &["11"], true),
        ("gen", "Gt", &["12"], false),
        ("gen", "Gt", &["9"], true), // as numbers, not as text
        ("gen", "Lt", &["13"], true),
        ("gen", "Lt", &["12"], false),
        ("gen", "Lt", &["9"], false),
        ("minus", "Lt", &["-2"], true),
        ("minus", "Gt", &["-4"], true),
        ("none", "Gt", &["1"], false),
        ("none", "Lt", &["1"], false),
        ("word", "Gt", &["0"], false), // no integer
        ("word", "Lt", &["0"], false),
        ("gen", "Gt", &["x"], false),
        ("gen", "Gt", &[], false),
        ("gen", "Gt", &["1", "2"], false), // exactly one
    ];
    for (key, operator, values, want) in cases {
        assert_eq!(holds(key, operator, values), want, "{key} {operator} {values:?}");
    }
    assert!(holds("bgp", "Near", &["x"]), "an operator of a later Kubernetes is no reason to leave");
}

#[test]
fn terms_are_alternatives_and_what_is_in_one_is_needed_together() {
    let yes = || expression("bgp", "In", &["true"]);
    let no = || expression("rack", "In", &["8"]);
    let named = |name: &str| expression("metadata.name", "In", &[name]);
    let runs = |list| misses(terms(list)).is_none();
    assert!(runs(json!([{"matchExpressions": [yes()]}])));
    assert!(!runs(json!([{"matchExpressions": [yes(), no()]}])));
    assert!(runs(json!([{"matchExpressions": [no()]}, {"matchExpressions": [yes()]}])));
    assert!(!runs(json!([{"matchExpressions": [no()]}, {"matchExpressions": [no()]}])));
    assert!(runs(json!([{"matchFields": [named("n1")]}])), "as the DaemonSet controller writes it");
    assert!(!runs(json!([{"matchFields": [named("n2")]}])));
    assert!(runs(json!([{"matchFields": [expression("metadata.name", "NotIn", &["n2"])]}])));
    assert!(!runs(json!([{"matchFields": [named("n1")], "matchExpressions": [no()]}])));
    assert!(!runs(json!([])), "no term matches nothing");
    assert!(!runs(json!([{}])), "an empty term matches nothing");
    assert!(runs(json!([{}, {"matchExpressions": [yes()]}])));
}

#[test]
fn a_selector_and_an_affinity_both_have_to_hold_and_a_preference_does_not() {
    let mut spec = terms(json!([{"matchExpressions": [expression("bgp", "Exists", &[])]}]));
    spec["nodeSelector"] = json!({"rack": "8"});
    assert_eq!(misses(spec).as_deref(), Some("node has no label rack=8"));
    let mut spec = terms(json!([{"matchExpressions": [expression("none", "Exists", &[])]}]));
    spec["nodeSelector"] = json!({"rack": "7"});
    assert_eq!(misses(spec).as_deref(), Some("node does not match the required node affinity"));
    let preference =
        json!({"weight": 1, "preference": {"matchExpressions": [expression("none", "Exists", &[])]}});
    let preferred = json!({"preferredDuringSchedulingIgnoredDuringExecution": [preference]});
    let others = json!({"requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "kubernetes.io/hostname"}]});
    let spec = json!({"affinity": {"nodeAffinity": preferred, "podAntiAffinity": others}});
    assert_eq!(misses(spec), None);
}
