//! A copy of the monitored part of a database.

use std::collections::BTreeMap;

use crate::value::{Uuid, Value};

/// Columns of a row, by name. A column not monitored is not there.
pub type Row = BTreeMap<Box<str>, Value>;

/// The monitored tables as of the last update.
#[derive(Clone, Debug, Default)]
pub struct Replica {
    tables: BTreeMap<Box<str>, BTreeMap<Uuid, Row>>,
    columns: BTreeMap<Box<str>, Vec<Box<str>>>,
}

impl Replica {
    /// The rows of a table, by identity; none if it is not monitored.
    pub fn rows(&self, table: &str) -> impl Iterator<Item = (Uuid, &Row)> {
        self.tables.get(table).into_iter().flatten().map(|(uuid, row)| (*uuid, row))
    }

    /// One row.
    #[must_use]
    pub fn row(&self, table: &str, uuid: Uuid) -> Option<&Row> {
        self.tables.get(table)?.get(&uuid)
    }

    /// Whether the server's schema has this column; what the server does not have is not asked for.
    #[must_use]
    pub fn has_column(&self, table: &str, column: &str) -> bool {
        self.columns.get(table).is_some_and(|columns| columns.iter().any(|one| &**one == column))
    }
}
