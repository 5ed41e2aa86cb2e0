//! What is wrong with a file, told so that it can be found.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::view::Key;

/// Something in the directory that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file, or the directory.
    pub file: PathBuf,
    /// Line in the file, from 1: where the syntax breaks, or where the object's document begins.
    pub line: Option<u64>,
    /// The object, if that much can be told.
    pub object: Option<Key>,
    /// What is wrong and what happens now.
    pub text: String,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Unreadable,
    TooLarge,
    Syntax,
    Object,
    Duplicate,
}

impl Problem {
    /// A word out of a closed set.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.kind {
            Kind::Unreadable => "unreadable",
            Kind::TooLarge => "too-large",
            Kind::Syntax => "syntax",
            Kind::Object => "object",
            Kind::Duplicate => "duplicate",
        }
    }

    /// Whether something is not in force as it is written; a duplicate is only a warning.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.kind != Kind::Duplicate
    }

    pub(super) fn unreadable(file: &Path, cause: &io::Error) -> Self {
        let text = format!("cannot be read: {cause}");
        Self { file: file.to_owned(), line: None, object: None, text, kind: Kind::Unreadable }
    }

    pub(super) fn too_large(file: &Path, limit: u64) -> Self {
        let text = format!(
            "is larger than {} MiB; its last good content, if there is any, stays in force",
            limit >> 20
        );
        Self { file: file.to_owned(), line: None, object: None, text, kind: Kind::TooLarge }
    }

    pub(super) fn duplicate(file: &Path, object: Key, loser: &Path) -> Self {
        let text = match file == loser {
            true => "is there twice in this file: the last one counts".to_owned(),
            false => format!("is also in {}: this file counts, for its name sorts last", loser.display()),
        };
        Self { file: file.to_owned(), line: None, object: Some(object), text, kind: Kind::Duplicate }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if let Some(object) = &self.object {
            write!(f, ": {object}")?;
        }
        write!(f, ": {}", self.text)
    }
}
