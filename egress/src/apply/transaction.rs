//! A transaction being put together.

use std::collections::{BTreeMap, BTreeSet};

use ovn::op::{self, Condition, Mutation};
use ovn::{Atom, Operation, Replica, Row, Uuid, Value};

/// Guards first, then what changes.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    guards: Vec<Operation>,
    changes: Vec<Operation>,
    /// Cells that are guarded: table, row, column.
    guarded: BTreeSet<(&'static str, Uuid, &'static str)>,
    /// What is put into and taken out of sets of rows that exist: table, row and column to mutator and elements.
    sets: BTreeMap<(&'static str, Uuid, &'static str), [BTreeSet<Atom>; 2]>,
    names: usize,
}

impl Transaction {
    /// The transaction holds only if these columns of the row are still what the copy says.
    pub(super) fn guard(
        &mut self,
        replica: &Replica,
        table: &'static str,
        uuid: Uuid,
        columns: &[&'static str],
    ) {
        let Some(row) = replica.row(table, uuid) else { return };
        let columns: Vec<&str> = columns
            .iter()
            .filter(|column| row.contains_key(**column) && self.guarded.insert((table, uuid, column)))
            .copied()
            .collect();
        if columns.is_empty() {
            return;
        }
        let values =
            columns.iter().filter_map(|column| Some((Box::from(*column), row.get(*column)?.clone())));
        self.guards.push(Operation::Wait {
            table: table.into(),
            rows: op::row(uuid),
            columns: columns.iter().map(|column| Box::from(*column)).collect(),
            equal: true,
            values: vec![values.collect()],
        });
    }

    /// The transaction holds only if the table has no row of this name; for tables without an index of names.
    pub(super) fn guard_absent(&mut self, table: &'static str, name: &str) {
        self.guards.push(Operation::Wait {
            table: table.into(),
            rows: vec![Condition { column: "name".into(), function: "==", value: Value::one(name) }],
            columns: vec!["name".into()],
            equal: true,
            values: Vec::new(),
        });
    }

    /// Inserts a row, and gives the reference to it.
    pub(super) fn insert(&mut self, table: &'static str, row: Row) -> Atom {
        self.insert_as(table, row, None)
    }

    /// [`Transaction::insert`] of a row whose identity matters.
    pub(super) fn insert_as(&mut self, table: &'static str, row: Row, uuid: Option<Uuid>) -> Atom {
        self.names += 1;
        let name = format!("row{}", self.names);
        let known_as = Some(name.as_str().into());
        self.changes.push(Operation::Insert { table: table.into(), row, name: known_as, uuid });
        op::named(&name)
    }

    /// Sets columns of a row.
    pub(super) fn update(&mut self, table: &'static str, uuid: Uuid, row: Row) {
        self.changes.push(Operation::Update { table: table.into(), rows: op::row(uuid), row });
    }

    /// Deletes a row of a table whose rows stand alone; rows of others go when nothing refers to them.
    pub(super) fn delete(&mut self, table: &'static str, uuid: Uuid) {
        self.changes.push(Operation::Delete { table: table.into(), rows: op::row(uuid) });
    }

    /// Puts an element into a set, and guards the set.
    pub(super) fn attach(
        &mut self,
        replica: &Replica,
        cell: (&'static str, Uuid, &'static str),
        element: Atom,
    ) {
        self.guard(replica, cell.0, cell.1, &[cell.2]);
        self.sets.entry(cell).or_default()[0].insert(element);
    }

    /// Takes an element out of a set, and guards the set.
    pub(super) fn detach(
        &mut self,
        replica: &Replica,
        cell: (&'static str, Uuid, &'static str),
        element: Uuid,
    ) {
        self.guard(replica, cell.0, cell.1, &[cell.2]);
        self.sets.entry(cell).or_default()[1].insert(element.into());
    }

    /// None if nothing changes.
    pub(super) fn into_operations(self) -> Vec<Operation> {
        let mut operations = self.guards;
        let begin = operations.len();
        operations.extend(self.changes);
        for ((table, uuid, column), [put, taken]) in self.sets {
            let both = [("delete", taken), ("insert", put)];
            let mutations: Vec<Mutation> = both
                .into_iter()
                .filter(|(_, elements)| !elements.is_empty())
                .map(|(mutator, elements)| Mutation {
                    column: column.into(),
                    mutator,
                    value: Value::Set(elements),
                })
                .collect();
            operations.push(Operation::Mutate { table: table.into(), rows: op::row(uuid), mutations });
        }
        if operations.len() == begin { Vec::new() } else { operations }
    }
}
