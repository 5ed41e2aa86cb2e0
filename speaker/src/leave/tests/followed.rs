//! What is remembered of a DaemonSet that nobody can be asked about any more.

use serde_json::{Value, json};

use super::object;
use crate::leave::Followed;
use crate::leave::facts::{DaemonSet, Fact};

const NAME: &str = "kube-system/s";

fn set(metadata: Value) -> Option<DaemonSet> {
    Some(object(json!({"metadata": metadata, "spec": {"template": {"spec": {}}}})))
}

fn going(finalizer: &str) -> Option<DaemonSet> {
    set(json!({"name": "s", "deletionTimestamp": "2026-11-21T22:00:00Z", "finalizers": [finalizer]}))
}

fn last(seen: &[Option<DaemonSet>]) -> Option<(String, Fact<DaemonSet>)> {
    let followed = Followed::default();
    for set in seen {
        followed.note(NAME, set.clone());
    }
    followed.last()
}

#[test]
fn only_that_it_goes_is_remembered_and_only_until_it_is_back() {
    let here = || set(json!({"name": "s"}));
    let gone = || Some((NAME.to_owned(), Fact::Gone));
    assert_eq!(last(&[]), None);
    assert_eq!(last(&[here()]), None, "how it was once is no answer to how it is");
    assert_eq!(last(&[here(), None]), gone());
    assert_eq!(last(&[here(), None, here()]), None, "made anew");
    let foreground = going("foregroundDeletion");
    let known = foreground.clone().map(|set| (NAME.to_owned(), Fact::Known(set)));
    assert_eq!(last(&[here(), foreground.clone()]), known);
    assert_eq!(last(&[here(), foreground, None]), gone());
    assert_eq!(last(&[here(), going("orphan")]), None);
    assert_eq!(last(&[here(), going("orphan"), None]), None, "its Pods stay");
}
