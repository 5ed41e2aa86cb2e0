//! One kind kept equal to the API server.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::pin::pin;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Namespace, Node, Pod};
use kube::core::{ApiResource, DynamicObject, PartialObjectMeta};
use kube::runtime::watcher::{self, Config, Error, Event, watcher};
use kube::{Api, Client, Resource};
use tokio::task::JoinSet;
use tracing::{info, warn};

use super::kinds::{self, Kind, Served};
use super::parse::{self, Parsed};
use super::store::Store;
use super::{affected, controller, pod};
use crate::access::brief;

/// Pause after the first error of a watch; doubled with each until [`LONGEST`], and varied by a fifth.
const SHORTEST: Duration = Duration::from_millis(200);
/// The longest pause: so long at most does an API server that is back wait to be noticed.
const LONGEST: Duration = Duration::from_secs(5);
/// How long one watch lasts, in seconds: one whose connection died without a word is noticed about so late at most.
const LASTS: u32 = 60;

/// Watches everything, until the set is dropped.
#[must_use]
pub fn start(client: &Client, served: &Served, store: &Store) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let all = |resource: &ApiResource| Api::<DynamicObject>::all_with(client.clone(), resource);
    let run = |kind, parse| Run { kind, store: store.clone(), parse };
    tasks.spawn(run(Kind::Gateway, parse::gateway).dynamic(all(&served.gateways())));
    tasks.spawn(run(Kind::Vpc, parse::vpc).dynamic(all(&kinds::vpcs())));
    if !served.is_kube_ovn() {
        tasks.spawn(run(Kind::OwnVpc, parse::own_vpc).dynamic(all(&served.vpcs())));
    }
    tasks.spawn(run(Kind::Subnet, parse::subnet).dynamic(all(&kinds::subnets())));
    let pods = Run { kind: Kind::Pod, store: store.clone(), parse: pod::pod };
    tasks.spawn(pods.follow(watcher(Api::<Pod>::all(client.clone()), config())));
    let nodes = Run { kind: Kind::Node, store: store.clone(), parse: parse::node };
    tasks.spawn(nodes.follow(watcher(Api::<Node>::all(client.clone()), config())));
    let workloads = Run { kind: Kind::Deployment, store: store.clone(), parse: parse::deployment };
    let ours = config().labels(&affected::deployment_selector());
    tasks.spawn(workloads.follow(watcher(Api::<Deployment>::all(client.clone()), ours)));
    let namespaces = Run { kind: Kind::Namespace, store: store.clone(), parse: parse::namespace };
    tasks.spawn(
        namespaces.follow(watcher(Api::<PartialObjectMeta<Namespace>>::all(client.clone()), config())),
    );
    let some = Api::<PartialObjectMeta<DynamicObject>>::all_with(client.clone(), &kinds::attachments());
    let attachments = Run { kind: Kind::Attachment, store: store.clone(), parse: parse::attachment };
    tasks.spawn(attachments.follow(watcher(some, config())));
    tasks.spawn(controller::ask(client.clone(), store.clone()));
    tasks
}

fn config() -> Config {
    Config::default().timeout(LASTS)
}

/// The task of one kind.
struct Run<K> {
    kind: Kind,
    store: Store,
    parse: fn(K) -> Parsed,
}

impl Run<DynamicObject> {
    async fn dynamic(self, api: Api<DynamicObject>) {
        self.follow(watcher(api, config())).await;
    }
}

impl<K: Meta + Debug> Run<K> {
    /// Never ends.
    async fn follow(self, events: impl Stream<Item = watcher::Result<Event<K>>>) {
        let mut events = pin!(events);
        let mut shown = BTreeSet::new();
        let mut pause = SHORTEST;
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => {
                    if !matches!(event, Event::Init) {
                        pause = SHORTEST;
                        self.store.well(self.kind);
                    }
                    self.event(event, &mut shown);
                }
                Err(error) => {
                    self.failed(&error);
                    tokio::time::sleep(pause.mul_f64(0.9 + 0.2 * fastrand::f64())).await;
                    pause = (pause * 2).min(LONGEST);
                }
            }
        }
    }

    fn event(&self, event: Event<K>, shown: &mut BTreeSet<crate::view::Name>) {
        match event {
            Event::Init => shown.clear(),
            Event::InitApply(object) => {
                shown.insert(parse::name_of(object.meta()));
                self.apply(object);
            }
            Event::InitDone => {
                if self.kind == Kind::Attachment {
                    self.store.attachments_known(true);
                }
                self.store.complete(self.kind, shown);
                shown.clear();
            }
            Event::Apply(object) => self.apply(object),
            Event::Delete(object) => self.store.remove(self.kind, &parse::name_of(object.meta())),
        }
    }

    fn apply(&self, object: K) {
        let name = parse::name_of(object.meta());
        match (self.parse)(object) {
            Parsed::Object(object) => self.store.put(name, object),
            Parsed::Irrelevant => self.store.remove(self.kind, &name),
            Parsed::Bad(why) => {
                self.store.bad(self.kind, &name);
                let (namespace, name) = (&name.namespace, &name.name);
                warn!(kind = self.kind.name(), %namespace, %name, %why,
                    "an object cannot be read; its last good form stays in force");
            }
        }
    }

    fn failed(&self, error: &Error) {
        let why = match error {
            Error::InitialListFailed(error) | Error::WatchStartFailed(error) | Error::WatchFailed(error) => {
                if self.kind == Kind::Attachment && is_not_found(error) {
                    self.store.attachments_known(false);
                    return self.store.well(self.kind);
                }
                brief(error)
            }
            // Too old a version is listed anew at once: no trouble.
            Error::WatchError(status) if status.code == 410 => return,
            Error::WatchError(status) => format!("{} ({})", status.message, status.code),
            Error::NoResourceVersion => "an answer without a version".to_owned(),
        };
        if self.store.trouble(self.kind, why.clone()) {
            info!(kind = self.kind.name(), %why, "no good answer of the API server; what is known stays in force");
        }
    }
}

fn is_not_found(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

/// What every watched object has.
trait Meta {
    fn meta(&self) -> &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
}

impl<K: Resource> Meta for K {
    fn meta(&self) -> &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
        Resource::meta(self)
    }
}
