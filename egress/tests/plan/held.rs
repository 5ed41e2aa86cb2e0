//! A gateway that cannot be followed keeps its rows, but for pods that are known not to work.

use egress::plan::Form;
use egress::rows::Row;
use egress::view::{BfdPort, Name, Session};

use crate::world::{World, lines, same};

/// gateway2 of seed 001 on one node, at work with both sessions up; then the Subnet of its second policy goes.
fn refused(form: Form, bfd: bool) -> World {
    let mut world = World::with_vpc1();
    world.settings.form = form;
    world.subnet("subnet2", "{cidrBlock: 192.168.2.0/24, gateway: 192.168.2.1, vpc: vpc1, provider: ovn}");
    let spec = format!(
        "{{vpc: vpc1, replicas: 2, internalSubnet: subnet1, externalSubnet: macvlan1, bfd: {{enabled: {bfd}}}, \
         policies: [{{snat: true, ipBlocks: [192.168.0.0/24]}}, {{snat: true, subnets: [subnet2]}}]}}"
    );
    world.gateway("gateway2", &spec);
    for (pod, address) in [("a", "192.168.0.2"), ("b", "192.168.0.3")] {
        world.pod("gateway2", pod, "node1", &[address]);
        world.session("bfd@vpc1", address, Session::Up);
    }
    let port = BfdPort { vpc: "vpc1".into(), vendor: "kube-ovn".into(), chassis: vec!["node1".into()] };
    world.network.bfd_ports.insert("bfd@vpc1".into(), port);
    world.settle("gateway2");
    world.cluster.subnets.remove("subnet2");
    assert!(world.plan("gateway2").refused);
    world
}

fn before(world: &World) -> Vec<Row> {
    world.network.contents[&Name::new("default", "gateway2")].clone()
}

/// The rows there were but for those, and those parts, that say `gone`.
fn without(world: &World, gone: &str) -> Vec<String> {
    let all = lines(&before(world)).into_iter();
    let all = all
        .map(|row| row.replace(&format!("reroute {gone}, "), "reroute "))
        .map(|row| row.replace(&format!(", {gone}"), ""));
    all.filter(|row| !row.contains(gone)).collect()
}

fn check(world: &World, want: &[String]) {
    same(&world.rows("gateway2"), &want.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn nothing_changes_while_nothing_is_dead() {
    for form in [Form::Policy, Form::Static] {
        for bfd in [true, false] {
            let world = refused(form, bfd);
            assert_eq!(world.plan("gateway2").rows.unwrap(), before(&world), "{form:?} {bfd}");
        }
    }
}

#[test]
fn a_pod_that_is_gone_takes_its_rows_with_it() {
    for form in [Form::Policy, Form::Static] {
        for bfd in [true, false] {
            let mut world = refused(form, bfd);
            world.cluster.pods.remove(&Name::new("default", "b"));
            let want = without(&world, "192.168.0.3");
            assert!(want.len() >= 2 && want != lines(&before(&world)), "{form:?} {bfd}");
            check(&world, &want);
        }
    }
}

#[test]
fn every_other_hard_evidence_counts_as_well() {
    let cases: [fn(&mut egress::view::Pod); 4] = [
        |pod| pod.terminating = true,
        |pod| pod.running = false,
        |pod| pod.ended = true,
        |pod| pod.addresses.clear(),
    ];
    for change in cases {
        let mut world = refused(Form::Policy, true);
        world.edit_pod("a", change);
        check(&world, &without(&world, "192.168.0.2"));
    }
}

#[test]
fn a_session_that_is_down_leaves_the_reroutes_and_comes_back() {
    let reroutes = |world: &World| -> Vec<String> {
        let all = world.rows("gateway2").into_iter();
        all.filter_map(|row| row.split_once(" reroute ").map(|(_, hops)| hops.to_owned())).collect()
    };
    let mut world = refused(Form::Policy, true);
    world.session("bfd@vpc1", "192.168.0.3", Session::Down);
    assert_eq!(reroutes(&world), ["192.168.0.2"; 2]);
    let rows = world.rows("gateway2");
    assert!(rows.iter().any(|row| row.starts_with("BFD bfd@vpc1 192.168.0.3")), "{rows:?}");
    let plan = world.plan("gateway2");
    assert!(!plan.last_resort && !plan.members[1].used);
    assert_eq!(plan.members[1].reason, "192.168.0.3 is not a next hop: its BFD session is down");
    // What was written is what there is next time.
    world.network.contents.insert(Name::new("default", "gateway2"), plan.rows.unwrap());
    world.session("bfd@vpc1", "192.168.0.3", Session::Up);
    assert_eq!(reroutes(&world), ["192.168.0.2, 192.168.0.3"; 2]);
    world.session("bfd@vpc1", "192.168.0.2", Session::Down);
    world.session("bfd@vpc1", "192.168.0.3", Session::Down);
    assert_eq!(reroutes(&world), ["192.168.0.2, 192.168.0.3"; 2], "the last resort");
    assert!(world.plan("gateway2").last_resort);
    // A port that is gone says nothing.
    world.session("bfd@vpc1", "192.168.0.2", Session::Up);
    world.network.bfd_ports.clear();
    assert_eq!(reroutes(&world), ["192.168.0.2, 192.168.0.3"; 2]);
    assert!(!world.plan("gateway2").last_resort);
}

#[test]
fn pods_that_replace_others_are_taken_in() {
    let mut world = refused(Form::Policy, false);
    world.cluster.pods.clear();
    world.pod("gateway2", "c", "node1", &["192.168.0.9"]);
    let rows = world.rows("gateway2");
    assert_eq!(rows.iter().filter(|row| row.ends_with("reroute 192.168.0.9")).count(), 2, "{rows:?}");
    world.edit_pod("c", |pod| pod.router = "vpc7".into());
    assert!(!world.rows("gateway2").iter().any(|row| row.contains("reroute")), "it is in another VPC");
}

#[test]
fn rows_that_are_not_understood_are_not_touched() {
    let mut world = refused(Form::Policy, true);
    world.network.contents.clear();
    world.cluster.pods.clear();
    assert_eq!(world.plan("gateway2").rows, None);
}
