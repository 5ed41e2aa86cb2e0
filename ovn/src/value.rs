//! Values of columns (RFC 7047 §5.1).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Identity of a row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub u128);

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = format!("{:032x}", self.0);
        write!(f, "{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One scalar.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Atom {
    /// 64 bits, signed.
    Integer(i64),
    /// A real number, by its bits: columns of OVN that matter here have none, so order and equality need no more.
    Real(u64),
    /// A truth value.
    Boolean(bool),
    /// Text.
    String(Box<str>),
    /// A row that exists.
    Uuid(Uuid),
    /// A row that the same transaction inserts, by its `uuid-name`.
    NamedUuid(Box<str>),
}

impl From<&str> for Atom {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<i64> for Atom {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<bool> for Atom {
    fn from(truth: bool) -> Self {
        Self::Boolean(truth)
    }
}

impl From<Uuid> for Atom {
    fn from(uuid: Uuid) -> Self {
        Self::Uuid(uuid)
    }
}

/// What a column holds. A scalar is a set of one, an optional one a set of none or one (RFC 7047 §3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Scalars without order or repetition.
    Set(BTreeSet<Atom>),
    /// From scalar to scalar.
    Map(BTreeMap<Atom, Atom>),
}

impl Value {
    /// A set of one.
    pub fn one(atom: impl Into<Atom>) -> Self {
        Self::Set(BTreeSet::from([atom.into()]))
    }

    /// A set.
    pub fn set<A: Into<Atom>>(atoms: impl IntoIterator<Item = A>) -> Self {
        Self::Set(atoms.into_iter().map(Into::into).collect())
    }

    /// A map of text to text, as `external_ids` and `options` are.
    pub fn texts<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self::Map(pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}
