//! One pass over one object: look, decide, write what differs.
//!
//! Rows come before status and events, and no trouble with the API server keeps them from being written: a gateway that
//! dies while the API server is away still leaves its routes. All rows of an object go in one transaction. One
//! transaction is under way at a time, for those of objects of one router would refuse each other.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::jiff::Timestamp;
use kubeovn::{StatusCondition, VpcEgressGateway};
use tokio::sync::Mutex;
use tokio::time::timeout;
use tracing::{debug, info, warn};

use super::queue::Ended;
use super::trouble::Trouble;
use super::write::Writer;
use crate::apply::{Owner, operations};
use crate::events::{Recorder, Regarding};
use crate::lease::Leadership;
use crate::metrics::Metrics;
use crate::network::Databases;
use crate::plan::{self, GatewayPlan, Notice, Settings, VpcPlan};
use crate::rows::Row;
use crate::source::{Served, Store};
use crate::status;
use crate::subject::Subject;
use crate::view::{self, Name};

/// How long the northbound database may take for an answer.
const ANSWER: Duration = Duration::from_secs(5);

/// What every pass needs.
pub(super) struct Engine {
    pub(super) store: Store,
    pub(super) databases: Databases,
    pub(super) settings: Settings,
    pub(super) served: Served,
    pub(super) writer: Writer,
    pub(super) leadership: Leadership,
    pub(super) recorder: Recorder,
    pub(super) metrics: Arc<Metrics>,
    /// Held from reading the copy until the transaction's answer.
    pub(super) transaction: Mutex<()>,
    /// What could not be done, as it was logged last; of objects that fail only.
    pub(super) told: std::sync::Mutex<BTreeMap<Subject, String>>,
}

impl Engine {
    /// One pass.
    pub(super) async fn pass(&self, subject: &Subject) -> Ended {
        let begin = Instant::now();
        let troubles = match subject {
            Subject::Gateway(name) => self.gateway(name).await,
            Subject::Vpc(name) => self.vpc(name).await,
        };
        self.metrics.pass(subject.kind(), begin.elapsed());
        let mut ended = Ended::Done;
        for trouble in &troubles {
            self.metrics.trouble(trouble.name());
            if trouble.is_stale() {
                debug!(object = %subject, %trouble, "again");
            }
            if ended != Ended::Failed {
                ended = trouble.ended();
            }
        }
        let lasting = troubles.iter().filter(|one| !one.is_stale()).map(ToString::to_string);
        self.tell(subject, lasting.collect::<Vec<_>>().join("; "));
        ended
    }

