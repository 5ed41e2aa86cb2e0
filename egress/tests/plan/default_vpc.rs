//! gateway1 of seed 001 in the default VPC, step by step as the reference has it.

use std::collections::BTreeMap;
use std::sync::Arc;

use egress::view::{Name, Pod};

use crate::world::{World, same};

const GATEWAY1: &str = "{vpc: ovn-cluster, replicas: 1, externalSubnet: macvlan1, policies: [{snat: true, subnets: [ovn-default]}]}";

const SETS: [&str; 4] = [
    "Address_Set VEG.8ca38ae7da18.ipv4 [10.16.0.0/16]",
    "Address_Set VEG.8ca38ae7da18.ipv6 []",
    "Address_Set VEG.8ca38ae7da18_ip4 []",
    "Address_Set VEG.8ca38ae7da18_ip6 []",
];

fn created() -> World {
    let mut world = World::new();
    world.gateway("gateway1", GATEWAY1);
    world.pod("gateway1", "gateway1-a", "node1", &["10.16.0.2"]);
    world.deployed("gateway1", 1);
    world
}

fn scaled() -> World {
    let mut world = created();
    world.edit("gateway1", |object| object.spec.replicas = Some(2));
    world.pod("gateway1", "gateway1-b", "node2", &["10.16.0.3"]);
    world.deployed("gateway1", 2);
    world
}

fn local() -> World {
    let mut world = scaled();
    world.edit("gateway1", |object| object.spec.traffic_policy = Some("Local".to_owned()));
    world
}

#[test]
fn a_gateway_is_two_reroutes_and_four_sets() {
    let world = created();
    let policies = [
        "Logical_Router_Policy ovn-cluster: 29100 ip4.src == $VEG.8ca38ae7da18.ipv4 reroute 10.16.0.2",
        "Logical_Router_Policy ovn-cluster: 29100 ip4.src == $VEG.8ca38ae7da18_ip4 reroute 10.16.0.2",
    ];
    same(&world.rows("gateway1"), &[&SETS[..], &policies].concat());
}

#[test]
fn every_row_carries_the_reference_owner_ids() {
    for row in local().plan("gateway1").rows.unwrap() {
        let text = row.to_string();
        let family = if text.contains("ipv6") || text.contains("_ip6") { "6" } else { "4" };
        let ids = [("af", family), ("vendor", "kube-ovn"), ("vpc-egress-gateway", "default/gateway1")];
        let want: BTreeMap<Box<str>, Box<str>> = ids.map(|(key, value)| (key.into(), value.into())).into();
        assert_eq!(row.ids(), &want, "{text}");
    }
}

#[test]
fn the_second_pod_joins_the_next_hops() {
    let policies = [
        "Logical_Router_Policy ovn-cluster: 29100 ip4.src == $VEG.8ca38ae7da18.ipv4 reroute 10.16.0.2, 10.16.0.3",
        "Logical_Router_Policy ovn-cluster: 29100 ip4.src == $VEG.8ca38ae7da18_ip4 reroute 10.16.0.2, 10.16.0.3",
    ];
    same(&scaled().rows("gateway1"), &[&SETS[..], &policies].concat());
}

const LOCAL: [&str; 6] = [
    "Logical_Router_Policy ovn-cluster: 29100 ip4.src == $VEG.8ca38ae7da18.ipv4 reroute 10.16.0.2, 10.16.0.3",
    "Logical_Router_Policy ovn-cluster: 29100 ip4.src == $VEG.8ca38ae7da18_ip4 reroute 10.16.0.2, 10.16.0.3",
    "Logical_Router_Policy ovn-cluster: 29150 ip4.src == $node.node1_ip4 && ip4.src == $VEG.8ca38ae7da18.ipv4 reroute 10.16.0.2",
    "Logical_Router_Policy ovn-cluster: 29150 ip4.src == $node.node1_ip4 && ip4.src == $VEG.8ca38ae7da18_ip4 reroute 10.16.0.2",
    "Logical_Router_Policy ovn-cluster: 29150 ip4.src == $node.node2_ip4 && ip4.src == $VEG.8ca38ae7da18.ipv4 reroute 10.16.0.3",
    "Logical_Router_Policy ovn-cluster: 29150 ip4.src == $node.node2_ip4 && ip4.src == $VEG.8ca38ae7da18_ip4 reroute 10.16.0.3",
];

