//! Which objects a change of the databases touches.
//!
//! Of a cluster with a thousand gateways, a session that goes down concerns one. What is compared is what decisions see
//! ([`Network`]) and what our rows hold ([`Contents`]), so that a row that somebody else changed is put right as well.

use std::collections::{BTreeMap, BTreeSet};

use ovn::{Replica, Row, Uuid};

use super::cells;
use crate::apply::{Found, Owner, found};
use crate::rows::Key;
use crate::source::Store;
use crate::subject::Subject;
use crate::view::{Name, Network};

/// What our rows hold.
#[derive(Debug, Default, PartialEq)]
pub struct Contents {
    /// Of each gateway, also of those that are gone.
    gateways: BTreeMap<Name, Vec<Found>>,
    /// Rows of BFD ports and of what goes with them, whoever made them.
    ports: Vec<(Uuid, Row)>,
}

impl Contents {
    /// As of now.
    pub(super) fn of(nb: &Replica, vendor: &str) -> Self {
        let mut gateways: BTreeMap<Name, Vec<Found>> = BTreeMap::new();
        for one in found(nb, &Owner::Anyone { vendor: vendor.into() }) {
            if let Some(name) = one.gateway() {
                gateways.entry(name).or_default().push(one);
            }
        }
        let named = |row: &Row| cells::text(row, "name").starts_with("bfd@");
        let member = |row: &Row| cells::entry(row, "external_ids", "group").starts_with("bfd@");
        let peer = |row: &Row| cells::text(row, "name").starts_with("peer-bfd@");
        let kept = |table: &'static str, keep: fn(&Row) -> bool| {
            nb.rows(table).filter(move |(_, row)| keep(row)).map(|(uuid, row)| (uuid, row.clone()))
        };
        let ports = kept("Logical_Router_Port", named)
            .chain(kept("Logical_Switch", named))
            .chain(kept("HA_Chassis_Group", named))
            .chain(kept("HA_Chassis", member))
            .chain(kept("Logical_Switch_Port", peer));
        Self { gateways, ports: ports.collect() }
    }

    /// VPCs of which there are rows of this vendor. A port goes with its router; its group and its switch do not.
    pub(super) fn vpcs(&self, vendor: &str) -> BTreeSet<Box<str>> {
        let id = |row, key| cells::entry(row, "external_ids", key);
        let rows = self.ports.iter().map(|(_, row)| row).filter(|row| id(row, "vendor") == vendor);
        let vpc = |row| match (id(row, "lr"), id(row, "lrp").strip_prefix("bfd@")) {
            ("", port) => port.map(|port| port.split('@').next().unwrap_or(port)),
            (vpc, _) => Some(vpc),
        };
        rows.filter_map(vpc).filter(|vpc| !vpc.is_empty()).map(Box::from).collect()
    }

    /// What the rows of each gateway hold, of those gateways all whose rows can be said in our words.
    pub(super) fn rows(&self) -> BTreeMap<Name, Vec<crate::rows::Row>> {
        let rows = |found: &Vec<Found>| found.iter().map(|one| one.row.clone()).collect::<Option<Vec<_>>>();
        self.gateways.iter().filter_map(|(name, found)| Some((name.clone(), rows(found)?))).collect()
    }

    /// What tells the rows of each gateway from others.
    pub(super) fn keys(&self) -> BTreeMap<Name, BTreeSet<Key>> {
        let keys = |rows: &Vec<Found>| rows.iter().map(|row| row.key.clone()).collect();
        self.gateways.iter().map(|(name, rows)| (name.clone(), keys(rows))).collect()
    }
}

