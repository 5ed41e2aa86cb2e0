//! Objects as an API server would store them, and what is different between two sets of them.

use crate::fault::{During, Result};
use crate::kube::ApiServer;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Labels that only Helm writes.
const OF_HELM: [&str; 4] = [
    "app.kubernetes.io/instance",
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/version",
    "helm.sh/chart",
];

/// What the API server adds to an object, and nobody asked for.
const OF_SERVER: [&str; 6] =
    ["creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"];

/// Lists whose order means nothing: each is sorted before it is compared.
const UNORDERED: [&str; 5] = ["args", "env", "volumes", "volumeMounts", "rules"];

/// An object with its defaults filled in.
pub type Object = Value;

/// What this API server makes of YAML, by kind and name: each object is checked, strictly, and none is stored.
///
/// # Errors
/// What the API server says against an object.
pub fn objects(api: &ApiServer, yaml: &str) -> Result<BTreeMap<String, Object>> {
    let file = tempfile::NamedTempFile::with_suffix(".yaml")?;
    std::fs::write(file.path(), yaml)?;
    let name = file.path().display().to_string();
    let said =
        api.kubectl(&["create", "--dry-run=server", "--validate=strict", "-o", "json", "-f", &name])?;
    let mut found = BTreeMap::new();
    for object in serde_json::Deserializer::from_str(&said).into_iter::<Value>() {
        let object = object.during("what kubectl printed")?;
        let items = match object["items"].as_array() {
            Some(items) => items.clone(),
            None => vec![object],
        };
        for mut object in items {
            let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let name = format!("{}/{}", word(&object["kind"]), word(&object["metadata"]["name"]));
            clean(&mut object);
            found.insert(name, object);
        }
    }
    Ok(found)
}

fn clean(object: &mut Object) {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        OF_SERVER.iter().for_each(|key| drop(metadata.remove(*key)));
    }
    if let Some(all) = object.as_object_mut() {
        all.remove("status");
    }
    sort(object);
}

fn sort(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                sort(inner);
                if let (true, Some(list)) = (UNORDERED.contains(&key.as_str()), inner.as_array_mut()) {
                    list.sort_by_key(Value::to_string);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(sort),
        _ => {}
    }
}

/// Where what kustomize and Helm make is different, a line each, but for labels that are Helm's: those above, and on
/// whatever is no workload also the three names of the workload, by which all of a release is found.
#[must_use]
pub fn differences(kustomize: &BTreeMap<String, Object>, helm: &BTreeMap<String, Object>) -> Vec<String> {
    let mut found = Vec::new();
    for name in kustomize.keys().chain(helm.keys().filter(|name| !kustomize.contains_key(*name))) {
        let (Some(left), Some(right)) = (kustomize.get(name), helm.get(name)) else {
            found.push(format!(
                "{name}: only of {}",
                if helm.contains_key(name) { "Helm" } else { "kustomize" }
            ));
            continue;
        };
        let mut right = right.clone();
        unlabel(&mut right, left);
        walk(name, left, &right, &mut found);
    }
    found
}

fn unlabel(of_helm: &mut Object, of_kustomize: &Object) {
    let Some(labels) = of_helm["metadata"]["labels"].as_object_mut() else { return };
    OF_HELM.iter().for_each(|key| drop(labels.remove(*key)));
    let plain: Map<_, _> = of_kustomize["metadata"]["labels"].as_object().cloned().unwrap_or_default();
    if of_kustomize["kind"] != "DaemonSet" {
        labels.retain(|key, _| {
            plain.contains_key(key) || !["app", "component", "type"].contains(&key.as_str())
        });
    }
    if labels.is_empty()
        && let Some(metadata) = of_helm["metadata"].as_object_mut()
    {
        metadata.remove("labels");
    }
}

fn walk(at: &str, left: &Value, right: &Value, found: &mut Vec<String>) {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            for key in left.keys().chain(right.keys().filter(|key| !left.contains_key(*key))) {
                let nothing = Value::Null;
                let side = |map: &Map<String, Value>| map.get(key).cloned().unwrap_or(nothing.clone());
                walk(&format!("{at}.{key}"), &side(left), &side(right), found);
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (left, right)) in left.iter().zip(right).enumerate() {
                walk(&format!("{at}[{index}]"), left, right, found);
            }
        }
        _ if left == right => {}
        _ => found.push(format!("{at}: kustomize {left}, Helm {right}")),
    }
}
