//! What is wrong, collected: all of it is told at once.

use std::fmt::Display;

/// Everything that is wrong with flags, environment and file, a line each.
#[derive(Debug, Default, thiserror::Error)]
#[error("{}", .lines.join("\n"))]
pub struct Problems {
    lines: Vec<String>,
}

impl Problems {
    pub(super) fn add(&mut self, at: &str, value: impl Display, rule: &str) {
        self.say(format!("{at}: {value} {rule}"));
    }

    pub(super) fn say(&mut self, line: String) {
        self.lines.push(line);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}
