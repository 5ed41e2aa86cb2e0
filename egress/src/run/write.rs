//! Calls of the API server that write: each bounded in time, and only while we lead.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use kube::api::{Patch, PatchParams, PostParams};
use kube::core::{ApiResource, DynamicObject};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::trouble::Trouble;
use crate::access::{ANSWER, MANAGER, brief};
use crate::lease::Leadership;
use crate::source::is_applied;
use crate::view::{self, Name};

/// The way to write.
#[derive(Clone)]
pub(super) struct Writer {
    client: Client,
    leadership: Leadership,
}

impl Writer {
    pub(super) fn new(client: Client, leadership: Leadership) -> Self {
        Self { client, leadership }
    }

    /// One call. What is not there any more is no failure: `None`.
    async fn call<T>(
        &self,
        what: &'static str,
        asking: impl Future<Output = kube::Result<T>>,
    ) -> Result<Option<T>, Trouble> {
        let time = self.leadership.remaining().ok_or(Trouble::NotLeading)?.min(ANSWER);
        match timeout(time, asking).await {
            Ok(Ok(answer)) => Ok(Some(answer)),
            Ok(Err(kube::Error::Api(status))) if status.code == 404 => Ok(None),
            Ok(Err(kube::Error::Api(status))) if status.code == 409 => Err(Trouble::Overtaken { what }),
            Ok(Err(error)) => {
                let lasting =
                    matches!(&error, kube::Error::Api(status) if matches!(status.code, 400 | 403 | 422));
                Err(Trouble::Api { what, why: brief(&error), lasting })
            }
            Err(_) => Err(Trouble::Api { what, why: "no answer in time".to_owned(), lasting: false }),
        }
    }

    fn objects(&self, resource: &ApiResource, name: &Name) -> Api<DynamicObject> {
        match name.namespace.is_empty() {
            true => Api::all_with(self.client.clone(), resource),
            false => Api::namespaced_with(self.client.clone(), &name.namespace, resource),
        }
    }

    /// Status of an object.
    pub(super) async fn status(
        &self,
        resource: &ApiResource,
        name: &Name,
        patch: &Value,
    ) -> Result<(), Trouble> {
        let objects = self.objects(resource, name);
        let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        self.call("status", objects.patch_status(&name.name, &params, &Patch::Merge(patch))).await?;
        Ok(())
    }

    /// Finalizers of the object, if its version still is this.
    pub(super) async fn finalizers(
        &self,
        resource: &ApiResource,
        name: &Name,
        version: Option<&str>,
        finalizers: &[String],
    ) -> Result<(), Trouble> {
        let objects = self.objects(resource, name);
        let patch = json!({ "metadata": { "resourceVersion": version, "finalizers": finalizers } });
        let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        self.call("finalizer", objects.patch(&name.name, &params, &Patch::Merge(&patch))).await?;
        Ok(())
    }

    /// How many pods a Deployment of ours has.
    pub(super) async fn replicas(&self, name: &Name, replicas: i32) -> Result<(), Trouble> {
        let all: Api<Deployment> = Api::namespaced(self.client.clone(), &name.namespace);
        let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        let patch = json!({ "spec": { "replicas": replicas } });
        self.call("deployment", all.patch(&name.name, &params, &Patch::Merge(&patch))).await?;
        Ok(())
    }

    /// The Deployment of a gateway, of which `known` is in the store: one that somebody else made is not touched.
    ///
    /// One that belongs to the gateway and that kube-ovn-controller made is replaced first: applying alone would leave what
    /// that wrote beside what is applied, a second handler in a probe among them, which is refused.
    pub(super) async fn deployment(
        &self,
        wanted: &Deployment,
        owner: &str,
        known: Option<&view::Deployment>,
    ) -> Result<(), Trouble> {
        let namespace = wanted.metadata.namespace.as_deref().unwrap_or_default();
        let name = wanted.metadata.name.as_deref().unwrap_or_default();
        let foreign = || Trouble::ForeignDeployment(Name { namespace: namespace.into(), name: name.into() });
        let all: Api<Deployment> = Api::namespaced(self.client.clone(), namespace);
        let mut others = false;
        match known {
            Some(known) if *known.owner != *owner => return Err(foreign()),
            Some(known) if known.applied => {}
            _ => {
                if let Some(there) = self.call("deployment", all.get_opt(name)).await?.flatten() {
                    let owners = there.metadata.owner_references.iter().flatten();
                    if !owners.into_iter().any(|one| one.uid == owner) {
                        return Err(foreign());
                    }
                    others = !is_applied(there.metadata.managed_fields.as_deref().unwrap_or_default());
                    if others {
                        let new = replacement(wanted, there);
                        let params =
                            PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
                        self.call("deployment", all.replace(name, &params, &new)).await?;
                    }
                }
            }
        }
        let params = PatchParams::apply(MANAGER).force();
        let applied = self.call("deployment", all.patch(name, &params, &Patch::Apply(wanted))).await?;
        match applied.filter(|_| others) {
            Some(applied) => self.disown(&all, name, &applied).await,
            None => Ok(()),
        }
    }

    /// Leaves fields to those who apply them and to those who write the status: what anybody else owns, too, would not go
    /// when it is not applied any more.
    async fn disown(&self, all: &Api<Deployment>, name: &str, applied: &Deployment) -> Result<(), Trouble> {
        let keeps = |one: &&ManagedFieldsEntry| {
            one.operation.as_deref() == Some("Apply")
                || one.subresource.as_deref().is_some_and(|name| !name.is_empty())
        };
        let kept: Vec<_> = applied.metadata.managed_fields.iter().flatten().filter(keeps).collect();
        let version = &applied.metadata.resource_version;
        let patch = json!({ "metadata": { "resourceVersion": version, "managedFields": kept } });
        let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
        self.call("deployment", all.patch(name, &params, &Patch::Merge(&patch))).await?;
        Ok(())
    }
}

/// What takes the place of a Deployment, if its version still is that.
fn replacement(wanted: &Deployment, there: Deployment) -> Deployment {
    let mut annotations = wanted.metadata.annotations.clone().unwrap_or_default();
    let old = there.metadata.annotations.unwrap_or_default();
    // The number of the rollout is the Deployment controller's.
    annotations.extend(old.into_iter().filter(|(key, _)| key == "deployment.kubernetes.io/revision"));
    Deployment {
        metadata: ObjectMeta {
            annotations: Some(annotations),
            resource_version: there.metadata.resource_version,
            uid: there.metadata.uid,
            finalizers: there.metadata.finalizers,
            ..wanted.metadata.clone()
        },
        spec: wanted.spec.clone(),
        status: None,
    }
}
