//! Who is a next hop: every combination of what may be known of two pods.

use egress::plan::Form;
use egress::view::{Name, Pod, Session};

use crate::world::World;

/// What is known of one pod.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Known {
    ready: bool,
    up: bool,
    terminating: bool,
}

const STATES: [Known; 8] = [
    Known { ready: true, up: true, terminating: false },
    Known { ready: true, up: false, terminating: false },
    Known { ready: false, up: true, terminating: false },
    Known { ready: false, up: false, terminating: false },
    Known { ready: true, up: true, terminating: true },
    Known { ready: true, up: false, terminating: true },
    Known { ready: false, up: true, terminating: true },
    Known { ready: false, up: false, terminating: true },
];

/// Which of two pods are next hops: a row for each state of the first, a column for each of the second, in the order above.
/// `B` both, `1` the first, `2` the second, `-` none; as a last resort `b` both, `x` the first, `y` the second.
const WITH_BFD: [&str; 8] =
    ["B1111111", "2bxxxxxx", "2ybbxxxx", "2ybbxxxx", "2yyy----", "2yyy----", "2yyy----", "2yyy----"];
const WITHOUT_BFD: [&str; 8] =
    ["BB111111", "BB111111", "22bbxxxx", "22bbxxxx", "22yy----", "22yy----", "22yy----", "22yy----"];

fn world(first: Known, second: Known, bfd: bool) -> World {
    let mut world = World::with_vpc1();
    world.settings.form = Form::Policy;
    let spec = format!(
        "{{vpc: vpc1, replicas: 2, internalSubnet: subnet1, externalSubnet: macvlan1, bfd: {{enabled: {bfd}}}, \
         policies: [{{snat: true, ipBlocks: [192.168.0.0/24]}}]}}"
    );
    world.gateway("gateway2", &spec);
    for (known, name, address) in [(first, "a", "192.168.0.2"), (second, "b", "192.168.0.3")] {
        world.pod("gateway2", name, "node1", &[address]);
        world.edit_pod(name, |pod| (pod.ready, pod.terminating) = (known.ready, known.terminating));
        world.session("bfd@vpc1", address, if known.up { Session::Up } else { Session::Down });
    }
    world
}

/// The letter of the table above, of the plan.
fn verdict(world: &World) -> char {
    let plan = world.plan("gateway2");
    let used: Vec<bool> = plan.members.iter().map(|member| member.used).collect();
    // What is said of the members is what the rows do.
    let rows = egress_rows(&plan.rows.unwrap());
    assert_eq!(used, [rows.contains("192.168.0.2"), rows.contains("192.168.0.3")], "{rows}");
    match (used[0], used[1], plan.last_resort) {
        (true, true, false) => 'B',
        (true, false, false) => '1',
        (false, true, false) => '2',
        (true, true, true) => 'b',
        (true, false, true) => 'x',
        (false, true, true) => 'y',
        (false, false, _) => '-',
    }
}

/// The reroutes.
fn egress_rows(rows: &[egress::rows::Row]) -> String {
    rows.iter()
        .map(ToString::to_string)
        .filter(|row| row.contains(" reroute "))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn soft_evidence_removes_all_but_the_last_and_hard_evidence_all() {
    for (bfd, table) in [(true, WITH_BFD), (false, WITHOUT_BFD)] {
        for (first, row) in STATES.into_iter().zip(table) {
            let got: String = STATES.into_iter().map(|second| verdict(&world(first, second, bfd))).collect();
            assert_eq!(got, row, "bfd {bfd}, first {first:?}");
        }
    }
}

const USABLE: Known = STATES[0];

#[test]
fn hard_evidence_of_every_kind() {
    let cases: [(&str, fn(&mut Pod)); 5] = [
        ("it is terminating", |pod| pod.terminating = true),
        ("it is not running", |pod| pod.running = false),
        ("it has ended", |pod| pod.ended = true),
        ("it has no address in the VPC", |pod| pod.addresses.clear()),
        ("it has no address in the external network default/eth1", |pod| pod.attached.clear()),
    ];
    for (reason, change) in cases {
        let mut world = world(USABLE, USABLE, true);
        for pod in ["a", "b"] {
            world.edit_pod(pod, change);
        }
        assert_eq!(verdict(&world), '-', "{reason}");
        for member in world.plan("gateway2").members {
            assert_eq!(member.reason, reason);
        }
    }
}

#[test]
fn a_node_that_is_not_ready_is_soft_evidence() {
    let mut world = world(USABLE, USABLE, true);
    world.edit_pod("b", |pod| pod.node = "node2".into());
    world.session("bfd@vpc1@node2", "192.168.0.3", Session::Up);
    world.node("node1", false);
    // Home goes to the ready node when there is no port yet, and with it the session's port.
    world.session("bfd@vpc1", "192.168.0.3", Session::Up);
    assert_eq!(verdict(&world), '2');
    let reason = &world.plan("gateway2").members[0].reason;
    assert_eq!(reason, "192.168.0.2 is not a next hop: node node1 is not ready");
    world.node("node2", false);
    assert_eq!(verdict(&world), 'b');
}

#[test]
fn the_last_resort_is_said_and_taken_back() {
    let down = STATES[1];
    let mut world = world(down, down, true);
    let degraded = |world: &World| {
        let told = world.plan("gateway2").status.conditions.unwrap();
        let one = told.into_iter().find(|one| one.kind == "Degraded");
        one.map(|one| (one.status, one.reason.unwrap_or_default()))
    };
    let bad = ("True".to_owned(), "LastResort".to_owned());
    assert_eq!(degraded(&world), Some(bad));
    assert!(world.plan("gateway2").notices.iter().any(|one| one.warning && one.reason == "LastResort"));
    assert_eq!(
        world.plan("gateway2").members[0].reason,
        "192.168.0.2 is a next hop as a last resort: its BFD session is down"
    );
    world.settle("gateway2");
    assert!(!world.plan("gateway2").notices.iter().any(|one| one.reason == "LastResort"), "told once");
    world.session("bfd@vpc1", "192.168.0.2", Session::Up);
    let good = ("False".to_owned(), "MembersUsable".to_owned());
    assert_eq!(degraded(&world), Some(good));
    // One that never was degraded says nothing of it.
    assert_eq!(degraded(&self::world(USABLE, down, true)), None);
}

#[test]
fn a_family_the_bfd_port_does_not_speak_is_judged_by_readiness() {
    let mut world = world(USABLE, STATES[2], true);
    world.dual();
    for (pod, address) in [("a", "fd60::2"), ("b", "fd60::3")] {
        world.second_family(pod, address);
    }
    let rows = world.rows("gateway2");
    let six: Vec<_> = rows.iter().filter(|row| row.contains("fd60")).collect();
    assert_eq!(six.len(), 2, "{six:?}");
    assert!(six.iter().all(|row| row.contains("29100") && row.ends_with("reroute fd60::2")), "{six:?}");
}

#[test]
fn pods_of_other_gateways_and_namespaces_are_none_of_it() {
    let mut world = world(USABLE, USABLE, true);
    world.pod("gateway2x", "c", "node1", &["192.168.0.4"]);
    world.pod("gateway2", "d", "node1", &["192.168.0.5"]);
    let pod = world.cluster.pods.remove(&Name::new("default", "d")).unwrap();
    world.cluster.pods.insert(Name::new("default2", "d"), pod.clone());
    world.cluster.pods.insert(Name::new("a", "d"), pod);
    assert_eq!(verdict(&world), 'B');
}
