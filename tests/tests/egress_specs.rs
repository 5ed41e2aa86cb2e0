//! Objects that cannot be followed, and controllers that must not meet: one condition or one refusal with a clear reason, and
//! nothing else disturbed.

use serde_json::{Value, json};
use std::time::Duration;
use tests::egress::dump::{Fixture, source};
use tests::egress::northbound::Schema;
use tests::egress::pods::Pod;
use tests::egress::world::{LIMIT, World, gateway, gateway_path, has_condition};
use tests::egress::{objects, seed};
use tests::fault::{During, Result, ensure};
use tests::proc::run;
use tests::wait;

const ALONE: &str = "--leader-elect=false";

/// A second group, whose rows are told apart by it: the hash is SHA-256 of `egress.example.com/default/gateway1`.
const GROUP: [&str; 2] = ["egress.example.com", "9d2486d7cf4c"];

/// Of the names of rows of `default/taken`.
const TAKEN: &str = "e7addef1ae0c";

/// A specification like gateway1's, with these fields in place of its own.
fn like_gateway1(fields: &Value) -> Value {
    let mut spec = seed::gateway1();
    for (field, value) in fields.as_object().into_iter().flatten() {
        spec[field] = value.clone();
    }
    spec
}

/// What is wrong, the reason of the condition, and the field that its message names.
fn faults() -> Vec<(Value, &'static str, &'static str)> {
    let blocks = |blocks: Value| json!({"policies": [{"snat": true, "ipBlocks": blocks}]});
    let overlapping = json!({"policies": [{"snat": true, "ipBlocks": ["10.16.1.0/24"]},
        {"snat": false, "ipBlocks": ["10.16.1.0/24"]}]});
    vec![
        (blocks(json!(["172.17.5.0/24"])), "OverlappingCIDRs", "spec.policies[0].ipBlocks[0]"),
        (overlapping, "OverlappingCIDRs", "spec.policies[1].ipBlocks[0]"),
        (json!({"externalSubnet": "ovn-default"}), "InvalidProvider", "Subnet/ovn-default: spec.provider"),
        (json!({"externalSubnet": "nowhere"}), "MissingSubnet", "spec.externalSubnet"),
        (json!({"internalSubnet": "nowhere"}), "MissingSubnet", "spec.internalSubnet"),
        (
            json!({"policies": [{"snat": true, "subnets": ["nowhere"]}]}),
            "MissingSubnet",
            "spec.policies[0].subnets[0]",
        ),
        (json!({"vpc": "nowhere"}), "UnknownVpc", "spec.vpc"),
        (json!({"bgpConf": "conf"}), "UnservedField", "spec.bgpConf"),
        (json!({"evpnConf": "conf"}), "UnservedField", "spec.evpnConf"),
        (json!({"observability": {"interfaceMetrics": true}}), "UnservedField", "spec.observability"),
        (blocks(json!(["10.16.0.300"])), "InvalidAddress", "spec.policies[0].ipBlocks[0]"),
        (json!({"internalIPs": ["10.99.0.1"]}), "InvalidAddress", "spec.internalIPs[0]"),
        (json!({"bfd": {"enabled": true}}), "VpcBfdPortNotEnabled", "spec.bfd.enabled"),
    ]
}

/// What the definition itself refuses, and the word of its message.
fn refused_at_the_door() -> Vec<(Value, &'static str)> {
    vec![
        (json!({"replicas": 2, "internalIPs": ["10.16.0.100"]}), "must be at least as many as replicas"),
        (json!({"replicas": 2, "externalIPs": ["172.17.0.100"]}), "must be at least as many as replicas"),
        (json!({"replicas": 11}), "spec.replicas"),
        (json!({"policies": []}), "at least one policy or selector is required"),
        (json!({"trafficPolicy": "Nearest"}), "spec.trafficPolicy"),
        (json!({"bfd": {"multiplier": 256}}), "spec.bfd.multiplier"),
        (json!({"bandwidth": {"ingress": "much"}}), "spec.bandwidth.ingress"),
    ]
}

fn bad_specs() -> Result<()> {
    let mut world = World::start(Schema::Stock)?;
    let mut fixture = Fixture::read("gateway1.txt", seed::base()?)?;
    world.run(&[ALONE])?;
    good_gateway(&world)?;
    world.step(&mut fixture, "create")?;
    for (fields, reason, field) in faults() {
        bad(&world, &like_gateway1(&fields), [reason, field]).during(&fields)?;
        world.databases.nb().dump()?.is(fixture.wanted()).during(&fields)?;
    }
    for (fields, message) in refused_at_the_door() {
        let refused = world.gateway("bad", &like_gateway1(&fields));
        let said = refused.err().map(|fault| fault.to_string()).unwrap_or_default();
        ensure(said.contains(message), || format!("{fields}: {said:?} does not say {message:?}"))?;
    }
    // One that is mended is followed, and says so.
    world.gateway("bad", &like_gateway1(&json!({"vpc": "nowhere"})))?;
    world.condition("bad", ["Validated", "False", "UnknownVpc"])?;
    world.change("bad", &json!({"vpc": "ovn-cluster"}))?;
    world.condition("bad", ["Validated", "True", ""])?;
    has_condition(&world.gateway_now("gateway1")?, ["Ready", "True", "ReconcileSuccess"])?;
    world.api.delete(&gateway_path("bad"), 0)?;
    world.settles(fixture.wanted())?;
    taken_name(&world).during("a name that somebody else has")
}

