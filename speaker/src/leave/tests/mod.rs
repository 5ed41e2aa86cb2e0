//! The rule and what it is made of. Objects are written as `kubectl get -o json` shows them.

mod followed;
mod placement;
mod rule;

use serde::de::DeserializeOwned;
use serde_json::Value;

/// An object as the API server sends it.
fn object<T: DeserializeOwned>(json: Value) -> T {
    serde_json::from_value(json).expect("an object")
}
