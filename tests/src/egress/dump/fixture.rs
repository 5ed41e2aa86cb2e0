//! Expectations as a series of steps, each the difference to the one before: the form of the reference.
//!
//! ```text
//! ######## title of the step
//! # a remark, e.g. in what this differs from the reference
//! == ADDED
//! <Address_Set …>
//! == CHANGED
//! …
//! == PRINTED kubectl get veg
//! what that command prints
//! ```

use super::change::{Change, Difference};
use super::{Cell, Dump, text};
use crate::fault::{During, Fault, Result, ensure};
use std::collections::BTreeMap;
use std::path::Path;

/// A step of a fixture.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// Its title.
    pub title: String,
    difference: Difference,
    /// Command lines, and what each prints.
    pub printed: Vec<(String, String)>,
}

/// What a database should hold, as it goes from step to step.
#[derive(Clone, Debug)]
pub struct Fixture {
    wanted: Dump,
    steps: std::vec::IntoIter<Step>,
}

impl Fixture {
    /// Reads `tests/fixtures/egress/NAME`; its first step starts from `base`.
    ///
    /// # Errors
    /// When a line of it is not understood.
    pub fn read(name: &str, base: Dump) -> Result<Self> {
        Self::parse(&source(name)?, base).during(name)
    }

    /// A fixture from its text.
    ///
    /// # Errors
    /// The line that is not understood.
    pub fn parse(text: &str, base: Dump) -> Result<Self> {
        Ok(Self { wanted: base, steps: steps(text)?.into_iter() })
    }

    /// Puts the steps of another file before its next one.
    ///
    /// # Errors
    /// When a line of it is not understood.
    pub fn first(self, name: &str) -> Result<Self> {
        let steps = steps(&source(name)?).during(name)?.into_iter().chain(self.steps);
        Ok(Self { wanted: self.wanted, steps: steps.collect::<Vec<_>>().into_iter() })
    }

    /// Goes to the next step, which must have this title; what the database should hold then.
    ///
    /// # Errors
    /// When it has another, or does not follow from what was there.
    pub fn next(&mut self, title: &str) -> Result<(&Dump, Step)> {
        let step = self.steps.next().ok_or_else(|| Fault::new(format!("no step {title:?}")))?;
        ensure(step.title == title, || format!("the next step is {:?}, not {title:?}", step.title))?;
        step.difference.apply(&mut self.wanted).during(title)?;
        Ok((&self.wanted, step))
    }

    /// What the database should hold now.
    #[must_use]
    pub fn wanted(&self) -> &Dump {
        &self.wanted
    }
}

impl Dump {
    /// Reads `tests/fixtures/egress/NAME`, a whole dump.
    ///
    /// # Errors
    /// When a line of it is not understood.
    pub fn fixture(name: &str) -> Result<Self> {
        Self::parse(&source(name)?).during(name)
    }

    /// A dump from its text.
    ///
    /// # Errors
    /// The line that is not understood.
    pub fn parse(text: &str) -> Result<Self> {
        text::rows(text)
    }
}

/// The text of `tests/fixtures/egress/NAME`.
///
/// # Errors
/// When it cannot be read.
pub fn source(name: &str) -> Result<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/egress").join(name);
    std::fs::read_to_string(&path).during(path.display())
}

/// All steps of a text.
pub(super) fn steps(text: &str) -> Result<Vec<Step>> {
    let parts = text.split("######## ").skip(1);
    parts.map(|part| step(part).during(part.lines().next().unwrap_or_default())).collect()
}

fn step(text: &str) -> Result<Step> {
    let (title, body) = text.split_once('\n').unwrap_or((text, ""));
    let mut step = Step { title: title.trim().to_owned(), ..Step::default() };
    for section in format!("\n{body}").split("\n== ").skip(1) {
        let (head, lines) = section.split_once('\n').unwrap_or((section, ""));
        match head.split_once(' ').unwrap_or((head, "")) {
            ("ADDED", "") => step.difference.added = text::rows(lines)?.0,
            ("REMOVED", "") => step.difference.removed = text::rows(lines)?.0,
            ("CHANGED", "") => step.difference.changed = changes(lines)?,
            ("PRINTED", command) => step.printed.push((command.to_owned(), lines.trim_end().to_owned())),
            _ => return Err(Fault::new(format!("no section: {head:?}"))),
        }
    }
    Ok(step)
}

fn changes(lines: &str) -> Result<BTreeMap<String, BTreeMap<String, Change>>> {
    let rows = text::blocks(lines)?.into_iter();
    rows.map(|(name, lines)| Ok((name, lines.into_iter().map(change).collect::<Result<_>>()?))).collect()
}

fn change(line: &str) -> Result<(String, Change)> {
    let odd = || Fault::new(format!("no change: {line:?}"));
    let (column, rest) = line.split_once(' ').ok_or_else(odd)?;
    let rest = rest.trim();
    let items = rest.strip_prefix("added [").and_then(|rest| rest.strip_suffix(']'));
    let change = match items.and_then(|items| items.split_once("] removed [")) {
        Some((added, removed)) => Change::Items(set(added), set(removed)),
        None => {
            let (old, new) = rest.split_once(" -> ").ok_or_else(odd)?;
            Change::Value(text::cell(old), text::cell(new))
        }
    };
    Ok((column.to_owned(), change))
}

fn set(items: &str) -> Cell {
    if items.is_empty() { Cell::default() } else { text::cell(&format!("[{items}]")) }
}
