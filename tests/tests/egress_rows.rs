//! What egress leaves in the northbound database, step by step: the whole of it, compared with what kube-ovn-controller
//! wrote for the same manifests. Every deliberate difference is marked in `tests/fixtures/egress/`.

use serde_json::json;
use std::time::Duration;
use tests::egress::dump::Fixture;
use tests::egress::northbound::Schema;
use tests::egress::objects;
use tests::egress::pods::Pod;
use tests::egress::seed;
use tests::egress::topology::Flavour;
use tests::egress::world::{LIMIT, World, gateway_path};
use tests::fault::{During, Result, ensure};
use tests::wait;

const LEASE: [&str; 1] = ["--leader-elect=false"];

/// Runs a gateway of the default VPC through its life.
fn default_vpc() -> Result<()> {
    let mut world = World::start(Schema::Stock)?;
    let mut fixture = Fixture::read("gateway1.txt", seed::base()?)?;
    world.run(&LEASE)?;
    let [first, second] = seed::GATEWAY1;
    world.gateway("gateway1", &seed::gateway1())?;
    world.deployed("gateway1", 1)?;
    world.pods(&[first])?;
    world.step(&mut fixture, "create")?;

    world.server.kubectl(&["scale", "veg", "gateway1", "--replicas=2"])?;
    world.pods(&[second])?;
    world.deployed("gateway1", 2)?;
    world.step(&mut fixture, "scale 2")?;

    world.change("gateway1", &json!({"trafficPolicy": "Local"}))?;
    world.step(&mut fixture, "Local")?;

    let web = Pod {
        labels: &[("app", "web")],
        external: "",
        ..seed::default_pod("web", "node1", ["10.16.0.4", ""])
    };
    world.pods(&[web])?;
    world.change("gateway1", &json!({"selectors": [{"podSelector": {"matchLabels": {"app": "web"}}}]}))?;
    world.step(&mut fixture, "selectors")?;

    let added = json!({"snat": false, "ipBlocks": ["10.99.7.9/24", "fd00:99::1/64", "10.16.1.1"]});
    world.change("gateway1", &json!({"policies": [{"snat": true, "subnets": ["ovn-default"]}, added]}))?;
    world.topology.terminate(second.name)?;
    world.topology.remove(&second)?;
    let third = seed::default_pod("gateway1-645dd7b697-dgp6g", "node2", ["10.16.0.5", "172.17.0.13"]);
    world.topology.pod(&Pod { running: false, ..third })?;
    world.step(&mut fixture, "snat=false sources")?;

    world.api.status(&objects::pod_status(&third))?;
    world.databases.bind(&third.port(), third.node)?;
    world.topology.terminate(first.name)?;
    world.topology.remove(&first)?;
    let fourth = seed::default_pod("gateway1-645dd7b697-rkj87", "node1", ["10.16.0.6", "172.17.0.14"]);
    world.pods(&[fourth])?;
    world.deployed("gateway1", 2)?;
    world.step(&mut fixture, "after the roll")?;

    world.server.kubectl(&["scale", "veg", "gateway1", "--replicas=0"])?;
    for pod in [third, fourth] {
        world.topology.terminate(pod.name)?;
        world.topology.remove(&pod)?;
    }
    world.deployed("gateway1", 0)?;
    world.step(&mut fixture, "scale 0")?;

    world.api.delete(&gateway_path("gateway1"), 0)?;
    world.step(&mut fixture, "delete")?;
    wait::until("the gateway is gone", LIMIT, || {
        ensure(world.gateway_now("gateway1").is_err(), || "it is there".to_owned())
    })?;
    Ok(())
}

#[test]
fn a_gateway_of_the_default_vpc_leaves_the_rows_of_the_reference() {
    default_vpc().unwrap();
}

/// Ends the pods of one template and makes those of the next.
fn roll(world: &World, old: &[Pod<'_>], new: &[Pod<'_>]) -> Result<()> {
    for (old, new) in old.iter().zip(new) {
        world.topology.terminate(old.name)?;
        world.topology.remove(old)?;
        world.pods(&[*new])?;
    }
    world.deployed("gateway2", 2)
}

fn create_gateway2(world: &World, fixture: &mut Fixture) -> Result<[Pod<'static>; 2]> {
    world.gateway2(fixture)?;
    world.sessions(&["192.168.0.3"], "down")?;
    world.step(fixture, "one session down")?;
    explained(world)?;
    world.sessions(&["192.168.0.3"], "up")?;
    world.step(fixture, "up again")?;
    Ok(seed::GATEWAY2)
}

/// What `egress explain` says while one session is down.
fn explained(world: &World) -> Result<()> {
    let egress = &world.egress[0];
    let gateway = egress.command(&["explain", "veg/default/gateway2"])?;
    for word in ["gateway2-77bd5f64f7-vjd2d", "gateway2-77bd5f64f7-nmqjw", "192.168.0.3", "down"] {
        ensure(gateway.contains(word), || format!("explain does not say {word:?}: {gateway}"))?;
    }
    let vpc = egress.command(&["explain", "vpc/vpc1"])?;
    for word in ["bfd@vpc1", "bfd@vpc1@node2"] {
        ensure(vpc.contains(word), || format!("explain does not say {word:?}: {vpc}"))?;
    }
    Ok(())
}

