//! Containers of a gateway pod: `init` sets the kernel up, `gateway` keeps it so, `bfdd` answers OVN.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Capabilities, Container, ContainerPort, EnvVar, EnvVarSource, ExecAction, ObjectFieldSelector, Probe,
    ResourceRequirements, SecurityContext, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::spec::{Bfd, Spec};
use crate::view::Family;

/// Volume and path: the lock of iptables, below a root that cannot be written.
pub(super) const RUN: (&str, &str) = ("run", "/run");
/// Volume and path: the socket that `bfdd` answers its probes on.
pub(super) const PROBE: (&str, &str) = ("bfdd-supervisor-state", "/var/run/kube-ovn/bfdd-supervisor");
/// User nobody.
const NOBODY: i64 = 65534;

/// Sets sysctls, which a container without privileges may not, and rules a first time.
pub(super) fn init(spec: &Spec) -> Container {
    Container {
        command: Some(words(&["sidecar", "nat", "prepare"])),
        env: Some(nat_env(spec)),
        security_context: Some(SecurityContext { privileged: Some(true), ..SecurityContext::default() }),
        volume_mounts: Some(vec![mount(RUN)]),
        ..container("init", spec)
    }
}

/// `gateway`, and with BFD `bfdd`. `spec.resources` is for the one that has the name of the reference.
pub(super) fn main(spec: &Spec) -> Vec<Container> {
    let mut all = vec![gateway(spec)];
    all.extend(spec.bfd.as_ref().map(|bfd| bfdd(spec, bfd)));
    if let (Some(last), Some(resources)) = (all.last_mut(), &spec.pods.resources) {
        last.resources = Some(resources.clone());
    }
    all
}

fn gateway(spec: &Spec) -> Container {
    let live = ["sidecar", "nat", "live"];
    let ready = ["sidecar", "nat", "ready"];
    Container {
        command: Some(words(&["sidecar", "nat"])),
        env: Some(nat_env(spec)),
        startup_probe: Some(probe(&live, 1, 2, 30)),
        liveness_probe: Some(probe(&live, 1, 5, 3)),
        readiness_probe: Some(probe(&ready, 3, 3, 1)),
        resources: Some(resources(["10m", "16Mi"], ["100m", "64Mi"])),
        // Root without the rights of root: as another user iptables would have none of these two.
        security_context: Some(confined(0, &["NET_ADMIN", "NET_RAW"])),
        volume_mounts: Some(vec![mount(RUN)]),
        ..container("gateway", spec)
    }
}

fn bfdd(spec: &Spec, bfd: &Bfd) -> Container {
    let live = ["kube-ovn-bfdd-supervisor", "live"];
    let peers: Vec<_> = bfd.peers.iter().map(ToString::to_string).collect();
    Container {
        command: Some(words(&["kube-ovn-bfdd-supervisor", "run"])),
        env: Some(vec![
            EnvVar {
                name: "POD_IPS".to_owned(),
                value_from: Some(EnvVarSource {
                    field_ref: Some(ObjectFieldSelector {
                        api_version: Some("v1".to_owned()),
                        field_path: "status.podIPs".to_owned(),
                    }),
                    ..EnvVarSource::default()
                }),
                ..EnvVar::default()
            },
            env("BFD_PEER_IPS", peers.join(",")),
            env("BFD_MIN_TX", bfd.min_tx.to_string()),
            env("BFD_MIN_RX", bfd.min_rx.to_string()),
            env("BFD_MULTI", bfd.multiplier.to_string()),
        ]),
        ports: Some(vec![ContainerPort {
            name: Some("bfdd-metrics".to_owned()),
            container_port: 10669,
            protocol: Some("TCP".to_owned()),
            ..ContainerPort::default()
        }]),
        startup_probe: Some(probe(&live, 1, 2, 30)),
        liveness_probe: Some(probe(&live, 1, 5, 3)),
        readiness_probe: Some(probe(&live, 3, 3, 1)),
        resources: Some(resources(["200m", "50Mi"], ["300m", "64Mi"])),
        security_context: Some(confined(NOBODY, &[])),
        volume_mounts: Some(vec![mount(PROBE)]),
        ..container("bfdd", spec)
    }
}

/// Gateways and sources of each family whose traffic can leave.
fn nat_env(spec: &Spec) -> Vec<EnvVar> {
    let mut all = Vec::new();
    for family in spec.families() {
        let gateways = [("INTERNAL", &spec.internal), ("EXTERNAL", &spec.external)];
        for (name, side) in gateways {
            let gateway = side.gateway(family).map(|gateway| gateway.to_string()).unwrap_or_default();
            all.push(env(&format!("{name}_GATEWAY_IPV{}", family.digit()), gateway));
        }
        for (name, snat) in [("SNAT_SOURCES", true), ("NO_SNAT_SOURCES", false)] {
            all.push(env(&format!("{name}_IPV{}", family.digit()), sources(spec, family, snat)));
        }
    }
    if !spec.selectors.is_empty() {
        all.push(env("SNAT_OTHERS", "true".to_owned()));
    }
    all
}

/// Sources as written, sorted as text.
fn sources(spec: &Spec, family: Family, snat: bool) -> String {
    let of = spec.sources.iter().filter(|source| source.family() == family && source.snat == snat);
    let mut all: Vec<&str> = of.map(|source| &*source.written).collect();
    all.sort_unstable();
    all.join(",")
}

fn container(name: &str, spec: &Spec) -> Container {
    Container {
        name: name.to_owned(),
        image: Some(spec.pods.image.to_string()),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        ..Container::default()
    }
}

fn words(all: &[&str]) -> Vec<String> {
    all.iter().map(|&word| word.to_owned()).collect()
}

fn env(name: &str, value: String) -> EnvVar {
    EnvVar {
        name: name.to_owned(),
        value: Some(value).filter(|value| !value.is_empty()),
        ..EnvVar::default()
    }
}

fn mount((name, path): (&str, &str)) -> VolumeMount {
    VolumeMount { name: name.to_owned(), mount_path: path.to_owned(), ..VolumeMount::default() }
}

/// An exec probe: the kubelet cannot reach a pod in a custom VPC. Seconds, and how many failures count.
fn probe(command: &[&str], delay: i32, period: i32, failures: i32) -> Probe {
    Probe {
        exec: Some(ExecAction { command: Some(words(command)) }),
        initial_delay_seconds: Some(delay),
        period_seconds: Some(period),
        timeout_seconds: Some(10),
        failure_threshold: Some(failures),
        ..Probe::default()
    }
}

/// CPU and memory: asked for, and allowed.
fn resources(requests: [&str; 2], limits: [&str; 2]) -> ResourceRequirements {
    let named = |[cpu, memory]: [&str; 2]| {
        BTreeMap::from([
            ("cpu".to_owned(), Quantity(cpu.to_owned())),
            ("memory".to_owned(), Quantity(memory.to_owned())),
        ])
    };
    let mut limits = named(limits);
    limits.insert("ephemeral-storage".to_owned(), Quantity("1Gi".to_owned()));
    ResourceRequirements {
        requests: Some(named(requests)),
        limits: Some(limits),
        ..ResourceRequirements::default()
    }
}

fn confined(user: i64, capabilities: &[&str]) -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities {
            add: Some(words(capabilities)).filter(|all| !all.is_empty()),
            drop: Some(words(&["ALL"])),
        }),
        privileged: Some(false),
        read_only_root_filesystem: Some(true),
        run_as_user: Some(user),
        ..SecurityContext::default()
    }
}
