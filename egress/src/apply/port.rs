//! BFD ports of a VPC: each is a router port, the group of chassis that holds it, and a switch with one port that is its
//! peer, without which ovn-controller sends nothing. The switch asks for multicast listeners once an hour, for otherwise
//! the thread that sends BFD may fall asleep.

use std::collections::{BTreeMap, BTreeSet};

use ovn::{Atom, Replica, Row as Columns, Uuid, Value};
use sha2::{Digest, Sha256};

use super::columns::texts;
use super::difference::{has_name, routers};
use super::transaction::Transaction;
use super::{Clash, Impossible};
use crate::network::cells;
use crate::rows::{Ids, Key, Row};

/// Priority of the first chassis; each further one has one less.
const HIGHEST: i64 = 100;
/// Where queries for multicast listeners come from: an address that is nobody's, for only the router port is there.
const QUERIER: &str = "169.254.255.254";
const QUERY_INTERVAL: &str = "3600";

/// One wanted port.
struct Port<'a> {
    router: &'a str,
    name: &'a str,
    networks: &'a BTreeSet<Box<str>>,
    chassis: &'a [Box<str>],
    ids: &'a Ids,
}

/// Writes the differences of the ports of VPC `of[1]`, vendor `of[0]`, into `transaction`.
pub(super) fn differences(
    replica: &Replica,
    of: [&str; 2],
    wanted: &[&Row],
    transaction: &mut Transaction,
) -> Result<(), Impossible> {
    let mut there = There::of(replica, of);
    for row in wanted {
        let Row::BfdPort { router, name, networks, chassis, ids } = row else { continue };
        let port = Port { router, name, networks, chassis, ids };
        let group = port.group(replica, there.groups.remove(name), transaction)?;
        port.router_port(replica, there.ports.remove(name), group, transaction)?;
        port.switch(replica, there.switches.remove(name), transaction)?;
    }
    there.remove(replica, transaction);
    Ok(())
}

/// What is there of the VPC's ports, by name.
struct There {
    ports: BTreeMap<Box<str>, Uuid>,
    groups: BTreeMap<Box<str>, Uuid>,
    switches: BTreeMap<Box<str>, Uuid>,
}

impl There {
    fn of(replica: &Replica, [vendor, vpc]: [&str; 2]) -> Self {
        let (first, further) = (format!("bfd@{vpc}"), format!("bfd@{vpc}@"));
        let is_ours = |row: &Columns, key: &str| {
            let id = |key| cells::entry(row, "external_ids", key);
            let of_vpc = match key {
                "lr" => id(key) == vpc && cells::text(row, "name").starts_with("bfd@"),
                _ => id(key) == first || id(key).starts_with(&further),
            };
            id("vendor") == vendor && of_vpc
        };
        let named = |table: &str, key: &str| {
            let rows = replica.rows(table).filter(|(_, row)| is_ours(row, key));
            rows.map(|(uuid, row)| (cells::text(row, "name").into(), uuid)).collect()
        };
        Self {
            ports: named("Logical_Router_Port", "lr"),
            groups: named("HA_Chassis_Group", "lrp"),
            switches: named("Logical_Switch", "lrp"),
        }
    }

    fn remove(self, replica: &Replica, transaction: &mut Transaction) {
        for (table, rows) in [("HA_Chassis_Group", self.groups), ("Logical_Switch", self.switches)] {
            for uuid in rows.into_values() {
                transaction.guard(replica, table, uuid, &["external_ids"]);
                transaction.delete(table, uuid);
            }
        }
        for uuid in self.ports.into_values() {
            transaction.guard(replica, "Logical_Router_Port", uuid, &["external_ids"]);
            for router in holders(replica, uuid) {
                transaction.detach(replica, ("Logical_Router", router, "ports"), uuid);
            }
            // It would go by itself, but not before its group, which it refers to, was found to be in use.
            transaction.delete("Logical_Router_Port", uuid);
        }
    }
}

fn holders(replica: &Replica, port: Uuid) -> Vec<Uuid> {
    let routers = replica.rows("Logical_Router");
    let holding = routers.filter(|(_, row)| cells::uuids(row, "ports").any(|one| one == port));
    holding.map(|(uuid, _)| uuid).collect()
}

