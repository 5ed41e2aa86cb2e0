//! Operations of a transaction, and what the database answers (RFC 7047 §5.2).

use serde_json::{Map, Value as Json, json};

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

impl Condition {
    /// Its notation.
    #[must_use]
    pub fn to_json(&self) -> Json {
        json!([self.column, self.function, self.value.to_json()])
    }
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
        /// The identity it is to have, where that matters (ovsdb-server(7), since Open vSwitch 2.13); else the server's choice.
        uuid: Option<Uuid>,
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

impl Operation {
    /// Its notation.
    #[must_use]
    pub fn to_json(&self) -> Json {
        match self {
            Self::Insert { table, row, name, uuid } => {
                let mut json = json!({"op": "insert", "table": table, "row": row_json(row)});
                if let Some(name) = name {
                    json["uuid-name"] = json!(name);
                }
                if let Some(uuid) = uuid {
                    json["uuid"] = json!(uuid.to_string());
                }
                json
            }
            Self::Update { table, rows, row } => {
                json!({"op": "update", "table": table, "where": where_json(rows), "row": row_json(row)})
            }
            Self::Mutate { table, rows, mutations } => {
                let mutations: Vec<_> = mutations
                    .iter()
                    .map(|one| json!([one.column, one.mutator, one.value.to_json()]))
                    .collect();
                json!({"op": "mutate", "table": table, "where": where_json(rows), "mutations": mutations})
            }
            Self::Delete { table, rows } => {
                json!({"op": "delete", "table": table, "where": where_json(rows)})
            }
            Self::Wait { table, rows, columns, equal, values } => {
                let values: Vec<_> = values.iter().map(row_json).collect();
                let until = if *equal { "==" } else { "!=" };
                json!({"op": "wait", "timeout": 0, "table": table, "where": where_json(rows),
                       "columns": columns, "until": until, "rows": values})
            }
            Self::Select { table, rows, columns } => {
                let mut json = json!({"op": "select", "table": table, "where": where_json(rows)});
                if !columns.is_empty() {
                    json["columns"] = json!(columns);
                }
                json
            }
            Self::Comment(text) => json!({"op": "comment", "comment": text}),
        }
    }
}

/// The notation of a row.
#[must_use]
pub fn row_json(row: &Row) -> Json {
    Json::Object(
        row.iter().map(|(column, value)| (column.to_string(), value.to_json())).collect::<Map<_, _>>(),
    )
}

fn where_json(rows: &[Condition]) -> Json {
    Json::Array(rows.iter().map(Condition::to_json).collect())
}
