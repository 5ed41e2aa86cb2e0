//! One file's text → objects. What is wrong with one object leaves the others alone.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_saphyr::Spanned;

use crate::object::{self, Metadata};
use crate::view::{Key, Kind, Object};

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    Yaml,
    Json,
}

/// Everything a file says.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) objects: Vec<Object>,
    pub(super) faults: Vec<Fault>,
}

/// An object that cannot be taken.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) line: Option<u64>,
    /// Whose last good version stays in force.
    pub(super) key: Option<Key>,
    pub(super) text: String,
}

/// The text is not YAML (or JSON) at all, so no object of it can be trusted.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) line: Option<u64>,
    pub(super) text: String,
}

/// Reads all documents of a file. Empty is a good file without objects.
pub(super) fn read(bytes: &[u8], syntax: Syntax) -> Result<Contents, Broken> {
    let mut contents = Contents::default();
    match syntax {
        Syntax::Json => {
            for value in serde_json::Deserializer::from_slice(bytes).into_iter::<Value>() {
                let value = value.map_err(|error| Broken {
                    line: u64::try_from(error.line()).ok(),
                    text: error.to_string(),
                })?;
                contents.add(None, value, &TypeMeta::default());
            }
        }
        Syntax::Yaml => {
            let mut reader = bytes;
            for document in serde_saphyr::read_with_options::<_, Spanned<Value>>(&mut reader, options()) {
                let document = document.map_err(|error| Broken {
                    line: error.location().map(|at| at.line()),
                    text: error.without_snippet().to_string(),
                })?;
                contents.add(Some(document.referenced.line()), document.value, &TypeMeta::default());
            }
        }
    }
    Ok(contents)
}

/// The file's size is bounded, which bounds all the counts; depth and aliases keep their limits. Booleans are those
/// of YAML 1.2, so that a namespace may be `n` and the annotation an unquoted `yes`.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_reader_input_bytes: None,
            max_events: usize::MAX,
            max_documents: usize::MAX,
            max_nodes: usize::MAX,
        },
        strict_booleans: true,
    }
}

#[derive(Clone, Debug, Default)]
struct TypeMeta {
    api_version: String,
    kind: String,
}

impl Contents {
    /// Items of a typed list (`PodList`) have no kind of their own: they take `inherited`.
    fn add(&mut self, line: Option<u64>, mut value: Value, inherited: &TypeMeta) {
        if value.is_null() {
            return;
        }
        let text = |field| value.get(field).and_then(Value::as_str);
        let meta = TypeMeta {
            api_version: text("apiVersion").unwrap_or(&inherited.api_version).to_owned(),
            kind: text("kind").unwrap_or(&inherited.kind).to_owned(),
        };
        let item = match meta.kind.strip_suffix("List") {
            Some(item) => TypeMeta { api_version: meta.api_version.clone(), kind: item.to_owned() },
            None => return self.add_object(line, value, &meta),
        };
        match value.get_mut("items").map(Value::take) {
            None | Some(Value::Null) => {}
            Some(Value::Array(items)) => items.into_iter().for_each(|value| self.add(line, value, &item)),
            Some(other) => {
                self.fault(line, None, format!("items: {} where a list must be", type_name(&other)))
            }
        }
    }

    fn add_object(&mut self, line: Option<u64>, value: Value, meta: &TypeMeta) {
        if !value.is_object() || meta.kind.is_empty() {
            return self.fault(line, None, "not a Kubernetes object: it has no kind".to_owned());
        }
        let read = match (meta.api_version.as_str(), meta.kind.as_str()) {
            ("kubeovn.io/v1", "Subnet") => take::<object::Subnet, _>(value, Kind::Subnet, Object::Subnet),
            ("v1", "Pod") => take::<object::Pod, _>(value, Kind::Pod, Object::Pod),
            ("v1", "Service") => take::<object::Service, _>(value, Kind::Service, Object::Service),
            (api_version, kind) => {
                tracing::debug!(api_version, kind, "manifest of a kind nobody reads");
                return;
            }
        };
        match read {
            Ok(object) => self.objects.push(object),
            Err((key, text)) => self.fault(line, key, text),
        }
    }

    fn fault(&mut self, line: Option<u64>, key: Option<Key>, text: String) {
        self.faults.push(Fault { line, key, text });
    }
}

/// A view object, or the key if that much can be told and what is wrong.
fn take<T, V>(value: Value, kind: Kind, wrap: fn(V) -> Object) -> Result<Object, (Option<Key>, String)>
where
    T: DeserializeOwned,
    V: TryFrom<T, Error = object::Nameless>,
{
    // Read by reference: the value is still needed to say where it is wrong.
    match T::deserialize(&value) {
        Ok(typed) => V::try_from(typed).map(wrap).map_err(|nameless| (None, nameless.to_string())),
        Err(error) => Err((key_of(&value, kind), wrong_type(&value).unwrap_or_else(|| error.to_string()))),
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
const FIELDS: [(&[&str], Type); 21] = [
    (&["metadata"], Type::Map),
    (&["metadata", "name"], Type::Text),
    (&["metadata", "namespace"], Type::Text),
    (&["metadata", "deletionTimestamp"], Type::Text),
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
    (&["status"], Type::Map),
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

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}
