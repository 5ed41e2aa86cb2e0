//! What an operator should be told once, when it begins to be so.

use std::sync::Arc;

use super::Settings;
use crate::policy::Policy;
use crate::view::{AddressProblem, Key, Object, ServiceType};

/// Something about one object that is probably not meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    key: Key,
    what: What,
    node: Option<Arc<str>>,
    told: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum What {
    #[error(
        "annotation ovn.kubernetes.io/bgp is {value:?}: must be exactly true, yes, cluster, local, false or no; \
         nothing is announced for it"
    )]
    PolicyInvalid { value: Arc<str> },
    #[error(
        "spec.natOutgoing is true on an announced Subnet: replies leave with the node's address, not the announced one"
    )]
    NatOutgoing,
    #[error("spec.cidrBlock has {text:?}, which is no CIDR: it is skipped, the others are announced")]
    BadCidr { text: Box<str> },
    #[error(
        "annotation {provider}.kubernetes.io/ip_address has {text:?}, which is no IP address: it is skipped"
    )]
    BadAddress { provider: Arc<str>, text: Box<str> },
    #[error(
        "annotation {provider}.kubernetes.io/logical_switch is missing: addresses of that network are skipped"
    )]
    NoSubnet { provider: Arc<str> },
    #[error("spec.clusterIPs has {text:?}, which is no IP address: it is skipped")]
    BadClusterIp { text: Box<str> },
    #[error(
        "annotation ovn.kubernetes.io/bgp is local, which a Service cannot say: nothing is announced for it"
    )]
    ServiceLocal,
    #[error("spec.type is {found}: only Services of type ClusterIP are announced")]
    ServiceType { found: Box<str> },
    #[error("spec.clusterIP is None or empty: a headless Service has no address to announce")]
    ServiceHeadless,
    #[error(
        "annotation ovn.kubernetes.io/bgp is local, which an EIP cannot say: nothing is announced for it"
    )]
    EipLocal,
    #[error(
        "annotation ovn.kubernetes.io/bgp asks for every node, which --local-only rules out: the Pod is announced from \
         its own node alone"
    )]
    ClusterPod,
    #[error(
        "annotation ovn.kubernetes.io/bgp asks for every node, which --local-only rules out for Pods: each is announced \
         from its own node alone, spec.cidrBlock from every node"
    )]
    ClusterSubnet,
    #[error("spec.v4ip or spec.v6ip is {text:?}, which is no IP address: it is skipped")]
    BadEip { text: Box<str> },
}

impl Notice {
    /// The object.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The node of a Pod, once it has one.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        self.node.as_deref()
    }

    /// It was given before, when the Pod had no node yet.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.told
    }

    /// A word out of a closed set, for metrics and logs; a refusal of the same cause has the same name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.what {
            What::PolicyInvalid { .. } => "policy-invalid",
            What::NatOutgoing => "nat-outgoing",
            What::BadCidr { .. } => "bad-cidr",
            What::BadAddress { .. } | What::BadClusterIp { .. } | What::BadEip { .. } => "bad-address",
            What::NoSubnet { .. } => "no-subnet",
            What::ServiceLocal => "service-local",
            What::ServiceType { .. } => "service-type",
            What::ServiceHeadless => "service-headless",
            What::EipLocal => "eip-local",
            What::ClusterPod | What::ClusterSubnet => "cluster-with-local-only",
        }
    }

    /// What is new in `now` against `before`: nothing is told twice as long as it stays as it is.
    pub(super) fn new_ones(before: Option<&Object>, now: &Object, settings: &Settings) -> Vec<Self> {
        let whats = |object: &Object| whats(object, settings);
        let now_whats = whats(now);
        if now_whats.is_empty() {
            return Vec::new();
        }
        let told = before.map(whats).unwrap_or_default();
        let (key, node) = (now.key(), node_of(now).cloned());
        // Only now is there a node whose speaker answers for it.
        let placed = node.is_some() && before.is_some_and(|before| node_of(before).is_none());
        let notice = |what: What| {
            let told = told.contains(&what);
            (!told || placed).then(|| Self { key: key.clone(), what, node: node.clone(), told })
        };
        now_whats.into_iter().filter_map(notice).collect()
    }
}

impl std::fmt::Display for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.what.fmt(f)
    }
}

fn node_of(object: &Object) -> Option<&Arc<str>> {
    match object {
        Object::Pod(pod) => pod.node.as_ref(),
        Object::Subnet(_) | Object::Service(_) | Object::Eip(_) => None,
    }
}

/// Depends on the object alone (settings never change), so that nothing another object does can repeat a notice.
fn whats(object: &Object, settings: &Settings) -> Vec<What> {
    let mut all: Vec<What> = ruled_out(object, settings).into_iter().collect();
    let policy = match object {
        Object::Subnet(subnet) => &subnet.policy,
        Object::Pod(pod) => &pod.policy,
        Object::Service(service) => &service.policy,
        Object::Eip(eip) => &eip.policy,
    };
    if let Policy::Invalid(value) = policy {
        all.push(What::PolicyInvalid { value: Arc::clone(value) });
    }
    let asks = matches!(policy, Policy::Cluster | Policy::Local);
    match object {
        Object::Subnet(subnet) if asks => {
            all.extend(subnet.nat_outgoing.then_some(What::NatOutgoing));
            all.extend(subnet.bad_cidrs.iter().map(|text| What::BadCidr { text: text.clone() }));
        }
        Object::Pod(pod) => all.extend(pod.problems.iter().filter_map(|problem| match problem {
            // A Pod that asks for nothing may well be without a Subnet: nobody misses it.
            AddressProblem::NoSubnet { provider } => {
                asks.then(|| What::NoSubnet { provider: Arc::clone(provider) })
            }
            AddressProblem::BadAddress { provider, text } => {
                Some(What::BadAddress { provider: Arc::clone(provider), text: text.clone() })
            }
        })),
        Object::Service(service) if asks => {
            all.extend((*policy == Policy::Local).then_some(What::ServiceLocal));
            all.extend(match &service.service_type {
                ServiceType::Other(found) => Some(What::ServiceType { found: found.clone() }),
                // A cluster IP is given to a Service when it is made: this is no state on the way to one.
                ServiceType::ClusterIp => (service.cluster_ips.is_empty()
                    && service.bad_cluster_ips.is_empty())
                .then_some(What::ServiceHeadless),
            });
            all.extend(service.bad_cluster_ips.iter().map(|text| What::BadClusterIp { text: text.clone() }));
        }
        Object::Eip(eip) if asks => {
            all.extend((*policy == Policy::Local).then_some(What::EipLocal));
            all.extend(eip.bad_addresses.iter().map(|text| What::BadEip { text: text.clone() }));
        }
        Object::Subnet(_) | Object::Service(_) | Object::Eip(_) => {}
    }
    all
}

/// What asks for more than a speaker that announces the Pods of its own node alone has to give.
fn ruled_out(object: &Object, settings: &Settings) -> Option<What> {
    let Settings::Node { name, local_only: true, .. } = settings else { return None };
    match object {
        Object::Subnet(subnet) if subnet.policy == Policy::Cluster => Some(What::ClusterSubnet),
        // Those of other nodes are for their own nodes to tell about.
        Object::Pod(pod) if pod.policy == Policy::Cluster && pod.node.as_ref() == Some(name) => {
            Some(What::ClusterPod)
        }
        _ => None,
    }
}
