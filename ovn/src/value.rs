//! Values of columns (RFC 7047 §5.1).
//!
//! Their JSON is in [`crate::json`], their types are in [`crate::schema`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// Identity of a row.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

/// The text is not 32 hexadecimal digits in groups of 8-4-4-4-12.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID")]
pub struct NotUuid;

impl FromStr for Uuid {
    type Err = NotUuid;

    fn from_str(text: &str) -> Result<Self, NotUuid> {
        let octets = text.as_bytes();
        if octets.len() != 36 {
            return Err(NotUuid);
        }
        let mut number = 0;
        for (at, octet) in octets.iter().enumerate() {
            if matches!(at, 8 | 13 | 18 | 23) {
                if *octet != b'-' {
                    return Err(NotUuid);
                }
                continue;
            }
            let digit = char::from(*octet).to_digit(16).ok_or(NotUuid)?;
            number = number << 4 | u128::from(digit);
        }
        Ok(Self(number))
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

impl Atom {
    /// The text, if it is text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The row, if it is a reference to one that exists.
    #[must_use]
    pub fn uuid(&self) -> Option<Uuid> {
        match self {
            Self::Uuid(uuid) => Some(*uuid),
            _ => None,
        }
    }

    /// The truth value, if it is one.
    #[must_use]
    pub fn boolean(&self) -> Option<bool> {
        match self {
            Self::Boolean(truth) => Some(*truth),
            _ => None,
        }
    }

    /// The number, if it is an integer.
    #[must_use]
    pub fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }
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

    /// The set of none: an optional scalar that is not there.
    #[must_use]
    pub fn none() -> Self {
        Self::Set(BTreeSet::new())
    }

    /// A map of text to text, as `external_ids` and `options` are.
    pub fn texts<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self::Map(pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }

    /// The elements of a set; none of a map.
    pub fn atoms(&self) -> impl Iterator<Item = &Atom> {
        match self {
            Self::Set(atoms) => Some(atoms),
            Self::Map(_) => None,
        }
        .into_iter()
        .flatten()
    }

    /// The pairs of a map; none of a set.
    pub fn pairs(&self) -> impl Iterator<Item = (&Atom, &Atom)> {
        match self {
            Self::Set(_) => None,
            Self::Map(pairs) => Some(pairs),
        }
        .into_iter()
        .flatten()
    }

    /// The one element of a scalar; none if it is empty, a map, or has several.
    #[must_use]
    pub fn scalar(&self) -> Option<&Atom> {
        match self {
            Self::Set(atoms) if atoms.len() == 1 => atoms.first(),
            _ => None,
        }
    }

    /// What this becomes by a difference as `update2` and `update3` tell it of columns that hold more than one
    /// (ovsdb-server(7) §4.1.14): what is in one of the two only; keys of both get the new value.
    pub fn merge(&mut self, difference: Self) {
        match (self, difference) {
            (Self::Set(atoms), Self::Set(difference)) => {
                for atom in difference {
                    if !atoms.remove(&atom) {
                        atoms.insert(atom);
                    }
                }
            }
            (Self::Map(pairs), Self::Map(difference)) => {
                for (key, value) in difference {
                    if pairs.get(&key) == Some(&value) {
                        pairs.remove(&key);
                    } else {
                        pairs.insert(key, value);
                    }
                }
            }
            (this, difference) => *this = difference,
        }
    }
}