fn as_policies() -> Result<()> {
    let mut world = World::start(Schema::Stock)?;
    let mut fixture = Fixture::read("gateway2-policy.txt", seed::base()?)?;
    world.run(&[LEASE[0], "--custom-vpc-rows=policy"])?;
    seed::vpc1(&world, Flavour::Released)?;
    world.step(&mut fixture, "vpc1")?;
    let first = create_gateway2(&world, &mut fixture)?;

    world.change("gateway2", &json!({"bfd": {"minTX": 300, "minRX": 200, "multiplier": 5}}))?;
    world.step(&mut fixture, "timers")?;
    let second = [
        seed::pod("gateway2-54f58c6b54-kmlcd", "node1", ["192.168.0.4", "172.17.0.17"]),
        seed::pod("gateway2-54f58c6b54-5qv7b", "node2", ["192.168.0.5", "172.17.0.18"]),
    ];
    roll(&world, &first, &second)?;
    world.sessions(&["192.168.0.4", "192.168.0.5"], "up")?;
    world.step(&mut fixture, "roll")?;

    seed::bfd_port(&world, false)?;
    world.step(&mut fixture, "bfdPort off")?;
    world.condition("gateway2", ["Validated", "False", "VpcBfdPortNotEnabled"])?;
    seed::bfd_port(&world, true)?;
    world.step(&mut fixture, "bfdPort on")?;
    world.condition("gateway2", ["Validated", "True", ""])?;

    world.change("gateway2", &json!({"bfd": {"enabled": false}}))?;
    let third = [
        seed::pod("gateway2-68f545d565-cd78l", "node1", ["192.168.0.6", "172.17.0.19"]),
        seed::pod("gateway2-68f545d565-xlfvc", "node2", ["192.168.0.7", "172.17.0.20"]),
    ];
    roll(&world, &second, &third)?;
    world.step(&mut fixture, "bfd off")?;

    world.api.delete(&gateway_path("gateway2"), 0)?;
    third.iter().try_for_each(|pod| world.topology.remove(pod))?;
    world.step(&mut fixture, "delete gateway2")?;
    gateway3(&world, &mut fixture)
}

fn gateway3(world: &World, fixture: &mut Fixture) -> Result<()> {
    let spec = json!({"vpc": "vpc1", "replicas": 1, "prefix": "veg-", "internalSubnet": "subnet1",
        "externalSubnet": "macvlan1", "internalIPs": ["192.168.0.50", "192.168.0.51"],
        "externalIPs": ["172.17.0.50", "172.17.0.51"], "bandwidth": {"ingress": "100", "egress": "1500Mi"},
        "nodeSelector": [{"matchLabels": {"kubernetes.io/hostname": "node2"}}], "bfd": {"enabled": true},
        "policies": [{"snat": false, "ipBlocks": ["192.168.0.0/24"]}]});
    world.gateway("gateway3", &spec)?;
    world.deployed("veg-gateway3", 1)?;
    let labels = [("app", "vpc-egress-gateway"), ("ovn.kubernetes.io/vpc-egress-gateway", "gateway3")];
    let pod = seed::pod("veg-gateway3-56ffc5ccc-bnm58", "node2", ["192.168.0.50", "172.17.0.50"]);
    world.pods(&[Pod { labels: &labels, ..pod }])?;
    world.deployed("veg-gateway3", 1)?;
    world.sessions(&["192.168.0.50"], "up")?;
    world.step(fixture, "gateway3")?;
    world.change("gateway3", &json!({"bfd": {"minTX": 400}}))?;
    world.step(fixture, "minTX 400")
}

#[test]
fn gateways_of_a_custom_vpc_as_policies_leave_the_rows_of_the_reference() {
    as_policies().unwrap();
}

fn as_routes() -> Result<()> {
    let mut world = World::start(Schema::Stock)?;
    let mut fixture = Fixture::read("gateway2-static.txt", seed::base()?)?;
    world.run(&[LEASE[0], "--custom-vpc-rows=static"])?;
    seed::vpc1(&world, Flavour::Seed)?;
    world.step(&mut fixture, "vpc1")?;
    let [first, second] = create_gateway2(&world, &mut fixture)?;
    let sent = world.transactions()?;
    ensure(sent > 0.5, || format!("{sent} transactions made all these rows"))?;
    quiet(&mut world, sent).during("a second pass")?;

    world.server.kubectl(&["scale", "veg", "gateway2", "--replicas=1"])?;
    world.topology.terminate(second.name)?;
    world.topology.remove(&second)?;
    world.deployed("gateway2", 1)?;
    world.step(&mut fixture, "scale 1")?;
    world.api.delete(&gateway_path("gateway2"), 0)?;
    world.topology.terminate(first.name)?;
    world.topology.remove(&first)?;
    world.step(&mut fixture, "delete")
}

/// What does not concern rows writes none: an annotation of the gateway, a label of a Subnet; nor does a new start.
fn quiet(world: &mut World, sent: f64) -> Result<()> {
    let touched = json!({"metadata": {"labels": {"touched": "yes"}}});
    for path in
        [gateway_path("gateway2"), "/apis/kubeovn.io/v1/subnets/subnet1".into(), "/api/v1/nodes/node1".into()]
    {
        world.api.merge(&path, &touched)?;
    }
    std::thread::sleep(Duration::from_secs(1));
    let now = world.transactions()?;
    ensure((now - sent).abs() < 0.5, || format!("{} transactions for nothing", now - sent))?;
    for egress in &mut world.egress {
        egress.terminate()?;
    }
    world.run(&[LEASE[0], "--custom-vpc-rows=static"])?;
    std::thread::sleep(Duration::from_secs(1));
    let now = world.transactions()?;
    ensure(now < 0.5, || format!("{now} transactions after a new start"))
}

#[test]
fn gateways_of_a_custom_vpc_as_static_routes_leave_the_rows_of_the_seed() {
    as_routes().unwrap();
}