    /// Logs what could not be done, once as long as it is the same.
    fn tell(&self, subject: &Subject, troubles: String) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if troubles.is_empty() {
            if told.remove(subject).is_some() {
                info!(object = %subject, "everything could be done again");
            }
        } else if told.get(subject) != Some(&troubles) {
            warn!(object = %subject, %troubles, "not everything could be done; tried again");
            told.insert(subject.clone(), troubles);
        }
    }

    async fn gateway(&self, name: &Name) -> Vec<Trouble> {
        let mut troubles = Vec::new();
        let mut keep =
            |outcome: Result<(), Trouble>| outcome.err().into_iter().for_each(|one| troubles.push(one));
        let Some((object, first)) = self.look(name) else { return troubles };
        // Without the finalizer there are no rows: it is what brings us back to take them away.
        let wants = first.deployment.is_some() || first.rows.as_ref().is_some_and(|rows| !rows.is_empty());
        let mut held = true;
        if wants && let Some(object) = &object {
            let outcome = self.hold(name, object).await;
            held = outcome.is_ok();
            keep(outcome);
            keep(self.workload(object, &first).await);
        }
        if held {
            keep(self.gateway_rows(name).await);
        }
        let Some((object, plan)) = self.look(name) else { return troubles };
        let Some(object) = object else {
            self.metrics.forget(name);
            return troubles;
        };
        self.metrics.gateway(name, &object, &plan);
        let cause = troubles.iter().find_map(|one| Some((one.condition()?, one.to_string())));
        let regarding = Regarding::of("VpcEgressGateway", &self.served, &object.metadata);
        match &cause {
            Some((reason, message)) => {
                let notice = Notice { warning: true, reason, message: message.clone() };
                self.recorder.tell(&regarding, &[notice]);
            }
            None => self.recorder.tell(&regarding, &plan.notices),
        }
        troubles.extend(self.gateway_status(name, &object, &plan, cause).await.err());
        if plan.release {
            troubles.extend(self.release(name, &object).await.err());
        }
        troubles
    }

    /// The object, if there is one, and what it wants as things are now. `None`: the databases were never complete.
    fn look(&self, name: &Name) -> Option<(Option<Arc<VpcEgressGateway>>, GatewayPlan)> {
        let network = self.databases.read()?;
        Some(self.store.read(|cluster| {
            let object = cluster.gateways.get(name).cloned();
            (object, plan::gateway(cluster, &network, &self.settings, name))
        }))
    }

    async fn gateway_rows(&self, name: &Name) -> Result<(), Trouble> {
        let owner = Owner::Gateway { vendor: self.served.vendor().into(), name: name.clone() };
        let _one = self.transaction.lock().await;
        let Some((_, plan)) = self.look(name) else { return Ok(()) };
        let Some(rows) = plan.rows else { return Ok(()) };
        self.write(&owner, &rows, &Subject::Gateway(name.clone())).await
    }

    /// The rows of an object, if they differ. The caller holds the lock.
    async fn write(&self, owner: &Owner, rows: &[Row], subject: &Subject) -> Result<(), Trouble> {
        let northbound = &self.databases.northbound;
        let operations = northbound.read(|replica| operations(replica, owner, rows))?;
        if operations.is_empty() {
            return Ok(());
        }
        let time = self.leadership.remaining().ok_or(Trouble::NotLeading)?.min(ANSWER);
        let count = operations.len();
        match timeout(time, northbound.transact(operations)).await {
            Ok(outcome) => outcome?,
            Err(_) => return Err(Trouble::Silence),
        };
        info!(object = %subject, operations = count, rows = rows.len(), "rows written");
        Ok(())
    }

    /// Adds the finalizer.
    async fn hold(&self, name: &Name, object: &VpcEgressGateway) -> Result<(), Trouble> {
        let finalizer = self.served.finalizer();
        let mut all = object.metadata.finalizers.clone().unwrap_or_default();
        if all.contains(&finalizer) {
            return Ok(());
        }
        all.push(finalizer);
        let version = object.metadata.resource_version.as_deref();
        self.writer.finalizers(&self.served.gateways(), name, version, &all).await
    }

    /// Takes the finalizer off: the rows are gone.
    async fn release(&self, name: &Name, object: &VpcEgressGateway) -> Result<(), Trouble> {
        let finalizer = self.served.finalizer();
        let before = object.metadata.finalizers.clone().unwrap_or_default();
        let after: Vec<String> = before.iter().filter(|one| **one != finalizer).cloned().collect();
        if after.len() == before.len() {
            return Ok(());
        }
        let version = object.metadata.resource_version.as_deref();
        self.writer.finalizers(&self.served.gateways(), name, version, &after).await
    }

    /// The Deployment, if it differs.
    async fn workload(&self, object: &VpcEgressGateway, plan: &GatewayPlan) -> Result<(), Trouble> {
        let Some(wanted) = &plan.deployment else { return self.scale(object, plan).await };
        let text = |field: &Option<String>| field.as_deref().unwrap_or_default().into();
        let key = Name { namespace: text(&wanted.metadata.namespace), name: text(&wanted.metadata.name) };
        let known = self.store.read(|cluster| cluster.deployments.get(&key).cloned());
        let owner = object.metadata.uid.as_deref().unwrap_or_default();
        if known.as_ref().is_some_and(|known| *known.owner == *owner && is_same(wanted, known)) {
            return Ok(());
        }
        self.writer.deployment(wanted, owner, known.as_deref()).await
    }

    /// How many pods the Deployment has, where its template stays.
    async fn scale(&self, object: &VpcEgressGateway, plan: &GatewayPlan) -> Result<(), Trouble> {
        let (Some(replicas), Some(workload)) = (plan.replicas, &plan.status.workload) else { return Ok(()) };
        let key = Name::new(object.metadata.namespace.as_deref().unwrap_or_default(), &workload.name);
        let known = self.store.read(|cluster| cluster.deployments.get(&key).cloned());
        let owner = object.metadata.uid.as_deref();
        match known {
            Some(known) if Some(&*known.owner) == owner && known.replicas != replicas => {
                self.writer.replicas(&key, replicas).await
            }
            _ => Ok(()),
        }
    }

    async fn gateway_status(
        &self,
        name: &Name,
        object: &VpcEgressGateway,
        plan: &GatewayPlan,
        cause: Option<(&'static str, String)>,
    ) -> Result<(), Trouble> {
        let mut wanted = plan.status.clone();
        if let Some(cause) = cause {
            failed(&mut wanted, cause, object.metadata.generation);
        }
        let there = object.status.as_ref();
        let conditions = there.and_then(|there| there.conditions.as_deref()).unwrap_or_default();
        if let Some(wanted) = &mut wanted.conditions {
            status::dated(wanted, conditions, Timestamp::now());
        }
        let patch = status::patch(there, &wanted, None);
        match patch.and_then(|patch| status::without_dropped(patch, there, "router")) {
            Some(patch) => self.writer.status(&self.served.gateways(), name, &patch).await,
            None => Ok(()),
        }
    }

    async fn vpc(&self, name: &str) -> Vec<Trouble> {
        let mut troubles = Vec::new();
        let owner = Owner::Vpc { vendor: self.served.vendor().into(), name: name.into() };
        {
            let _one = self.transaction.lock().await;
            let Some((_, plan)) = self.look_at_vpc(name) else { return troubles };
            if let Some(rows) = plan.rows {
                troubles.extend(self.write(&owner, &rows, &Subject::Vpc(name.into())).await.err());
            }
        }
        let Some((Some(object), mut plan)) = self.look_at_vpc(name) else { return troubles };
        let there = object.status.as_ref();
        let conditions = there.and_then(|there| there.conditions.as_deref()).unwrap_or_default();
        if let Some(wanted) = &mut plan.status.conditions {
            status::dated(wanted, conditions, Timestamp::now());
        }
        let plain = Name { namespace: "".into(), name: name.into() };
        if let Some(patch) = status::patch(there, &plan.status, Some(&["bfdPort", "conditions"])) {
            troubles.extend(self.writer.status(&self.served.vpcs(), &plain, &patch).await.err());
        }
        self.recorder.tell(&Regarding::of("Vpc", &self.served, &object.metadata), &plan.notices);
        troubles
    }

    fn look_at_vpc(&self, name: &str) -> Option<(Option<Arc<kubeovn::Vpc>>, VpcPlan)> {
        let network = self.databases.read()?;
        Some(self.store.read(|cluster| {
            (cluster.vpcs.get(name).cloned(), plan::vpc(cluster, &network, &self.settings, name))
        }))
    }
}

/// Whether the Deployment is as it is wanted, by what is compared: its hash and how many pods.
fn is_same(wanted: &k8s_openapi::api::apps::v1::Deployment, known: &view::Deployment) -> bool {
    let annotations = wanted.metadata.annotations.as_ref();
    let hash = annotations.and_then(|all| all.get("ovn.kubernetes.io/generate-hash"));
    let replicas = wanted.spec.replicas.unwrap_or(1);
    hash.map(String::as_str) == Some(&*known.hash) && replicas == known.replicas
}

/// What is told of a gateway whose rows or Deployment cannot be as they are wanted.
fn failed(
    status: &mut kubeovn::VpcEgressGatewayStatus,
    (reason, message): (&'static str, String),
    generation: Option<i64>,
) {
    status.ready = false;
    "Processing".clone_into(&mut status.phase);
    let conditions = status.conditions.get_or_insert_default();
    conditions.retain(|one| one.kind != "Ready");
    conditions.push(StatusCondition {
        kind: "Ready".to_owned(),
        status: "False".to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message),
        observed_generation: generation,
        ..StatusCondition::default()
    });
}
