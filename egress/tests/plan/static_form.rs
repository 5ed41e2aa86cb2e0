//! The seed's form: static routes by source. And when it is taken.

use egress::plan::Form;
use egress::view::Session;

use crate::world::{World, same};

const GATEWAY2: &str = "{vpc: vpc1, replicas: 2, internalSubnet: subnet1, externalSubnet: macvlan1, bfd: {enabled: true}, \
                        policies: [{snat: true, ipBlocks: [192.168.0.0/24]}]}";

/// gateway2 of seed 001 with both pods on one node, so that `bfd@vpc1` is the only port, and both sessions up.
fn seed() -> World {
    let mut world = World::with_vpc1();
    world.gateway("gateway2", GATEWAY2);
    world.pod("gateway2", "gateway2-a", "node1", &["192.168.0.2"]);
    world.pod("gateway2", "gateway2-b", "node1", &["192.168.0.3"]);
    world.session("bfd@vpc1", "192.168.0.2", Session::Up);
    world.session("bfd@vpc1", "192.168.0.3", Session::Up);
    world
}

const SESSIONS: [&str; 2] = [
    "BFD bfd@vpc1 192.168.0.2 min_tx 1000 min_rx 1000 detect_mult 3",
    "BFD bfd@vpc1 192.168.0.3 min_tx 1000 min_rx 1000 detect_mult 3",
];

fn route(next_hop: &str, rest: &str) -> String {
    format!("Logical_Router_Static_Route vpc1: src-ip 192.168.0.0/24 {next_hop}{rest}")
}

fn anchor(next_hop: &str) -> String {
    format!(
        "Logical_Router_Static_Route vpc1: dst-ip {next_hop}/32 {next_hop} in table egress-anchor bfd bfd@vpc1 {next_hop}"
    )
}

fn check(world: &World, routes: &[String]) {
    let routes: Vec<&str> = routes.iter().map(String::as_str).collect();
    same(&world.rows("gateway2"), &[&SESSIONS[..], &routes].concat());
}

#[test]
fn the_routes_of_the_seed() {
    let routes = ["192.168.0.2", "192.168.0.3"]
        .map(|hop| route(hop, &format!(" bfd bfd@vpc1 {hop} ecmp-symmetric-reply")));
    check(&seed(), &routes);
    for row in seed().plan("gateway2").rows.unwrap() {
        assert_eq!(row.ids().get("vpc-egress-gateway").map(|id| &**id), Some("default/gateway2"), "{row}");
    }
}

#[test]
fn a_dead_one_is_taken_out_by_ovn_while_another_is_up() {
    let mut world = seed();
    world.session("bfd@vpc1", "192.168.0.3", Session::Down);
    assert_eq!(world.rows("gateway2"), seed().rows("gateway2"));
    assert!(!world.plan("gateway2").last_resort);
}

#[test]
fn when_ovn_would_take_out_all_none_is_gated_and_anchors_keep_the_sessions_awake() {
    let mut world = seed();
    world.session("bfd@vpc1", "192.168.0.2", Session::Down);
    world.session("bfd@vpc1", "192.168.0.3", Session::Down);
    let hops = ["192.168.0.2", "192.168.0.3"];
    let routes = hops.map(|hop| route(hop, " ecmp-symmetric-reply"));
    check(&world, &[routes, hops.map(anchor)].concat());
    assert!(world.plan("gateway2").last_resort);
}

#[test]
fn one_that_is_not_ready_leaves_and_its_session_stays_awake() {
    let mut world = seed();
    world.edit_pod("gateway2-b", |pod| pod.ready = false);
    let kept = route("192.168.0.2", " bfd bfd@vpc1 192.168.0.2 ecmp-symmetric-reply");
    check(&world, &[kept, anchor("192.168.0.3")]);
}

#[test]
fn the_port_off_ungates_the_routes() {
    let mut world = seed();
    world.settle("gateway2");
    world.vpc1("{enabled: false, ip: 10.255.255.255}");
    let hops = ["192.168.0.2", "192.168.0.3"];
    let routes = hops.map(|hop| route(hop, " ecmp-symmetric-reply"));
    check(&world, &[routes, hops.map(anchor)].concat());
}

#[test]
fn without_bfd_a_route_is_a_route() {
    let mut world = seed();
    world.edit("gateway2", |object| object.spec.bfd = None);
    let routes = [route("192.168.0.2", ""), route("192.168.0.3", "")];
    let routes: Vec<&str> = routes.iter().map(String::as_str).collect();
    same(&world.rows("gateway2"), &routes);
}

