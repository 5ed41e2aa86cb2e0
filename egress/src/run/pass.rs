//! One pass over one object: look, decide, write what differs.
//!
//! Rows come before status and events, and no trouble with the API server keeps them from being written: a gateway that
//! dies while the API server is away still leaves its routes. All rows of an object go in one transaction. One
//! transaction is under way at a time, for those of objects of one router would refuse each other.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::jiff::Timestamp;
use kubeovn::VpcEgressGateway;
use ovn::net::{Link, TransactError};
use tokio::sync::Mutex;
use tokio::time::timeout;
use tracing::{debug, info, warn};

use super::outcome::{Cause, PATIENCE, failing, failing_vpc};
use super::queue::Ended;
use super::trouble::Trouble;
use super::write::Writer;
use crate::apply::{Owner, operations};
use crate::events::{Recorder, Regarding};
use crate::lease::Leadership;
use crate::metrics::Metrics;
use crate::network::Databases;
use crate::plan::{self, GatewayPlan, Settings, VpcPlan};
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
    /// Of objects that fail only.
    pub(super) told: std::sync::Mutex<BTreeMap<Subject, Told>>,
}

/// What became of an object whose last pass failed.
#[derive(Default)]
pub(super) struct Told {
    /// So many in a row failed.
    failed: u32,
    /// What could not be done, as it was logged last.
    troubles: String,
}

