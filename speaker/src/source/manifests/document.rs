//! One file's text → objects. What is wrong with one object leaves the others alone.

use serde_json::Value;
use serde_saphyr::Spanned;

use crate::object::read::{self, Unreadable};
use crate::object::{Eip, Pod, Service, Subnet};
use crate::view::{Key, Object};

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
pub(super) fn read_all(bytes: &[u8], syntax: Syntax) -> Result<Contents, Broken> {
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
                self.fault(line, None, format!("items: {} where a list must be", read::type_name(&other)))
            }
        }
    }

    fn add_object(&mut self, line: Option<u64>, value: Value, meta: &TypeMeta) {
        if !value.is_object() || meta.kind.is_empty() {
            return self.fault(line, None, "not a Kubernetes object: it has no kind".to_owned());
        }
        let read = match (meta.api_version.as_str(), meta.kind.as_str()) {
            ("kubeovn.io/v1", "Subnet") => read::object::<Subnet>(&value),
            ("kubeovn.io/v1", "IptablesEIP") => read::object::<Eip>(&value),
            ("v1", "Pod") => read::object::<Pod>(&value),
            ("v1", "Service") => read::object::<Service>(&value),
            (api_version, kind) => {
                tracing::debug!(api_version, kind, "manifest of a kind nobody reads");
                return;
            }
        };
        match read {
            Ok(object) => self.objects.push(object),
            Err(Unreadable { key, text }) => self.fault(line, key, text),
        }
    }

    fn fault(&mut self, line: Option<u64>, key: Option<Key>, text: String) {
        self.faults.push(Fault { line, key, text });
    }
}
