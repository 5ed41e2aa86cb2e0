//! The status as JSON, with the names kube-ovn's supervisor gives its fields.

use serde_json::{Value, json};

use crate::beacon::{Expected, Snapshot};
use crate::metrics::phase;
use bfd::State;

/// What a time is that never was, as kube-ovn's supervisor writes it.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// Whether every wanted session is Up, and the whole status. `None`: the BFD thread does not answer.
pub(super) fn of(snapshot: Option<&Snapshot>) -> (bool, Value) {
    let expected = snapshot.map(|snapshot| snapshot.expected.as_slice()).unwrap_or_default();
    let ready = snapshot.is_some() && expected.iter().all(|one| one.state == Some(State::Up));
    let sessions: Vec<Value> = expected.iter().map(session).collect();
    let status = json!({
        "Live": snapshot.is_some(),
        "Ready": ready,
        "Sessions": sessions,
        "ControlFailures": 0,
        "LastControlError": "",
        "ChildRestarts": 0,
        "ChildRecoveryAttempts": 0,
        "ChildNextRetry": NEVER,
        "ChildCircuitOpen": false,
    });
    (ready, status)
}

fn session(expected: &Expected) -> Value {
    json!({
        "Pair": { "Local": expected.local.to_string(), "Remote": expected.remote.to_string() },
        "State": expected.state.map_or("", State::name),
        "Phase": phase(expected),
        "Attempts": 0,
        "LastAction": "None",
        "LastResult": "",
        "NextRetry": NEVER,
    })
}
