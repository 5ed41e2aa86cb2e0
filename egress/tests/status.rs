//! What is written to the status of an object.

use egress::status::{dated, patch, without_dropped};
use k8s_openapi::jiff::Timestamp;
use kubeovn::{StatusCondition, VpcEgressGatewayStatus, Workload};
use serde_json::json;

fn condition(status: &str, reason: &str, times: Option<[&str; 2]>) -> StatusCondition {
    let [updated, changed] = times.map_or([None, None], |times| times.map(|time| Some(time.to_owned())));
    StatusCondition {
        kind: "Ready".to_owned(),
        status: status.to_owned(),
        reason: Some(reason.to_owned()),
        observed_generation: Some(1),
        last_update_time: updated,
        last_transition_time: changed,
        ..StatusCondition::default()
    }
}

fn now() -> Timestamp {
    "2026-03-01T10:00:00.123456Z".parse().expect("a time")
}

const OLD: [&str; 2] = ["2026-02-02T00:00:00Z", "2026-01-01T00:00:00Z"];

fn times(one: &StatusCondition) -> [&str; 2] {
    [&one.last_update_time, &one.last_transition_time].map(|time| time.as_deref().unwrap_or_default())
}

#[test]
fn a_condition_keeps_its_times_until_something_of_it_changes() {
    let there = [condition("True", "ReconcileSuccess", Some(OLD))];
    let dated_as = |mut wanted: StatusCondition, there: &[StatusCondition]| {
        dated(std::slice::from_mut(&mut wanted), there, now());
        wanted
    };
    let same = dated_as(condition("True", "ReconcileSuccess", None), &there);
    assert_eq!(times(&same), OLD);
    let reason = dated_as(condition("True", "Other", None), &there);
    assert_eq!(times(&reason), ["2026-03-01T10:00:00Z", OLD[1]], "updated, but no transition");
    let status = dated_as(condition("False", "ReconcileSuccess", None), &there);
    assert_eq!(times(&status), ["2026-03-01T10:00:00Z"; 2]);
    let generation = dated_as(
        StatusCondition { observed_generation: Some(2), ..condition("True", "ReconcileSuccess", None) },
        &there,
    );
    assert_eq!(times(&generation), ["2026-03-01T10:00:00Z", OLD[1]]);
    let first = dated_as(condition("True", "ReconcileSuccess", None), &[]);
    assert_eq!(times(&first), ["2026-03-01T10:00:00Z"; 2]);
}

#[test]
fn only_what_differs_is_patched_and_what_is_gone_is_null() {
    let workload = Workload { nodes: Some(vec!["node1".to_owned()]), ..Workload::default() };
    let there = VpcEgressGatewayStatus {
        replicas: Some(2),
        ready: true,
        phase: "Completed".to_owned(),
        internal_ips: Some(vec!["192.168.0.2".to_owned()]),
        workload: Some(workload.clone()),
        ..VpcEgressGatewayStatus::default()
    };
    assert_eq!(patch(Some(&there), &there, None), None, "nothing is written where nothing differs");
    let wanted = VpcEgressGatewayStatus {
        ready: false,
        internal_ips: None,
        workload: Some(Workload { nodes: None, ..workload }),
        ..there.clone()
    };
    let expected = json!({"status": {"ready": false, "internalIPs": null,
        "workload": {"apiVersion": "", "kind": "", "name": "", "nodes": null}}});
    assert_eq!(patch(Some(&there), &wanted, None), Some(expected));
    assert_eq!(patch(Some(&there), &wanted, Some(&["ready"])), Some(json!({"status": {"ready": false}})));
    assert_eq!(patch(Some(&there), &wanted, Some(&["replicas"])), None);
}

#[test]
fn a_field_that_the_definition_drops_is_not_written_for_ever() {
    let router = Some("vpc1".to_owned());
    let there = VpcEgressGatewayStatus { replicas: Some(2), ..VpcEgressGatewayStatus::default() };
    let wanted = VpcEgressGatewayStatus { router: router.clone(), ..there.clone() };
    let written = |there: Option<&VpcEgressGatewayStatus>, wanted: &VpcEgressGatewayStatus| {
        without_dropped(patch(there, wanted, None).expect("a difference"), there, "router").is_some()
    };
    assert!(!written(Some(&there), &wanted), "all there is to add");
    assert!(written(None, &wanted), "at first");
    assert!(written(
        Some(&there),
        &VpcEgressGatewayStatus { replicas: Some(3), router: router.clone(), ..there.clone() }
    ));
    assert!(written(
        Some(&wanted),
        &VpcEgressGatewayStatus { router: Some("vpc2".to_owned()), ..wanted.clone() }
    ));
}
