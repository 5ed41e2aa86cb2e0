//! From a Kubernetes object's value to an object of the view, or to what is wrong with which field of it.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Eip, Metadata, Nameless, Pod, Service, Subnet};
use crate::view::{Key, Kind, Object};

/// A type of the door: which objects of the API it reads.
pub trait Door: DeserializeOwned {
    /// What becomes of them.
    const KIND: Kind;

    /// `metadata`.
    fn metadata(&self) -> &Metadata;

    /// The object of the view.
    ///
    /// # Errors
    /// [`Nameless`].
    fn into_object(self) -> Result<Object, Nameless>;
}

macro_rules! door {
    ($($kind:ident),*) => {$(
        impl Door for $kind {
            const KIND: Kind = Kind::$kind;

            fn metadata(&self) -> &Metadata {
                &self.metadata
            }

            fn into_object(self) -> Result<Object, Nameless> {
                self.try_into().map(Object::$kind)
            }
        }
    )*};
}
door!(Subnet, Pod, Service, Eip);

/// An object that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Which, if that much can be told.
    pub key: Option<Key>,
    /// What is wrong: field, value, rule.
    pub text: String,
}

impl From<Nameless> for Unreadable {
    fn from(nameless: Nameless) -> Self {
        Self { key: None, text: nameless.to_string() }
    }
}

/// Reads one object.
///
/// # Errors
/// [`Unreadable`].
pub fn object<T: Door>(value: &Value) -> Result<Object, Unreadable> {
    match T::deserialize(value) {
        Ok(typed) => typed.into_object().map_err(Unreadable::from),
        Err(error) => Err(Unreadable {
            key: key_of(value, T::KIND),
            text: wrong_type(value).unwrap_or_else(|| error.to_string()),
        }),
    }
}

fn key_of(value: &Value, kind: Kind) -> Option<Key> {
    let mut metadata = value.get("metadata")?.as_object()?.clone();
    metadata.retain(|field, _| matches!(field.as_str(), "name" | "namespace"));
    serde_json::from_value::<Metadata>(Value::Object(metadata)).ok()?.key(kind).ok()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Type {
    Map,
    List,
    Text,
    Bool,
}

/// The types of the fields that are read; `*` is every element, of a map or a list.
const FIELDS: [(&[&str], Type); 25] = [
    (&["metadata"], Type::Map),
    (&["metadata", "name"], Type::Text),
    (&["metadata", "namespace"], Type::Text),
    (&["metadata", "deletionTimestamp"], Type::Text),
    (&["metadata", "labels"], Type::Map),
    (&["metadata", "annotations"], Type::Map),
    (&["metadata", "annotations", "*"], Type::Text),
    (&["spec"], Type::Map),
    (&["spec", "cidrBlock"], Type::Text),
    (&["spec", "natOutgoing"], Type::Bool),
    (&["spec", "nodeName"], Type::Text),
    (&["spec", "hostNetwork"], Type::Bool),
    (&["spec", "restartPolicy"], Type::Text),
    (&["spec", "type"], Type::Text),
    (&["spec", "clusterIP"], Type::Text),
    (&["spec", "clusterIPs"], Type::List),
    (&["spec", "clusterIPs", "*"], Type::Text),
    (&["spec", "v4ip"], Type::Text),
    (&["spec", "v6ip"], Type::Text),
    (&["status"], Type::Map),
    (&["status", "ready"], Type::Bool),
    (&["status", "phase"], Type::Text),
    (&["status", "reason"], Type::Text),
    (&["status", "conditions"], Type::List),
    (&["status", "conditions", "*"], Type::Map),
];

/// serde tells the type but not the field, and an operator needs the field.
fn wrong_type(value: &Value) -> Option<String> {
    FIELDS.iter().find_map(|(path, wanted)| wrong_at(value, path, *wanted, String::new()))
}

fn wrong_at(value: &Value, path: &[&str], wanted: Type, at: String) -> Option<String> {
    let Some((field, rest)) = path.split_first() else { return complain(value, wanted, &at) };
    let deeper = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
    match (value, *field) {
        (Value::Array(items), "*") => (0..)
            .zip(items)
            .find_map(|(index, item): (usize, _)| wrong_at(item, rest, wanted, format!("{at}[{index}]"))),
        (Value::Object(map), "*") => {
            map.iter().find_map(|(name, item)| wrong_at(item, rest, wanted, format!("{at}[{name:?}]")))
        }
        (Value::Object(map), field) => wrong_at(map.get(field)?, rest, wanted, deeper(field)),
        _ => None,
    }
}

fn complain(value: &Value, wanted: Type, at: &str) -> Option<String> {
    let (right, rule) = match wanted {
        Type::Map => (value.is_object(), "must be a map"),
        Type::List => (value.is_array(), "must be a list"),
        Type::Text => (value.is_string(), "must be text; put it in quotes"),
        Type::Bool => (value.is_boolean(), "must be true or false, without quotes"),
    };
    (!right && !value.is_null()).then(|| format!("{at}: {value} is {}, {rule}", type_name(value)))
}

/// The type of a value, in the words of an error text.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}