#[test]
fn both_families_have_routes_of_their_own() {
    let mut world = seed();
    world.vpc1("{enabled: true, ip: '10.255.255.255,fdff::1'}");
    world.dual();
    world.edit("gateway2", |object| {
        object.spec.policies = Some(crate::world::object("[{snat: true, subnets: [subnet1]}]"));
    });
    world.second_family("gateway2-a", "fd60::2");
    world.second_family("gateway2-b", "fd60::3");
    world.session("bfd@vpc1", "fd60::2", Session::Up);
    let rows = world.rows("gateway2");
    let six: Vec<_> = rows.iter().filter(|row| row.contains("fd60")).map(String::as_str).collect();
    let want = [
        "BFD bfd@vpc1 fd60::2 min_tx 1000 min_rx 1000 detect_mult 3",
        "BFD bfd@vpc1 fd60::3 min_tx 1000 min_rx 1000 detect_mult 3",
        "Logical_Router_Static_Route vpc1: src-ip fd60::/64 fd60::2 bfd bfd@vpc1 fd60::2 ecmp-symmetric-reply",
        "Logical_Router_Static_Route vpc1: src-ip fd60::/64 fd60::3 bfd bfd@vpc1 fd60::3 ecmp-symmetric-reply",
    ];
    assert_eq!(six, want);
    assert_eq!(rows.len(), 8);
    for row in world.plan("gateway2").rows.unwrap() {
        let af = if row.to_string().contains("fd60") { "6" } else { "4" };
        assert_eq!(row.ids().get("af").map(|id| &**id), Some(af), "{row}");
    }
}

/// Changes a world, and what is then said: `true` for routes, and a part of the reason.
type Case = (&'static str, fn(&mut World), bool, &'static str);

#[test]
fn auto_takes_routes_only_where_they_can_say_it_and_last() {
    let cases: [Case; 8] = [
        ("seed", |_| {}, true, "no kube-ovn-controller is alive"),
        (
            "beside a controller",
            |world| world.cluster.controller_alive = true,
            false,
            "kube-ovn-controller is alive",
        ),
        ("foreign route", |world| foreign(world, "192.168.0.0/24"), false, "192.168.0.0/24 via 192.168.0.1"),
        (
            "foreign route of another prefix",
            |world| foreign(world, "192.168.0.0/25"),
            true,
            "static routes can",
        ),
        (
            "Local",
            |world| world.edit("gateway2", |one| one.spec.traffic_policy = Some("Local".into())),
            false,
            "Local",
        ),
        ("selectors", selectors, false, "selectors"),
        (
            "a source inside a connected network",
            |world| sources(world, "192.168.0.7"),
            false,
            "192.168.0.7 is longer than",
        ),
        (
            "a shorter connected network elsewhere",
            |world| {
                world.network.routers.get_mut("vpc1").unwrap().connected.push("10.8.0.1/16".into());
            },
            false,
            "longer than the connected network 10.8.0.0/16",
        ),
    ];
    for (case, change, routes, reason) in cases {
        let mut world = seed();
        change(&mut world);
        let form = world.plan("gateway2").form.unwrap();
        assert_eq!(form.routes, routes, "{case}: {}", form.why);
        assert!(form.why.contains(reason), "{case}: {}", form.why);
        // Asked for in words: what cannot be said is told, and nothing is touched.
        world.settings.form = Form::Static;
        let plan = world.plan("gateway2");
        if case == "beside a controller" || routes {
            assert!(plan.form.unwrap().routes, "{case}");
            continue;
        }
        assert_eq!(plan.rows, None, "{case}");
        let told = plan.status.conditions.unwrap();
        for kind in ["Ready", "Validated"] {
            let one = told.iter().find(|one| one.kind == kind).unwrap();
            assert_eq!((&*one.status, one.reason.as_deref()), ("False", Some("StaticRoutesImpossible")));
            assert!(one.message.as_deref().unwrap().contains(reason), "{case}: {:?}", one.message);
        }
        world.settings.form = Form::Policy;
        assert!(!world.plan("gateway2").form.unwrap().routes, "{case}");
    }
}

fn foreign(world: &mut World, prefix: &str) {
    let router = world.network.routers.get_mut("vpc1").unwrap();
    router.source_routes.push((prefix.into(), "192.168.0.1".into()));
}

fn selectors(world: &mut World) {
    let selectors = crate::world::object("[{podSelector: {matchLabels: {app: web}}}]");
    world.edit("gateway2", |object| object.spec.selectors = Some(selectors));
}

fn sources(world: &mut World, source: &str) {
    let policies = crate::world::object(&format!("[{{snat: true, ipBlocks: [{source}]}}]"));
    world.edit("gateway2", |object| object.spec.policies = Some(policies));
}

#[test]
fn the_default_vpc_has_policies_whatever_is_asked_for() {
    let mut world = World::new();
    world.settings.form = Form::Static;
    world.gateway("gateway1", "{externalSubnet: macvlan1, policies: [{snat: true, subnets: [ovn-default]}]}");
    assert!(!world.plan("gateway1").form.unwrap().routes);
}

#[test]
fn policies_behind_a_router_without_a_route_are_told_of() {
    let mut world = seed();
    world.settings.form = Form::Policy;
    let told = |world: &World| {
        let notices = world.plan("gateway2").notices;
        notices.iter().find(|one| one.reason == "NoRoute").map(|one| one.message.clone())
    };
    assert!(told(&world).unwrap().contains("no route for packets from 192.168.0.0/24:"));
    let mut routed = world.clone();
    foreign(&mut routed, "192.168.0.0/16");
    assert_eq!(told(&routed), None);
    world.network.routers.get_mut("vpc1").unwrap().default_route = [true, false];
    assert_eq!(told(&world), None);
}
