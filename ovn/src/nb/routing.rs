//! Routers: ports, policies, static routes and the BFD sessions that gate these.

use std::collections::BTreeSet;

use crate::record::{Columns, Record, Texts};
use crate::replica::Row;
use crate::value::Uuid;

/// A row of `Logical_Router`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogicalRouter {
    /// Its identity.
    pub uuid: Uuid,
    /// The name; not unique.
    pub name: Box<str>,
    /// Its ports.
    pub ports: BTreeSet<Uuid>,
    /// Its policies.
    pub policies: BTreeSet<Uuid>,
    /// Its static routes.
    pub static_routes: BTreeSet<Uuid>,
    /// Its load balancers.
    pub load_balancers: BTreeSet<Uuid>,
    /// Groups of load balancers.
    pub load_balancer_groups: BTreeSet<Uuid>,
    /// Options.
    pub options: Texts,
    /// What others noted.
    pub external_ids: Texts,
}

impl Record for LogicalRouter {
    const TABLE: &'static str = "Logical_Router";
    const COLUMNS: &'static [&'static str] = &[
        "name",
        "ports",
        "policies",
        "static_routes",
        "load_balancer",
        "load_balancer_group",
        "options",
        "external_ids",
    ];

    fn read(uuid: Uuid, row: &Row) -> Self {
        Self {
            uuid,
            name: row.text("name").unwrap_or_default().into(),
            ports: row.uuids("ports"),
            policies: row.uuids("policies"),
            static_routes: row.uuids("static_routes"),
            load_balancers: row.uuids("load_balancer"),
            load_balancer_groups: row.uuids("load_balancer_group"),
            options: row.map("options"),
            external_ids: row.map("external_ids"),
        }
    }
}

/// A row of `Logical_Router_Port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogicalRouterPort {
    /// Its identity.
    pub uuid: Uuid,
    /// The name; unique.
    pub name: Box<str>,
    /// Addresses with lengths of their prefixes.
    pub networks: BTreeSet<Box<str>>,
    /// The Ethernet address.
    pub mac: Box<str>,
    /// Where it may be bound.
    pub ha_chassis_group: Option<Uuid>,
    /// The older way to say that.
    pub gateway_chassis: BTreeSet<Uuid>,
    /// The port of another router.
    pub peer: Option<Box<str>>,
    /// Options.
    pub options: Texts,
    /// What others noted.
    pub external_ids: Texts,
}

impl Record for LogicalRouterPort {
    const TABLE: &'static str = "Logical_Router_Port";
    const COLUMNS: &'static [&'static str] = &[
        "name",
        "networks",
        "mac",
        "ha_chassis_group",
        "gateway_chassis",
        "peer",
        "options",
        "external_ids",
    ];

    fn read(uuid: Uuid, row: &Row) -> Self {
        Self {
            uuid,
            name: row.text("name").unwrap_or_default().into(),
            networks: row.texts("networks"),
            mac: row.text("mac").unwrap_or_default().into(),
            ha_chassis_group: row.uuid("ha_chassis_group"),
            gateway_chassis: row.uuids("gateway_chassis"),
            peer: row.text("peer").map(Into::into),
            options: row.map("options"),
            external_ids: row.map("external_ids"),
        }
    }
}

/// What a policy does with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Goes on.
    Allow,
    /// Is gone.
    Drop,
    /// Goes to a next hop of the policy.
    Reroute,
    /// What newer schemas have besides.
    Other,
}

/// A row of `Logical_Router_Policy`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogicalRouterPolicy {
    /// Its identity.
    pub uuid: Uuid,
    /// Higher ones win; 0 to 32767.
    pub priority: i64,
    /// Which packets, in the language of ovn-sb(5).
    pub matching: Box<str>,
    /// What becomes of them.
    pub action: Action,
    /// Next hops; several share the traffic.
    pub nexthops: BTreeSet<Box<str>>,
    /// Sessions that gate the next hops; none where the schema lacks the column (before OVN 24.03).
    pub bfd_sessions: Option<BTreeSet<Uuid>>,
    /// What others noted.
    pub external_ids: Texts,
}

