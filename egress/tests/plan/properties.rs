//! What holds of every plan, whatever the world is like.

use std::collections::BTreeSet;
use std::net::IpAddr;

use egress::plan::Form;
use egress::rows::{Action, Row};
use egress::view::{Name, Session};
use proptest::prelude::*;

use crate::world::{World, ip};

/// Of one pod: node, ready, terminating, running, addresses (which of a few), state of its sessions.
type Pod = (u8, bool, bool, bool, u8, u8);

#[derive(Clone, Debug)]
struct Dice {
    pods: Vec<Pod>,
    form: u8,
    /// bfd, port enabled, bfd-only, Local, selectors, controller alive, foreign route, node1 ready, second family.
    flags: [bool; 9],
    home: Option<u8>,
}

fn dice() -> impl Strategy<Value = Dice> {
    let pod = (0..4u8, any::<bool>(), prop::bool::weighted(0.2), prop::bool::weighted(0.9), 0..6u8, 0..5u8);
    let pods = prop::collection::vec(pod, 0..5);
    (pods, 0..3u8, any::<[bool; 9]>(), prop::option::of(0..4u8)).prop_map(|(pods, form, flags, home)| Dice {
        pods,
        form,
        flags,
        home,
    })
}

fn world(dice: &Dice) -> World {
    let [bfd, port, bfd_only, local, selectors, alive, foreign, ready, dual] = dice.flags;
    let mut world = World::with_vpc1();
    let address = if dual { "10.255.255.255,fdff::1" } else { "10.255.255.255" };
    world.vpc1(&format!("{{enabled: {port}, ip: '{address}'}}"));
    world.dual();
    world.node("node0", true);
    world.node("node1", ready);
    world.network.chassis.remove("node3");
    world.network.features.bfd_only = bfd_only;
    world.cluster.controller_alive = alive;
    world.settings.form = [Form::Auto, Form::Static, Form::Policy][usize::from(dice.form)];
    if foreign {
        let routes = &mut world.network.routers.get_mut("vpc1").unwrap().source_routes;
        routes.push(("192.168.0.0/24".into(), "192.168.0.1".into()));
    }
    let selectors = if selectors { "selectors: [{podSelector: {matchLabels: {app: web}}}]," } else { "" };
    let local = if local { "Local" } else { "Cluster" };
    world.gateway(
        "gateway2",
        &format!(
            "{{vpc: vpc1, replicas: {}, internalSubnet: subnet1, externalSubnet: macvlan1, trafficPolicy: {local}, \
             bfd: {{enabled: {bfd}}}, {selectors} policies: [{{snat: true, subnets: [subnet1]}}]}}",
            dice.pods.len()
        ),
    );
    for (at, (node, ready, terminating, running, which, state)) in dice.pods.iter().enumerate() {
        let four = format!("192.168.0.{}", which + 2);
        let six = format!("fd60::{}", which + 2);
        let addresses =
            [vec![], vec![&*four], vec![&*six], vec![&*four, &six], vec![&*four, &six], vec![&*four]];
        world.pod("gateway2", &format!("p{at}"), &format!("node{node}"), &addresses[usize::from(*which)]);
        world.edit_pod(&format!("p{at}"), |pod| {
            (pod.ready, pod.terminating, pod.running) = (*ready, *terminating, *running);
        });
        let states = [Session::AdminDown, Session::Down, Session::Init, Session::Up];
        if let Some(state) = states.get(usize::from(*state)) {
            for port in ["bfd@vpc1".to_owned(), format!("bfd@vpc1@node{node}")] {
                world.session(&port, &four, *state);
                world.session(&port, &six, *state);
            }
        }
    }
    if let Some(home) = dice.home {
        let chassis = vec![format!("node{home}").into()];
        let port = egress::view::BfdPort { vpc: "vpc1".into(), vendor: "kube-ovn".into(), chassis };
        world.network.bfd_ports.insert("bfd@vpc1".into(), port);
    }
    world
        .network
        .owned
        .insert(Name::new("default", "gateway2"), [egress::rows::Key::PortGroup("x".into())].into());
    world
}

/// Addresses traffic is sent to.
fn next_hops(rows: &[Row]) -> BTreeSet<IpAddr> {
    let mut all = BTreeSet::new();
    for row in rows {
        match row {
            Row::Policy { action: Action::Reroute { next_hops, .. }, .. } => all.extend(next_hops),
            Row::Route { table, next_hop, .. } if table.is_empty() => {
                all.insert(*next_hop);
            }
            _ => {}
        }
    }
    all
}

