//! gateway2 and gateway3 of the reference: policies in a custom VPC, with BFD.

use egress::plan::Form;
use egress::view::Session;

use crate::world::{World, lines, same};

const GATEWAY2: &str = "{vpc: vpc1, replicas: 2, internalSubnet: subnet1, externalSubnet: macvlan1, bfd: {enabled: true}, \
                        policies: [{snat: true, ipBlocks: [192.168.0.0/24]}]}";

const SETS: [&str; 4] = [
    "Address_Set VEG.9b33407d429d.ipv4 [192.168.0.0/24]",
    "Address_Set VEG.9b33407d429d.ipv6 []",
    "Address_Set VEG.9b33407d429d_ip4 []",
    "Address_Set VEG.9b33407d429d_ip6 []",
];

const DROPS: [&str; 4] = [
    "Logical_Router_Policy vpc1: 29090 ip4.src == $VEG.9b33407d429d.ipv4 drop",
    "Logical_Router_Policy vpc1: 29090 ip4.src == $VEG.9b33407d429d_ip4 drop",
    "Logical_Router_Policy vpc1: 29090 ip6.src == $VEG.9b33407d429d.ipv6 drop",
    "Logical_Router_Policy vpc1: 29090 ip6.src == $VEG.9b33407d429d_ip6 drop",
];

/// gateway2 with a pod on each node, as policies.
fn gateway2() -> World {
    let mut world = World::with_vpc1();
    world.settings.form = Form::Policy;
    world.gateway("gateway2", GATEWAY2);
    world.pod("gateway2", "gateway2-a", "node1", &["192.168.0.2"]);
    world.pod("gateway2", "gateway2-b", "node2", &["192.168.0.3"]);
    world.deployed("gateway2", 2);
    world
}

/// The same on Kube-OVN's own OVN, which the reference was written for.
fn on_kube_ovn() -> World {
    let mut world = gateway2();
    world.network.features.bfd_only = true;
    world.network.features.policy_sessions = true;
    world
}

fn reroutes(next_hops: &str) -> [String; 2] {
    ["VEG.9b33407d429d.ipv4", "VEG.9b33407d429d_ip4"]
        .map(|set| format!("Logical_Router_Policy vpc1: 29100 ip4.src == ${set} reroute {next_hops}"))
}

fn with<'a>(parts: &[&[&'a str]], reroutes: &'a [String; 2]) -> Vec<&'a str> {
    let mut all = parts.concat();
    all.extend(reroutes.iter().map(String::as_str));
    all
}

#[test]
fn where_ovn_gates_policies_the_rows_are_those_of_the_release() {
    let reroutes =
        reroutes("192.168.0.2, 192.168.0.3 bfd_sessions [bfd@vpc1 192.168.0.2, bfd@vpc1 192.168.0.3]");
    let bfd = [
        "BFD bfd@vpc1 192.168.0.2 min_tx 1000 min_rx 1000 detect_mult 3",
        "BFD bfd@vpc1 192.168.0.3 min_tx 1000 min_rx 1000 detect_mult 3",
    ];
    same(&on_kube_ovn().rows("gateway2"), &with(&[&SETS, &DROPS, &bfd], &reroutes));
}

#[test]
fn where_ovn_gates_policies_a_dead_session_is_left_to_it() {
    let mut world = on_kube_ovn();
    world.session("bfd@vpc1", "192.168.0.2", Session::Up);
    world.session("bfd@vpc1", "192.168.0.3", Session::Down);
    let before = on_kube_ovn().rows("gateway2");
    assert_eq!(world.rows("gateway2"), before);
    assert!(!world.plan("gateway2").last_resort);
}

