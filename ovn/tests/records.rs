//! Rows that OVN's own tools wrote, as structs.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use ovn::nb::{self, Action, Status};
use ovn::net::{Client, Options};
use ovn::{Record, Watched, sb};
use support::{file, options, run, synced};
use tempfile::TempDir;

fn watched() -> Vec<Watched> {
    vec![
        nb::LogicalRouter::watched(),
        nb::LogicalRouterPort::watched(),
        nb::LogicalRouterPolicy::watched(),
        nb::LogicalRouterStaticRoute::watched(),
        nb::Bfd::watched(),
        nb::LogicalSwitch::watched(),
        nb::LogicalSwitchPort::watched(),
        nb::AddressSet::watched(),
        nb::PortGroup::watched(),
        nb::HaChassisGroup::watched(),
        nb::HaChassis::watched(),
        nb::Global::watched(),
    ]
}

/// A database, and what these commands of a tool of OVN's made of it.
async fn database(tool: &str, schema: &str, monitor: Vec<Watched>, commands: &[&str]) -> (TempDir, Client) {
    let directory = TempDir::new().unwrap();
    run("ovsdb-tool", &["create", &file(directory.path(), "nb.db"), schema]);
    let server = support::Server::start(directory.path(), "nb", &[]);
    let remote = server.remote();
    let db = format!("--db={remote}");
    for command in commands {
        let arguments: Vec<_> =
            [db.as_str(), "--no-leader-only"].into_iter().chain(command.split(' ')).collect();
        run(tool, &arguments);
    }
    let database = if tool == "ovn-sbctl" { sb::DATABASE } else { nb::DATABASE };
    let options = Options { database: database.into(), monitor, ..options(&[remote], None) };
    let client = Client::start(options);
    synced(&client).await;
    (directory, client) // what was copied stays when the server ends
}

const ROUTER: &[&str] = &[
    "lr-add vpc1",
    "lrp-add vpc1 bfd@vpc1 02:00:00:00:00:01 10.255.255.255/32 fd00::1/128",
    "lr-policy-add vpc1 29100 ip4.src==$VEG.a.ipv4 reroute 10.0.1.2,10.0.1.3",
    "lr-policy-add vpc1 29090 ip4 drop",
    "--policy=src-ip --bfd lr-route-add vpc1 10.0.2.0/24 10.0.1.2 bfd@vpc1",
    "set NB_Global . nb_cfg=7",
];

#[tokio::test]
async fn rows_of_routers_are_read() {
    let (_directory, client) = database("ovn-nbctl", support::SCHEMA, watched(), ROUTER).await;
    client.read(|replica| {
        let routers: Vec<nb::LogicalRouter> = replica.records().collect();
        let [router] = &routers[..] else { panic!("{routers:?}") };
        assert_eq!((&*router.name, router.policies.len(), router.static_routes.len()), ("vpc1", 2, 1));
        let port: nb::LogicalRouterPort = replica.record(*router.ports.first().unwrap()).unwrap();
        assert_eq!((&*port.name, &*port.mac), ("bfd@vpc1", "02:00:00:00:00:01"));
        assert!(port.networks.contains("10.255.255.255/32") && port.networks.contains("fd00::1/128"));
        assert_eq!((port.peer, port.ha_chassis_group), (None, None));
        let mut policies: Vec<nb::LogicalRouterPolicy> = replica.records().collect();
        policies.sort_by_key(|policy| policy.priority);
        let [drop, reroute] = &policies[..] else { panic!("{policies:?}") };
        assert_eq!((drop.priority, drop.action, &*drop.matching), (29090, Action::Drop, "ip4"));
        assert_eq!((reroute.action, &*reroute.matching), (Action::Reroute, "ip4.src==$VEG.a.ipv4"));
        assert_eq!(reroute.nexthops, ["10.0.1.2".into(), "10.0.1.3".into()].into());
        assert_eq!(
            reroute.bfd_sessions.is_some(),
            replica.has_column("Logical_Router_Policy", "bfd_sessions")
        );
        let [bfd] = &replica.records::<nb::Bfd>().collect::<Vec<_>>()[..] else { panic!() };
        assert_eq!((&*bfd.logical_port, &*bfd.dst_ip), ("bfd@vpc1", "10.0.1.2"));
        assert_eq!((bfd.min_tx, bfd.status), (None, Status::AdminDown));
        let [route] = &replica.records::<nb::LogicalRouterStaticRoute>().collect::<Vec<_>>()[..] else {
            panic!()
        };
        assert_eq!((&*route.ip_prefix, route.by_source, &*route.nexthop), ("10.0.2.0/24", true, "10.0.1.2"));
        assert_eq!((route.bfd, &*route.route_table), (Some(bfd.uuid), ""));
        let [global] = replica.records::<nb::Global>().collect::<Vec<_>>()[..] else { panic!() };
        assert_eq!((global.nb_cfg, global.sb_cfg, global.hv_cfg), (7, 0, 0));
    });
}

