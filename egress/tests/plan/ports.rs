//! BFD ports of a VPC: where they are, and when there are none.

use egress::view::BfdPort;

use crate::world::{World, lines, same};

fn gateway(world: &mut World, name: &str, nodes: &[&str]) {
    let spec = format!(
        "{{vpc: vpc1, replicas: {}, internalSubnet: subnet1, externalSubnet: macvlan1, bfd: {{enabled: true}}, \
         policies: [{{snat: true, ipBlocks: [192.168.0.0/24]}}]}}",
        nodes.len()
    );
    world.gateway(name, &spec);
    for (at, node) in nodes.iter().enumerate() {
        world.pod(name, &format!("{name}-{at}"), node, &[&format!("192.168.0.{}", at + 2)]);
    }
}

/// Nodes `node1` to `node4`.
fn world() -> World {
    let mut world = World::with_vpc1();
    world.node("node3", true);
    world.node("node4", true);
    world
}

fn rows(world: &World) -> Vec<String> {
    lines(&world.plan_vpc("vpc1").rows.unwrap())
}

fn port(name: &str, chassis: &str) -> String {
    format!("Logical_Router_Port {name} on vpc1 networks [10.255.255.255] chassis [{chassis}]")
}

fn check(world: &World, ports: &[String], case: &str) {
    let ports: Vec<&str> = ports.iter().map(String::as_str).collect();
    println!("{case}");
    same(&rows(world), &ports);
}

/// What is in the northbound database after an apply.
fn apply(world: &mut World) {
    let rows = world.plan_vpc("vpc1").rows.unwrap();
    world.network.bfd_ports.clear();
    for row in rows {
        let egress::rows::Row::BfdPort { name, chassis, ids, .. } = row else { panic!("{row}") };
        let port = BfdPort { vpc: ids["lr"].clone(), vendor: ids["vendor"].clone(), chassis };
        world.network.bfd_ports.insert(name, port);
    }
}

#[test]
fn without_gateways_it_is_the_port_of_the_reference() {
    let world = World::with_vpc1(); // two nodes, as there
    check(&world, &[port("bfd@vpc1", "node1, node2")], "two nodes");
    let plan = world.plan_vpc("vpc1");
    let status = plan.status.bfd_port.unwrap();
    assert_eq!((status.name.as_deref(), status.ip.as_deref()), (Some("bfd@vpc1"), Some("10.255.255.255")));
    assert_eq!(status.nodes.unwrap(), ["node1", "node2"]);
    assert_eq!(plan.status.conditions, None);
    let ids = plan.rows.unwrap().first().unwrap().ids().clone();
    let want = [("lr".into(), "vpc1".into()), ("vendor".into(), "kube-ovn".into())];
    assert_eq!(ids, want.into());
}

#[test]
fn at_most_three_nodes_by_name_which_are_ready_and_have_a_chassis() {
    let mut world = world();
    check(&world, &[port("bfd@vpc1", "node1, node2, node3")], "four nodes");
    world.node("node2", false);
    world.network.chassis.remove("node1");
    check(&world, &[port("bfd@vpc1", "node3, node4")], "one not ready, one without chassis");
}

#[test]
fn a_selector_takes_all_it_matches() {
    let mut world = world();
    let selector = "{matchExpressions: [{key: kubernetes.io/hostname, operator: NotIn, values: [node2]}]}";
    world.vpc1(&format!("{{enabled: true, ip: 10.255.255.255, nodeSelector: {selector}}}"));
    check(&world, &[port("bfd@vpc1", "node1, node3, node4")], "all but one");
    world.vpc1("{enabled: true, ip: 10.255.255.255, nodeSelector: {matchLabels: {no: such}}}");
    check(&world, &[port("bfd@vpc1", "")], "none");
    let told = world.plan_vpc("vpc1").status.conditions.unwrap();
    assert_eq!(told.first().unwrap().reason.as_deref(), Some("NoChassis"));
}

#[test]
fn gateways_on_one_chassis_share_one_port_there() {
    let mut world = world();
    gateway(&mut world, "gateway2", &["node3", "node3"]);
    check(&world, &[port("bfd@vpc1", "node3")], "one chassis");
}

#[test]
fn every_other_chassis_with_gateways_has_a_port_of_its_own() {
    let mut world = world();
    gateway(&mut world, "gateway2", &["node2", "node4"]);
    let ports = [port("bfd@vpc1", "node2"), port("bfd@vpc1@node4", "node4")];
    check(&world, &ports, "two chassis");
    let status = world.plan_vpc("vpc1").status.bfd_port.unwrap();
    assert_eq!(status.name.as_deref(), Some("bfd@vpc1,bfd@vpc1@node4"));
    assert_eq!(status.nodes.unwrap(), ["node2", "node4"]);
}