impl Port<'_> {
    fn clash(&self) -> Impossible {
        Clash(Key::BfdPort(self.name.into())).into()
    }

    /// Ids of what goes with the port.
    fn ids(&self, key: &str) -> Ids {
        let vendor = self.ids.get_key_value("vendor").map(|(key, vendor)| (key.clone(), vendor.clone()));
        vendor.into_iter().chain([(key.into(), self.name.into())]).collect()
    }

    /// The group of its chassis: gives the reference to it.
    fn group(
        &self,
        replica: &Replica,
        known: Option<Uuid>,
        transaction: &mut Transaction,
    ) -> Result<Atom, Impossible> {
        let row = known.and_then(|uuid| replica.row("HA_Chassis_Group", uuid));
        let mut members = BTreeMap::new();
        for uuid in row.into_iter().flat_map(|row| cells::uuids(row, "ha_chassis")) {
            if let Some(member) = replica.row("HA_Chassis", uuid) {
                members.insert(cells::text(member, "chassis_name"), (uuid, member));
            }
        }
        let mut references = BTreeSet::new();
        for (chassis, priority) in self.chassis.iter().zip((1..=HIGHEST).rev()) {
            let content = columns([
                ("chassis_name", Value::one(&**chassis)),
                ("priority", Value::one(priority)),
                ("external_ids", texts(&self.ids("group"))),
            ]);
            references.insert(match members.get(&**chassis) {
                Some((uuid, member)) => {
                    put(replica, ("HA_Chassis", *uuid, member), content, transaction);
                    Atom::Uuid(*uuid)
                }
                None => transaction.insert("HA_Chassis", content),
            });
        }
        let content = columns([
            ("name", Value::one(self.name)),
            ("ha_chassis", Value::Set(references)),
            ("external_ids", texts(&self.ids("lrp"))),
        ]);
        match (known, row) {
            (Some(uuid), Some(row)) => {
                put(replica, ("HA_Chassis_Group", uuid, row), content, transaction);
                Ok(uuid.into())
            }
            _ if has_name(replica, "HA_Chassis_Group", self.name) => Err(self.clash()),
            _ => Ok(transaction.insert("HA_Chassis_Group", content)),
        }
    }

    fn router_port(
        &self,
        replica: &Replica,
        known: Option<Uuid>,
        group: Atom,
        transaction: &mut Transaction,
    ) -> Result<(), Impossible> {
        let Some(router) = routers(replica).get(self.router).copied() else {
            let key = Key::BfdPort(self.name.into());
            return Err(Impossible::NoRouter { key, router: self.router.into() });
        };
        let mut content = columns([
            ("name", Value::one(self.name)),
            ("networks", Value::set(self.networks.iter().map(|network| &**network))),
            ("options", Value::texts([("bfd-only", "true")])),
            ("ha_chassis_group", Value::one(group)),
            ("external_ids", texts(self.ids)),
        ]);
        match known.and_then(|uuid| Some((uuid, replica.row("Logical_Router_Port", uuid)?))) {
            Some((uuid, row)) => {
                put(replica, ("Logical_Router_Port", uuid, row), content, transaction);
                for holder in holders(replica, uuid).into_iter().filter(|holder| *holder != router) {
                    transaction.detach(replica, ("Logical_Router", holder, "ports"), uuid);
                    transaction.attach(replica, ("Logical_Router", router, "ports"), uuid.into());
                }
            }
            None if has_name(replica, "Logical_Router_Port", self.name) => return Err(self.clash()),
            None => {
                content.insert("mac".into(), Value::one(mac("port", self.name, self.ids).as_str()));
                let uuid = last_of_its_router(self.name, self.ids);
                let reference = transaction.insert_as("Logical_Router_Port", content, Some(uuid));
                transaction.attach(replica, ("Logical_Router", router, "ports"), reference);
            }
        }
        Ok(())
    }

    fn switch(
        &self,
        replica: &Replica,
        known: Option<Uuid>,
        transaction: &mut Transaction,
    ) -> Result<(), Impossible> {
        let sender = mac("querier", self.name, self.ids);
        let settings = [
            ("mcast_snoop", "true"),
            ("mcast_querier", "true"),
            ("mcast_query_interval", QUERY_INTERVAL),
            ("mcast_eth_src", &sender),
            ("mcast_ip4_src", QUERIER),
        ];
        let row = known.and_then(|uuid| Some((uuid, replica.row("Logical_Switch", uuid)?)));
        let peer = format!("peer-{}", self.name);
        let existing = row.into_iter().flat_map(|(_, row)| cells::uuids(row, "ports")).find_map(|uuid| {
            let port = replica.row("Logical_Switch_Port", uuid)?;
            (cells::text(port, "name") == peer).then_some((uuid, port))
        });
        let content = columns([
            ("name", Value::one(peer.as_str())),
            ("type", Value::one("router")),
            ("options", Value::texts([("router-port", self.name)])),
        ]);
        let reference = match existing {
            Some((uuid, port)) => {
                put(replica, ("Logical_Switch_Port", uuid, port), content, transaction);
                Atom::Uuid(uuid)
            }
            None if has_name(replica, "Logical_Switch_Port", &peer) => return Err(self.clash()),
            None => {
                let more =
                    columns([("addresses", Value::one("router")), ("external_ids", texts(&self.ids("ls")))]);
                transaction.insert("Logical_Switch_Port", content.into_iter().chain(more).collect())
            }
        };
        let content = columns([
            ("name", Value::one(self.name)),
            ("ports", Value::one(reference)),
            ("other_config", Value::texts(settings)),
            ("external_ids", texts(&self.ids("lrp"))),
        ]);
        match row {
            Some((uuid, row)) => put(replica, ("Logical_Switch", uuid, row), content, transaction),
            None if has_name(replica, "Logical_Switch", self.name) => return Err(self.clash()),
            None => {
                transaction.guard_absent("Logical_Switch", self.name); // names of switches are no index
                transaction.insert("Logical_Switch", content);
            }
        }
        Ok(())
    }
}

