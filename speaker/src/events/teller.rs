//! Writes Events: looks the object up, so that the Event is of that very object, and creates it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::events::v1::Event;
use k8s_openapi::jiff::Timestamp;
use kube::Api;
use kube::api::{ListParams, PostParams};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind, Status};
use tokio::sync::mpsc::Receiver;
use tokio::time::{sleep, sleep_until, timeout};
use tracing::{debug, info};

use super::bucket::Bucket;
use super::event::{Telling, api_kind};
use super::{Counts, Told};
use crate::source::kubernetes::Access;
use crate::view::{Key, Kind};

/// How long the API server may take for an answer.
const ANSWER: Duration = Duration::from_secs(10);
/// After these pauses it is asked once more.
const AGAIN: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(5)];
/// What every speaker tells, each tells at a random moment within this time: usually all but the first find it there.
const SPREAD: Duration = Duration::from_secs(2);
/// Without the right to write Events nobody asks again for so long.
const SILENCE: Duration = Duration::from_secs(600);

/// Why nothing was written.
enum Trouble {
    /// We may not.
    Forbidden,
    /// Asking again may help.
    Passing(String),
    /// It will not.
    Lasting(String),
}

pub(super) struct Teller {
    access: Access,
    instance: String,
    counts: Arc<Counts>,
    bucket: Bucket,
    silent_until: Option<Instant>,
}

impl Teller {
    pub(super) fn new(access: Access, instance: String, counts: Arc<Counts>) -> Self {
        Self { access, instance, counts, bucket: Bucket::new(Instant::now()), silent_until: None }
    }

    /// Never ends: that nothing more can come is no reason to.
    pub(super) async fn run(mut self, mut waiting: Receiver<Telling>) {
        while let Some(telling) = waiting.recv().await {
            let told = self.tell(telling).await;
            self.counts.add(told);
        }
        std::future::pending().await
    }

    async fn tell(&mut self, telling: Telling) -> Told {
        if self.silent_until.is_some_and(|until| Instant::now() < until) {
            return Told::Dropped;
        }
        while let Err(when) = self.bucket.take(Instant::now()) {
            sleep_until(when.into()).await;
        }
        if telling.key.kind != Kind::Pod {
            sleep(SPREAD.mul_f64(fastrand::f64())).await;
        }
        let mut pauses = AGAIN.into_iter();
        loop {
            let (text, pause) = match self.attempt(&telling).await {
                Ok(told) => return told,
                Err(Trouble::Forbidden) => return self.be_silent(),
                Err(Trouble::Passing(text)) => (text, pauses.next()),
                Err(Trouble::Lasting(text)) => (text, None),
            };
            let Some(pause) = pause else {
                debug!(object = %telling.key, "an Event could not be written: {text}");
                return Told::Failed;
            };
            sleep(pause).await;
        }
    }

    fn be_silent(&mut self) -> Told {
        if self.silent_until.is_none() {
            info!(
                "no Events are written: that needs the right to create events of events.k8s.io in every namespace \
                 (deploy/rbac); the log has what they would say, --events=false asks for none"
            );
        }
        self.silent_until = Some(Instant::now() + SILENCE);
        Told::Failed
    }

    async fn attempt(&self, telling: &Telling) -> Result<Told, Trouble> {
        let Some(uid) = self.answer(self.uid(&telling.key)).await? else { return Ok(Told::Dropped) };
        let event = telling.clone().event(&uid, &self.instance, Timestamp::now());
        let all: Api<Event> = Api::namespaced(self.access.client(), telling.namespace());
        match timeout(ANSWER, all.create(&PostParams::default(), &event)).await {
            Ok(Err(kube::Error::Api(status))) if status.code == 409 => Ok(Told::Existed),
            Ok(Err(kube::Error::Api(status))) if is_missing_right(&status) => Err(Trouble::Forbidden),
            Ok(outcome) => self.judge(outcome).map(|_| Told::Sent),
            Err(_) => Err(Trouble::Passing("no answer in time".to_owned())),
        }
    }

    /// The object's; none if it is gone. A list of one, for that is a right we have.
    async fn uid(&self, key: &Key) -> kube::Result<Option<String>> {
        let kind = match key.kind {
            Kind::Pod | Kind::Service => GroupVersionKind::gvk("", "v1", api_kind(key.kind)),
            Kind::Subnet | Kind::Eip => GroupVersionKind::gvk(kubeovn::GROUP, "v1", api_kind(key.kind)),
        };
        let plural = match key.kind {
            Kind::Pod => "pods",
            Kind::Service => "services",
            Kind::Subnet => "subnets",
            Kind::Eip => "iptables-eips",
        };
        let (client, resource) = (self.access.client(), ApiResource::from_gvk_with_plural(&kind, plural));
        let all: Api<DynamicObject> = match key.kind.is_namespaced() {
            true => Api::namespaced_with(client, &key.namespace, &resource),
            false => Api::all_with(client, &resource),
        };
        let one = ListParams::default().fields(&format!("metadata.name={}", key.name));
        Ok(all.list_metadata(&one).await?.items.into_iter().find_map(|object| object.metadata.uid))
    }

    async fn answer<T>(&self, asking: impl Future<Output = kube::Result<T>>) -> Result<T, Trouble> {
        match timeout(ANSWER, asking).await {
            Ok(outcome) => self.judge(outcome),
            Err(_) => Err(Trouble::Passing("no answer in time".to_owned())),
        }
    }

    fn judge<T>(&self, outcome: kube::Result<T>) -> Result<T, Trouble> {
        outcome.map_err(|error| {
            self.access.refused(&error);
            match error {
                kube::Error::Api(status) => {
                    let text = format!("{} ({} {})", status.message, status.code, status.reason);
                    match status.code {
                        401 | 429 | 500.. => Trouble::Passing(text),
                        _ => Trouble::Lasting(text),
                    }
                }
                // Its text may quote credentials.
                _ => Trouble::Passing("the API server cannot be asked".to_owned()),
            }
        })
    }
}

/// A namespace that is being deleted takes nothing new either, and says so with the same code.
fn is_missing_right(status: &Status) -> bool {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    status.code == 403 && !causes.into_iter().any(|cause| cause.reason == "NamespaceTerminating")
}