/// What differs between two looks, as objects that are to be looked at.
pub(super) fn touched(
    (old, was): (&Network, &Contents),
    (new, is): (&Network, &Contents),
    store: &Store,
) -> Vec<Subject> {
    if old.chassis != new.chassis || old.features != new.features {
        return store.keys();
    }
    let mut all: Vec<Subject> =
        different(&was.gateways, &is.gateways).into_iter().cloned().map(Subject::Gateway).collect();
    let routers: BTreeSet<&str> =
        different(&old.routers, &new.routers).into_iter().map(|name| &**name).collect();
    all.extend(store.by_routers(&routers));
    if old.ports != new.ports {
        all.extend(store.with_selectors());
    }
    let sessions: BTreeSet<_> = different(&old.sessions, &new.sessions).into_iter().collect();
    if !sessions.is_empty() {
        let has = |rows: &Vec<Found>| {
            rows.iter().any(|row| match &row.key {
                Key::Bfd(key) => sessions.contains(&(key.port.clone(), key.peer)),
                _ => false,
            })
        };
        let owners = is.gateways.iter().chain(&was.gateways).filter(|(_, rows)| has(rows));
        all.extend(owners.map(|(name, _)| Subject::Gateway(name.clone())));
    }
    for port in different(&old.bfd_ports, &new.bfd_ports) {
        let vpcs = [&old.bfd_ports, &new.bfd_ports].map(|ports| ports.get(port).map(|port| &*port.vpc));
        all.extend(vpcs.into_iter().flatten().flat_map(|vpc| store.by_vpc(vpc)));
    }
    if was.ports != is.ports {
        all.extend(store.keys().into_iter().filter(|one| matches!(one, Subject::Vpc(_))));
    }
    all
}

/// Keys of what is only in one of both, or differs.
fn different<'a, K: Ord, V: PartialEq>(old: &'a BTreeMap<K, V>, new: &'a BTreeMap<K, V>) -> Vec<&'a K> {
    let changed = new.iter().filter(|(key, value)| old.get(key) != Some(value)).map(|(key, _)| key);
    changed.chain(old.keys().filter(|key| !new.contains_key(key))).collect()
}

#[cfg(test)]
mod tests {
    use ovn::Value;

    use super::*;
    use crate::network::network;

    /// Two gateways with a session each, and a switch port.
    fn copy(change: impl Fn(&str, u128, &mut Row)) -> (Network, Contents) {
        let ids = |name| Value::texts([("vendor", "kube-ovn"), ("vpc-egress-gateway", name), ("af", "4")]);
        let session = |name, peer: &str| {
            vec![
                ("logical_port", Value::one("bfd@vpc1")),
                ("dst_ip", Value::one(peer)),
                ("status", Value::one("up")),
                ("min_tx", Value::one(100)),
                ("min_rx", Value::one(100)),
                ("detect_mult", Value::one(3)),
                ("external_ids", ids(name)),
            ]
        };
        let rows = [
            ("BFD", 1, session("default/a", "10.0.0.1")),
            ("BFD", 2, session("default/b", "10.0.0.2")),
            ("Logical_Switch_Port", 3, vec![("name", Value::one("web.default"))]),
        ];
        let rows = rows.map(|(table, uuid, columns)| {
            let mut row: Row = columns.into_iter().map(|(column, value)| (column.into(), value)).collect();
            change(table, uuid, &mut row);
            (table, Uuid(uuid), row)
        });
        let nb = Replica::from_rows(ovn::schema::Schema::default(), rows);
        network(&nb, &Replica::default(), "kube-ovn")
    }

    fn touched_by(change: impl Fn(&str, u128, &mut Row)) -> Vec<String> {
        let (old, was) = copy(|_, _, _| {});
        let (new, is) = copy(change);
        let store = Store::new(false, "ovn-cluster", std::sync::Arc::default());
        touched((&old, &was), (&new, &is), &store).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_change_touches_the_gateway_whose_row_it_is() {
        assert_eq!(touched_by(|_, _, _| {}), [""; 0]);
        let set = |column: &'static str, value: Value| {
            move |_: &str, uuid: u128, row: &mut Row| {
                if uuid == 2 {
                    row.insert(column.into(), value.clone());
                }
            }
        };
        // Its status is nobody's content, but decides who is a next hop.
        assert_eq!(touched_by(set("status", Value::one("down"))), ["veg/default/b"; 2]);
        assert_eq!(touched_by(set("detect_mult", Value::one(9))), ["veg/default/b"]);
        let stolen = Value::texts([("vendor", "other")]);
        assert_eq!(touched_by(set("external_ids", stolen)), ["veg/default/b"]);
    }

    #[test]
    fn a_port_of_somebody_else_touches_nobody_who_selects_no_pods() {
        let renamed = |table: &str, _, row: &mut Row| {
            if table == "Logical_Switch_Port" {
                row.insert("name".into(), Value::one("other.default"));
            }
        };
        assert_eq!(touched_by(renamed), [""; 0]);
    }
}