/// Whether every address of a row is of the family its ids say.
fn one_family(row: &Row) -> bool {
    let four = row.ids().get("af").map(|af| &**af) == Some("4");
    let all = |addresses: Vec<IpAddr>| addresses.iter().all(|one| one.is_ipv4() == four);
    match row {
        Row::AddressSet { addresses, .. } => {
            let address = |text: &str| ip(text.split('/').next().unwrap_or_default());
            all(addresses.iter().map(|text| address(text)).collect())
        }
        Row::Policy { action: Action::Reroute { next_hops, sessions }, matching, .. } => {
            matching.starts_with(if four { "ip4" } else { "ip6" })
                && !next_hops.is_empty()
                && all(next_hops.iter().copied().collect())
                && all(sessions.iter().map(|session| session.peer).collect())
        }
        Row::Route { prefix, next_hop, session, .. } => {
            let peer = session.as_ref().map(|session| session.peer);
            all([*next_hop, ip(prefix.split('/').next().unwrap_or_default())]
                .into_iter()
                .chain(peer)
                .collect())
        }
        Row::Bfd { key, .. } => all(vec![key.peer]),
        Row::Policy { .. } | Row::PortGroup { .. } | Row::BfdPort { .. } => true,
    }
}

/// Every session that anything names has its row, and in a router whose OVN wakes them by routes, a route.
fn sessions_are_there(world: &World, rows: &[Row]) -> bool {
    let there: BTreeSet<_> =
        rows.iter().filter_map(|row| if let Row::Bfd { key, .. } = row { Some(key) } else { None }).collect();
    let by_routes: BTreeSet<_> = rows
        .iter()
        .filter_map(|row| if let Row::Route { session, .. } = row { session.as_ref() } else { None })
        .collect();
    let by_policies = rows.iter().filter_map(|row| match row {
        Row::Policy { action: Action::Reroute { sessions, .. }, .. } => Some(sessions),
        _ => None,
    });
    let named: BTreeSet<_> = by_routes.iter().copied().chain(by_policies.flatten()).collect();
    named.is_subset(&there) && (world.network.features.bfd_only || by_routes == there)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_plan_is_a_function_and_keeps_its_promises(dice in dice()) {
        let world = world(&dice);
        let plan = world.plan("gateway2");
        prop_assert_eq!(&plan.rows, &world.clone().plan("gateway2").rows);
        let Some(rows) = plan.rows else {
            prop_assert_eq!(dice.form, 1, "only an explicit form can be refused: {:?}", plan.status.conditions);
            return Ok(());
        };
        let keys: BTreeSet<_> = rows.iter().map(Row::key).collect();
        prop_assert_eq!(keys.len(), rows.len(), "two rows of one identity");
        for row in &rows {
            prop_assert!(one_family(row), "{}", row);
        }
        prop_assert!(sessions_are_there(&world, &rows));
        let hops = next_hops(&rows);
        let dead = |pod: &&egress::view::Pod| pod.terminating || !pod.running;
        let all: Vec<_> = world.cluster.pods.values().map(|pod| &**pod).collect();
        let alive: BTreeSet<_> = all.iter().filter(|pod| !dead(pod)).flat_map(|pod| pod.addresses.iter().copied()).collect();
        prop_assert!(hops.is_subset(&alive), "{hops:?} of {alive:?}");
        for four in [true, false] {
            let wanted = alive.iter().any(|one| one.is_ipv4() == four);
            prop_assert_eq!(hops.iter().any(|one| one.is_ipv4() == four), wanted, "family 4: {}", four);
        }
    }

    #[test]
    fn the_ports_of_a_vpc_are_settled_after_one_pass(dice in dice()) {
        let mut world = world(&dice);
        let first = world.plan_vpc("vpc1").rows;
        world.network.bfd_ports.clear();
        for row in first.iter().flatten() {
            let Row::BfdPort { name, chassis, .. } = row else { panic!("{row}") };
            let port = egress::view::BfdPort { vpc: "vpc1".into(), vendor: "kube-ovn".into(), chassis: chassis.clone() };
            world.network.bfd_ports.insert(name.clone(), port);
        }
        prop_assert_eq!(first, world.plan_vpc("vpc1").rows);
    }
}
