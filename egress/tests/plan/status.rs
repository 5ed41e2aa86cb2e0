//! Conditions, phase and lists, by the names of the releases; and what is told as Events.

use std::sync::Arc;

use egress::view::Name;
use kubeovn::{StatusCondition, VpcEgressGatewayStatus};

use crate::world::{World, ip};

const SPEC: &str = "{vpc: ovn-cluster, replicas: 2, externalSubnet: macvlan1, policies: [{snat: true, subnets: [ovn-default]}]}";

fn world() -> World {
    let mut world = World::new();
    world.gateway("gateway1", SPEC);
    world.pod("gateway1", "gateway1-a", "node2", &["10.16.0.2"]);
    world.pod("gateway1", "gateway1-b", "node1", &["10.16.0.3", "fd00::3"]);
    world.edit_pod("gateway1-b", |pod| {
        pod.attached.insert("default/eth1".into(), vec![ip("fd17::12"), ip("172.17.0.12")]);
    });
    world.deployed("gateway1", 2);
    world
}

fn condition(status: &VpcEgressGatewayStatus, kind: &str) -> Option<StatusCondition> {
    status.conditions.iter().flatten().find(|one| one.kind == kind).cloned()
}

/// Status, reason and message of Ready.
fn ready(world: &World) -> (String, String, String) {
    let status = world.plan("gateway1").status;
    let one = condition(&status, "Ready").unwrap();
    assert_eq!(status.ready, one.status == "True");
    assert_eq!(status.phase, if status.ready { "Completed" } else { "Processing" });
    (one.status, one.reason.unwrap(), one.message.unwrap_or_default())
}

#[test]
fn at_work_it_is_as_the_reference_shows_it() {
    let mut world = world();
    world.settle("gateway1");
    let status = world.plan("gateway1").status;
    let want = VpcEgressGatewayStatus {
        replicas: Some(2),
        label_selector: Some(
            "app=vpc-egress-gateway,ovn.kubernetes.io/vpc-egress-gateway=gateway1".to_owned(),
        ),
        ready: true,
        phase: "Completed".to_owned(),
        internal_ips: Some(vec!["10.16.0.2".to_owned(), "10.16.0.3,fd00::3".to_owned()]),
        external_ips: Some(vec!["172.17.0.11".to_owned(), "172.17.0.12,fd17::12".to_owned()]),
        workload: Some(kubeovn::Workload {
            api_version: "apps/v1".to_owned(),
            kind: "Deployment".to_owned(),
            name: "gateway1".to_owned(),
            nodes: Some(vec!["node1".to_owned(), "node2".to_owned()]),
        }),
        conditions: status.conditions.clone(),
        router: Some("ovn-cluster".to_owned()),
    };
    assert_eq!(status, want);
    let kinds: Vec<_> = status.conditions.iter().flatten().map(|one| (&*one.kind, &*one.status)).collect();
    assert_eq!(kinds, [("Init", "Unknown"), ("Ready", "True")]);
}

#[test]
fn not_ready_names_what_is_missing() {
    let cases: [(&str, fn(&mut World), &str, &str); 9] = [
        ("no Deployment", |world| world.cluster.deployments.clear(), "Processing", "not there yet"),
        ("not observed", |world| deployment(world, |one| one.generation = 2), "Processing", "last change"),
        (
            "of another template",
            |world| deployment(world, |one| one.hash = "x".into()),
            "Processing",
            "last change",
        ),
        ("stuck", |world| deployment(world, |one| one.stuck = true), "Processing", "progress deadline"),
        ("too few", |world| deployment(world, |one| one.counts = [2, 2, 1]), "Processing", "1 available"),
        (
            "old ones left",
            |world| deployment(world, |one| one.counts = [3, 2, 3]),
            "Processing",
            "3 pods, 2 of them",
        ),
        (
            "not ready",
            |world| world.edit_pod("gateway1-a", |pod| pod.ready = false),
            "WorkloadNetworkNotReady",
            "pod gateway1-a: it is not ready",
        ),
        (
            "no external address",
            |world| world.edit_pod("gateway1-a", |pod| pod.attached.clear()),
            "WorkloadNetworkNotReady",
            "external network default/eth1",
        ),
        (
            "one is missing",
            |world| world.edit_pod("gateway1-a", |pod| pod.terminating = true),
            "WorkloadNetworkNotReady",
            "1 pods have an external address, 2 are asked for",
        ),
    ];
    for (case, change, reason, message) in cases {
        let mut world = world();
        change(&mut world);
        let (status, got, text) = ready(&world);
        assert_eq!((&*status, &*got), ("False", reason), "{case}: {text}");
        assert!(text.contains(message), "{case}: {text}");
    }
}

fn deployment(world: &mut World, change: impl FnOnce(&mut egress::view::Deployment)) {
    let slot = world.cluster.deployments.get_mut(&Name::new("default", "gateway1")).unwrap();
    change(Arc::make_mut(slot));
}

