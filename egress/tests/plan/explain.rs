//! `egress explain`, as people and programs read it.

use egress::explain::{self, Explanation, Outcome, State};
use egress::plan::Form;
use egress::rows::Key;
use egress::view::{Name, Session};

use crate::world::World;

fn world() -> World {
    let mut world = World::with_vpc1();
    world.settings.form = Form::Policy;
    world.network.routers.get_mut("vpc1").unwrap().default_route = [true, true];
    world.gateway(
        "gateway2",
        "{vpc: vpc1, replicas: 2, internalSubnet: subnet1, externalSubnet: macvlan1, bfd: {enabled: true}, \
         policies: [{snat: true, ipBlocks: [192.168.0.0/24]}]}",
    );
    world.pod("gateway2", "gateway2-a", "node1", &["192.168.0.2"]);
    world.pod("gateway2", "gateway2-b", "node1", &["192.168.0.3"]);
    world.session("bfd@vpc1", "192.168.0.2", Session::Up);
    world.session("bfd@vpc1", "192.168.0.3", Session::Down);
    world
}

fn gateway(world: &World) -> Explanation {
    explain::gateway(&world.cluster, &world.network, &world.settings, &Name::new("default", "gateway2"))
}

#[test]
fn says_who_is_a_next_hop_and_why_not() {
    let mut world = world();
    world.settle("gateway2");
    let owned = world.network.owned.values_mut().next().unwrap();
    owned.remove(&Key::AddressSet("VEG.9b33407d429d.ipv6".into()));
    owned.insert(Key::PortGroup("VEG.9b33407d429d".into()));
    let text = gateway(&world).to_string();
    let want = "\
veg/default/gateway2: followed
  VPC: vpc1, logical router vpc1
  form: policies: policies were asked for (--custom-vpc-rows=policy)
  gating: BFD: this controller takes out members whose session is not up
members
  used  gateway2-a on node1: 192.168.0.2 is a next hop
  out   gateway2-b on node1: 192.168.0.3 is not a next hop: its BFD session is down
conditions
  Init Unknown Processing
  Ready False Processing: the Deployment is not there yet
rows
  there    Address_Set VEG.9b33407d429d.ipv4 [192.168.0.0/24]
  there    Address_Set VEG.9b33407d429d_ip4 []
  missing  Address_Set VEG.9b33407d429d.ipv6 []
";
    assert!(text.starts_with(want), "{text}");
    assert!(text.ends_with("  surplus  Port_Group VEG.9b33407d429d\n"), "{text}");
}

#[test]
fn says_what_never_gets_to_a_policy() {
    let mut world = world();
    world.network.routers.get_mut("vpc1").unwrap().default_route = [false, true];
    let text = gateway(&world).to_string();
    assert!(text.contains("  route: none for packets from 192.168.0.0/24:"), "{text}");
}

#[test]
fn a_refused_one_keeps_what_is_there() {
    let mut world = world();
    world.settle("gateway2");
    world.edit("gateway2", |object| object.spec.external_subnet = "nowhere".to_owned());
    let said = gateway(&world);
    assert_eq!(said.outcome, Outcome::Refused);
    assert!(said.rows.iter().all(|line| line.state == State::There) && said.rows.len() > 4);
    assert!(
        said.to_string().contains("Validated False MissingSubnet: spec.externalSubnet: \"nowhere\""),
        "{said}"
    );
}

#[test]
fn one_that_is_gone_leaves_rows_behind_until_they_are_gone() {
    let mut world = world();
    world.settle("gateway2");
    world.cluster.gateways.clear();
    let said = gateway(&world);
    assert_eq!(said.outcome, Outcome::Withdrawn);
    assert!(said.rows.iter().all(|line| line.state == State::Surplus) && !said.rows.is_empty());
    assert!(said.to_string().contains("there is no such gateway in the group kubeovn.io"));
}

#[test]
fn json_has_the_same() {
    let json = serde_json::to_value(gateway(&world())).unwrap();
    assert_eq!(json["object"], "veg/default/gateway2");
    assert_eq!(json["outcome"], "followed");
    assert_eq!(json["members"][1]["used"], false);
    assert_eq!(json["conditions"][1]["type"], "Ready");
    assert_eq!(json["rows"][0]["state"], "missing");
}

#[test]
fn beside_kube_ovn_controller_it_says_that_nothing_is_done() {
    let mut world = world();
    world.cluster.controller_alive = true;
    assert!(gateway(&world).to_string().contains("  beside: a kube-ovn-controller is alive"));
    world.settings.group = "egress.example".into();
    assert!(!gateway(&world).to_string().contains("beside"));
}

#[test]
fn sources_that_another_gateway_has_are_told() {
    let mut world = world();
    assert!(!gateway(&world).to_string().contains("shared"));
    let spec = "{vpc: vpc1, internalSubnet: subnet1, externalSubnet: macvlan1, policies: [{ipBlocks: [192.168.0.7]}]}";
    world.gateway("gateway3", spec);
    let text = gateway(&world).to_string();
    assert!(
        text.contains("  shared: 192.168.0.0/24 and 192.168.0.7/32 of default/gateway3: of two"),
        "{text}"
    );
    world.edit("gateway3", |object| object.spec.vpc = Some("ovn-cluster".to_owned()));
    assert!(!gateway(&world).to_string().contains("shared"), "of another VPC");
}

#[test]
fn of_a_vpc_it_says_where_the_port_is() {
    let world = world();
    let said = explain::vpc(&world.cluster, &world.network, &world.settings, "vpc1");
    let want = "\
vpc/vpc1: followed
  BFD port: asked for at 10.255.255.255
  nodes: node1
  OVN: a port for each node with gateways
rows
  missing  Logical_Router_Port bfd@vpc1 on vpc1 networks [10.255.255.255] chassis [node1]
";
    assert_eq!(said.to_string(), want);
    let said = explain::vpc(&world.cluster, &world.network, &world.settings, "ovn-cluster");
    assert_eq!(said.outcome, Outcome::Withdrawn);
    assert!(said.to_string().ends_with("rows: none\n"), "{said}");
}
