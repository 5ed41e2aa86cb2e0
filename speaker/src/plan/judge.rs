//! The rules: what one object contributes, given the Subnets. Both ways to plan ask here.

use std::sync::Arc;

use ipnet::IpNet;

use super::{Refusal, Settings};
use crate::policy::Policy;
use crate::view::{Address, AddressProblem, Eip, Key, Kind, Life, Object, Pod, Service, ServiceType, Subnet};

/// What an object contributes, and why not more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Sorted, each once.
    pub wants: Vec<IpNet>,
    /// In the order of the object's fields.
    pub refusals: Vec<Refusal>,
}

impl Verdict {
    fn refused(refusal: Refusal) -> Self {
        Self { wants: Vec::new(), refusals: vec![refusal] }
    }

    fn refuse_once(&mut self, refusal: Refusal) {
        if !self.refusals.contains(&refusal) {
            self.refusals.push(refusal);
        }
    }
}

/// Judges by the rules; `subnets` finds a Subnet by name.
pub(super) fn judge<'a>(
    object: &Object,
    settings: &Settings,
    subnets: impl Fn(&str) -> Option<&'a Subnet>,
) -> Verdict {
    let mut verdict = match (object, settings) {
        (Object::Subnet(subnet), Settings::Node { .. }) => judge_subnet(subnet),
        (Object::Pod(pod), Settings::Node { name, local_only, .. }) => {
            judge_pod(pod, Here { node: name, local_only: *local_only }, subnets)
        }
        (Object::Service(service), Settings::Node { announce_cluster_ip, .. }) => {
            judge_service(service, *announce_cluster_ip)
        }
        (Object::Eip(eip), Settings::NatGateway { name }) => judge_eip(eip, name.as_ref()),
        (Object::Eip(_), Settings::Node { .. }) => Verdict::refused(Refusal::NodeMode),
        (_, Settings::NatGateway { .. }) => Verdict::refused(Refusal::NatGatewayMode),
    };
    verdict.wants.sort_unstable();
    verdict.wants.dedup();
    verdict
}

fn judge_subnet(subnet: &Subnet) -> Verdict {
    let refusal = match &subnet.policy {
        Policy::Unset => Refusal::NotAnnotated,
        Policy::Local => Refusal::SubnetLocal,
        Policy::Off => Refusal::PolicyOff { by: subnet_key(subnet) },
        Policy::Invalid(value) => Refusal::PolicyInvalid { by: subnet_key(subnet), value: Arc::clone(value) },
        Policy::Cluster if !subnet.ready => Refusal::SubnetNotReady { subnet: Arc::clone(&subnet.name) },
        Policy::Cluster if subnet.cidrs.is_empty() && subnet.bad_cidrs.is_empty() => Refusal::NoCidr,
        Policy::Cluster => {
            let refusals = subnet.bad_cidrs.iter().map(|text| Refusal::BadCidr { text: text.clone() });
            return Verdict { wants: subnet.cidrs.to_vec(), refusals: refusals.collect() };
        }
    };
    Verdict::refused(refusal)
}

/// What counts of this speaker for a Pod.
#[derive(Clone, Copy)]
struct Here<'a> {
    node: &'a Arc<str>,
    /// Pods of other nodes are not this speaker's, whatever they ask for: where they can be seen, they count no more
    /// than where they cannot.
    local_only: bool,
}

fn judge_pod<'a>(pod: &Pod, here: Here<'_>, subnets: impl Fn(&str) -> Option<&'a Subnet>) -> Verdict {
    if let Some(refusal) = refuse_pod(pod) {
        return Verdict::refused(refusal);
    }
    let mut verdict = Verdict::default();
    for problem in &pod.problems {
        verdict.refusals.push(match problem {
            AddressProblem::NoSubnet { provider } => Refusal::NoSubnet { provider: Arc::clone(provider) },
            AddressProblem::BadAddress { provider, text } => Refusal::BadAddress {
                field: format!("annotation {provider}.kubernetes.io/ip_address").into(),
                text: text.clone(),
            },
        });
    }
    for address in &pod.addresses {
        match judge_address(pod, address, here, subnets(&address.subnet)) {
            Ok(prefix) => verdict.wants.push(prefix),
            Err(refusal) => verdict.refuse_once(refusal),
        }
    }
    verdict
}

/// What holds for all networks of the Pod. Its own wish comes first: who asked for nothing is not told more.
fn refuse_pod(pod: &Pod) -> Option<Refusal> {
    let by = || Key { kind: Kind::Pod, namespace: Arc::clone(&pod.namespace), name: Arc::clone(&pod.name) };
    match &pod.policy {
        Policy::Off => return Some(Refusal::PolicyOff { by: by() }),
        Policy::Invalid(value) => {
            return Some(Refusal::PolicyInvalid { by: by(), value: Arc::clone(value) });
        }
        Policy::Unset | Policy::Cluster | Policy::Local => {}
    }
    match pod.life {
        _ if pod.host_network => Some(Refusal::HostNetwork),
        life @ (Life::Succeeded | Life::Failed | Life::Evicted) => Some(Refusal::PodDead { life }),
        Life::Terminating => Some(Refusal::PodTerminating),
        Life::Alive if pod.addresses.is_empty() && pod.problems.is_empty() => Some(Refusal::NoAddress),
        Life::Alive => None,
    }
}

