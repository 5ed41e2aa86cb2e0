//! Reads the Prometheus text format 0.0.4 as its specification has it, independent of what wrote it.
#![allow(dead_code, reason = "each test program uses its part")]

use std::collections::{BTreeMap, BTreeSet};

/// Labels of a series, sorted by name.
pub(crate) type Labels = BTreeMap<String, String>;

/// One scrape.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    /// Family → type.
    pub(crate) types: BTreeMap<String, String>,
    /// Family → help.
    pub(crate) helps: BTreeMap<String, String>,
    /// Name and labels → value.
    pub(crate) samples: BTreeMap<(String, Labels), f64>,
}

pub(crate) fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

impl Exposition {
    /// Panics on anything that is no valid text, on a series given twice and on one whose family has no type.
    pub(crate) fn parse(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line must end, too");
        let mut this = Self::default();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect("HELP has a name and a text");
                assert!(this.helps.insert(name.into(), help.into()).is_none(), "second HELP: {line}");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("TYPE has a name and a type");
                assert!(["gauge", "counter", "histogram"].contains(&kind), "{line}");
                assert!(this.types.insert(name.into(), kind.into()).is_none(), "second TYPE: {line}");
            } else {
                this.sample(line);
            }
        }
        this
    }

    fn sample(&mut self, line: &str) {
        let end = line.find(['{', ' ']).unwrap_or_else(|| panic!("no value: {line}"));
        let (name, rest) = line.split_at(end);
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        assert!(!name.is_empty() && name.chars().all(legal), "{line}");
        let (labels, value) = match rest.strip_prefix('{') {
            Some(rest) => label_pairs(rest),
            None => (Labels::new(), rest),
        };
        let value: f64 = value.trim().parse().unwrap_or_else(|_| panic!("no number: {line}"));
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| {
            name.strip_suffix(end)
                .filter(|base| self.types.get(*base).is_some_and(|kind| kind == "histogram"))
        });
        assert!(self.types.contains_key(family.unwrap_or(name)), "no TYPE before {line}");
        assert!(self.samples.insert((name.into(), labels), value).is_none(), "twice: {line}");
    }

    /// The value of one series.
    pub(crate) fn value(&self, name: &str, pairs: &[(&str, &str)]) -> Option<f64> {
        self.samples.get(&(name.to_owned(), labels(pairs))).copied()
    }

    /// Names of all series that begin so.
    pub(crate) fn names(&self, prefix: &str) -> BTreeSet<&str> {
        self.samples.keys().map(|(name, _)| name.as_str()).filter(|name| name.starts_with(prefix)).collect()
    }

    /// All series of one name.
    pub(crate) fn series(&self, name: &str) -> BTreeMap<Labels, f64> {
        let of_name = self.samples.iter().filter(|((of, _), _)| of == name);
        of_name.map(|((_, labels), value)| (labels.clone(), *value)).collect()
    }
}

/// After the opening brace; returns what follows the closing one.
fn label_pairs(mut rest: &str) -> (Labels, &str) {
    let mut all = Labels::new();
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return (all, after);
        }
        let (name, quoted) = rest.split_once("=\"").expect("a label");
        let (mut value, mut chars) = (String::new(), quoted.char_indices());
        let end = loop {
            let (at, c) = chars.next().expect("a closing quote");
            match c {
                '"' => break at,
                '\\' => match chars.next().expect("an escaped character").1 {
                    'n' => value.push('\n'),
                    c @ ('\\' | '"') => value.push(c),
                    c => panic!("unknown escape \\{c}"),
                },
                c => value.push(c),
            }
        };
        assert!(all.insert(name.into(), value).is_none(), "label {name} twice");
        rest = &quoted[end + 1..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
}