#[test]
fn an_evicted_pod_that_lies_around_is_not_waited_for() {
    let mut world = world();
    world.pod("gateway1", "gateway1-c", "node1", &["10.16.0.9"]);
    world.edit_pod("gateway1-c", |pod| (pod.running, pod.ended, pod.ready) = (false, true, false));
    assert_eq!(ready(&world).0, "True");
}

#[test]
fn events_tell_changes_only() {
    let reasons = |world: &World| -> Vec<(bool, &str)> {
        world.plan("gateway1").notices.iter().map(|one| (one.warning, one.reason)).collect()
    };
    let mut world = world();
    world.cluster.deployments.clear();
    assert_eq!(reasons(&world), [(false, "Processing")]);
    world.settle("gateway1");
    assert_eq!(reasons(&world), []);
    world.deployed("gateway1", 2);
    assert_eq!(reasons(&world), [(false, "ReconcileSuccess")]);
    world.settle("gateway1");
    assert_eq!(reasons(&world), []);
    world.edit_pod("gateway1-a", |pod| pod.ready = false);
    assert_eq!(reasons(&world), [(true, "WorkloadNetworkNotReady")]);
}

#[test]
fn a_bad_specification_is_one_reason_and_taken_back() {
    let mut world = world();
    world.settle("gateway1");
    let before = world.network.owned.clone();
    world.edit("gateway1", |object| object.spec.external_subnet = "nowhere".to_owned());
    let plan = world.plan("gateway1");
    assert_eq!((plan.refused, plan.deployment.is_none(), plan.release), (true, true, false));
    assert_eq!(plan.rows.as_ref(), world.network.contents.values().next(), "nothing is known to be dead");
    for kind in ["Validated", "Ready"] {
        let one = condition(&plan.status, kind).unwrap();
        assert_eq!((&*one.status, one.reason.as_deref()), ("False", Some("MissingSubnet")));
        assert!(one.message.unwrap().contains("nowhere"));
    }
    assert_eq!(plan.notices.len(), 1);
    assert_eq!(plan.status.router.as_deref(), Some("ovn-cluster"), "where its rows still are");
    assert!(plan.status.internal_ips.is_some(), "its pods still are");
    world.settle("gateway1");
    assert_eq!(world.network.owned, before);
    world.edit("gateway1", |object| object.spec.external_subnet = "macvlan1".to_owned());
    let status = world.plan("gateway1").status;
    assert_eq!(condition(&status, "Validated").unwrap().status, "True");
    assert_eq!(condition(&status, "Ready").unwrap().status, "True");
}

#[test]
fn a_router_that_is_not_there_yet_is_waited_for() {
    let mut world = world();
    world.network.routers.clear();
    let plan = world.plan("gateway1");
    assert_eq!(plan.rows, None);
    let one = condition(&plan.status, "Ready").unwrap();
    assert_eq!(one.reason.as_deref(), Some("ReconcileOVNRoutesFailed"));
    assert_eq!(condition(&plan.status, "Validated"), None);
}

#[test]
fn another_vpc_means_another_router_for_all_rows() {
    let mut world = World::with_vpc1();
    world.gateway("gateway1", SPEC);
    world.pod("gateway1", "gateway1-a", "node2", &["10.16.0.2"]);
    world.settle("gateway1");
    world.edit("gateway1", |object| {
        object.spec.vpc = Some("vpc1".to_owned());
        object.spec.internal_subnet = Some("subnet1".to_owned());
        object.spec.policies = Some(crate::world::object("[{snat: true, subnets: [subnet1]}]"));
    });
    let plan = world.plan("gateway1");
    assert_eq!(plan.status.router.as_deref(), Some("vpc1"));
    let rows = plan.rows.unwrap();
    let routers: Vec<_> = rows.iter().filter_map(|row| row.key().router().map(str::to_owned)).collect();
    assert!(!routers.is_empty() && routers.iter().all(|router| router == "vpc1"), "{routers:?}");
}

#[test]
fn another_group_has_its_own_names_and_ids() {
    let mut world = world();
    world.settings.group = "egress.example".into();
    assert!(world.plan("gateway1").members.is_empty(), "pods of the other group's gateway are not ours");
    for pod in ["gateway1-a", "gateway1-b"] {
        world.edit_pod(pod, |pod| {
            pod.labels.insert("egress.example/vpc-egress-gateway".to_owned(), "gateway1".to_owned());
        });
    }
    // sha256("egress.example/default/gateway1"), by sha256sum
    for row in world.plan("gateway1").rows.unwrap() {
        assert!(row.to_string().contains("VEG.d0e8595de5c5"), "{row}");
        assert_eq!(row.ids()["vendor"], "egress.example".into());
        assert_eq!(row.ids()["vpc-egress-gateway"], "default/gateway1".into());
    }
}
