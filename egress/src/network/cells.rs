//! Columns of a row as plain values. A column that is not there reads as its default.

use std::collections::BTreeMap;

use ovn::{Atom, Row, Uuid, Value};

/// The elements of a set.
fn atoms<'a>(row: &'a Row, column: &str) -> impl Iterator<Item = &'a Atom> + use<'a> {
    let set = match row.get(column) {
        Some(Value::Set(set)) => Some(set),
        _ => None,
    };
    set.into_iter().flatten()
}

/// The texts of a set.
pub fn texts<'a>(row: &'a Row, column: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    atoms(row, column).filter_map(|atom| match atom {
        Atom::String(text) => Some(&**text),
        _ => None,
    })
}

/// A text; empty where there is none.
#[must_use]
pub fn text<'a>(row: &'a Row, column: &str) -> &'a str {
    texts(row, column).next().unwrap_or_default()
}

/// A number, where there is one.
#[must_use]
pub fn integer(row: &Row, column: &str) -> Option<i64> {
    atoms(row, column).find_map(|atom| match atom {
        Atom::Integer(number) => Some(*number),
        _ => None,
    })
}

/// The rows that a column refers to.
pub fn uuids<'a>(row: &'a Row, column: &str) -> impl Iterator<Item = Uuid> + use<'a> {
    atoms(row, column).filter_map(|atom| match atom {
        Atom::Uuid(uuid) => Some(*uuid),
        _ => None,
    })
}

/// A map of text to text.
#[must_use]
pub fn map(row: &Row, column: &str) -> BTreeMap<Box<str>, Box<str>> {
    let Some(Value::Map(pairs)) = row.get(column) else { return BTreeMap::new() };
    let both = |(key, value): (&Atom, &Atom)| match (key, value) {
        (Atom::String(key), Atom::String(value)) => Some((key.clone(), value.clone())),
        _ => None,
    };
    pairs.iter().filter_map(both).collect()
}

/// One entry of a map of text to text; empty where there is none.
#[must_use]
pub fn entry<'a>(row: &'a Row, column: &str, key: &str) -> &'a str {
    let Some(Value::Map(pairs)) = row.get(column) else { return "" };
    match pairs.get(&Atom::from(key)) {
        Some(Atom::String(text)) => text,
        _ => "",
    }
}
