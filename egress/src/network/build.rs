//! From the copies of the databases to what decisions see.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use ovn::{Replica, Row, Uuid};

use super::touched::Contents;
use super::{cells, features};
use crate::view::{BfdPort, Network, Router, Session};

/// What the databases say, and what our rows hold. `vendor`: of our rows.
#[must_use]
pub fn network(nb: &Replica, sb: &Replica, vendor: &str) -> (Network, Contents) {
    let contents = Contents::of(nb, vendor);
    let ports = nb.rows("Logical_Switch_Port").map(|(_, row)| cells::text(row, "name").into()).collect();
    let network = Network {
        routers: routers(nb, vendor),
        ports,
        sessions: nb.rows("BFD").filter_map(|(_, row)| session(row)).collect(),
        bfd_ports: bfd_ports(nb),
        owned: contents.keys(),
        contents: contents.rows(),
        chassis: chassis(sb),
        features: features::features(nb, sb),
    };
    (network, contents)
}

/// Whether a router port is a BFD port, by its name.
fn is_bfd(port: &str) -> bool {
    port.starts_with("bfd@")
}

fn session(row: &Row) -> Option<((Box<str>, IpAddr), Session)> {
    let peer = cells::text(row, "dst_ip").parse().ok()?;
    let session = match cells::text(row, "status") {
        "up" => Session::Up,
        "init" => Session::Init,
        "down" => Session::Down,
        _ => Session::AdminDown,
    };
    Some(((cells::text(row, "logical_port").into(), peer), session))
}

fn bfd_ports(nb: &Replica) -> BTreeMap<Box<str>, BfdPort> {
    let ports = nb.rows("Logical_Router_Port").map(|(_, row)| (cells::text(row, "name"), row));
    let port = |row: &Row| BfdPort {
        vpc: cells::entry(row, "external_ids", "lr").into(),
        vendor: cells::entry(row, "external_ids", "vendor").into(),
        chassis: by_priority(nb, row),
    };
    ports.filter(|(name, _)| is_bfd(name)).map(|(name, row)| (name.into(), port(row))).collect()
}

/// Chassis of a port's group, the highest priority first.
fn by_priority(nb: &Replica, port: &Row) -> Vec<Box<str>> {
    let groups = cells::uuids(port, "ha_chassis_group").filter_map(|uuid| nb.row("HA_Chassis_Group", uuid));
    let members = groups.flat_map(|group| cells::uuids(group, "ha_chassis"));
    let members = members.filter_map(|uuid| nb.row("HA_Chassis", uuid));
    let mut chassis: Vec<(i64, &str)> = members
        .map(|row| (cells::integer(row, "priority").unwrap_or_default(), cells::text(row, "chassis_name")))
        .collect();
    chassis.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    chassis.into_iter().map(|(_, name)| name.into()).collect()
}

/// Chassis by host. A host that was set up anew may have left an old one behind: the last by name stands.
fn chassis(sb: &Replica) -> BTreeMap<Box<str>, Box<str>> {
    let pair = |row: &Row| (cells::text(row, "hostname").into(), cells::text(row, "name").into());
    let mut all: Vec<(Box<str>, Box<str>)> = sb.rows("Chassis").map(|(_, row)| pair(row)).collect();
    all.sort();
    all.into_iter().collect()
}

fn routers(nb: &Replica, vendor: &str) -> BTreeMap<Box<str>, Router> {
    let groups: HashMap<Uuid, &Row> = nb.rows("Logical_Router_Port").collect();
    let routes: HashMap<Uuid, &Row> = nb.rows("Logical_Router_Static_Route").collect();
    let router = |row: &Row| {
        let mut router = Router {
            load_balancers: cells::uuids(row, "load_balancer")
                .chain(cells::uuids(row, "load_balancer_group"))
                .next()
                .is_some(),
            ..Router::default()
        };
        for route in cells::uuids(row, "static_routes").filter_map(|uuid| routes.get(&uuid)) {
            add_route(&mut router, route, vendor);
        }
        for port in cells::uuids(row, "ports").filter_map(|uuid| groups.get(&uuid)) {
            add_port(&mut router, port);
        }
        router
    };
    nb.rows("Logical_Router").map(|(_, row)| (cells::text(row, "name").into(), router(row))).collect()
}

fn add_route(router: &mut Router, route: &Row, vendor: &str) {
    if !cells::text(route, "route_table").is_empty() {
        return;
    }
    let prefix = cells::text(route, "ip_prefix");
    if cells::text(route, "policy") == "src-ip" {
        let ours = cells::entry(route, "external_ids", "vendor") == vendor
            && !cells::entry(route, "external_ids", "vpc-egress-gateway").is_empty();
        if !ours {
            router.source_routes.push((prefix.into(), cells::text(route, "nexthop").into()));
        }
        return;
    }
    match prefix {
        "0.0.0.0/0" => router.default_route[0] = true,
        "::/0" => router.default_route[1] = true,
        _ => {}
    }
}

fn add_port(router: &mut Router, port: &Row) {
    let name = cells::text(port, "name");
    if is_bfd(name) {
        return;
    }
    router.connected.extend(cells::texts(port, "networks").map(Box::from));
    let bound = cells::uuids(port, "ha_chassis_group").chain(cells::uuids(port, "gateway_chassis"));
    if bound.count() > 0 {
        router.gateway_ports.push(name.into());
    }
}