fn judge_address(
    pod: &Pod,
    address: &Address,
    here: Here<'_>,
    subnet: Option<&Subnet>,
) -> Result<IpNet, Refusal> {
    let prefix = address.prefix;
    let Some(subnet) = subnet else {
        return Err(Refusal::SubnetUnknown { prefix, subnet: Arc::clone(&address.subnet) });
    };
    if !subnet.ready {
        return Err(Refusal::SubnetNotReady { subnet: Arc::clone(&subnet.name) });
    }
    let elsewhere = pod.node.as_ref() != Some(here.node);
    let away = || (pod.node.clone(), Arc::clone(here.node));
    match pod.policy.or(&subnet.policy) {
        Policy::Cluster if here.local_only && elsewhere => {
            let (node, here) = away();
            Err(Refusal::LocalOnly { prefix, node, here })
        }
        Policy::Local if elsewhere => {
            let (node, here) = away();
            Err(Refusal::OtherNode { prefix, node, here })
        }
        Policy::Cluster | Policy::Local => Ok(prefix),
        Policy::Unset => Err(Refusal::PodNotAnnotated { prefix, subnet: Arc::clone(&subnet.name) }),
        Policy::Off => Err(Refusal::PolicyOff { by: subnet_key(subnet) }),
        Policy::Invalid(value) => {
            Err(Refusal::PolicyInvalid { by: subnet_key(subnet), value: Arc::clone(value) })
        }
    }
}

fn judge_service(service: &Service, announced: bool) -> Verdict {
    let by = || Key {
        kind: Kind::Service,
        namespace: Arc::clone(&service.namespace),
        name: Arc::clone(&service.name),
    };
    let refusal = match (&service.policy, &service.service_type) {
        (Policy::Unset, _) => Refusal::NotAnnotated,
        (Policy::Off, _) => Refusal::PolicyOff { by: by() },
        (Policy::Invalid(value), _) => Refusal::PolicyInvalid { by: by(), value: Arc::clone(value) },
        (Policy::Local, _) => Refusal::ServiceLocal,
        (Policy::Cluster, _) if !announced => Refusal::ServicesOff,
        (Policy::Cluster, ServiceType::Other(found)) => Refusal::ServiceType { found: found.clone() },
        (Policy::Cluster, ServiceType::ClusterIp)
            if service.cluster_ips.is_empty() && service.bad_cluster_ips.is_empty() =>
        {
            Refusal::ServiceHeadless
        }
        (Policy::Cluster, ServiceType::ClusterIp) => {
            let bad = service.bad_cluster_ips.iter().cloned();
            let refusals = bad.map(|text| Refusal::BadAddress { field: "spec.clusterIPs".into(), text });
            let refusals = refusals.collect();
            return Verdict { wants: service.cluster_ips.to_vec(), refusals };
        }
    };
    Verdict::refused(refusal)
}

fn judge_eip(eip: &Eip, here: Option<&Arc<str>>) -> Verdict {
    let by = || Key { kind: Kind::Eip, namespace: Arc::default(), name: Arc::clone(&eip.name) };
    let refusal = match &eip.policy {
        Policy::Unset => Refusal::NotAnnotated,
        Policy::Off => Refusal::PolicyOff { by: by() },
        Policy::Invalid(value) => Refusal::PolicyInvalid { by: by(), value: Arc::clone(value) },
        Policy::Local => Refusal::EipLocal,
        Policy::Cluster if here.is_none() || eip.gateway.as_ref() != here => {
            Refusal::OtherGateway { gateway: eip.gateway.clone(), here: here.cloned() }
        }
        Policy::Cluster if !eip.ready => Refusal::EipNotReady,
        Policy::Cluster if eip.addresses.is_empty() && eip.bad_addresses.is_empty() => Refusal::EipEmpty,
        Policy::Cluster => {
            let bad = eip.bad_addresses.iter().cloned();
            let refusals =
                bad.map(|text| Refusal::BadAddress { field: "spec.v4ip or spec.v6ip".into(), text });
            return Verdict { wants: eip.addresses.to_vec(), refusals: refusals.collect() };
        }
    };
    Verdict::refused(refusal)
}

fn subnet_key(subnet: &Subnet) -> Key {
    Key { kind: Kind::Subnet, namespace: Arc::default(), name: Arc::clone(&subnet.name) }
}
