//! Switches and their ports.

use std::collections::BTreeSet;

use crate::record::{Columns, Record, Texts};
use crate::replica::Row;
use crate::value::Uuid;

/// A row of `Logical_Switch`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogicalSwitch {
    /// Its identity.
    pub uuid: Uuid,
    /// The name; not unique.
    pub name: Box<str>,
    /// Its ports.
    pub ports: BTreeSet<Uuid>,
    /// Its load balancers.
    pub load_balancers: BTreeSet<Uuid>,
    /// Multicast snooping, addresses to be given out, and others.
    pub other_config: Texts,
    /// What others noted.
    pub external_ids: Texts,
}

impl Record for LogicalSwitch {
    const TABLE: &'static str = "Logical_Switch";
    const COLUMNS: &'static [&'static str] =
        &["name", "ports", "load_balancer", "other_config", "external_ids"];

    fn read(uuid: Uuid, row: &Row) -> Self {
        Self {
            uuid,
            name: row.text("name").unwrap_or_default().into(),
            ports: row.uuids("ports"),
            load_balancers: row.uuids("load_balancer"),
            other_config: row.map("other_config"),
            external_ids: row.map("external_ids"),
        }
    }
}

/// A row of `Logical_Switch_Port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogicalSwitchPort {
    /// Its identity.
    pub uuid: Uuid,
    /// The name; unique.
    pub name: Box<str>,
    /// Empty: an interface; `router`: the peer of a router's port; others.
    pub kind: Box<str>,
    /// Ethernet and IP addresses, or `router`, `dynamic`, `unknown`.
    pub addresses: BTreeSet<Box<str>>,
    /// Options.
    pub options: Texts,
    /// What others noted.
    pub external_ids: Texts,
}

impl Record for LogicalSwitchPort {
    const TABLE: &'static str = "Logical_Switch_Port";
    const COLUMNS: &'static [&'static str] = &["name", "type", "addresses", "options", "external_ids"];

    fn read(uuid: Uuid, row: &Row) -> Self {
        Self {
            uuid,
            name: row.text("name").unwrap_or_default().into(),
            kind: row.text("type").unwrap_or_default().into(),
            addresses: row.texts("addresses"),
            options: row.map("options"),
            external_ids: row.map("external_ids"),
        }
    }
}
