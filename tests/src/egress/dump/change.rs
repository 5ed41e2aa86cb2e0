//! What is between two dumps: rows ADDED, REMOVED and CHANGED.

use super::{Cell, Dump, Row};
use crate::fault::{Fault, Result, ensure};
use std::collections::BTreeMap;
use std::fmt;

/// Columns that are sets: what comes and goes is told apart, as long as something is in them before and after.
const SETS: [&str; 12] = [
    "acls",
    "addresses",
    "bfd_sessions",
    "gateway_chassis",
    "ha_chassis",
    "load_balancer",
    "nat",
    "networks",
    "nexthops",
    "policies",
    "ports",
    "static_routes",
];

/// How a column changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// From one value to another.
    Value(Cell, Cell),
    /// Items added, items removed.
    Items(Cell, Cell),
}

/// From one dump to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    pub(super) added: BTreeMap<String, Row>,
    pub(super) removed: BTreeMap<String, Row>,
    pub(super) changed: BTreeMap<String, BTreeMap<String, Change>>,
}

impl Change {
    fn between(column: &str, old: &Cell, new: &Cell) -> Self {
        let several = old.map || SETS.contains(&column) || old.items.len().max(new.items.len()) > 1;
        if !several || old.items.is_empty() || new.items.is_empty() {
            return Self::Value(old.clone(), new.clone());
        }
        let without = |all: &Cell, other: &Cell| {
            let items = all.items.iter().filter(|item| !other.items.contains(item));
            Cell::new(items.cloned().collect(), all.map)
        };
        Self::Items(without(new, old), without(old, new))
    }

    fn apply(&self, cell: &mut Cell) -> Result<()> {
        match self {
            Self::Value(old, new) => {
                ensure(cell == old, || format!("is {cell}, not {old}"))?;
                *cell = new.clone();
            }
            Self::Items(added, removed) => {
                let mut items = cell.items.clone();
                for item in &removed.items {
                    let at = items.iter().position(|there| there == item);
                    items.remove(at.ok_or_else(|| Fault::new(format!("{item} is not in it")))?);
                }
                for item in &added.items {
                    ensure(!items.contains(item), || format!("{item} is in it already"))?;
                    items.push(item.clone());
                }
                *cell = Cell::new(items, cell.map || added.map);
            }
        }
        Ok(())
    }
}

impl Difference {
    /// What has to happen to `old` for it to be `new`.
    #[must_use]
    pub fn between(old: &Dump, new: &Dump) -> Self {
        let only = |here: &Dump, there: &Dump| {
            let rows = here.0.iter().filter(|(name, _)| !there.0.contains_key(*name));
            rows.map(|(name, row)| (name.clone(), row.clone())).collect()
        };
        let both = old.0.iter().filter_map(|(name, row)| Some((name, row, new.0.get(name)?)));
        let changed = both.filter(|(_, old, new)| old != new);
        let changed = changed.map(|(name, old, new)| (name.clone(), columns(old, new))).collect();
        Self { added: only(new, old), removed: only(old, new), changed }
    }

    /// Nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }

    /// Makes it so; every row and value that goes must be there.
    pub(super) fn apply(&self, dump: &mut Dump) -> Result<()> {
        for (name, row) in &self.removed {
            let there = dump.0.remove(name);
            ensure(there.as_ref() == Some(row), || format!("REMOVED {name}: was {there:?}"))?;
        }
        for (name, row) in &self.added {
            let there = dump.0.insert(name.clone(), row.clone());
            ensure(there.is_none(), || format!("ADDED {name}: was there"))?;
        }
        for (name, changes) in &self.changed {
            let row = dump.0.get_mut(name);
            let row = row.ok_or_else(|| Fault::new(format!("CHANGED {name}: not there")))?;
            for (column, change) in changes {
                let cell = row.entry(column.clone()).or_default();
                change
                    .apply(cell)
                    .map_err(|fault| Fault::new(format!("CHANGED {name} {column}: {fault}")))?;
                if cell.items.is_empty() {
                    row.remove(column);
                }
            }
        }
        Ok(())
    }
}

fn columns(old: &Row, new: &Row) -> BTreeMap<String, Change> {
    let none = Cell::default();
    let names = old.keys().chain(new.keys());
    let pairs = names.map(|name| (name, old.get(name).unwrap_or(&none), new.get(name).unwrap_or(&none)));
    let changed = pairs.filter(|(_, old, new)| old != new);
    changed.map(|(name, old, new)| (name.clone(), Change::between(name, old, new))).collect()
}

pub(super) fn write_row(f: &mut fmt::Formatter<'_>, name: &str, row: &Row) -> fmt::Result {
    writeln!(f, "{name}")?;
    row.iter().try_for_each(|(column, cell)| writeln!(f, "    {column:<21} = {cell}"))
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(old, new) => write!(f, "{old} -> {new}"),
            Self::Items(added, removed) => {
                write!(f, "added [{}] removed [{}]", added.items.join(", "), removed.items.join(", "))
            }
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (title, rows) in [("ADDED", &self.added), ("REMOVED", &self.removed)] {
            if !rows.is_empty() {
                writeln!(f, "== {title}")?;
            }
            rows.iter().try_for_each(|(name, row)| write_row(f, name, row))?;
        }
        if !self.changed.is_empty() {
            writeln!(f, "== CHANGED")?;
        }
        for (name, changes) in &self.changed {
            writeln!(f, "{name}")?;
            changes.iter().try_for_each(|(column, change)| writeln!(f, "    {column:<23} {change}"))?;
        }
        Ok(())
    }
}
