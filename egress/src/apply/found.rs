//! The rows of gateways that are there.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use ovn::{Replica, Row as Columns, Uuid};

use super::Owner;
use crate::network::cells;
use crate::rows::{Action, Ids, Key, Row, SessionKey};
use crate::view::Name;

/// A row that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its table.
    pub table: &'static str,
    /// Its identity.
    pub uuid: Uuid,
    /// What tells it from others.
    pub key: Key,
    /// The router that holds it, of tables whose rows are part of one.
    pub router: Option<Uuid>,
    /// Its content in our words; `None`: it holds something that we never write.
    pub row: Option<Row>,
    ids: Ids,
}

impl Found {
    /// The gateway it belongs to.
    #[must_use]
    pub fn gateway(&self) -> Option<Name> {
        let (namespace, name) = self.ids.get("vpc-egress-gateway")?.split_once('/')?;
        Some(Name { namespace: namespace.into(), name: name.into() })
    }
}

impl Owner {
    /// Whether a row with these ids is the owner's.
    fn has(&self, row: &Columns) -> bool {
        let id = |key| cells::entry(row, "external_ids", key);
        match self {
            Self::Gateway { vendor, name } => {
                id("vendor") == &**vendor
                    && id("vpc-egress-gateway").split_once('/') == Some((&*name.namespace, &*name.name))
            }
            Self::Anyone { vendor } => id("vendor") == &**vendor && !id("vpc-egress-gateway").is_empty(),
            Self::Vpc { .. } => false,
        }
    }
}

/// What is read of a row: what tells it from others, the router that holds it, its content.
type Read = (Key, Option<Uuid>, Option<Row>);

/// Which router holds a row, by the row.
type Holders = HashMap<Uuid, (Uuid, Box<str>)>;

fn holders(replica: &Replica, column: &str) -> Holders {
    let routers = replica.rows("Logical_Router");
    let each = routers.flat_map(|(router, row)| {
        cells::uuids(row, column).map(move |uuid| (uuid, (router, cells::text(row, "name").into())))
    });
    each.collect()
}

/// BFD rows by identity.
fn sessions(replica: &Replica) -> HashMap<Uuid, SessionKey> {
    replica.rows("BFD").filter_map(|(uuid, row)| Some((uuid, session_key(row)?))).collect()
}

pub(super) fn session_key(row: &Columns) -> Option<SessionKey> {
    let peer = cells::text(row, "dst_ip").parse().ok()?;
    Some(SessionKey { port: cells::text(row, "logical_port").into(), peer })
}

/// The owner's rows, of all tables but those of BFD ports.
#[must_use]
pub fn found(replica: &Replica, owner: &Owner) -> Vec<Found> {
    let mut all = Vec::new();
    let mut add = |table: &'static str, read: &dyn Fn(Uuid, &Columns) -> Option<Read>| {
        for (uuid, row) in replica.rows(table).filter(|(_, row)| owner.has(row)) {
            if let Some((key, router, content)) = read(uuid, row) {
                let ids = cells::map(row, "external_ids");
                all.push(Found { table, uuid, key, router, row: content, ids });
            }
        }
    };
    add("Address_Set", &|_, row| {
        let name: Box<str> = cells::text(row, "name").into();
        let addresses = cells::texts(row, "addresses").map(Box::from).collect();
        let content = Row::AddressSet { name: name.clone(), addresses, ids: cells::map(row, "external_ids") };
        Some((Key::AddressSet(name), None, Some(content)))
    });
    add("Port_Group", &|_, row| {
        let name: Box<str> = cells::text(row, "name").into();
        let ports = cells::uuids(row, "ports").filter_map(|uuid| replica.row("Logical_Switch_Port", uuid));
        let ports = ports.map(|port| cells::text(port, "name").into()).collect();
        let content = Row::PortGroup { name: name.clone(), ports, ids: cells::map(row, "external_ids") };
        Some((Key::PortGroup(name), None, Some(content)))
    });
    add("BFD", &|_, row| {
        let key = session_key(row)?;
        Some((Key::Bfd(key.clone()), None, bfd(row, key)))
    });
    let sessions = sessions(replica);
    let holding = holders(replica, "policies");
    add("Logical_Router_Policy", &|uuid, row| {
        let (router, name) = holding.get(&uuid)?;
        let (key, content) = policy(row, name, &sessions)?;
        Some((key, Some(*router), content))
    });
    let holding = holders(replica, "static_routes");
    add("Logical_Router_Static_Route", &|uuid, row| {
        let (router, name) = holding.get(&uuid)?;
        let (key, content) = route(row, name, &sessions)?;
        Some((key, Some(*router), content))
    });
    all
}

fn bfd(row: &Columns, key: SessionKey) -> Option<Row> {
    Some(Row::Bfd {
        key,
        min_tx: u32::try_from(cells::integer(row, "min_tx")?).ok()?,
        min_rx: u32::try_from(cells::integer(row, "min_rx")?).ok()?,
        multiplier: u8::try_from(cells::integer(row, "detect_mult")?).ok()?,
        ids: cells::map(row, "external_ids"),
    })
}

/// A row of a gateway with a priority or next hop that makes no sense was not written by us, whatever its ids say.
fn policy(row: &Columns, router: &str, sessions: &HashMap<Uuid, SessionKey>) -> Option<(Key, Option<Row>)> {
    let priority = u16::try_from(cells::integer(row, "priority")?).ok()?;
    let matching: Box<str> = cells::text(row, "match").into();
    let key = Key::Policy { router: router.into(), priority, matching: matching.clone() };
    let next_hops: Option<BTreeSet<IpAddr>> =
        cells::texts(row, "nexthops").map(|hop| hop.parse().ok()).collect();
    let gates: Option<BTreeSet<SessionKey>> =
        cells::uuids(row, "bfd_sessions").map(|uuid| sessions.get(&uuid).cloned()).collect();
    let action = match (cells::text(row, "action"), next_hops, gates) {
        ("reroute", Some(next_hops), Some(sessions)) => Some(Action::Reroute { next_hops, sessions }),
        ("drop", Some(hops), Some(sessions)) if hops.is_empty() && sessions.is_empty() => Some(Action::Drop),
        _ => None,
    };
    let ids = cells::map(row, "external_ids");
    let content = action.map(|action| Row::Policy { router: router.into(), priority, matching, action, ids });
    Some((key, content))
}

fn route(row: &Columns, router: &str, sessions: &HashMap<Uuid, SessionKey>) -> Option<(Key, Option<Row>)> {
    let by_source = cells::text(row, "policy") == "src-ip";
    let (table, prefix) = (cells::text(row, "route_table"), cells::text(row, "ip_prefix"));
    let next_hop: IpAddr = cells::text(row, "nexthop").parse().ok()?;
    let key =
        Key::Route { router: router.into(), table: table.into(), by_source, prefix: prefix.into(), next_hop };
    let gate: Option<Vec<SessionKey>> =
        cells::uuids(row, "bfd").map(|uuid| sessions.get(&uuid).cloned()).collect();
    let options = cells::map(row, "options");
    let symmetric = options.get("ecmp_symmetric_reply").is_some_and(|word| &**word == "true");
    let understood = options.len() == usize::from(symmetric);
    let content = gate.filter(|_| understood).map(|gate| Row::Route {
        router: router.into(),
        table: table.into(),
        by_source,
        prefix: prefix.into(),
        next_hop,
        session: gate.into_iter().next(),
        symmetric,
        ids: cells::map(row, "external_ids"),
    });
    Some((key, content))
}