impl Engine {
    /// One pass.
    pub(super) async fn pass(&self, subject: &Subject) -> Ended {
        let begin = Instant::now();
        let failed = self.failed(subject);
        let troubles = match subject {
            Subject::Gateway(name) => self.gateway(name, failed).await,
            Subject::Vpc(name) => self.vpc(name, failed).await,
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
        let lasting = troubles.iter().filter(|one| !one.is_stale() || failed >= PATIENCE);
        let lasting: Vec<String> = lasting.map(ToString::to_string).collect();
        self.tell(subject, ended, lasting.join("; "));
        ended
    }

    /// Passes in a row over this object that failed.
    fn failed(&self, subject: &Subject) -> u32 {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.get(subject).map_or(0, |told| told.failed)
    }

    /// Logs what could not be done, once as long as it is the same.
    fn tell(&self, subject: &Subject, ended: Ended, troubles: String) {
        let mut all = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if ended == Ended::Done {
            if all.remove(subject).is_some_and(|told| !told.troubles.is_empty()) {
                info!(object = %subject, "everything could be done again");
            }
            return;
        }
        let told = all.entry(subject.clone()).or_default();
        told.failed = told.failed.saturating_add(1);
        if !troubles.is_empty() && told.troubles != troubles {
            warn!(object = %subject, %troubles, "not everything could be done; tried again");
            told.troubles = troubles;
        }
    }

    async fn gateway(&self, name: &Name, failed: u32) -> Vec<Trouble> {
        let mut troubles = self.gateway_writes(name).await;
        // Looked at before the copy: rows that are not in it are gone only if it was whole by then.
        let synced = self.databases.linked().northbound == Link::Synced;
        let Some((mut object, mut plan)) = self.look(name, false) else { return troubles };
        if plan.release
            && let Some(now) = self.look(name, true)
        {
            (object, plan) = now;
        }
        let Some(object) = object else {
            self.metrics.forget(name);
            return troubles;
        };
        if plan.release && !synced {
            troubles.push(TransactError::NotConnected.into());
            plan.release = false;
            plan.notices.clear();
        }
        let going = object.metadata.deletion_timestamp.is_some();
        if let Some(cause) = Cause::of(&troubles, failed).filter(|_| !going) {
            failing(&mut plan, &object, &cause);
        }
        self.metrics.gateway(name, &object, &plan);
        self.recorder.tell(&Regarding::of("VpcEgressGateway", &self.served, &object.metadata), &plan.notices);
        troubles.extend(self.gateway_status(name, &object, &plan).await.err());
        if plan.release {
            troubles.extend(self.release(name, &object).await.err());
        }
        troubles
    }

    /// Finalizer, Deployment, rows.
    async fn gateway_writes(&self, name: &Name) -> Vec<Trouble> {
        let mut troubles = Vec::new();
        let Some((object, first)) = self.look(name, false) else { return troubles };
        // Without the finalizer there are no rows: it is what brings us back to take them away.
        let wants = first.deployment.is_some() || first.rows.as_ref().is_some_and(|rows| !rows.is_empty());
        let mut held = true;
        if wants && let Some(object) = &object {
            let outcome = self.hold(name, object).await;
            held = outcome.is_ok();
            troubles.extend(outcome.err());
            troubles.extend(self.workload(object, &first).await.err());
        }
        if held {
            troubles.extend(self.gateway_rows(name).await.err());
        }
        troubles
    }

    /// The object, if there is one, and what it wants as things are (`now`: as the databases are now, not as they were at
    /// the last look). `None`: the databases were never complete.
    fn look(&self, name: &Name, now: bool) -> Option<(Option<Arc<VpcEgressGateway>>, GatewayPlan)> {
        let network = if now { self.databases.read_now() } else { self.databases.read() }?;
        Some(self.store.read(|cluster| {
            let object = cluster.gateways.get(name).cloned();
            (object, plan::gateway(cluster, &network, &self.settings, name))
        }))
    }

    async fn gateway_rows(&self, name: &Name) -> Result<(), Trouble> {
        let owner = Owner::Gateway { vendor: self.served.vendor().into(), name: name.clone() };
        let rows = |now| self.look(name, now).and_then(|(_, plan)| plan.rows);
        self.write(&owner, &Subject::Gateway(name.clone()), rows).await
    }

    /// The rows of an object, if they differ. They are decided once more on the databases as they are then, and right
    /// before they are written.
    async fn write(
        &self,
        owner: &Owner,
        subject: &Subject,
        rows: impl Fn(bool) -> Option<Vec<Row>>,
    ) -> Result<(), Trouble> {
        let northbound = &self.databases.northbound;
        let differs = |rows: &[Row]| northbound.read(|replica| operations(replica, owner, rows));
        let _one = self.transaction.lock().await;
        let Some(first) = rows(false) else { return Ok(()) };
        if differs(&first).is_ok_and(|operations| operations.is_empty()) {
            return Ok(());
        }
        let Some(rows) = rows(true) else { return Ok(()) };
        let operations = differs(&rows)?;
        if operations.is_empty() {
            return Ok(());
        }
        let time = self.leadership.remaining().ok_or(Trouble::NotLeading)?.min(ANSWER);
        let count = operations.len();
        let answer = timeout(time, northbound.transact(operations)).await;
        self.databases.written();
        match answer {
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
    ) -> Result<(), Trouble> {
        let mut wanted = plan.status.clone();
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

    async fn vpc(&self, name: &str, failed: u32) -> Vec<Trouble> {
        let owner = Owner::Vpc { vendor: self.served.vendor().into(), name: name.into() };
        let rows = |now| self.look_at_vpc(name, now).and_then(|(_, plan)| plan.rows);
        let wrote = self.write(&owner, &Subject::Vpc(name.into()), rows).await;
        let mut troubles: Vec<Trouble> = wrote.err().into_iter().collect();
        let Some((Some(object), mut plan)) = self.look_at_vpc(name, false) else { return troubles };
        if let Some(cause) = Cause::of(&troubles, failed) {
            failing_vpc(&mut plan, &object, &cause);
        }
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

    fn look_at_vpc(&self, name: &str, now: bool) -> Option<(Option<Arc<kubeovn::Vpc>>, VpcPlan)> {
        let network = if now { self.databases.read_now() } else { self.databases.read() }?;
        Some(self.store.read(|cluster| {
            (cluster.vpcs.get(name).cloned(), plan::vpc(cluster, &network, &self.settings, name))
        }))
    }
}

/// Whether the Deployment is as it is wanted, by what is compared: who made it, its hash and how many pods.
fn is_same(wanted: &k8s_openapi::api::apps::v1::Deployment, known: &view::Deployment) -> bool {
    let annotations = wanted.metadata.annotations.as_ref();
    let hash = annotations.and_then(|all| all.get("ovn.kubernetes.io/generate-hash"));
    let replicas = wanted.spec.replicas.unwrap_or(1);
    hash.map(String::as_str) == Some(&*known.hash) && replicas == known.replicas && known.applied
}
