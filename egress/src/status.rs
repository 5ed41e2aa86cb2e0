//! What is written to the status of an object, and what of it is news.

use k8s_openapi::jiff::Timestamp;
use kubeovn::StatusCondition;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// Gives conditions their times: those they have where nothing changed, `now` where something did.
///
/// The time of the last transition is that of the last change of `status`; that of the last update is of any change, the
/// generation among them.
pub fn dated(wanted: &mut [StatusCondition], there: &[StatusCondition], now: Timestamp) {
    let now = format!("{now:.0}");
    for one in wanted {
        let old = there.iter().find(|old| old.kind == one.kind);
        let same_status = old.filter(|old| old.status == one.status);
        one.last_transition_time =
            same_status.and_then(|old| old.last_transition_time.clone()).or_else(|| Some(now.clone()));
        let same = same_status.filter(|old| {
            old.reason == one.reason
                && old.message == one.message
                && old.observed_generation == one.observed_generation
        });
        one.last_update_time =
            same.and_then(|old| old.last_update_time.clone()).or_else(|| Some(now.clone()));
    }
}

/// The merge patch that turns one status into the other, of these fields alone (none: of all); `None`: they are equal.
/// Fields that are not to be there any more are null in it.
#[must_use]
pub fn patch<S: Serialize>(there: Option<&S>, wanted: &S, only: Option<&[&str]>) -> Option<Value> {
    let fields = |status: Option<&S>| match status.map(serde_json::to_value) {
        Some(Ok(Value::Object(fields))) => fields,
        _ => Map::new(),
    };
    let (there, wanted) = (fields(there), fields(Some(wanted)));
    let counts = |field: &str| only.is_none_or(|only| only.contains(&field));
    let mut changed = Map::new();
    for (field, value) in wanted.iter().filter(|(field, _)| counts(field)) {
        if there.get(field) != Some(value) {
            changed.insert(field.clone(), replaced(there.get(field), value));
        }
    }
    for field in there.keys().filter(|field| counts(field) && !wanted.contains_key(*field)) {
        changed.insert(field.clone(), Value::Null);
    }
    (!changed.is_empty()).then(|| json!({ "status": changed }))
}

/// `patch`, unless all it adds is this field, to a status that has none: a definition that does not know the field drops
/// it, and it would be written for ever. Kube-OVN's own definition knows no `status.router`.
#[must_use]
pub fn without_dropped<S: Serialize>(patch: Value, there: Option<&S>, field: &str) -> Option<Value> {
    let there = there.and_then(|there| serde_json::to_value(there).ok());
    let lacks = there.is_some_and(|there| there.get(field).is_none_or(Value::is_null));
    let alone = patch.get("status").and_then(Value::as_object).is_some_and(|all| all.len() == 1);
    let dropped = lacks && alone && patch.pointer(&format!("/status/{field}")).is_some();
    (!dropped).then_some(patch)
}

/// A merge patch merges objects: members that are to go are null in it (RFC 7386 §2).
fn replaced(there: Option<&Value>, wanted: &Value) -> Value {
    let (Some(Value::Object(there)), Value::Object(wanted)) = (there, wanted) else { return wanted.clone() };
    let gone = there.keys().filter(|key| !wanted.contains_key(*key)).map(|key| (key.clone(), Value::Null));
    let kept = wanted.iter().map(|(key, value)| (key.clone(), replaced(there.get(key), value)));
    Value::Object(gone.chain(kept).collect())
}