fn columns<const N: usize>(pairs: [(&str, Value); N]) -> Columns {
    pairs.into_iter().map(|(column, value)| (column.into(), value)).collect()
}

/// Corrects a row that is there, if it differs.
fn put(
    replica: &Replica,
    (table, uuid, row): (&'static str, Uuid, &Columns),
    content: Columns,
    transaction: &mut Transaction,
) {
    const ALL: [&str; 10] = [
        "name",
        "chassis_name",
        "priority",
        "ha_chassis",
        "networks",
        "options",
        "ha_chassis_group",
        "ports",
        "other_config",
        "external_ids",
    ];
    if content.iter().all(|(column, value)| row.get(column) == Some(value)) {
        return;
    }
    let read: Vec<&'static str> = ALL.into_iter().filter(|column| content.contains_key(*column)).collect();
    transaction.guard(replica, table, uuid, &read);
    transaction.update(table, uuid, content);
}

/// A MAC address of our own choice, the same for the same port always: locally administered, for one station.
fn mac(what: &str, name: &str, ids: &Ids) -> String {
    let hash = hash(what, name, ids);
    let octets: Vec<String> = hash.iter().take(5).map(|octet| format!("{octet:02x}")).collect();
    format!("02:{}", octets.join(":"))
}

/// The identity of a router port that comes after every other: northd puts the load balancers of a router on that port bound
/// to a chassis whose identity is the lowest, and they belong on the router's way out, not on a BFD port.
fn last_of_its_router(name: &str, ids: &Ids) -> Uuid {
    let rest =
        hash("identity", name, ids).iter().take(12).fold(0, |all, octet| all << 8 | u128::from(*octet));
    Uuid(0xffff_ffff << 96 | rest)
}

fn hash(what: &str, name: &str, ids: &Ids) -> impl AsRef<[u8]> + std::ops::Deref<Target = [u8]> {
    let vendor = ids.get("vendor").map(|vendor| &**vendor).unwrap_or_default();
    Sha256::digest(format!("{what} {vendor} {name}"))
}
