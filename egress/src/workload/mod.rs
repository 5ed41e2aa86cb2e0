//! The Deployment of a gateway: a function of its [`Spec`].
//!
//! Owns names, labels, annotations, containers and what decides that a Deployment is another one (the hash). Leaves to
//! `apply` how it gets to the API server. Pure. Differences from Kube-OVN's are listed in `docs/egress.md`.

mod containers;
mod routes;

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::{
    Affinity, EmptyDirVolumeSource, NodeAffinity, NodeSelector, PodAffinityTerm, PodAntiAffinity,
    PodSecurityContext, PodSpec, PodTemplateSpec, SeccompProfile, Sysctl, Volume, WeightedPodAffinityTerm,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use sha2::{Digest, Sha256};

use crate::spec::{Addresses, Pods, Spec};

/// Annotation of the Deployment: what it was made from. A Deployment with another one is to be replaced.
pub const HASH: &str = "ovn.kubernetes.io/generate-hash";
/// Label of every object that belongs to a gateway.
pub const APP: (&str, &str) = ("app", "vpc-egress-gateway");
/// Topology of the anti-affinity.
const HOSTNAME: &str = "kubernetes.io/hostname";

/// Key of the label that names the gateway. Gateways of another group have another one, so that a kube-ovn-controller
/// beside us never takes their pods for those of its own gateway of the same name.
#[must_use]
pub fn label_key(group: &str) -> String {
    if group == kubeovn::GROUP {
        "ovn.kubernetes.io/vpc-egress-gateway".to_owned()
    } else {
        format!("{group}/vpc-egress-gateway")
    }
}

/// Value of that label: the name, or where it is longer than a label may be, 54 characters of it and eight of its digest.
#[must_use]
pub fn label_value(name: &str) -> String {
    match name.get(..54) {
        Some(head) if name.len() > 63 => format!("{head}-{}", &digest(name.as_bytes())[..8]),
        _ => name.to_owned(),
    }
}

/// Labels of a gateway's Deployment and pods, which are the selector as well.
#[must_use]
pub fn labels(group: &str, name: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(APP.0.to_owned(), APP.1.to_owned()), (label_key(group), label_value(name))])
}

/// The selector as text: `status.labelSelector`.
#[must_use]
pub fn label_selector(group: &str, name: &str) -> String {
    labels(group, name).iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}

/// SHA-256 in hexadecimal.
fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|octet| format!("{octet:02x}")).collect()
}

/// The Deployment that a gateway of `group` wants, with its hash.
#[must_use]
pub fn deployment(spec: &Spec, group: &str) -> Deployment {
    let labels = labels(group, &spec.name.name);
    let mut deployment = Deployment {
        metadata: ObjectMeta {
            name: Some(spec.pods.workload.to_string()),
            namespace: Some(spec.name.namespace.to_string()),
            labels: Some(labels.clone()),
            owner_references: Some(vec![owner(spec, group)]),
            ..ObjectMeta::default()
        },
        spec: DeploymentSpec {
            selector: LabelSelector { match_labels: Some(labels.clone()), ..LabelSelector::default() },
            strategy: Some(DeploymentStrategy {
                type_: Some("RollingUpdate".to_owned()),
                // Fixed addresses may be no more than there are pods: the old pod goes first.
                rolling_update: Some(RollingUpdateDeployment {
                    max_surge: Some(IntOrString::Int(0)),
                    max_unavailable: Some(IntOrString::Int(1)),
                }),
            }),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(labels.clone()),
                    annotations: Some(annotations(spec)),
                    ..ObjectMeta::default()
                }),
                spec: Some(pod(spec, labels)),
            },
            ..DeploymentSpec::default()
        },
        ..Deployment::default()
    };
    // Replicas are left out, so that scaling replaces no pod.
    let hash = hash(&deployment);
    deployment.metadata.annotations = Some(BTreeMap::from([(HASH.to_owned(), hash)]));
    deployment.spec.replicas = Some(i32::from(spec.pods.replicas));
    deployment
}

fn hash(deployment: &Deployment) -> String {
    // A struct of maps with text keys cannot fail to become JSON; if it did, the hash would still be of one value.
    let mut text = digest(&serde_json::to_vec(deployment).unwrap_or_default());
    text.truncate(12);
    text
}