#[test]
fn local_adds_the_next_hops_of_each_node_above() {
    same(&local().rows("gateway1"), &[&SETS[..], &LOCAL].concat());
}

fn web(world: &mut World, change: impl FnOnce(&mut Pod)) {
    let mut pod = Pod {
        labels: BTreeMap::from([("app".to_owned(), "web".to_owned())]),
        running: true,
        ready: true,
        allocated: true,
        router: "ovn-cluster".into(),
        ..Pod::default()
    };
    change(&mut pod);
    world.network.ports.insert("web.default".into());
    world.cluster.pods.insert(Name::new("default", "web"), Arc::new(pod));
}

fn selecting() -> World {
    let mut world = local();
    let selectors = "[{podSelector: {matchLabels: {app: web}}}]";
    world.edit("gateway1", |object| object.spec.selectors = Some(crate::world::object(selectors)));
    world
}

#[test]
fn selectors_put_a_port_group_in_place_of_the_sets_of_its_name() {
    let mut world = selecting();
    web(&mut world, |_| {});
    let sets = [SETS[0], SETS[1], "Port_Group VEG.8ca38ae7da18 [web.default]"];
    same(&world.rows("gateway1"), &[&sets[..], &LOCAL].concat());
}

#[test]
fn only_pods_of_the_vpc_with_a_port_are_selected() {
    let cases: [(&str, fn(&mut Pod)); 6] = [
        ("host network", |pod| pod.host_network = true),
        ("not allocated", |pod| pod.allocated = false),
        ("of another VPC", |pod| pod.router = "vpc1".into()),
        ("ended", |pod| pod.ended = true),
        ("of other labels", |pod| pod.labels.clear()),
        ("a gateway", |pod| {
            pod.labels.insert("app".to_owned(), "vpc-egress-gateway".to_owned());
        }),
    ];
    for (case, change) in cases {
        let mut world = selecting();
        web(&mut world, change);
        assert!(world.rows("gateway1").contains(&"Port_Group VEG.8ca38ae7da18 []".to_owned()), "{case}");
    }
    let mut world = selecting();
    web(&mut world, |_| {});
    world.network.ports.clear();
    assert!(world.rows("gateway1").contains(&"Port_Group VEG.8ca38ae7da18 []".to_owned()), "no port");
}

#[test]
fn sources_of_both_families_are_masked_and_bare_addresses_stay_bare() {
    let mut world = selecting();
    web(&mut world, |_| {});
    let more = "{snat: false, ipBlocks: [10.99.7.9/24, 'fd00:99::1/64', 10.16.1.1]}";
    world.edit("gateway1", |object| object.spec.policies.as_mut().unwrap().push(crate::world::object(more)));
    let sets = [
        "Address_Set VEG.8ca38ae7da18.ipv4 [10.16.0.0/16, 10.16.1.1, 10.99.7.0/24]",
        "Address_Set VEG.8ca38ae7da18.ipv6 [fd00:99::/64]",
        "Port_Group VEG.8ca38ae7da18 [web.default]",
    ];
    same(&world.rows("gateway1"), &[&sets[..], &LOCAL].concat());
}

#[test]
fn scaled_to_nothing_leaves_the_sets() {
    let mut world = local();
    world.edit("gateway1", |object| object.spec.replicas = Some(0));
    world.cluster.pods.clear();
    world.deployed("gateway1", 0);
    same(&world.rows("gateway1"), &SETS);
    let status = world.plan("gateway1").status;
    assert!(status.ready);
    assert_eq!(status.phase, "Completed");
    assert_eq!((status.internal_ips, status.external_ips, status.replicas), (None, None, Some(0)));
}

#[test]
fn deleted_wants_nothing_and_is_released_when_nothing_is_left() {
    let mut world = created();
    world.settle("gateway1");
    world.edit("gateway1", |object| {
        object.metadata.deletion_timestamp = Some(crate::world::object("2026-11-22T00:00:00Z"));
    });
    let plan = world.plan("gateway1");
    assert_eq!((plan.rows, plan.release), (Some(Vec::new()), false));
    world.network.owned.clear();
    let plan = world.plan("gateway1");
    assert_eq!((plan.rows, plan.release), (Some(Vec::new()), true));
    assert_eq!(plan.notices.first().map(|notice| notice.reason), Some("DeleteSuccess"));
    world.cluster.gateways.clear();
    let plan = world.plan("gateway1");
    assert_eq!((plan.rows, plan.release), (Some(Vec::new()), true));
}
