//! Sets that matches name, groups of chassis, and the row that is about the whole database.

use std::collections::BTreeSet;

use crate::record::{Columns, Record, Texts};
use crate::replica::Row;
use crate::value::Uuid;

/// A row of `Address_Set`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressSet {
    /// Its identity.
    pub uuid: Uuid,
    /// The name; unique. A match says `$NAME`.
    pub name: Box<str>,
    /// Addresses and prefixes.
    pub addresses: BTreeSet<Box<str>>,
    /// What others noted.
    pub external_ids: Texts,
}

impl Record for AddressSet {
    const TABLE: &'static str = "Address_Set";
    const COLUMNS: &'static [&'static str] = &["name", "addresses", "external_ids"];

    fn read(uuid: Uuid, row: &Row) -> Self {
        Self {
            uuid,
            name: row.text("name").unwrap_or_default().into(),
            addresses: row.texts("addresses"),
            external_ids: row.map("external_ids"),
        }
    }
}

/// A row of `Port_Group`. ovn-northd makes the address sets `NAME_ip4` and `NAME_ip6` of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortGroup {
    /// Its identity.
    pub uuid: Uuid,
    /// The name; unique.
    pub name: Box<str>,
    /// Ports of switches.
    pub ports: BTreeSet<Uuid>,
    /// What others noted.
    pub external_ids: Texts,
}

impl Record for PortGroup {
    const TABLE: &'static str = "Port_Group";
    const COLUMNS: &'static [&'static str] = &["name", "ports", "external_ids"];

    fn read(uuid: Uuid, row: &Row) -> Self {
        Self {
            uuid,
            name: row.text("name").unwrap_or_default().into(),
            ports: row.uuids("ports"),
            external_ids: row.map("external_ids"),
        }
    }
}

/// A row of `HA_Chassis_Group`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HaChassisGroup {
    /// Its identity.
    pub uuid: Uuid,
    /// The name; unique.
    pub name: Box<str>,
    /// Its chassis.
    pub ha_chassis: BTreeSet<Uuid>,
    /// What others noted.
    pub external_ids: Texts,
}

impl Record for HaChassisGroup {
    const TABLE: &'static str = "HA_Chassis_Group";
    const COLUMNS: &'static [&'static str] = &["name", "ha_chassis", "external_ids"];

    fn read(uuid: Uuid, row: &Row) -> Self {
        Self {
            uuid,
            name: row.text("name").unwrap_or_default().into(),
            ha_chassis: row.uuids("ha_chassis"),
            external_ids: row.map("external_ids"),
        }
    }
}

/// A row of `HA_Chassis`: one chassis in one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HaChassis {
    /// Its identity.
    pub uuid: Uuid,
    /// `Chassis.name` of the southbound database.
    pub chassis_name: Box<str>,
    /// The highest that lives is active; 0 to 32767.
    pub priority: i64,
    /// What others noted.
    pub external_ids: Texts,
}

impl Record for HaChassis {
    const TABLE: &'static str = "HA_Chassis";
    const COLUMNS: &'static [&'static str] = &["chassis_name", "priority", "external_ids"];

    fn read(uuid: Uuid, row: &Row) -> Self {
        Self {
            uuid,
            chassis_name: row.text("chassis_name").unwrap_or_default().into(),
            priority: row.integer("priority").unwrap_or_default(),
            external_ids: row.map("external_ids"),
        }
    }
}

/// The row of `NB_Global`: how far what is written has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Global {
    /// Its identity.
    pub uuid: Uuid,
    /// What a writer raised it to.
    pub nb_cfg: i64,
    /// `nb_cfg` as of when the southbound database had everything before it.
    pub sb_cfg: i64,
    /// `nb_cfg` as of when every chassis had.
    pub hv_cfg: i64,
}

impl Record for Global {
    const TABLE: &'static str = "NB_Global";
    const COLUMNS: &'static [&'static str] = &["nb_cfg", "sb_cfg", "hv_cfg"];

    fn read(uuid: Uuid, row: &Row) -> Self {
        let number = |column| row.integer(column).unwrap_or_default();
        Self { uuid, nb_cfg: number("nb_cfg"), sb_cfg: number("sb_cfg"), hv_cfg: number("hv_cfg") }
    }
}
