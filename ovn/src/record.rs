//! Rows as plain structs.
//!
//! A column that the server does not have, or that holds something else than it should, reads as its default: older and
//! newer schemas are both served. Where the difference matters, the field is an `Option`.

use std::collections::{BTreeMap, BTreeSet};

use crate::replica::{Replica, Row};
use crate::session::Watched;
use crate::value::{Uuid, Value};

/// A map of text to text, as `external_ids` and `options` are.
pub type Texts = BTreeMap<Box<str>, Box<str>>;

/// A row of one table.
pub trait Record: Sized {
    /// The table.
    const TABLE: &'static str;
    /// The columns that are read.
    const COLUMNS: &'static [&'static str];

    /// Reads a row.
    fn read(uuid: Uuid, row: &Row) -> Self;

    /// All rows of the table, to be monitored.
    #[must_use]
    fn watched() -> Watched {
        Watched { table: Self::TABLE, columns: Self::COLUMNS, only: Vec::new() }
    }
}

impl Replica {
    /// The rows of a table, in the order of their identities.
    pub fn records<R: Record>(&self) -> impl Iterator<Item = R> {
        self.rows(R::TABLE).map(|(uuid, row)| R::read(uuid, row))
    }

    /// One row.
    #[must_use]
    pub fn record<R: Record>(&self, uuid: Uuid) -> Option<R> {
        self.row(R::TABLE, uuid).map(|row| R::read(uuid, row))
    }
}

/// Columns as plain values.
pub trait Columns {
    /// The text of a scalar; none if it is empty or not there.
    fn text(&self, column: &str) -> Option<&str>;
    /// The number of a scalar.
    fn integer(&self, column: &str) -> Option<i64>;
    /// The truth value of a scalar.
    fn boolean(&self, column: &str) -> Option<bool>;
    /// The row that an optional reference points to.
    fn uuid(&self, column: &str) -> Option<Uuid>;
    /// The texts of a set.
    fn texts(&self, column: &str) -> BTreeSet<Box<str>>;
    /// The rows that a set points to.
    fn uuids(&self, column: &str) -> BTreeSet<Uuid>;
    /// A map of text to text.
    fn map(&self, column: &str) -> Texts;
    /// One entry of such a map.
    fn entry(&self, column: &str, key: &str) -> Option<&str>;
}

impl Columns for Row {
    fn text(&self, column: &str) -> Option<&str> {
        self.get(column)?.scalar()?.text()
    }

    fn integer(&self, column: &str) -> Option<i64> {
        self.get(column)?.scalar()?.integer()
    }

    fn boolean(&self, column: &str) -> Option<bool> {
        self.get(column)?.scalar()?.boolean()
    }

    fn uuid(&self, column: &str) -> Option<Uuid> {
        self.get(column)?.scalar()?.uuid()
    }

    fn texts(&self, column: &str) -> BTreeSet<Box<str>> {
        let atoms = self.get(column).into_iter().flat_map(Value::atoms);
        atoms.filter_map(|atom| atom.text().map(Into::into)).collect()
    }

    fn uuids(&self, column: &str) -> BTreeSet<Uuid> {
        self.get(column).into_iter().flat_map(Value::atoms).filter_map(|atom| atom.uuid()).collect()
    }

    fn map(&self, column: &str) -> Texts {
        let pairs = self.get(column).into_iter().flat_map(Value::pairs);
        pairs.filter_map(|(key, value)| Some((key.text()?.into(), value.text()?.into()))).collect()
    }

    fn entry(&self, column: &str, key: &str) -> Option<&str> {
        let mut pairs = self.get(column)?.pairs();
        pairs.find(|(one, _)| one.text() == Some(key))?.1.text()
    }
}
