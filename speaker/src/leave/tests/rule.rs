//! Every combination of what can be known, and what has to come of it.

use serde_json::json;

use super::object;
use crate::leave::facts::{DaemonSet, Fact, Keeper, Node, NodeFacts, Pod};
use crate::leave::{Decision, judge, text, unasked};

/// What may be known of the node, and the row of the table below.
fn nodes() -> Vec<(&'static str, bool, Fact<Node>)> {
    let node = |labels, annotations, taints| {
        let meta = json!({"name": "n1", "labels": labels, "annotations": annotations});
        Fact::Known(object(json!({"metadata": meta, "spec": {"taints": taints}})))
    };
    let bgp = json!({"ovn.kubernetes.io/bgp": "true", "kubernetes.io/os": "linux"});
    let away =
        json!([{"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute"}]);
    let other = json!([{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}]);
    let drain = |value: &str| json!({"bgp.kubeovn.io/drain": value});
    vec![
        ("labelled", true, node(bgp.clone(), json!({}), json!([]))),
        ("labelled, name not sure", false, node(bgp.clone(), json!({}), json!([]))),
        ("another taint", true, node(bgp.clone(), json!({}), other)),
        ("drain=false", true, node(bgp.clone(), drain("false"), json!([]))),
        ("unlabelled", true, node(json!({"kubernetes.io/os": "linux"}), json!({}), json!([]))),
        ("drain=true", true, node(bgp.clone(), drain("true"), json!([]))),
        ("drain=", true, node(bgp.clone(), drain(""), json!([]))),
        ("out of service", true, node(bgp, json!({}), away)),
        ("gone", true, Fact::Gone),
        ("gone, name not sure", false, Fact::Gone),
        ("unknown", true, Fact::Unknown("Node n1: no answer".to_owned())),
    ]
}

fn set(selector: serde_json::Value, metadata: serde_json::Value) -> Fact<DaemonSet> {
    Fact::Known(object(
        json!({"metadata": metadata, "spec": {"template": {"spec": {"nodeSelector": selector}}}}),
    ))
}

/// What may be known of who keeps the speaker, and the column of the table below.
fn keepers() -> Vec<(&'static str, Keeper)> {
    let bgp = json!({"ovn.kubernetes.io/bgp": "true"});
    let going = json!({"name": "s", "deletionTimestamp": "2026-11-21T22:00:00Z", "finalizers": ["foregroundDeletion"]});
    let orphaning =
        json!({"name": "s", "deletionTimestamp": "2026-11-21T22:00:00Z", "finalizers": ["orphan"]});
    let sets = [
        ("wants the label", set(bgp.clone(), json!({"name": "s"}))),
        ("wants any node", set(json!({}), json!({"name": "s"}))),
        ("wants other nodes", set(json!({"rack": "7"}), json!({"name": "s"}))),
        ("going", set(bgp.clone(), going)),
        ("going without its Pods", set(bgp.clone(), orphaning)),
        ("gone", Fact::Gone),
        ("not to be read", Fact::Unknown("DaemonSet kube-system/s: forbidden".to_owned())),
    ];
    let keeper = |set| {
        let own: Pod = object(json!({"metadata": {"name": "s-x"}, "spec": {"nodeSelector": bgp}}));
        Keeper::DaemonSet { name: "kube-system/s".to_owned(), set, own: own.spec.placement }
    };
    let sets = sets.map(|(name, set)| (name, keeper(set)));
    let rest = [
        ("nobody", Keeper::Nobody("Pod kube-system/s-x has no owner".to_owned())),
        ("unknown", Keeper::Unknown("Pod kube-system/s-x: no answer".to_owned())),
    ];
    sets.into_iter().chain(rest).collect()
}

#[test]
fn what_is_known_decides_and_what_is_not_known_is_no_reason_to_leave() {
    // Columns: wants the label, any node, other nodes; going, going without its Pods, gone; not to be read (then the
    // Pod's own selector, which wants the label); nobody, unknown. L leaves, s stays.
    let table = [
        "s s L L s L s s s", // labelled
        "s s L L s L s s s", // labelled, name not sure
        "s s L L s L s s s", // another taint
        "s s L L s L s s s", // drain=false
        "L s L L L L L s s", // unlabelled
        "L L L L L L L L L", // drain=true
        "L L L L L L L L L", // drain=
        "L L L L L L L L L", // out of service
        "L L L L L L L L L", // gone
        "s s s L s L s s s", // gone, name not sure
        "s s s L s L s s s", // unknown
    ];
    assert_eq!(table.len(), nodes().len());
    for ((row, sure, node), cells) in nodes().into_iter().zip(table) {
        let cells: Vec<_> = cells.split(' ').collect();
        assert_eq!(cells.len(), keepers().len());
        for ((column, keeper), cell) in keepers().into_iter().zip(cells) {
            let facts = NodeFacts { name: "n1".to_owned(), sure, node: node.clone(), keeper };
            let decision = judge::node(&facts);
            let leaves = matches!(decision, Decision::Leave(_));
            assert_eq!(leaves, cell == "L", "node {row}, DaemonSet {column}: {decision:?}");
        }
    }
}