/// A row that is of no gateway has a name that a gateway wants: it is told, the row stays, and once it is gone all is well.
/// The name's hash is SHA-256 of `default/taken`.
fn taken_name(world: &World) -> Result<()> {
    let (nb, name) = (world.databases.nb(), format!("VEG.{TAKEN}.ipv4"));
    nb.ctl(&["create", "Address_Set", &format!("name={name}"), "external_ids:vendor=kube-ovn"])?;
    let there = nb.dump()?;
    world.gateway("taken", &seed::gateway1())?;
    let object = world.condition("taken", ["Ready", "False", "ReconcileOVNRoutesFailed"])?;
    let said = object["status"]["conditions"].to_string();
    ensure(said.contains(&name), || format!("{said} does not name {name}"))?;
    nb.dump()?.is(&there)?;
    nb.ctl(&["destroy", "Address_Set", &name])?;
    wait::until("its own rows", LIMIT, || {
        let dump = nb.dump()?;
        let row = dump
            .row(&format!("<Address_Set {name}>"))
            .is_some_and(|row| format!("{row:?}").contains("taken"));
        ensure(row, || format!("rows: {dump}"))
    })?;
    Ok(())
}

/// A gateway goes to another VPC: nothing of it stays behind.
fn moves() -> Result<()> {
    let mut world = World::start(Schema::Stock)?;
    world.run(&[ALONE, "--custom-vpc-rows=policy"])?;
    seed::vpc1(&world, seed::RELEASED)?;
    wait::until("the VPC's BFD port", LIMIT, || {
        let there = world.databases.nb().dump()?;
        ensure(there.row("<Logical_Router_Port bfd@vpc1>").is_some(), || "not there".to_owned())
    })?;
    let mut spec = seed::gateway2();
    spec["bfd"] = json!({"enabled": false});
    world.gateway("gateway2", &spec)?;
    world.deployed("gateway2", 2)?;
    world.pods(&seed::GATEWAY2)?;
    let policies = |router: &'static str, count: usize| {
        let start = format!("<Logical_Router_Policy {router}: 29100");
        let what = format!("{count} policies of router {router}");
        let waited = wait::until(&what, LIMIT, || {
            let dump = world.databases.nb().dump()?;
            let there = dump.named(&start).count();
            ensure(there == count, || format!("{there}"))
        });
        waited.map(drop).map_err(|fault| world.told(&fault))
    };
    policies("vpc1", 2)?;
    policies("ovn-cluster", 0)?;
    let policy = json!([{"snat": true, "subnets": ["ovn-default"]}]);
    world.change(
        "gateway2",
        &json!({"vpc": "ovn-cluster", "internalSubnet": "ovn-default", "policies": policy}),
    )?;
    policies("vpc1", 0)?;
    // Pods that are still in the old VPC cannot be reached from the new one.
    policies("ovn-cluster", 0)?;
    for pod in &seed::GATEWAY2 {
        world.topology.terminate(pod.name)?;
        world.topology.remove(pod)?;
    }
    let new = seed::default_pod("gateway2-5c6b7d8f9d-x2x4q", "node1", ["10.16.0.4", "172.17.0.18"]);
    world.pods(&[Pod { labels: seed::GATEWAY2[0].labels, ..new }])?;
    policies("ovn-cluster", 2)
}

#[test]
fn a_gateway_that_moves_to_another_vpc_leaves_nothing_behind() {
    moves().unwrap();
}

fn good_gateway(world: &World) -> Result<()> {
    world.gateway("gateway1", &seed::gateway1())?;
    world.deployed("gateway1", 1)?;
    world.pods(&seed::GATEWAY1[..1])?;
    world.deployed("gateway1", 1)
}

/// A gateway that is refused by one condition, and goes without a trace.
fn bad(world: &World, spec: &Value, [reason, field]: [&str; 2]) -> Result<()> {
    world.gateway("bad", spec)?;
    let object = world.condition("bad", ["Validated", "False", reason])?;
    has_condition(&object, ["Ready", "False", ""])?;
    let all = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let message = all.iter().find(|one| one["type"] == "Validated").map(|one| one["message"].to_string());
    ensure(message.as_deref().is_some_and(|message| message.contains(field)), || {
        format!("{message:?} does not name {field}")
    })?;
    let deployment = world.api.get("/apis/apps/v1/namespaces/default/deployments/bad");
    ensure(deployment.is_err(), || "it has a Deployment".to_owned())?;
    world.api.delete(&gateway_path("bad"), 0)?;
    wait::until("it is gone", LIMIT, || {
        ensure(world.gateway_now("bad").is_err(), || "it is there".to_owned())
    })?;
    Ok(())
}