#[tokio::test]
async fn rows_of_switches_sets_and_groups_are_read() {
    let commands = [
        "ls-add subnet1",
        "set Logical_Switch subnet1 other_config:mcast_snoop=true external_ids:vendor=kube-ovn",
        "lsp-add subnet1 pod1.ns1",
        "lsp-set-addresses pod1.ns1 02:00:00:00:00:02",
        "lsp-add subnet1 subnet1-vpc1",
        "lsp-set-type subnet1-vpc1 router",
        "lsp-set-options subnet1-vpc1 router-port=vpc1-subnet1",
        "create Address_Set name=VEG.a.ipv4 addresses=10.0.1.0/24",
        "pg-add VEG.a pod1.ns1",
        "ha-chassis-group-add bfd@vpc1",
        "ha-chassis-group-add-chassis bfd@vpc1 node1 100",
    ];
    let (_directory, client) = database("ovn-nbctl", support::SCHEMA, watched(), &commands).await;
    client.read(|replica| {
        let [switch] = &replica.records::<nb::LogicalSwitch>().collect::<Vec<_>>()[..] else { panic!() };
        assert_eq!((&*switch.name, switch.ports.len()), ("subnet1", 2));
        assert_eq!(&*switch.other_config["mcast_snoop"], "true");
        assert_eq!(&*switch.external_ids["vendor"], "kube-ovn");
        let ports: Vec<nb::LogicalSwitchPort> = replica.records().collect();
        let router = ports.iter().find(|port| &*port.kind == "router").unwrap();
        assert_eq!(&*router.options["router-port"], "vpc1-subnet1");
        let pod = ports.iter().find(|port| &*port.name == "pod1.ns1").unwrap();
        assert_eq!((&*pod.kind, &pod.addresses), ("", &["02:00:00:00:00:02".into()].into()));
        let [set] = &replica.records::<nb::AddressSet>().collect::<Vec<_>>()[..] else { panic!() };
        assert_eq!((&*set.name, &set.addresses), ("VEG.a.ipv4", &["10.0.1.0/24".into()].into()));
        let [group] = &replica.records::<nb::PortGroup>().collect::<Vec<_>>()[..] else { panic!() };
        assert_eq!((&*group.name, &group.ports), ("VEG.a", &[pod.uuid].into()));
        let [group] = &replica.records::<nb::HaChassisGroup>().collect::<Vec<_>>()[..] else { panic!() };
        let chassis: nb::HaChassis = replica.record(*group.ha_chassis.first().unwrap()).unwrap();
        assert_eq!((&*group.name, &*chassis.chassis_name, chassis.priority), ("bfd@vpc1", "node1", 100));
    });
}

#[tokio::test]
async fn rows_of_the_southbound_database_are_read() {
    let monitor = vec![sb::Chassis::watched(), sb::PortBinding::watched()];
    let schema = "/usr/share/ovn/ovn-sb.ovsschema";
    let commands = ["chassis-add chassis1 geneve 10.0.0.1", "set Chassis chassis1 hostname=node1"];
    let (_directory, client) = database("ovn-sbctl", schema, monitor, &commands).await;
    client.read(|replica| {
        let [chassis] = &replica.records::<sb::Chassis>().collect::<Vec<_>>()[..] else { panic!() };
        assert_eq!((&*chassis.name, &*chassis.hostname), ("chassis1", "node1"));
        assert_eq!(replica.records::<sb::PortBinding>().count(), 0);
        for (table, columns) in
            [(sb::Chassis::TABLE, sb::Chassis::COLUMNS), (sb::PortBinding::TABLE, sb::PortBinding::COLUMNS)]
        {
            assert!(columns.iter().all(|column| replica.has_column(table, column)), "{table}");
        }
    });
}

/// What the distribution's schema lacks of the columns that are read is what came later.
#[tokio::test]
async fn columns_are_those_of_the_schema() {
    let (_directory, client) = database("ovn-nbctl", support::SCHEMA, watched(), &[]).await;
    let missing: Vec<_> = client.read(|replica| {
        let all =
            watched().into_iter().flat_map(|one| one.columns.iter().map(move |column| (one.table, *column)));
        all.filter(|(table, column)| !replica.has_column(table, column)).collect()
    });
    assert!(missing.iter().all(|one| *one == ("Logical_Router_Policy", "bfd_sessions")), "{missing:?}");
}
