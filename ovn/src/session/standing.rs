//! How a server stands in its cluster, as its database `_Server` tells (ovsdb-server(5)).

use serde_json::{Value as Json, json};

use crate::replica::{Columns, Fault, Notation, Replica, Row};
use crate::schema::Schema;
use crate::value::{Uuid, Value};

/// The database that tells of the others.
pub(super) const DATABASE: &str = "_Server";
const TABLE: &str = "Database";
const COLUMNS: [&str; 6] = ["name", "model", "connected", "leader", "cid", "index"];

/// Why this server is of no use now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It does not have the database.
    #[error("the server does not have the database")]
    NoDatabase,
    /// It lost its cluster, has not joined it yet, or as a relay lost its source.
    #[error("the server is not connected to its cluster")]
    Disconnected,
    /// Another one leads.
    #[error("the server does not lead its cluster")]
    NotLeader,
    /// It is behind what was seen on another server.
    #[error("the server is behind what was seen before")]
    Behind,
}

/// What is known of the server, and of the cluster from servers before.
#[derive(Debug, Default)]
pub(super) struct Standing {
    rows: Replica,
    seen: Option<(Uuid, i64)>,
}

impl Standing {
    /// A new connection: nothing of the old server counts.
    pub(super) fn forget(&mut self) {
        self.rows = Replica::default();
    }

    /// What to ask a server of this schema for.
    pub(super) fn monitored(schema: &Schema) -> Columns {
        let columns = COLUMNS.iter().filter_map(|name| Some(((*name).into(), *schema.column(TABLE, name)?)));
        Columns::from([(TABLE.into(), columns.collect())])
    }

    /// The parameters of the monitor.
    pub(super) fn request(columns: &Columns) -> Json {
        let names: Vec<_> = columns.values().flat_map(|table| table.keys()).collect();
        json!([DATABASE, DATABASE, {TABLE: [{"columns": names}]}])
    }

    pub(super) fn begin(&mut self, schema: &Schema, columns: &Columns, rows: &Json) -> Result<(), Fault> {
        self.rows.replace(schema, columns, rows, Notation::Differences)
    }

    pub(super) fn update(&mut self, rows: &Json) -> Result<(), Fault> {
        self.rows.update(rows, Notation::Differences)
    }

    /// Whether the server is fit for this database.
    pub(super) fn judge(&mut self, database: &str, leader_only: bool) -> Result<(), Unfit> {
        let name = Value::one(database);
        let (_, row) =
            self.rows.rows(TABLE).find(|(_, row)| row.get("name") == Some(&name)).ok_or(Unfit::NoDatabase)?;
        let model = text(row, "model");
        if !matches!(model, Some("clustered" | "relay")) {
            return Ok(());
        }
        let is = |column| row.get(column) == Some(&Value::one(true));
        if !is("connected") {
            return Err(Unfit::Disconnected);
        }
        if leader_only && !(is("leader") && model == Some("clustered")) {
            return Err(Unfit::NotLeader);
        }
        let (Some(cluster), Some(index)) = (
            row.get("cid").and_then(Value::scalar).and_then(|atom| atom.uuid()),
            row.get("index").and_then(Value::scalar).and_then(|atom| atom.integer()),
        ) else {
            return Ok(());
        };
        match self.seen {
            Some((seen, least)) if seen == cluster && index < least => Err(Unfit::Behind),
            _ => {
                self.seen = Some((cluster, index));
                Ok(())
            }
        }
    }
}

fn text<'a>(row: &'a Row, column: &str) -> Option<&'a str> {
    row.get(column)?.scalar()?.text()
}
