//! Operations of RFC 7047 gathered for one transaction.

use serde_json::{Value, json};

/// A transaction in the making.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    operations: Vec<Value>,
}

/// A map column.
pub(crate) fn map(pairs: &[(&str, &str)]) -> Value {
    json!(["map", pairs])
}

/// A set column.
pub(crate) fn set(elements: &[Value]) -> Value {
    json!(["set", elements])
}

/// A set column of strings.
pub(crate) fn texts(elements: &[&str]) -> Value {
    json!(["set", elements])
}

impl Batch {
    /// Inserts a row; what other rows of the transaction call it.
    pub(crate) fn insert(&mut self, table: &str, row: Value) -> Value {
        let name = format!("row{}", self.operations.len());
        self.operations.push(json!({"op": "insert", "table": table, "uuid-name": name, "row": row}));
        json!(["named-uuid", name])
    }

    /// Puts something into a set of the row that has this name.
    pub(crate) fn put(&mut self, (table, name): (&str, &str), column: &str, elements: Value) {
        let which = json!([["name", "==", name]]);
        let insert = json!([[column, "insert", elements]]);
        self.operations.push(json!({"op": "mutate", "table": table, "where": which, "mutations": insert}));
    }

    pub(crate) fn operations(&self) -> &[Value] {
        &self.operations
    }
}

/// A MAC of its own for each name.
pub(crate) fn mac(name: &str) -> String {
    // FNV-1a.
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let [a, b, c, d, e, ..] = hash.to_be_bytes();
    format!("02:{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}")
}