#[test]
fn a_bad_specification_has_one_reason_and_disturbs_nothing() {
    bad_specs().unwrap();
}

/// Renews the Lease of a kube-ovn-controller that is not there.
fn renew(world: &World) -> Result<()> {
    let now = run(&["date", "-u", "+%Y-%m-%dT%H:%M:%S.%6NZ"])?;
    let mut lease = objects::lease("kube-system", "kube-ovn-controller", "elsewhere", now.trim());
    lease["spec"]["leaseDurationSeconds"] = json!(3);
    world.api.put(&lease)
}

fn beside_a_controller() -> Result<()> {
    let mut world = World::start(Schema::Stock)?;
    let mut fixture = Fixture::read("gateway1.txt", seed::base()?)?;
    renew(&world)?;
    world.egress = vec![world.replica(1, &[ALONE])?];
    world.gateway("gateway1", &seed::gateway1())?;
    world.pods(&seed::GATEWAY1[..1])?;
    let refuses = || {
        renew(&world)?;
        let (head, page) = world.egress[0].get("/readyz")?;
        ensure(head.contains(" 503 ") && page.contains("kube-ovn-controller"), || format!("{head}: {page}"))
    };
    wait::until("it refuses", LIMIT, refuses)?;
    wait::stays("it refuses", Duration::from_secs(2), || {
        refuses()?;
        let object = world.gateway_now("gateway1")?;
        ensure(object["metadata"]["finalizers"].is_null(), || "it has a finalizer".to_owned())?;
        let dump = world.databases.nb().dump()?;
        ensure(dump.named("<Address_Set VEG").next().is_none(), || format!("rows: {dump}"))
    })?;
    let events = world.server.kubectl(&["get", "events", "-o", "custom-columns=R:.reason"])?;
    ensure(events.contains("KubeOvnControllerAlive"), || format!("no event: {events}"))?;
    // It goes on watching: once the other one is gone for as long as its lease, it takes over.
    world.deployed("gateway1", 1)?;
    world.step(&mut fixture, "create")
}

#[test]
fn beside_a_live_kube_ovn_controller_it_refuses_until_that_is_gone() {
    beside_a_controller().unwrap();
}

fn another_group() -> Result<()> {
    let mut world = World::start(Schema::Stock)?;
    let [group, hash] = GROUP;
    let text = source("gateway1.txt")?.replace("8ca38ae7da18", hash);
    let text = text.replace(
        "vendor=\"kube-ovn\", vpc-egress-gateway",
        &format!("vendor=\"{group}\", vpc-egress-gateway"),
    );
    let text = text.replace("get veg", &format!("get vpc-egress-gateways.{group}"));
    let mut fixture = Fixture::parse(&text, seed::base()?)?;
    renew(&world)?;
    // One of Kube-OVN's own group, which is that controller's.
    world.gateway("gateway1", &seed::gateway1())?;
    let settings = world.settings(1)?;
    let option = format!("--group={group}");
    let crds = run(&[&tests::egress::process::binary()?.display().to_string(), "crds", &option])?;
    let file = settings.kubeconfig.with_file_name("group.yaml");
    std::fs::write(&file, crds)?;
    world.server.kubectl(&["apply", "-f", &file.display().to_string()])?;
    world.server.kubectl(&["wait", "--for=condition=Established", "--all", "crd", "--timeout=10s"])?;
    world.run(&[ALONE, &option])?;
    let mut object = gateway("gateway1", &seed::gateway1());
    object["apiVersion"] = json!(format!("{group}/v1"));
    wait::until("the group is served", LIMIT, || world.api.put(&object))?;
    world.deployed("gateway1", 1)?;
    // The label has the group's name, so that the controller of the other group does not take the pod for its own.
    let key = format!("{group}/vpc-egress-gateway");
    let labels = [("app", "vpc-egress-gateway"), (key.as_str(), "gateway1")];
    world.pods(&[Pod { labels: &labels, ..seed::GATEWAY1[0] }])?;
    world.deployed("gateway1", 1)?;
    world.step(&mut fixture, "create")?;
    renew(&world)?;
    let other = world.gateway_now("gateway1")?;
    ensure(other["metadata"]["finalizers"].is_null() && other["status"]["ready"] != true, || {
        format!("touched: {other}")
    })
}

#[test]
fn another_group_is_served_beside_a_live_kube_ovn_controller() {
    another_group().unwrap();
}
