//! A table of the file with its place: keys are taken out of it one by one, and what is left nobody knows.

use std::collections::BTreeMap;
use std::fmt::Display;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::Problems;

/// How much of a wrong value is shown.
const SHOWN: usize = 64;

/// A place in the file, as problems name it: `/etc/speaker.toml:12: neighbor[2]`.
#[derive(Clone, Debug)]
pub(in crate::config) struct Place {
    file: String,
    line: usize,
    path: String,
}

impl Place {
    /// Says what is wrong with a key of the table at this place.
    pub(in crate::config) fn refuse(&self, key: &str, what: impl Display, problems: &mut Problems) {
        problems.say(format!("{}: {what}", self.key(key)));
    }

    /// The same, where it is only hardly meant.
    pub(in crate::config) fn key(&self, key: &str) -> String {
        format!("{}:{}: {}", self.file, self.line, join(&self.path, key))
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The text of a file, for line numbers.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
}

impl Source<'_> {
    pub(super) fn line(&self, offset: usize) -> usize {
        self.text.bytes().take(offset).filter(|octet| *octet == b'\n').count() + 1
    }
}

/// A table of which keys are still to be looked at.
pub(super) struct Section<'a> {
    source: Source<'a>,
    path: String,
    line: usize,
    left: BTreeMap<&'a str, (usize, &'a DeValue<'a>)>,
    known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    pub(super) fn new(source: Source<'a>, path: String, at: usize, table: &'a DeTable<'a>) -> Self {
        let left = table
            .iter()
            .map(|(key, value): (&Spanned<_>, _)| {
                (key.get_ref().as_ref(), (key.span().start, value.get_ref()))
            })
            .collect();
        Self { source, path, line: source.line(at), left, known: Vec::new() }
    }

    /// Where it is.
    pub(super) fn place(&self) -> Place {
        Place { file: self.source.name.to_owned(), line: self.line, path: self.path.clone() }
    }

    /// Takes a key; the line of its problems is its own.
    pub(super) fn take(&mut self, key: &'static str) -> Option<(Place, &'a DeValue<'a>)> {
        self.known.push(key);
        let (at, value) = self.left.remove(key)?;
        Some((Place { line: self.source.line(at), ..self.place() }, value))
    }

    /// Takes a key whose value `parse` understands, or says why not.
    pub(super) fn read<T>(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
        parse: impl Fn(&DeValue<'_>) -> Result<T, String>,
    ) -> Option<T> {
        let (place, value) = self.take(key)?;
        parse(value).map_err(|rule| place.refuse(key, format_args!("{} {rule}", shown(value)), problems)).ok()
    }

    /// Takes a list of strings, each of which `parse` understands; says of every one that it does not.
    pub(super) fn read_list<T>(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let (place, value) = self.take(key)?;
        let Some(array) = value.as_array() else {
            place.refuse(key, format_args!("{} must be a list of strings", shown(value)), problems);
            return None;
        };
        let mut all = Vec::new();
        for (index, element) in array.iter().enumerate() {
            let element = element.get_ref();
            let text = element.as_str().ok_or_else(|| "must be a string".to_owned());
            match text.and_then(&parse) {
                Ok(one) => all.push(one),
                Err(rule) => {
                    let rule = format!("{} {rule}", shown(element));
                    place.refuse(&format!("{key}[{index}]"), rule, problems);
                }
            }
        }
        (all.len() == array.len()).then_some(all)
    }

    /// Takes a table of its own.
    pub(super) fn table(&mut self, key: &'static str, problems: &mut Problems) -> Option<Self> {
        let (place, value) = self.take(key)?;
        let Some(table) = value.as_table() else {
            place.refuse(key, format_args!("{} must be a table", shown(value)), problems);
            return None;
        };
        let section = Self::new(self.source, join(&self.path, key), 0, table);
        Some(Self { line: place.line, ..section })
    }

    /// Says of every key that is left that there is none of that name.
    pub(super) fn finish(self, problems: &mut Problems) {
        let place = self.place();
        for (key, (at, _)) in &self.left {
            let place = Place { line: self.source.line(*at), ..place.clone() };
            let hint = match *key {
                // Never the value: it is the secret.
                "password" => "; a key stands in a file of its own, which password-file names".to_owned(),
                key => nearest(key, &self.known).map(|known| format!("; {known}?")).unwrap_or_default(),
            };
            place.refuse(&key.escape_debug().to_string(), format_args!("is no known key{hint}"), problems);
        }
    }
}

/// The known key one slip away, or written with another separator or case.
fn nearest<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = key.to_ascii_lowercase().replace('_', "-");
    known.iter().copied().find(|one| *one == plain || one_slip(one, &plain))
}

fn one_slip(one: &str, other: &str) -> bool {
    let head = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    let tail = one.bytes().rev().zip(other.bytes().rev()).take_while(|(a, b)| a == b).count();
    let longest = one.len().max(other.len());
    longest > 3 && head + tail + 1 >= longest && one.len().abs_diff(other.len()) <= 1
}

/// A wrong value as it was written, without control characters and not all of a long one.
fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) if text.is_empty() => "\"\"".to_owned(),
        DeValue::String(text) => text.chars().take(SHOWN).flat_map(char::escape_debug).collect(),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}
