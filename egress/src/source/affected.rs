//! Which gateways and VPCs a change touches: too many rather than too few, for a pass that finds nothing to do writes
//! nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use kubeovn::{Subnet, VpcEgressGateway};

use super::pod::is_gateway;
use super::state::State;
use crate::subject::Subject;
use crate::view::{Deployment, Name, Pod};

/// All.
pub(super) fn all(state: &State) -> Vec<Subject> {
    let vpcs = state.cluster.vpcs.keys().cloned().map(Subject::Vpc);
    vpcs.chain(state.cluster.gateways.keys().cloned().map(Subject::Gateway)).collect()
}

/// The VPC a gateway names.
fn vpc_of<'a>(state: &'a State, gateway: &'a VpcEgressGateway) -> &'a str {
    match gateway.spec.vpc.as_deref() {
        None | Some("") => &state.default_vpc,
        Some(name) => name,
    }
}

/// The gateways for which this holds, and their VPCs.
fn gateways(state: &State, holds: impl Fn(&Name, &VpcEgressGateway) -> bool) -> Vec<Subject> {
    let those = state.cluster.gateways.iter().filter(|(name, gateway)| holds(name, gateway));
    those.flat_map(|(name, gateway)| both(state, name, gateway)).collect()
}

/// The BFD ports of a VPC are where its gateways are.
fn both(state: &State, name: &Name, gateway: &VpcEgressGateway) -> [Subject; 2] {
    [Subject::Gateway(name.clone()), Subject::Vpc(vpc_of(state, gateway).into())]
}

pub(super) fn by_gateway(
    state: &State,
    name: &Name,
    forms: [Option<&Arc<VpcEgressGateway>>; 2],
) -> Vec<Subject> {
    let mut keys = vec![Subject::Gateway(name.clone())];
    keys.extend(forms.into_iter().flatten().map(|form| Subject::Vpc(vpc_of(state, form).into())));
    keys
}

pub(super) fn by_vpc(state: &State, vpc: &str) -> Vec<Subject> {
    let mut keys = gateways(state, |_, gateway| vpc_of(state, gateway) == vpc);
    keys.push(Subject::Vpc(vpc.into()));
    keys
}

pub(super) fn by_subnet(state: &State, subnet: &str, forms: [Option<&Arc<Subnet>>; 2]) -> Vec<Subject> {
    if let [Some(old), Some(new)] = forms
        && old.spec == new.spec
        && old.status == new.status
    {
        return Vec::new(); // its status counts addresses, which changes with each pod
    }
    let vpcs: Vec<&str> = forms.into_iter().flatten().filter_map(|form| form.spec.vpc.as_deref()).collect();
    gateways(state, |_, gateway| {
        let spec = &gateway.spec;
        let named = spec.policies.iter().flatten().flat_map(|policy| policy.subnets.iter().flatten());
        let mut named = named.map(String::as_str).chain(spec.internal_subnet.as_deref());
        named.any(|one| one == subnet)
            || spec.external_subnet == subnet
            || vpcs.contains(&vpc_of(state, gateway))
            || vpcs.iter().any(|vpc| vpc.is_empty())
    })
}

pub(super) fn by_pod(state: &State, name: &Name, forms: [Option<&Arc<Pod>>; 2]) -> Vec<Subject> {
    if let [Some(old), Some(new)] = forms
        && old == new
    {
        return Vec::new();
    }
    let forms = || forms.into_iter().flatten();
    let mut keys = Vec::new();
    // A label longer than 63 octets is cut, so of a gateway's pod only the namespace is sure.
    if forms().any(|pod| is_gateway(&pod.labels)) {
        keys = gateways(state, |gateway, _| gateway.namespace == name.namespace);
    }
    let routers: Vec<&str> =
        forms().filter(|pod| pod.allocated).map(|pod| &*pod.router).filter(|one| !one.is_empty()).collect();
    if !routers.is_empty() {
        keys.extend(gateways(state, |_, gateway| {
            let vpc = vpc_of(state, gateway);
            has_selectors(gateway) && (routers.contains(&vpc) || routers.contains(&router(state, vpc)))
        }));
    }
    keys
}

fn router<'a>(state: &'a State, vpc: &'a str) -> &'a str {
    let status = state.cluster.vpcs.get(vpc).and_then(|vpc| vpc.status.as_ref());
    status.and_then(|status| status.router.as_deref()).unwrap_or(vpc)
}

pub(super) fn by_routers(state: &State, routers: &BTreeSet<&str>) -> Vec<Subject> {
    let of_router = |vpc: &str| routers.contains(router(state, vpc));
    let vpcs = state.cluster.vpcs.keys().filter(|vpc| of_router(vpc)).cloned().map(Subject::Vpc);
    let mut all: Vec<Subject> = vpcs.collect();
    all.extend(gateways(state, |_, gateway| of_router(vpc_of(state, gateway))));
    all
}

fn has_selectors(gateway: &VpcEgressGateway) -> bool {
    gateway.spec.selectors.as_ref().is_some_and(|all| !all.is_empty())
}

pub(super) fn with_selectors(state: &State) -> Vec<Subject> {
    gateways(state, |_, gateway| has_selectors(gateway))
}

pub(super) fn by_deployment(state: &State, name: &Name, deployment: &Deployment) -> Vec<Subject> {
    gateways(state, |gateway, object| {
        gateway.namespace == name.namespace
            && (object.metadata.uid.as_deref() == Some(&*deployment.owner)
                || name.name.ends_with(&*gateway.name))
    })
}

/// Deployments of gateways.
pub(super) fn deployment_selector() -> String {
    let (key, value) = crate::workload::APP;
    format!("{key}={value}")
}
