//! What is wrong, collected: all of it is told at once.

use std::fmt::Display;
use std::path::{Path, PathBuf};

/// Everything that is wrong with flags, environment and file, a line each.
#[derive(Debug, Default, thiserror::Error)]
#[error("{}", .lines.join("\n"))]
pub struct Problems {
    lines: Vec<String>,
    /// What was read, or could not be: with a change of one of these it may be right.
    pub(super) files: Vec<PathBuf>,
}

impl Problems {
    pub(super) fn add(&mut self, at: &str, value: impl Display, rule: &str) {
        self.say(format!("{at}: {value} {rule}"));
    }

    pub(super) fn say(&mut self, line: String) {
        self.lines.push(line);
    }

    /// The files that were read, or could not be, as far as somebody could put them into a directory that is there.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let there = |path: &Path| path.parent().is_some_and(|dir| dir.as_os_str().is_empty() || dir.is_dir());
        self.files.iter().filter(|path| there(path)).cloned().collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}
