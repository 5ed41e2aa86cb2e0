//! What a server says its database is made of (RFC 7047 §3.2).
//!
//! Servers of other versions have other tables, columns and members: what is not known here is passed over, what is
//! missing is not asked for.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::bad_value::{BadValue, bad};
use crate::value::{Atom, Uuid, Value};

/// Kind of an atom: `<atomic-type>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 64 bits, signed.
    Integer,
    /// Double precision.
    Real,
    /// A truth value.
    Boolean,
    /// Text.
    String,
    /// A reference, or a bare identity.
    Uuid,
}

impl Kind {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "integer" => Self::Integer,
            "real" => Self::Real,
            "boolean" => Self::Boolean,
            "string" => Self::String,
            "uuid" => Self::Uuid,
            _ => return None,
        })
    }

    pub(crate) fn rule(self) -> &'static str {
        match self {
            Self::Integer => "is not an integer",
            Self::Real => "is not a real number",
            Self::Boolean => "is not true or false",
            Self::String => "is not a string",
            Self::Uuid => "is not a UUID",
        }
    }

    /// What a column holds that was never set (RFC 7047 §5.2.1).
    #[must_use]
    pub fn default_atom(self) -> Atom {
        match self {
            Self::Integer => Atom::Integer(0),
            Self::Real => Atom::Real(0),
            Self::Boolean => Atom::Boolean(false),
            Self::String => Atom::String("".into()),
            Self::Uuid => Atom::Uuid(Uuid(0)),
        }
    }
}

/// Type of a column: `<type>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Type {
    /// Of elements or keys.
    pub key: Kind,
    /// Of a map's values; none: it is a set.
    pub value: Option<Kind>,
    /// Whether none is allowed.
    pub optional: bool,
    /// How many elements at most; none: any number.
    pub max: Option<u64>,
}

impl Type {
    /// Whether it can hold more than one element: differences are then told by element (ovsdb-server(7) §4.1.14).
    #[must_use]
    pub fn is_composite(&self) -> bool {
        self.max.is_none_or(|max| max > 1)
    }

    /// What a column of the type holds that was never set (RFC 7047 §5.2.1).
    #[must_use]
    pub fn default_value(&self) -> Value {
        match (self.value, self.optional) {
            (None, true) => Value::none(),
            (None, false) => Value::one(self.key.default_atom()),
            (Some(_), true) => Value::Map(BTreeMap::new()),
            (Some(value), false) => {
                Value::Map(BTreeMap::from([(self.key.default_atom(), value.default_atom())]))
            }
        }
    }

    fn from_json(json: &Json) -> Result<Self, BadValue> {
        let Json::Object(members) = json else {
            return Ok(Self { key: base(json)?, value: None, optional: false, max: Some(1) });
        };
        let key = base(members.get("key").unwrap_or(&Json::Null))?;
        let value = members.get("value").map(base).transpose()?;
        let optional = match members.get("min").map_or(Some(1), Json::as_u64) {
            Some(min @ 0..=1) => min == 0,
            _ => return Err(bad(json, "has a min other than 0 and 1")),
        };
        let max = match members.get("max") {
            None => Some(1),
            Some(Json::String(text)) if text == "unlimited" => None,
            Some(max) => Some(max.as_u64().ok_or_else(|| bad(json, "has no valid max"))?),
        };
        Ok(Self { key, value, optional, max })
    }
}

/// `<base-type>`: a name, or an object whose `type` is one.
fn base(json: &Json) -> Result<Kind, BadValue> {
    let name = json.get("type").unwrap_or(json);
    name.as_str().and_then(Kind::named).ok_or_else(|| bad(json, "is not a type of columns"))
}

/// Tables and columns of a database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    /// `OVN_Northbound`, say.
    pub name: Box<str>,
    /// `7.0.0`, say; empty if the server does not tell.
    pub version: Box<str>,
    /// Types of columns by table and column.
    pub tables: BTreeMap<Box<str>, BTreeMap<Box<str>, Type>>,
}

impl Schema {
    /// Reads a `<database-schema>`. A column of a type unknown here is left out, as if the server did not have it.
    ///
    /// # Errors
    /// [`BadValue`] if there are no tables.
    pub fn from_json(json: &Json) -> Result<Self, BadValue> {
        let text = |member: &str| json.get(member).and_then(Json::as_str).unwrap_or_default().into();
        let Some(Json::Object(members)) = json.get("tables") else {
            return Err(bad(json, "is not a schema"));
        };
        let tables = members.iter().map(|(name, table)| (name.as_str().into(), columns(table))).collect();
        Ok(Self { name: text("name"), version: text("version"), tables })
    }

    /// The type of a column, if there is such a column.
    #[must_use]
    pub fn column(&self, table: &str, column: &str) -> Option<&Type> {
        self.tables.get(table)?.get(column)
    }
}

fn columns(table: &Json) -> BTreeMap<Box<str>, Type> {
    let Some(Json::Object(members)) = table.get("columns") else { return BTreeMap::new() };
    let known = members.iter().filter_map(|(name, column)| {
        let of = Type::from_json(column.get("type").unwrap_or(&Json::Null)).ok()?;
        Some((name.as_str().into(), of))
    });
    known.collect()
}
