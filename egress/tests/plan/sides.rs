//! Pods and sources that are not of both sides: another VPC, another external network, a family without a way out.

use crate::world::{World, ip};

const SPEC: &str = "{vpc: vpc1, replicas: 2, internalSubnet: subnet1, externalSubnet: macvlan1, \
                    policies: [{snat: true, subnets: [subnet1]}]}";

fn world() -> World {
    let mut world = World::with_vpc1();
    world.settings.form = egress::plan::Form::Policy;
    world.gateway("gateway2", SPEC);
    world.pod("gateway2", "a", "node1", &["192.168.0.2"]);
    world.pod("gateway2", "b", "node2", &["192.168.0.3"]);
    world
}

fn reroutes(world: &World) -> Vec<String> {
    let rows = world.rows("gateway2").into_iter();
    rows.filter_map(|row| row.split_once(" reroute ").map(|(_, hops)| hops.to_owned())).collect()
}

#[test]
fn a_pod_of_another_vpc_is_none() {
    let mut world = world();
    world.edit_pod("a", |pod| pod.router = "vpc1".into());
    world.edit_pod("b", |pod| pod.router = "ovn-cluster".into());
    assert_eq!(reroutes(&world), ["192.168.0.2"; 2]);
    assert_eq!(world.plan("gateway2").members[1].reason, "it is in VPC ovn-cluster, not in vpc1");
    world.edit_pod("a", |pod| pod.router = "ovn-cluster".into());
    assert!(reroutes(&world).is_empty(), "not even as a last resort");
}

#[test]
fn a_pod_of_another_external_network_forwards_until_one_of_the_right_one_is_there() {
    let mut world = world();
    let other = |pod: &mut egress::view::Pod| {
        pod.attached = [("default/eth2".into(), vec![ip("172.18.0.11")])].into();
    };
    world.edit_pod("a", other);
    assert_eq!(reroutes(&world), ["192.168.0.3"; 2]);
    let reason = &world.plan("gateway2").members[0].reason;
    assert!(
        reason.ends_with("its external address 172.18.0.11 is of default/eth2, not of default/eth1"),
        "{reason}"
    );
    world.edit_pod("b", other);
    assert_eq!(reroutes(&world), ["192.168.0.2, 192.168.0.3"; 2]);
    assert!(world.plan("gateway2").last_resort && !world.plan("gateway2").status.ready);
    // Multus tells the first interface, too: that is no way out.
    world.edit_pod("a", |pod| pod.attached = [("kube-ovn".into(), vec![ip("192.168.0.2")])].into());
    assert_eq!(reroutes(&world), ["192.168.0.3"; 2]);
}

#[test]
fn a_family_without_a_way_out_is_left_to_ordinary_routing() {
    let mut world = world();
    world.dual();
    world.edit("gateway2", |object| {
        object.spec.bfd = crate::world::object("{enabled: true}");
        object.spec.selectors = crate::world::object("[{podSelector: {matchLabels: {app: web}}}]");
    });
    world.second_family("a", "fd60::2");
    world.second_family("b", "fd60::3");
    let six = |world: &World| -> Vec<String> {
        world
            .rows("gateway2")
            .into_iter()
            .filter(|row| row.contains("ip6.src") || row.contains("fd60"))
            .collect()
    };
    assert_eq!(six(&world).len(), 5, "a set, two reroutes, two drops: {:?}", six(&world));
    // The external network loses IPv6, while the pods still have an address of it.
    world.subnet("macvlan1", "{cidrBlock: 172.17.0.0/16, gateway: 172.17.0.1, provider: eth1.default}");
    let left: Vec<String> = six(&world).into_iter().filter(|row| row.contains("Policy")).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(world.rows("gateway2").contains(&"Address_Set VEG.9b33407d429d.ipv6 []".to_owned()));
    let plan = world.plan("gateway2");
    assert_eq!(plan.left_out, ["fd60::/64".into()]);
    assert!(plan.notices.iter().any(|one| one.reason == "NoFamily" && one.message.contains("fd60::/64")));
    assert_eq!(reroutes(&world), ["192.168.0.2, 192.168.0.3"; 2]);
}

#[test]
fn a_pod_without_an_external_address_of_a_family_is_no_next_hop_of_it() {
    let mut world = world();
    world.dual();
    world.second_family("a", "fd60::2");
    world.edit_pod("b", |pod| pod.addresses.push(ip("fd60::3")));
    assert_eq!(
        reroutes(&world),
        ["192.168.0.2, 192.168.0.3", "192.168.0.2, 192.168.0.3", "fd60::2", "fd60::2"]
    );
}
