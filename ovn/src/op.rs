//! Operations of a transaction (RFC 7047 §5.2).

use crate::replica::Row;
use crate::value::{Atom, Uuid, Value};

/// Which rows an operation is about: all conditions hold (RFC 7047 §5.1). None: every row.
pub type Where = Vec<Condition>;

/// `[column, function, value]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The column.
    pub column: Box<str>,
    /// `==`, `!=`, `includes`, `excludes`, `<`, `<=`, `>=`, `>`.
    pub function: &'static str,
    /// What it is compared with.
    pub value: Value,
}

/// The row of this identity.
#[must_use]
pub fn row(uuid: Uuid) -> Where {
    vec![Condition { column: "_uuid".into(), function: "==", value: Value::one(uuid) }]
}

/// `[column, mutator, value]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutation {
    /// The column.
    pub column: Box<str>,
    /// `insert`, `delete`, `+=`, `-=`, `*=`, `/=`, `%=`.
    pub mutator: &'static str,
    /// The operand.
    pub value: Value,
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A new row; other operations of the transaction know it by `name` ([`Atom::NamedUuid`]).
    Insert {
        /// Its table.
        table: Box<str>,
        /// Its columns; others get their defaults.
        row: Row,
        /// Unique within the transaction; an RFC 7047 `<id>`: letters, digits, `_`, no digit first.
        name: Option<Box<str>>,
    },
    /// Sets columns of rows.
    Update {
        /// Their table.
        table: Box<str>,
        /// Which rows.
        rows: Where,
        /// The columns to set.
        row: Row,
    },
    /// Changes sets and maps of rows in place.
    Mutate {
        /// Their table.
        table: Box<str>,
        /// Which rows.
        rows: Where,
        /// What changes.
        mutations: Vec<Mutation>,
    },
    /// Deletes rows.
    Delete {
        /// Their table.
        table: Box<str>,
        /// Which rows.
        rows: Where,
    },
    /// Fails the transaction at once (`timeout` 0) unless these rows have these values (or, with `equal` false, if they do).
    Wait {
        /// Their table.
        table: Box<str>,
        /// Which rows.
        rows: Where,
        /// Which columns are compared.
        columns: Vec<Box<str>>,
        /// `==` or `!=`.
        equal: bool,
        /// The rows.
        values: Vec<Row>,
    },
    /// Reads rows.
    Select {
        /// Their table.
        table: Box<str>,
        /// Which rows.
        rows: Where,
        /// Which columns; none: all.
        columns: Vec<Box<str>>,
    },
    /// Text for the log of the database.
    Comment(Box<str>),
}

/// A reference to a row inserted in the same transaction.
#[must_use]
pub fn named(name: &str) -> Atom {
    Atom::NamedUuid(name.into())
}