const STOCK: [&str; 4] = [
    "BFD bfd@vpc1 192.168.0.2 min_tx 1000 min_rx 1000 detect_mult 3",
    "BFD bfd@vpc1@node2 192.168.0.3 min_tx 1000 min_rx 1000 detect_mult 3",
    "Logical_Router_Static_Route vpc1: dst-ip 192.168.0.2/32 192.168.0.2 in table egress-anchor bfd bfd@vpc1 192.168.0.2",
    "Logical_Router_Static_Route vpc1: dst-ip 192.168.0.3/32 192.168.0.3 in table egress-anchor bfd bfd@vpc1@node2 192.168.0.3",
];

#[test]
fn on_stock_ovn_each_chassis_has_its_session_and_anchors_keep_them_awake() {
    let mut world = gateway2();
    world.session("bfd@vpc1", "192.168.0.2", Session::Up);
    world.session("bfd@vpc1@node2", "192.168.0.3", Session::Up);
    let reroutes = reroutes("192.168.0.2, 192.168.0.3");
    same(&world.rows("gateway2"), &with(&[&SETS, &DROPS, &STOCK], &reroutes));
}

#[test]
fn on_stock_ovn_a_member_whose_session_is_down_leaves_and_its_session_stays() {
    for state in [Session::Down, Session::Init, Session::AdminDown] {
        let mut world = gateway2();
        world.session("bfd@vpc1", "192.168.0.2", state);
        world.session("bfd@vpc1@node2", "192.168.0.3", Session::Up);
        let reroutes = reroutes("192.168.0.3");
        same(&world.rows("gateway2"), &with(&[&SETS, &DROPS, &STOCK], &reroutes));
    }
}

#[test]
fn before_the_first_session_is_up_traffic_flows_above_the_drop() {
    let world = gateway2();
    let reroutes = reroutes("192.168.0.2, 192.168.0.3");
    same(&world.rows("gateway2"), &with(&[&SETS, &DROPS, &STOCK], &reroutes));
    assert!(world.plan("gateway2").last_resort);
}

#[test]
fn timers_are_crossed_for_the_object_speaks_for_the_pod() {
    let mut world = on_kube_ovn();
    world.edit("gateway2", |object| {
        object.spec.bfd =
            Some(crate::world::object("{enabled: true, minTX: 300, minRX: 200, multiplier: 5}"));
    });
    let bfd = "BFD bfd@vpc1 192.168.0.2 min_tx 200 min_rx 300 detect_mult 5".to_owned();
    assert!(world.rows("gateway2").contains(&bfd));
}

#[test]
fn a_terminating_pod_takes_its_session_with_it() {
    let mut world = on_kube_ovn();
    world.edit_pod("gateway2-a", |pod| pod.terminating = true);
    let reroutes = reroutes("192.168.0.3 bfd_sessions [bfd@vpc1 192.168.0.3]");
    let bfd = ["BFD bfd@vpc1 192.168.0.3 min_tx 1000 min_rx 1000 detect_mult 3"];
    same(&world.rows("gateway2"), &with(&[&SETS, &DROPS, &bfd], &reroutes));
}

#[test]
fn without_bfd_there_is_neither_session_nor_drop() {
    let mut world = gateway2();
    world.edit("gateway2", |object| object.spec.bfd = None);
    let reroutes = reroutes("192.168.0.2, 192.168.0.3");
    same(&world.rows("gateway2"), &with(&[&SETS], &reroutes));
}

#[test]
fn scaled_to_nothing_with_bfd_drops() {
    let mut world = gateway2();
    world.cluster.pods.clear();
    world.edit("gateway2", |object| object.spec.replicas = Some(0));
    same(&world.rows("gateway2"), &[&SETS[..], &DROPS].concat());
}

