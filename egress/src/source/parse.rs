//! Objects of the API server, stripped to what decides.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::apps::v1 as apps;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use kube::core::{DynamicObject, PartialObjectMeta};
use kubeovn::{Subnet, Vpc, VpcEgressGateway};

use crate::access::MANAGER;
use crate::view::{Deployment, Name, Node, Pod};

/// What one watch event says of an object.
pub(super) enum Parsed {
    /// It is this.
    Object(Object),
    /// It decides nothing.
    Irrelevant,
    /// It cannot be read: why.
    Bad(String),
}

/// What decides of an object.
#[derive(Clone)]
pub(super) enum Object {
    Gateway(Arc<VpcEgressGateway>),
    Vpc(Arc<Vpc>),
    OwnVpc(Arc<Vpc>),
    Subnet(Arc<Subnet>),
    Pod(Arc<Pod>),
    Namespace(BTreeMap<String, String>),
    Node(Arc<Node>),
    Deployment(Arc<Deployment>),
    Attachment,
}

/// `NAMESPACE/NAME`; the namespace is empty where the kind has none.
pub(super) fn name_of(meta: &ObjectMeta) -> Name {
    let text = |field: &Option<String>| field.as_deref().unwrap_or_default().into();
    Name { namespace: text(&meta.namespace), name: text(&meta.name) }
}

pub(super) fn gateway(object: DynamicObject) -> Parsed {
    match strip(object).try_parse::<VpcEgressGateway>() {
        Ok(gateway) => Parsed::Object(Object::Gateway(Arc::new(gateway))),
        Err(error) => Parsed::Bad(error.to_string()),
    }
}

pub(super) fn vpc(object: DynamicObject) -> Parsed {
    match strip(object).try_parse::<Vpc>() {
        Ok(vpc) => Parsed::Object(Object::Vpc(Arc::new(vpc))),
        Err(error) => Parsed::Bad(error.to_string()),
    }
}

pub(super) fn own_vpc(object: DynamicObject) -> Parsed {
    match vpc(object) {
        Parsed::Object(Object::Vpc(vpc)) => Parsed::Object(Object::OwnVpc(vpc)),
        other => other,
    }
}

pub(super) fn subnet(object: DynamicObject) -> Parsed {
    match strip(object).try_parse::<Subnet>() {
        Ok(subnet) => Parsed::Object(Object::Subnet(Arc::new(subnet))),
        Err(error) => Parsed::Bad(error.to_string()),
    }
}

/// What nobody reads and may be large.
fn strip(mut object: DynamicObject) -> DynamicObject {
    object.metadata.managed_fields = None;
    if let Some(annotations) = &mut object.metadata.annotations {
        annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    }
    object
}

pub(super) fn namespace(object: PartialObjectMeta<core::Namespace>) -> Parsed {
    Parsed::Object(Object::Namespace(object.metadata.labels.unwrap_or_default()))
}

pub(super) fn attachment(_: PartialObjectMeta<DynamicObject>) -> Parsed {
    Parsed::Object(Object::Attachment)
}

pub(super) fn node(object: core::Node) -> Parsed {
    let conditions = object.status.and_then(|status| status.conditions).unwrap_or_default();
    let annotations = object.metadata.annotations.unwrap_or_default();
    Parsed::Object(Object::Node(Arc::new(Node {
        labels: object.metadata.labels.unwrap_or_default(),
        port_name: annotations
            .get("ovn.kubernetes.io/port_name")
            .map(String::as_str)
            .unwrap_or_default()
            .into(),
        ready: conditions.iter().any(|one| one.type_ == "Ready" && one.status == "True"),
    })))
}

pub(super) fn deployment(object: apps::Deployment) -> Parsed {
    let meta = object.metadata;
    let status = object.status.unwrap_or_default();
    let owners = meta.owner_references.unwrap_or_default();
    let owner = owners.iter().find(|one| one.kind == "VpcEgressGateway").map(|one| one.uid.as_str());
    let annotations = meta.annotations.unwrap_or_default();
    let hash = annotations.get("ovn.kubernetes.io/generate-hash").map(String::as_str);
    let stuck = status.conditions.iter().flatten().any(|one| {
        one.type_.as_deref() == Some("Progressing")
            && one.status.as_deref() == Some("False")
            && one.reason.as_deref() == Some("ProgressDeadlineExceeded")
    });
    Parsed::Object(Object::Deployment(Arc::new(Deployment {
        hash: hash.unwrap_or_default().into(),
        // Absent means one, says the API.
        replicas: object.spec.replicas.unwrap_or(1),
        owner: owner.unwrap_or_default().into(),
        generation: meta.generation.unwrap_or_default(),
        observed: status.observed_generation.unwrap_or_default(),
        counts: [status.replicas, status.updated_replicas, status.available_replicas]
            .map(Option::unwrap_or_default),
        stuck,
        applied: is_applied(meta.managed_fields.as_deref().unwrap_or_default()),
    })))
}

/// Whether we applied the object and nothing of a replacement by us, which comes before, is left: what two managers own is
/// not taken away when one of them does not want it any more.
pub(crate) fn is_applied(fields: &[ManagedFieldsEntry]) -> bool {
    let ours = |operation: &str| {
        fields.iter().any(|one| {
            one.manager.as_deref() == Some(MANAGER)
                && one.operation.as_deref() == Some(operation)
                && one.subresource.as_deref().is_none_or(str::is_empty)
        })
    };
    ours("Apply") && !ours("Update")
}