fn owner(spec: &Spec, group: &str) -> OwnerReference {
    OwnerReference {
        api_version: format!("{group}/{}", kubeovn::VERSION),
        kind: "VpcEgressGateway".to_owned(),
        name: spec.name.name.to_string(),
        uid: spec.uid.to_string(),
        ..OwnerReference::default()
    }
}

fn annotations(spec: &Spec) -> BTreeMap<String, String> {
    let mut all = routes::annotations(spec);
    let attachment = format!("{}/{}", spec.attachment.namespace, spec.attachment.name);
    all.insert("k8s.v1.cni.cncf.io/networks".to_owned(), attachment);
    all.insert("ovn.kubernetes.io/logical_switch".to_owned(), spec.internal.subnet.to_string());
    let sides = [
        ("ovn.kubernetes.io".to_owned(), &spec.internal.addresses),
        (format!("{}.kubernetes.io", spec.provider), &spec.external.addresses),
    ];
    for (prefix, addresses) in sides {
        let value = match addresses {
            Addresses::Any => continue,
            Addresses::Fixed(list) => list.join(";"),
            Addresses::Pool(name) => name.to_string(),
        };
        all.insert(format!("{prefix}/ip_pool"), value);
    }
    // Crossed: the object speaks of the VPC, the annotations of the pod's interface in it.
    for (name, rate) in [("egress_rate", spec.pods.ingress), ("ingress_rate", spec.pods.egress)] {
        if rate > 0 {
            all.insert(format!("ovn.kubernetes.io/{name}"), rate.to_string());
        }
    }
    all
}

fn pod(spec: &Spec, labels: BTreeMap<String, String>) -> PodSpec {
    let with_bfd = spec.bfd.is_some();
    let volume = |name: &str| Volume {
        name: name.to_owned(),
        empty_dir: Some(EmptyDirVolumeSource::default()),
        ..Volume::default()
    };
    let volumes = [Some(containers::RUN), with_bfd.then_some(containers::PROBE)];
    PodSpec {
        affinity: Some(affinity(&spec.pods, labels)),
        // Nothing in the pod talks to the API server, nor to any Service.
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        containers: containers::main(spec),
        init_containers: Some(vec![containers::init(spec)]),
        security_context: Some(PodSecurityContext {
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".to_owned(),
                ..SeccompProfile::default()
            }),
            // The command ports of `bfdd` are 957 and 958, and it runs without any capability.
            sysctls: with_bfd.then(|| {
                vec![Sysctl {
                    name: "net.ipv4.ip_unprivileged_port_start".to_owned(),
                    value: "957".to_owned(),
                }]
            }),
            ..PodSecurityContext::default()
        }),
        // With BFD the other end needs time to see the pod go.
        termination_grace_period_seconds: Some(if with_bfd { 30 } else { 0 }),
        tolerations: Some(spec.pods.tolerations.clone()).filter(|all| !all.is_empty()),
        volumes: Some(volumes.into_iter().flatten().map(|(name, _)| volume(name)).collect()),
        ..PodSpec::default()
    }
}

fn affinity(pods: &Pods, labels: BTreeMap<String, String>) -> Affinity {
    let term = PodAffinityTerm {
        label_selector: Some(LabelSelector { match_labels: Some(labels), ..LabelSelector::default() }),
        topology_key: HOSTNAME.to_owned(),
        ..PodAffinityTerm::default()
    };
    let apart = if pods.may_share_node {
        let preferred = WeightedPodAffinityTerm { weight: 100, pod_affinity_term: term };
        PodAntiAffinity {
            preferred_during_scheduling_ignored_during_execution: Some(vec![preferred]),
            ..PodAntiAffinity::default()
        }
    } else {
        PodAntiAffinity {
            required_during_scheduling_ignored_during_execution: Some(vec![term]),
            ..PodAntiAffinity::default()
        }
    };
    let nodes = (!pods.nodes.is_empty()).then(|| NodeSelector { node_selector_terms: pods.nodes.clone() });
    Affinity {
        node_affinity: Some(NodeAffinity {
            required_during_scheduling_ignored_during_execution: nodes,
            ..NodeAffinity::default()
        }),
        pod_anti_affinity: Some(apart),
        ..Affinity::default()
    }
}
