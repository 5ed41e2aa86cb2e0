//! Older and newer schemas of the northbound database, rows of others, and families: the same rules give the same rows.

use serde_json::json;
use tests::egress::dump::{Dump, Fixture, source};
use tests::egress::northbound::Schema;
use tests::egress::pods::Pod;
use tests::egress::seed;
use tests::egress::topology::{Flavour, Subnet, Vpc};
use tests::egress::world::{World, gateway_path};
use tests::fault::{During, Result};

const ALONE: &str = "--leader-elect=false";

/// gateway2 comes, lives through sessions and goes on this schema, among rows of others.
fn among_others(schema: Schema) -> Result<()> {
    let mut world = World::start(schema)?;
    let (base, text) = match schema {
        // It knows what stock OVN does not.
        Schema::Newer => {
            let known = "selection_fields      = [\"ip_src\", \"ipv6_src\"]";
            let text = source("gateway2-policy.txt")?.replace("selection_fields      = \"ip_src\"", known);
            (Dump::fixture("base.txt")?, text)
        }
        Schema::Stock | Schema::Older => (seed::base()?, source("gateway2-policy.txt")?),
    };
    let mut fixture = Fixture::parse(&text, base)?;
    world.run(&[ALONE, "--custom-vpc-rows=policy"])?;
    seed::vpc1(&world, seed::RELEASED)?;
    world.step(&mut fixture, "vpc1")?;
    foreign(&world)?;
    let mut fixture = fixture.first("foreign.txt")?;
    world.step(&mut fixture, "rows of others")?;
    let without = fixture.wanted().clone();
    world.gateway2(&mut fixture)?;
    world.sessions(&["192.168.0.3"], "down")?;
    world.step(&mut fixture, "one session down")?;
    world.api.delete(&gateway_path("gateway2"), 0)?;
    seed::GATEWAY2.iter().try_for_each(|pod| world.topology.remove(pod))?;
    world.settles(&without).during("without the gateway again")
}

/// Rows of others, at the same router, priorities and prefix.
fn foreign(world: &World) -> Result<()> {
    let nb = world.databases.nb();
    let ids = ["--", "set", "Logical_Router_Policy"];
    nb.ctl(&["lr-policy-add", "vpc1", "29100", "ip4.src == 9.9.9.9", "drop"])?;
    nb.ctl(&["lr-policy-add", "vpc1", "29102", "ip4.src == 9.9.9.7", "drop"])?;
    let policy = nb.ctl(&["--bare", "--columns=_uuid", "find", ids[2], "priority=29102"])?;
    let owner = ["external_ids:vendor=other", "external_ids:vpc-egress-gateway=\"default/gateway2\""];
    nb.ctl(&["set", ids[2], policy.trim(), owner[0], owner[1]])?;
    nb.ctl(&["--policy=src-ip", "--ecmp", "lr-route-add", "vpc1", "192.168.0.0/24", "192.168.0.9"])?;
    let table = "Logical_Router_Static_Route";
    let route = nb.ctl(&["--bare", "--columns=_uuid", "find", table, "nexthop=192.168.0.9"])?;
    nb.ctl(&["set", table, route.trim(), owner[0]])?;
    nb.ctl(&["create", "Address_Set", "name=VEG.other", "addresses=\"9.9.9.0/24\"", owner[0]])?;
    nb.ctl(&["create", "BFD", "logical_port=vpc1-subnet1", "dst_ip=9.9.9.1", owner[0], owner[1]])?;
    nb.ctl(&["lb-add", "foreign-lb", "5.5.5.5:80", "6.6.6.6:80", "tcp"])?;
    nb.ctl(&["lr-add", "foreign-lr", "--", "ls-add", "foreign-ls"]).map(drop)
}

#[test]
fn rows_of_others_stay_on_a_newer_schema_where_stock_daemons_gate_nothing() {
    among_others(Schema::Newer).unwrap();
}

#[test]
fn rows_of_others_stay_on_an_older_schema() {
    among_others(Schema::Older).unwrap();
}

fn families() -> Result<()> {
    let mut world = World::start(Schema::Stock)?;
    let mut fixture = Fixture::read("families.txt", seed::base()?)?;
    world.run(&[ALONE])?;
    let external = ["172.18.0.0/16,fd17::/64", "172.18.0.1,fd17::1"];
    let [cidr, gateway] = external;
    let flavour = Flavour::Released;
    world.topology.subnet(&Subnet {
        name: "macvlan2",
        vpc: "",
        cidr,
        gateway,
        provider: "eth1.default",
        flavour,
    })?;

    one(&world, ["vpc6", "subnet6"], ["fd60::/64", "fd60::1", "fd10::ff"], flavour)?;
    world.step(&mut fixture, "vpc6")?;
    gateway_with(&world, ["gateway6", "vpc6", "subnet6"], &["fd60::/64"])?;
    pod(&world, ["gateway6-5d6c6b7f9d-aaaaa", "gateway6", "vpc6", "subnet6"], ["fd60::2", "fd17::2"])?;
    world.sessions(&["fd60::2"], "up")?;
    world.step(&mut fixture, "gateway6")?;

    let both = ["192.168.60.0/24,fd61::/64", "192.168.60.1,fd61::1", "10.255.255.254,fd10::fe"];
    one(&world, ["vpc4", "dual"], both, Flavour::Seed)?;
    world.step(&mut fixture, "dual")?;
    gateway_with(&world, ["gateway4", "vpc4", "dual"], &["192.168.60.0/24", "fd61::/64"])?;
    let addresses = ["192.168.60.2,fd61::2", "172.18.0.3,fd17::3"];
    pod(&world, ["gateway4-5589cbd9d9-8jbct", "gateway4", "vpc4", "dual"], addresses)?;
    world.sessions(&["192.168.60.2", "fd61::2"], "up")?;
    world.step(&mut fixture, "gateway4")
}

/// A VPC with one subnet.
fn one(
    world: &World,
    [vpc, name]: [&str; 2],
    [cidr, gateway, bfd]: [&str; 3],
    flavour: Flavour,
) -> Result<()> {
    let cidrs: Vec<_> = cidr.split(',').collect();
    world.topology.vpc(&Vpc { name: vpc, bfd_port: Some(bfd), cidrs: &cidrs })?;
    world.topology.subnet(&Subnet { name, vpc, cidr, gateway, provider: "ovn", flavour })
}

fn gateway_with(world: &World, [name, vpc, subnet]: [&str; 3], blocks: &[&str]) -> Result<()> {
    let spec = json!({"vpc": vpc, "replicas": 1, "internalSubnet": subnet, "externalSubnet": "macvlan2",
        "bfd": {"enabled": true}, "policies": [{"snat": true, "ipBlocks": blocks}]});
    world.gateway(name, &spec)?;
    world.deployed(name, 1)
}

fn pod(world: &World, [name, of, vpc, subnet]: [&str; 4], addresses: [&str; 2]) -> Result<()> {
    let labels = [("app", "vpc-egress-gateway"), ("ovn.kubernetes.io/vpc-egress-gateway", of)];
    let pod = Pod { vpc, subnet, labels: &labels, ..seed::pod(name, "node1", addresses) };
    world.pods(&[pod])?;
    world.deployed(of, 1)
}

#[test]
fn gateways_of_one_family_and_of_both_leave_their_rows() {
    families().unwrap();
}
