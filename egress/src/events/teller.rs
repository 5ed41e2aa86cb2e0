//! Writes Events.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::sync::mpsc::Receiver;
use tokio::time::{sleep_until, timeout};
use tracing::debug;

use super::Counts;
use super::limit::Limit;
use crate::access::{ANSWER, brief};
use crate::plan::Notice;

/// The component that tells, as the API server wants it: a qualified name.
const CONTROLLER: &str = "kubeovn.io/egress";
/// What was being done.
const ACTION: &str = "Reconcile";
/// The most octets of `note` that the API server takes.
const MAX_NOTE: usize = 1024;
/// The most octets of `reportingInstance` that it takes.
const MAX_INSTANCE: usize = 128;

/// What is to be told.
#[derive(Clone, Debug)]
pub(super) struct Telling {
    pub(super) regarding: ObjectReference,
    pub(super) notice: Notice,
}

/// Never ends.
pub(super) async fn run(
    client: Client,
    identity: String,
    counts: Arc<Counts>,
    mut waiting: Receiver<Telling>,
) {
    let mut limit = Limit::new(Instant::now());
    while let Some(telling) = waiting.recv().await {
        sleep_until(limit.next(Instant::now()).into()).await;
        let (namespace, event) = telling.event(&identity, Timestamp::now());
        let all: Api<Event> = Api::namespaced(client.clone(), &namespace);
        let outcome = timeout(ANSWER, all.create(&PostParams::default(), &event)).await;
        let count = match outcome {
            Ok(Ok(_)) => &counts.sent,
            Ok(Err(error)) => {
                debug!(why = %brief(&error), "an Event could not be written");
                &counts.failed
            }
            Err(_) => &counts.failed,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
    std::future::pending().await
}

impl Telling {
    /// The Event, and the namespace it is in.
    fn event(self, instance: &str, now: Timestamp) -> (String, Event) {
        let namespace = self.regarding.namespace.clone().unwrap_or_else(|| "default".to_owned());
        let name = self.regarding.name.as_deref().unwrap_or_default();
        let type_ = if self.notice.warning { "Warning" } else { "Normal" };
        let event = Event {
            metadata: ObjectMeta {
                // As client libraries name them: the object and the time.
                name: Some(format!(
                    "{}.{:016x}",
                    cut(name.to_owned(), 200).trim_end_matches(['.', '-']),
                    now.as_nanosecond()
                )),
                namespace: Some(namespace.clone()),
                ..ObjectMeta::default()
            },
            event_time: Some(MicroTime(now)),
            type_: Some(type_.to_owned()),
            reason: Some(self.notice.reason.to_owned()),
            action: Some(ACTION.to_owned()),
            note: Some(cut(self.notice.message, MAX_NOTE)),
            regarding: Some(self.regarding),
            reporting_controller: Some(CONTROLLER.to_owned()),
            reporting_instance: Some(cut(instance.to_owned(), MAX_INSTANCE)),
            ..Event::default()
        };
        (namespace, event)
    }
}

/// At most so many octets, and whole characters.
fn cut(mut text: String, octets: usize) -> String {
    let end = (0..=octets.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.truncate(end.unwrap_or_default());
    text
}
