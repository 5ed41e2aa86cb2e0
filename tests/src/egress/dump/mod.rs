//! A northbound database as text: rows by a name that people understand, only columns that are not default.
//!
//! ```text
//! <BFD bfd@vpc1 192.168.0.2>
//!     detect_mult           = 3
//!     external_ids          = {af="4", vendor="kube-ovn", vpc-egress-gateway="default/gateway2"}
//! ```
//! `<Table name>` stands for a row where another refers to it, MACs are masked, since both differ from run to run. Left
//! out are the tables ACL, Meter, NB_Global, Connection and what hangs on them: none of them is of egress. Two rows of
//! one name are told apart by `#2`, so that a duplicate is seen.

mod change;
mod fixture;
mod read;
mod text;

pub use change::{Change, Difference};
pub use fixture::{Fixture, Step, source};

use crate::fault::{Result, ensure};
use std::collections::BTreeMap;
use std::fmt;

/// A column: nothing for the default, one item for a scalar, several for a set or the pairs of a map.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    items: Vec<String>,
    map: bool,
}

/// The columns of a row by name; the default ones are missing.
pub type Row = BTreeMap<String, Cell>;

/// Rows by what they are called, `<Table name>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dump(BTreeMap<String, Row>);

impl Cell {
    fn new(mut items: Vec<String>, map: bool) -> Self {
        items.sort();
        Self { map: map && !items.is_empty(), items }
    }

    /// The texts of its items as the database has them: strings without their quotes.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.items.iter().map(|item| item.trim_matches('"'))
    }
}

impl Dump {
    /// The names of its rows that start so, e.g. `<BFD `.
    pub fn named<'a>(&'a self, start: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.keys().map(String::as_str).filter(move |name| name.starts_with(start))
    }

    /// A row by its name.
    #[must_use]
    pub fn row(&self, name: &str) -> Option<&Row> {
        self.0.get(name)
    }

    /// Fails, with the difference, unless it is the other one.
    ///
    /// # Errors
    /// What is missing (`REMOVED`), more (`ADDED`) or other (`CHANGED`) than in `wanted`.
    pub fn is(&self, wanted: &Self) -> Result<()> {
        let difference = Difference::between(wanted, self);
        ensure(difference.is_empty(), || format!("other rows than wanted:\n{difference}"))
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.items[..], self.map) {
            ([], _) => f.write_str("(default)"),
            (items, true) => write!(f, "{{{}}}", items.join(", ")),
            ([item], false) => f.write_str(item),
            (items, false) => write!(f, "[{}]", items.join(", ")),
        }
    }
}

impl fmt::Display for Dump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, row) in &self.0 {
            change::write_row(f, name, row)?;
        }
        Ok(())
    }
}
