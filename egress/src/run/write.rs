//! Calls of the API server that write: each bounded in time, and only while we lead.

use k8s_openapi::api::apps::v1::Deployment;
use kube::api::{Patch, PatchParams};
use kube::core::{ApiResource, DynamicObject};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::trouble::Trouble;
use crate::access::{ANSWER, brief};
use crate::lease::Leadership;
use crate::view::{self, Name};

/// Who we are in `managedFields`.
pub(super) const MANAGER: &str = "egress";

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
        match known {
            Some(known) if *known.owner == *owner => {}
            Some(_) => return Err(foreign()),
            None => {
                let there = self.call("deployment", all.get_opt(name)).await?.flatten();
                let owners = there.iter().flat_map(|one| one.metadata.owner_references.iter().flatten());
                if there.is_some() && !owners.into_iter().any(|one| one.uid == owner) {
                    return Err(foreign());
                }
            }
        }
        let params = PatchParams::apply(MANAGER).force();
        self.call("deployment", all.patch(name, &params, &Patch::Apply(wanted))).await?;
        Ok(())
    }
}
