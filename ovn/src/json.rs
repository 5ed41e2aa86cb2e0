//! Values and their JSON, both ways (RFC 7047 §5.1).
//!
//! With a type (from the schema) reading is strict: what the column cannot hold is refused with the value and the rule.
//! Without one the notation decides, as for the rows that a `select` answers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use crate::bad_value::{BadValue, bad};
use crate::schema::{Kind, Type};
use crate::value::{Atom, Uuid, Value};

impl Atom {
    /// Its notation: a number, a truth value, a text, `["uuid", …]` or `["named-uuid", …]`.
    #[must_use]
    pub fn to_json(&self) -> Json {
        match self {
            Self::Integer(number) => json!(number),
            Self::Real(bits) => json!(f64::from_bits(*bits)),
            Self::Boolean(truth) => json!(truth),
            Self::String(text) => json!(text),
            Self::Uuid(uuid) => json!(["uuid", uuid.to_string()]),
            Self::NamedUuid(name) => json!(["named-uuid", name]),
        }
    }

    /// Reads any notation of an atom.
    ///
    /// # Errors
    /// [`BadValue`] for null, an object, or an array that is not of the two pairs.
    pub fn from_json(json: &Json) -> Result<Self, BadValue> {
        match json {
            Json::Bool(truth) => Ok(Self::Boolean(*truth)),
            Json::String(text) => Ok(Self::String(text.as_str().into())),
            Json::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(integer), _) => Ok(Self::Integer(integer)),
                (None, Some(real)) if real.is_finite() => Ok(Self::Real(real.to_bits())),
                _ => Err(bad(json, "is not a number of 64 bits")),
            },
            Json::Array(pair) => match pair.as_slice() {
                [Json::String(tag), Json::String(text)] if tag == "uuid" => {
                    text.parse().map(Self::Uuid).map_err(|_| bad(json, "is not a UUID"))
                }
                [Json::String(tag), Json::String(name)] if tag == "named-uuid" => {
                    Ok(Self::NamedUuid(name.as_str().into()))
                }
                _ => Err(bad(json, "is not an atom")),
            },
            Json::Null | Json::Object(_) => Err(bad(json, "is not an atom")),
        }
    }

    /// Reads an atom of this kind. A real without a fraction may be written as an integer.
    ///
    /// # Errors
    /// [`BadValue`] for anything else.
    pub fn of_kind(json: &Json, kind: Kind) -> Result<Self, BadValue> {
        let atom = Self::from_json(json)?;
        let fits = match (&atom, kind) {
            (Self::Integer(_), Kind::Real) => {
                let real = json.as_f64().ok_or_else(|| bad(json, kind.rule()))?;
                return Ok(Self::Real(real.to_bits()));
            }
            (Self::Uuid(_) | Self::NamedUuid(_), Kind::Uuid)
            | (Self::Integer(_), Kind::Integer)
            | (Self::Real(_), Kind::Real)
            | (Self::Boolean(_), Kind::Boolean)
            | (Self::String(_), Kind::String) => true,
            _ => false,
        };
        if fits { Ok(atom) } else { Err(bad(json, kind.rule())) }
    }
}

impl Value {
    /// Its notation: `["map", …]`, `["set", …]`, a set of one as its element.
    #[must_use]
    pub fn to_json(&self) -> Json {
        match (self, self.scalar()) {
            (_, Some(atom)) => atom.to_json(),
            (Self::Set(atoms), None) => json!(["set", atoms.iter().map(Atom::to_json).collect::<Vec<_>>()]),
            (Self::Map(pairs), _) => {
                let pairs: Vec<_> =
                    pairs.iter().map(|(key, value)| json!([key.to_json(), value.to_json()])).collect();
                json!(["map", pairs])
            }
        }
    }

    /// Reads any notation of a value.
    ///
    /// # Errors
    /// [`BadValue`] if it is none, or repeats an element or a key.
    pub fn from_json(json: &Json) -> Result<Self, BadValue> {
        Self::read(json, Atom::from_json, Atom::from_json)
    }

    /// Reads a value that a column of this type can hold, or its difference to another one (which may have fewer
    /// elements than the column must).
    ///
    /// # Errors
    /// [`BadValue`] with what the type asks for. Ranges and lengths that the schema may set are the server's business.
    pub fn of_type(json: &Json, of: &Type) -> Result<Self, BadValue> {
        let value = Self::read(
            json,
            |json| Atom::of_kind(json, of.key),
            |json| Atom::of_kind(json, of.value.unwrap_or(of.key)),
        )?;
        match (&value, of.value) {
            // An empty map may be written as an empty set.
            (Self::Set(atoms), Some(_)) if atoms.is_empty() => Ok(Self::Map(BTreeMap::new())),
            (Self::Set(_), Some(_)) => Err(bad(json, "is not a map")),
            (Self::Map(pairs), None) if pairs.is_empty() => Ok(Self::none()),
            (Self::Map(_), None) => Err(bad(json, "is a map where a set belongs")),
            (Self::Set(atoms), None) if atoms.len() > 1 && !of.is_composite() => {
                Err(bad(json, "has more than the one element the column can hold"))
            }
            _ => Ok(value),
        }
    }

    fn read(
        json: &Json,
        key: impl Fn(&Json) -> Result<Atom, BadValue>,
        value: impl Fn(&Json) -> Result<Atom, BadValue>,
    ) -> Result<Self, BadValue> {
        let (tag, elements) = match json.as_array().map(Vec::as_slice) {
            Some([Json::String(tag), Json::Array(elements)]) => (tag.as_str(), elements),
            _ => return key(json).map(|atom| Self::Set(BTreeSet::from([atom]))),
        };
        match tag {
            "set" => {
                let atoms = elements.iter().map(key).collect::<Result<BTreeSet<_>, _>>()?;
                let whole = atoms.len() == elements.len();
                if whole { Ok(Self::Set(atoms)) } else { Err(bad(json, "repeats an element")) }
            }
            "map" => {
                let mut pairs = BTreeMap::new();
                for pair in elements {
                    let Some([one, other]) = pair.as_array().map(Vec::as_slice) else {
                        return Err(bad(pair, "is not a pair"));
                    };
                    if pairs.insert(key(one)?, value(other)?).is_some() {
                        return Err(bad(json, "repeats a key"));
                    }
                }
                Ok(Self::Map(pairs))
            }
            _ => Err(bad(json, "is not a value")),
        }
    }
}

/// The UUID of `["uuid", "…"]`, as an insert answers it.
pub(crate) fn uuid(json: &Json) -> Result<Uuid, BadValue> {
    Atom::of_kind(json, Kind::Uuid)?.uuid().ok_or_else(|| bad(json, Kind::Uuid.rule()))
}