impl Record for LogicalRouterPolicy {
    const TABLE: &'static str = "Logical_Router_Policy";
    const COLUMNS: &'static [&'static str] =
        &["priority", "match", "action", "nexthops", "bfd_sessions", "external_ids"];

    fn read(uuid: Uuid, row: &Row) -> Self {
        Self {
            uuid,
            priority: row.integer("priority").unwrap_or_default(),
            matching: row.text("match").unwrap_or_default().into(),
            action: match row.text("action") {
                Some("allow") => Action::Allow,
                Some("drop") => Action::Drop,
                Some("reroute") => Action::Reroute,
                _ => Action::Other,
            },
            nexthops: row.texts("nexthops"),
            bfd_sessions: row.contains_key("bfd_sessions").then(|| row.uuids("bfd_sessions")),
            external_ids: row.map("external_ids"),
        }
    }
}

/// A row of `Logical_Router_Static_Route`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogicalRouterStaticRoute {
    /// Its identity.
    pub uuid: Uuid,
    /// The prefix as it was written.
    pub ip_prefix: Box<str>,
    /// Whether the prefix is of sources (`src-ip`) rather than of destinations.
    pub by_source: bool,
    /// The next hop, or `discard`.
    pub nexthop: Box<str>,
    /// The table; empty is the main one.
    pub route_table: Box<str>,
    /// The session that gates it.
    pub bfd: Option<Uuid>,
    /// Options.
    pub options: Texts,
    /// What others noted.
    pub external_ids: Texts,
}

impl Record for LogicalRouterStaticRoute {
    const TABLE: &'static str = "Logical_Router_Static_Route";
    const COLUMNS: &'static [&'static str] =
        &["ip_prefix", "policy", "nexthop", "route_table", "bfd", "options", "external_ids"];

    fn read(uuid: Uuid, row: &Row) -> Self {
        Self {
            uuid,
            ip_prefix: row.text("ip_prefix").unwrap_or_default().into(),
            by_source: row.text("policy") == Some("src-ip"),
            nexthop: row.text("nexthop").unwrap_or_default().into(),
            route_table: row.text("route_table").unwrap_or_default().into(),
            bfd: row.uuid("bfd"),
            options: row.map("options"),
            external_ids: row.map("external_ids"),
        }
    }
}

/// `BFD.status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Nobody refers to it, so it sleeps; or not known yet.
    AdminDown,
    /// Not heard, or not any more.
    Down,
    /// Heard, not agreed.
    Init,
    /// Up.
    Up,
}

/// A row of `BFD`: a session from a port to a peer, both of which make its identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bfd {
    /// Its identity.
    pub uuid: Uuid,
    /// The port of a router it is sent from.
    pub logical_port: Box<str>,
    /// The peer.
    pub dst_ip: Box<str>,
    /// Milliseconds; none: OVN's default (1000).
    pub min_tx: Option<i64>,
    /// Milliseconds; none: OVN's default (1000).
    pub min_rx: Option<i64>,
    /// Packets; none: OVN's default (5).
    pub detect_mult: Option<i64>,
    /// What ovn-northd and ovn-controller say of it.
    pub status: Status,
    /// What others noted.
    pub external_ids: Texts,
}

impl Record for Bfd {
    const TABLE: &'static str = "BFD";
    const COLUMNS: &'static [&'static str] =
        &["logical_port", "dst_ip", "min_tx", "min_rx", "detect_mult", "status", "external_ids"];

    fn read(uuid: Uuid, row: &Row) -> Self {
        Self {
            uuid,
            logical_port: row.text("logical_port").unwrap_or_default().into(),
            dst_ip: row.text("dst_ip").unwrap_or_default().into(),
            min_tx: row.integer("min_tx"),
            min_rx: row.integer("min_rx"),
            detect_mult: row.integer("detect_mult"),
            status: match row.text("status") {
                Some("down") => Status::Down,
                Some("init") => Status::Init,
                Some("up") => Status::Up,
                _ => Status::AdminDown,
            },
            external_ids: row.map("external_ids"),
        }
    }
}