#[test]
fn a_vpc_without_bfd_port_is_told_and_stops_nothing() {
    let mut world = gateway2();
    world.session("bfd@vpc1", "192.168.0.2", Session::Up);
    world.session("bfd@vpc1@node2", "192.168.0.3", Session::Up);
    world.settle("gateway2");
    world.deployed("gateway2", 2);
    let before = world.rows("gateway2");
    world.vpc1("{enabled: false, ip: 10.255.255.255}");
    world.session("bfd@vpc1", "192.168.0.2", Session::Down);
    world.session("bfd@vpc1@node2", "192.168.0.3", Session::Down);
    let plan = world.plan("gateway2");
    assert_eq!(lines(&plan.rows.unwrap()), before, "dead evidence is not followed");
    assert!(plan.deployment.is_none() && plan.replicas == Some(2) && plan.status.ready);
    let told = plan.status.conditions.unwrap();
    let validated = told.iter().find(|one| one.kind == "Validated").unwrap();
    assert_eq!((&*validated.status, validated.reason.as_deref()), ("False", Some("VpcBfdPortNotEnabled")));
    // The members are still followed.
    world.edit_pod("gateway2-a", |pod| pod.terminating = true);
    assert!(world.rows("gateway2").contains(&reroutes("192.168.0.3")[0]));
    // So is the number of pods; a Deployment that is gone is made without BFD.
    world.edit("gateway2", |object| object.spec.replicas = Some(3));
    assert_eq!(world.plan("gateway2").replicas, Some(3));
    world.cluster.deployments.clear();
    let made = world.plan("gateway2").deployment.unwrap().spec.template.spec.unwrap();
    let containers: Vec<_> = made.containers.iter().map(|one| &*one.name).collect();
    assert_eq!(containers, ["gateway"]);
}

#[test]
fn a_gateway_that_never_had_rows_does_not_begin_with_those_that_drop() {
    let mut world = gateway2();
    world.vpc1("{enabled: false}");
    let plan = world.plan("gateway2");
    assert!(plan.rows.is_none() && plan.deployment.is_none() && plan.replicas.is_none());
    let ready = plan.status.conditions.unwrap().into_iter().find(|one| one.kind == "Ready").unwrap();
    assert_eq!(ready.reason.as_deref(), Some("VpcBfdPortNotEnabled"), "{ready:?}");
}

#[test]
fn gateway3_has_the_rows_of_the_reference() {
    let mut world = on_kube_ovn();
    world.cluster.pods.clear();
    world.cluster.gateways.clear();
    let spec = "{vpc: vpc1, prefix: veg-, internalSubnet: subnet1, externalSubnet: macvlan1, bfd: {enabled: true, minTX: 400}, \
                internalIPs: [192.168.0.50], policies: [{snat: false, subnets: [subnet1]}]}";
    world.gateway("gateway3", spec);
    world.pod("gateway3", "veg-gateway3-a", "node1", &["192.168.0.50"]);
    let policy = |rest: &str| format!("Logical_Router_Policy vpc1: {rest}");
    let session = "reroute 192.168.0.50 bfd_sessions [bfd@vpc1 192.168.0.50]";
    let want = [
        "Address_Set VEG.41a9d7cb79ee.ipv4 [192.168.0.0/24]".to_owned(),
        "Address_Set VEG.41a9d7cb79ee.ipv6 []".to_owned(),
        "Address_Set VEG.41a9d7cb79ee_ip4 []".to_owned(),
        "Address_Set VEG.41a9d7cb79ee_ip6 []".to_owned(),
        "BFD bfd@vpc1 192.168.0.50 min_tx 1000 min_rx 400 detect_mult 3".to_owned(),
        policy("29090 ip4.src == $VEG.41a9d7cb79ee.ipv4 drop"),
        policy("29090 ip4.src == $VEG.41a9d7cb79ee_ip4 drop"),
        policy("29090 ip6.src == $VEG.41a9d7cb79ee.ipv6 drop"),
        policy("29090 ip6.src == $VEG.41a9d7cb79ee_ip6 drop"),
        policy(&format!("29100 ip4.src == $VEG.41a9d7cb79ee.ipv4 {session}")),
        policy(&format!("29100 ip4.src == $VEG.41a9d7cb79ee_ip4 {session}")),
    ];
    same(&world.rows("gateway3"), &want.each_ref().map(String::as_str));
}