#[test]
fn home_stays_as_long_as_it_hosts_a_gateway() {
    let mut world = world();
    gateway(&mut world, "gateway2", &["node3"]);
    apply(&mut world);
    gateway(&mut world, "gateway3", &["node1"]);
    let ports = [port("bfd@vpc1", "node3"), port("bfd@vpc1@node1", "node1")];
    check(&world, &ports, "a second gateway on a node that sorts first");
    apply(&mut world);
    // Its pod is replaced: gone, not placed yet, placed elsewhere.
    world.edit_pod("gateway2-0", |pod| pod.terminating = true);
    check(&world, &ports, "terminating");
    world.cluster.pods.remove(&egress::view::Name::new("default", "gateway2-0"));
    check(&world, &ports, "gone, and the next one has no node yet");
    world.pod("gateway2", "gateway2-1", "node4", &["192.168.0.9"]);
    let ports = [port("bfd@vpc1", "node1"), port("bfd@vpc1@node4", "node4")];
    check(&world, &ports, "all are placed, none on the old home");
}

#[test]
fn a_new_home_is_looked_for_among_ready_nodes_first() {
    let mut world = world();
    gateway(&mut world, "gateway2", &["node1", "node2"]);
    world.node("node1", false);
    let ports = [port("bfd@vpc1", "node2"), port("bfd@vpc1@node1", "node1")];
    check(&world, &ports, "node1 is not ready");
}

#[test]
fn kube_ovns_own_ovn_needs_one_port_only() {
    let mut world = world();
    world.network.features.bfd_only = true;
    gateway(&mut world, "gateway2", &["node2", "node4"]);
    check(&world, &[port("bfd@vpc1", "node1, node2, node3")], "one port");
}

#[test]
fn both_families_stay_as_written() {
    let mut world = World::with_vpc1();
    world.vpc1("{enabled: true, ip: '10.255.255.255,fdff::1/64'}");
    let want =
        "Logical_Router_Port bfd@vpc1 on vpc1 networks [10.255.255.255, fdff::1/64] chassis [node1, node2]";
    same(&rows(&world), &[want]);
}

#[test]
fn load_balancers_are_on_the_routers_way_out_and_leave_bfd_ports_alone() {
    let mut world = world();
    let router = world.network.routers.get_mut("vpc1").unwrap();
    router.load_balancers = true;
    router.gateway_ports = vec!["vpc1-external".into()];
    gateway(&mut world, "gateway2", &["node2", "node4"]);
    let both = [port("bfd@vpc1", "node2"), port("bfd@vpc1@node4", "node4")];
    check(&world, &both, "one for each chassis, as without load balancers");
}

#[test]
fn load_balancers_without_a_way_out_allow_no_second_port() {
    let mut world = world();
    world.network.routers.get_mut("vpc1").unwrap().load_balancers = true;
    gateway(&mut world, "gateway2", &["node2", "node4"]);
    check(&world, &[port("bfd@vpc1", "node2")], "home only");
    let member = world.plan("gateway2").members.pop().unwrap();
    assert!(member.reason.contains("node node4 has no BFD port"), "{}", member.reason);
    // It goes where gateways are, though a pod is still to be placed that might go where it was.
    apply(&mut world);
    world.edit("gateway2", |object| object.spec.replicas = Some(3));
    world.edit_pod("gateway2-0", |pod| pod.node = "".into());
    check(&world, &[port("bfd@vpc1", "node4")], "home moves");
}

#[test]
fn a_port_of_somebody_else_is_left_alone() {
    let mut world = world();
    let other = BfdPort { vpc: "vpc1".into(), vendor: "kube-ovn".into(), chassis: vec!["node1".into()] };
    world.settings.group = "egress.example".into();
    world.network.bfd_ports.insert("bfd@vpc1".into(), other);
    let plan = world.plan_vpc("vpc1");
    assert_eq!(plan.rows, Some(Vec::new()));
    assert_eq!(plan.notices.first().map(|one| one.reason), Some("VpcBfdPortConflict"));
}

#[test]
fn what_cannot_be_read_changes_nothing_and_says_so() {
    let cases =
        ["''", "10.0.0.300", "'10.0.0.1,10.0.0.2'", "'10.0.0.1,'", "'10.0.0.1,fd00::1,fd00::2'", "node1"];
    for ip in cases.into_iter().filter(|ip| *ip != "'10.0.0.1,'") {
        let mut world = world();
        world.vpc1(&format!("{{enabled: true, ip: {ip}}}"));
        let plan = world.plan_vpc("vpc1");
        assert_eq!(plan.rows, None, "{ip}");
        let one = plan.status.conditions.unwrap().pop().unwrap();
        assert_eq!(one.reason.as_deref(), Some("InvalidBfdPort"), "{ip}");
        assert!(one.message.unwrap().contains("spec.bfdPort.ip"), "{ip}");
    }
}

#[test]
fn off_or_gone_wants_nothing_and_a_condition_is_taken_back() {
    let mut world = world();
    world.vpc1("{enabled: false, ip: 10.255.255.255}");
    let plan = world.plan_vpc("vpc1");
    assert_eq!((plan.rows, plan.status.bfd_port), (Some(Vec::new()), None));
    world.cluster.vpcs.clear();
    assert_eq!(world.plan_vpc("vpc1").rows, Some(Vec::new()));
    let refused = "spec: {bfdPort: {enabled: true, ip: 10.255.255.255}}\nstatus: {router: vpc1, conditions: [{type: \
                   BfdPortReady, status: 'False', reason: NoChassis}]}";
    world.vpc("vpc1", refused);
    let one = world.plan_vpc("vpc1").status.conditions.unwrap().pop().unwrap();
    assert_eq!((&*one.kind, &*one.status), ("BfdPortReady", "True"));
}
