//! A copy of the monitored part of a database, kept equal by what the server tells of changes.
//!
//! An update is read whole before any of it is carried out: one that makes no sense leaves the copy as it was. Columns
//! that the server leaves out because they hold their default are filled in.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::bad_value::BadValue;
use crate::schema::{Schema, Type};
use crate::value::{Uuid, Value};

/// Columns of a row, by name. A column not monitored is not there.
pub type Row = BTreeMap<Box<str>, Value>;

/// Monitored columns and their types, by table.
pub type Columns = BTreeMap<Box<str>, BTreeMap<Box<str>, Type>>;

/// The monitored tables as of the last update.
#[derive(Clone, Debug, Default)]
pub struct Replica {
    tables: BTreeMap<Box<str>, BTreeMap<Uuid, Row>>,
    schema: Schema,
    monitored: Columns,
}

/// Notation of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    /// `<table-updates>`: old and new row (RFC 7047 §4.1.6).
    Rows,
    /// `<table-updates2>`: differences (ovsdb-server(7) §4.1.14).
    Differences,
}

/// An update that cannot be carried out: the copy and the database are no longer the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not the notation of an update.
    #[error("table {table}: not an update")]
    Notation {
        /// The table; empty if it is not known.
        table: Box<str>,
    },
    /// A column that does not hold what its type says.
    #[error("table {table}, column {column}: {fault}")]
    Column {
        /// The table.
        table: Box<str>,
        /// The column.
        column: Box<str>,
        /// What is wrong.
        fault: BadValue,
    },
    /// A difference to a row that is not there.
    #[error("table {table}: a difference to row {row}, which is not there")]
    NoRow {
        /// The table.
        table: Box<str>,
        /// Which row.
        row: Uuid,
    },
}

enum Change {
    Put(Row),
    Differ(Row),
    Delete,
}

impl Replica {
    /// A copy made of rows at hand, as tests of what reads it need.
    pub fn from_rows<T: Into<Box<str>>>(
        schema: Schema,
        rows: impl IntoIterator<Item = (T, Uuid, Row)>,
    ) -> Self {
        let mut replica = Self { monitored: schema.tables.clone(), schema, tables: BTreeMap::new() };
        for (table, uuid, row) in rows {
            replica.tables.entry(table.into()).or_default().insert(uuid, row);
        }
        replica
    }

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
        self.schema.column(table, column).is_some()
    }

    /// The schema of the server, as of the last connection.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Which columns are monitored.
    #[must_use]
    pub fn monitored(&self) -> &Columns {
        &self.monitored
    }

    /// Carries out an update.
    ///
    /// # Errors
    /// [`Fault`]; nothing has changed then, and only a full copy helps.
    pub fn update(&mut self, updates: &Json, notation: Notation) -> Result<(), Fault> {
        let changes = self.read(updates, notation)?;
        for (table, uuid, change) in changes {
            let columns = self.monitored.get(&table);
            let rows = self.tables.entry(table).or_default();
            match (change, rows.get_mut(&uuid)) {
                (Change::Put(row), _) => {
                    rows.insert(uuid, row);
                }
                (Change::Delete, _) => {
                    rows.remove(&uuid);
                }
                (Change::Differ(difference), Some(row)) => merge(row, difference, columns),
                (Change::Differ(_), None) => {}
            }
        }
        Ok(())
    }

    /// Replaces the whole copy by what the first answer to a monitor tells.
    ///
    /// # Errors
    /// [`Fault`]; nothing has changed then.
    pub fn replace(
        &mut self,
        schema: &Schema,
        monitored: &Columns,
        updates: &Json,
        notation: Notation,
    ) -> Result<(), Fault> {
        let mut fresh =
            Self { tables: BTreeMap::new(), schema: schema.clone(), monitored: monitored.clone() };
        fresh.update(updates, notation)?;
        *self = fresh;
        Ok(())
    }

    fn read(&self, updates: &Json, notation: Notation) -> Result<Vec<(Box<str>, Uuid, Change)>, Fault> {
        let Json::Object(tables) = updates else { return Err(Fault::Notation { table: "".into() }) };
        let mut changes = Vec::new();
        for (name, rows) in tables {
            let name = name.as_str();
            let fault = || Fault::Notation { table: name.into() };
            // A table that was not asked for is no business of ours.
            let Some(columns) = self.monitored.get(name) else { continue };
            let Json::Object(rows) = rows else { return Err(fault()) };
            let table = Table { name, columns, rows: self.tables.get(name) };
            for (uuid, json) in rows {
                let uuid = uuid.parse().map_err(|_| fault())?;
                changes.push((name.into(), uuid, table.change(uuid, json, notation)?));
            }
        }
        Ok(changes)
    }
}

/// Carries out differences: by element where a column can hold several, else the new value (ovsdb-server(7) §4.1.14).
fn merge(row: &mut Row, difference: Row, columns: Option<&BTreeMap<Box<str>, Type>>) {
    for (column, value) in difference {
        let composite = columns.and_then(|columns| columns.get(&column)).is_some_and(Type::is_composite);
        match row.get_mut(&column) {
            Some(old) if composite => old.merge(value),
            _ => {
                row.insert(column, value);
            }
        }
    }
}

/// A table while an update of it is read.
struct Table<'a> {
    name: &'a str,
    columns: &'a BTreeMap<Box<str>, Type>,
    rows: Option<&'a BTreeMap<Uuid, Row>>,
}

impl Table<'_> {
    fn change(&self, uuid: Uuid, json: &Json, notation: Notation) -> Result<Change, Fault> {
        let fault = || Fault::Notation { table: self.name.into() };
        let Json::Object(members) = json else { return Err(fault()) };
        if notation == Notation::Rows {
            return match (members.get("new"), members.get("old")) {
                (Some(new), _) if !new.is_null() => self.whole(new).map(Change::Put),
                (_, Some(_)) => Ok(Change::Delete),
                _ => Err(fault()),
            };
        }
        let mut members = members.iter();
        match (members.next().map(|(kind, row)| (kind.as_str(), row)), members.next()) {
            (Some(("initial" | "insert", row)), None) => self.whole(row).map(Change::Put),
            (Some(("delete", _)), None) => Ok(Change::Delete),
            (Some(("modify", row)), None) => {
                if self.rows.is_none_or(|rows| !rows.contains_key(&uuid)) {
                    return Err(Fault::NoRow { table: self.name.into(), row: uuid });
                }
                self.columns_of(row).map(Change::Differ)
            }
            _ => Err(fault()),
        }
    }

    /// A row with every monitored column.
    fn whole(&self, json: &Json) -> Result<Row, Fault> {
        let mut row = self.columns_of(json)?;
        for (column, of) in self.columns {
            if !row.contains_key(column) {
                row.insert(column.clone(), of.default_value());
            }
        }
        Ok(row)
    }

    /// The monitored columns that are told.
    fn columns_of(&self, json: &Json) -> Result<Row, Fault> {
        let Json::Object(members) = json else { return Err(Fault::Notation { table: self.name.into() }) };
        let mut row = Row::new();
        for (column, value) in members {
            let Some((column, of)) = self.columns.get_key_value(column.as_str()) else { continue };
            let value = Value::of_type(value, of).map_err(|fault| Fault::Column {
                table: self.name.into(),
                column: column.clone(),
                fault,
            })?;
            row.insert(column.clone(), value);
        }
        Ok(row)
    }
}
