//! Tables of the southbound database (ovn-sb(5)), read only: where chassis are, and what became of ports.

use crate::record::{Columns, Record, Texts};
use crate::replica::Row;
use crate::value::Uuid;

/// The name of the database.
pub const DATABASE: &str = "OVN_Southbound";

/// A row of `Chassis`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chassis {
    /// Its identity.
    pub uuid: Uuid,
    /// The name, `system-id` of its Open vSwitch; unique.
    pub name: Box<str>,
    /// The name of its host.
    pub hostname: Box<str>,
}

impl Record for Chassis {
    const TABLE: &'static str = "Chassis";
    const COLUMNS: &'static [&'static str] = &["name", "hostname"];

    fn read(uuid: Uuid, row: &Row) -> Self {
        Self {
            uuid,
            name: row.text("name").unwrap_or_default().into(),
            hostname: row.text("hostname").unwrap_or_default().into(),
        }
    }
}

/// A row of `Port_Binding`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortBinding {
    /// Its identity.
    pub uuid: Uuid,
    /// The name of the port; unique.
    pub logical_port: Box<str>,
    /// Empty: an interface; `patch`: between a router and a switch; `chassisredirect`; others.
    pub kind: Box<str>,
    /// Where it is bound.
    pub chassis: Option<Uuid>,
    /// Options, as ovn-northd took them from the northbound database.
    pub options: Texts,
}

impl Record for PortBinding {
    const TABLE: &'static str = "Port_Binding";
    const COLUMNS: &'static [&'static str] = &["logical_port", "type", "chassis", "options"];

    fn read(uuid: Uuid, row: &Row) -> Self {
        Self {
            uuid,
            logical_port: row.text("logical_port").unwrap_or_default().into(),
            kind: row.text("type").unwrap_or_default().into(),
            chassis: row.uuid("chassis"),
            options: row.map("options"),
        }
    }
}
