//! What became of a transaction (RFC 7047 §4.1.3).

use serde_json::Value as Json;

use crate::json;
use crate::replica::Row;
use crate::value::{Uuid, Value};

/// Why a transaction was not carried out, or not known to be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransactError {
    /// The database said no. Nothing of it was carried out.
    #[error("{error}: {details}")]
    Refused {
        /// RFC 7047's name of the error, e.g. `constraint violation`, `timed out` (a wait that did not hold).
        error: String,
        /// What the database says about it.
        details: String,
    },
    /// The connection went while the reply was due: it may have been carried out.
    #[error("the connection to the database was lost before its reply")]
    Lost,
    /// There is no connection. Nothing was sent.
    #[error("not connected to the database")]
    NotConnected,
}

/// What a transaction did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Identities of inserted rows, in the order of the inserts.
    pub inserted: Vec<Uuid>,
    /// How many rows each `update`, `mutate` and `delete` found, in their order.
    pub counts: Vec<u64>,
    /// The rows that each `select` found, in their order.
    pub selected: Vec<Vec<Row>>,
}

/// Reads a reply to `transact`.
///
/// # Errors
/// [`TransactError::Refused`] if any operation, the commit after them, or the request itself failed. A reply that
/// cannot be read is [`TransactError::Lost`]: what happened is not known.
pub fn read(result: &Json, error: &Json) -> Result<Outcome, TransactError> {
    if !error.is_null() {
        return Err(refused(error));
    }
    let Json::Array(results) = result else { return Err(TransactError::Lost) };
    if let Some(failed) = results.iter().find(|one| one.get("error").is_some_and(|error| !error.is_null())) {
        return Err(refused(failed));
    }
    let mut outcome = Outcome::default();
    for one in results {
        if let Some(uuid) = one.get("uuid") {
            outcome.inserted.push(json::uuid(uuid).map_err(|_| TransactError::Lost)?);
        } else if let Some(count) = one.get("count") {
            outcome.counts.push(count.as_u64().ok_or(TransactError::Lost)?);
        } else if let Some(Json::Array(rows)) = one.get("rows") {
            let rows = rows.iter().map(row).collect::<Option<_>>();
            outcome.selected.push(rows.ok_or(TransactError::Lost)?);
        }
    }
    Ok(outcome)
}

/// `{"error": …, "details": …}`, or whatever else is given as an error.
fn refused(error: &Json) -> TransactError {
    let text = |member: &str| error.get(member).and_then(Json::as_str).map(String::from);
    let name = text("error").or_else(|| error.as_str().map(String::from));
    TransactError::Refused {
        error: name.unwrap_or_else(|| error.to_string()),
        details: text("details").or_else(|| text("syntax")).unwrap_or_default(),
    }
}

fn row(json: &Json) -> Option<Row> {
    let members = json.as_object()?;
    members
        .iter()
        .map(|(column, value)| Some((column.as_str().into(), Value::from_json(value).ok()?)))
        .collect()
}