fn said(node: &str, keeper: &str) -> String {
    let (_, sure, node) = nodes().into_iter().find(|(name, ..)| *name == node).expect("a row");
    let (_, keeper) = keepers().into_iter().find(|(name, _)| *name == keeper).expect("a column");
    match judge::node(&NodeFacts { name: "n1".to_owned(), sure, node, keeper }) {
        Decision::Stay(why) => format!("stay: {why}"),
        Decision::Leave(why) => format!("leave: {why}"),
    }
}

#[test]
fn reasons_say_what_was_found_and_what_had_no_answer() {
    let cases = [
        ("labelled", "wants the label", "stay: DaemonSet kube-system/s wants node n1"),
        ("labelled", "nobody", "stay: Pod kube-system/s-x has no owner"),
        ("unlabelled", "wants the label", "leave: node has no label ovn.kubernetes.io/bgp=true"),
        ("unlabelled", "not to be read", "leave: node has no label ovn.kubernetes.io/bgp=true"),
        ("labelled", "gone", "leave: DaemonSet kube-system/s was deleted"),
        ("labelled", "going", "leave: DaemonSet kube-system/s is being deleted"),
        ("drain=", "nobody", "leave: node is being drained (annotation bgp.kubeovn.io/drain)"),
        ("gone", "unknown", "leave: node n1 was deleted"),
        (
            "out of service",
            "unknown",
            "leave: node is out of service (taint node.kubernetes.io/out-of-service)",
        ),
        (
            "unknown",
            "wants the label",
            "stay: there is a DaemonSet kube-system/s; not known: Node n1: no answer",
        ),
        (
            "unknown",
            "unknown",
            "stay: no reason to leave is known; not known: Node n1: no answer; Pod kube-system/s-x: no answer",
        ),
        (
            "labelled",
            "not to be read",
            "stay: no reason to leave is known; not known: DaemonSet kube-system/s: forbidden",
        ),
        (
            "gone, name not sure",
            "wants the label",
            "stay: there is a DaemonSet kube-system/s; not known: there is no node n1, and whether that is our \
             node is not known",
        ),
    ];
    for (node, keeper, want) in cases {
        assert_eq!(said(node, keeper), want, "{node}, {keeper}");
    }
}

#[test]
fn what_a_gateway_forwards_with_ends_with_its_pod() {
    let pod = |meta| Fact::Known(object::<Pod>(json!({"metadata": meta, "spec": {}})));
    let leaves = |pod| matches!(judge::gateway(&pod), Decision::Leave(_));
    assert!(leaves(Fact::Gone));
    assert!(leaves(pod(json!({"name": "gw-0", "deletionTimestamp": "2026-11-21T22:00:00Z"}))));
    assert!(!leaves(pod(json!({"name": "gw-0"}))), "only its container is started anew");
    assert!(!leaves(Fact::Unknown("forbidden".to_owned())));
}

#[test]
fn without_an_answer_the_flag_decides() {
    assert_eq!(unasked(false, "x"), Decision::Leave("graceful restart is off".to_owned()));
    assert_eq!(unasked(true, "x"), Decision::Stay("x".to_owned()));
}

#[test]
fn words_of_others_are_short_and_harmless() {
    assert_eq!(text::shown("a\u{1b}[31m\nb"), "a?[31m?b");
    assert_eq!(text::shown(&"x".repeat(5000)).len(), 96);
    assert_eq!(text::cut("aä", 2), "a", "a character is not cut in two");
    assert_eq!(text::cut("aä", 3), "aä");
    assert_eq!(text::cut("", 0), "");
}

#[test]
fn only_the_controller_owns_a_pod_and_only_that_of_apps_is_a_daemon_set() {
    let owner = |version: &str, kind: &str, controller| json!({"apiVersion": version, "kind": kind, "name": "s", "uid": "u", "controller": controller});
    let owned = |owners| {
        let pod: Pod = object(json!({"metadata": {"name": "p", "ownerReferences": owners}, "spec": {}}));
        pod.owner().map(|owner| owner.is_daemon_set())
    };
    assert_eq!(owned(json!([])), None);
    assert_eq!(owned(json!([owner("apps/v1", "DaemonSet", false)])), None);
    assert_eq!(owned(json!([owner("apps/v1", "StatefulSet", true)])), Some(false));
    assert_eq!(owned(json!([owner("apps.kruise.io/v1alpha1", "DaemonSet", true)])), Some(false));
    assert_eq!(owned(json!([owner("v1", "X", false), owner("apps/v1", "DaemonSet", true)])), Some(true));
}
