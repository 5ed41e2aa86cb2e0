//! What one event of a watch changes, and what that touches.

use std::sync::Arc;
use std::time::Instant;

use kubeovn::Vpc;

use super::affected;
use super::kinds::Kind;
use super::parse::Object;
use super::store::State;
use crate::lease::Beat;
use crate::subject::Subject;
use crate::view::Name;

/// An object as it is now: gives what that touches.
pub(super) fn put(state: &mut State, name: Name, object: Object) -> Vec<Subject> {
    let kind = match &object {
        Object::Gateway(_) => Some(Kind::Gateway),
        Object::Vpc(_) => Some(Kind::Vpc),
        Object::OwnVpc(_) => Some(Kind::OwnVpc),
        _ => None,
    };
    kind.into_iter().for_each(|kind| readable(state, kind, &name));
    match object {
        Object::Gateway(gateway) => {
            let old = state.cluster.gateways.insert(name.clone(), Arc::clone(&gateway));
            affected::by_gateway(state, &name, [old.as_ref(), Some(&gateway)])
        }
        Object::Vpc(vpc) => {
            state.vpcs.insert(name.name.clone(), vpc);
            merge(state, &name.name)
        }
        Object::OwnVpc(vpc) => {
            state.own.get_or_insert_default().insert(name.name.clone(), vpc);
            merge(state, &name.name)
        }
        Object::Subnet(subnet) => {
            let old = state.cluster.subnets.insert(name.name.clone(), Arc::clone(&subnet));
            affected::by_subnet(state, &name.name, [old.as_ref(), Some(&subnet)])
        }
        Object::Pod(pod) => {
            let old = state.cluster.pods.insert(name.clone(), Arc::clone(&pod));
            affected::by_pod(state, &name, [old.as_ref(), Some(&pod)])
        }
        Object::Namespace(labels) => {
            let same = state.cluster.namespaces.get(&name.name) == Some(&labels);
            state.cluster.namespaces.insert(name.name, labels);
            if same { Vec::new() } else { affected::with_selectors(state) }
        }
        Object::Node(node) => {
            let same = state.cluster.nodes.get(&name.name) == Some(&node);
            state.cluster.nodes.insert(name.name, node);
            if same { Vec::new() } else { affected::all(state) }
        }
        Object::Deployment(deployment) => {
            let same = state.cluster.deployments.insert(name.clone(), Arc::clone(&deployment))
                == Some(Arc::clone(&deployment));
            if same { Vec::new() } else { affected::by_deployment(state, &name, &deployment) }
        }
        Object::Attachment => match state.cluster.attachments.get_or_insert_default().insert(name) {
            true => affected::all(state),
            false => Vec::new(),
        },
    }
}

/// An object that is there and cannot be read: its last good form stays, and it does not count as gone.
pub(super) fn bad(state: &mut State, kind: Kind, name: &Name) {
    match kind {
        Kind::Gateway => {
            state.cluster.unreadable_gateways.insert(name.clone());
        }
        Kind::Vpc | Kind::OwnVpc => {
            state.unreadable.insert((kind, name.name.clone()));
            state.cluster.unreadable_vpcs.insert(name.name.clone());
            merge(state, &name.name);
        }
        _ => {}
    }
}

/// It can be read, or is gone.
fn readable(state: &mut State, kind: Kind, name: &Name) {
    match kind {
        Kind::Gateway => {
            state.cluster.unreadable_gateways.remove(name);
        }
        Kind::Vpc | Kind::OwnVpc => {
            state.unreadable.remove(&(kind, name.name.clone()));
            let bad = [Kind::Vpc, Kind::OwnVpc].map(|kind| (kind, name.name.clone()));
            if !bad.iter().any(|one| state.unreadable.contains(one)) {
                state.cluster.unreadable_vpcs.remove(&name.name);
            }
        }
        _ => {}
    }
}

/// What asking for the Lease of kube-ovn-controller gave: gives what that touches.
pub(super) fn lease(state: &mut State, answer: Option<Option<Beat>>, now: Instant) -> Vec<Subject> {
    match answer {
        Some(Some(beat)) => state.pulse.beat(beat, now),
        Some(None) => state.pulse.gone(now),
        None => state.pulse.missed(),
    }
    let alive = state.pulse.is_alive();
    let changed = std::mem::replace(&mut state.cluster.controller_alive, alive) != alive;
    if changed { affected::all(state) } else { Vec::new() }
}

/// An object that is gone: gives what that touches.
pub(super) fn remove(state: &mut State, kind: Kind, name: &Name) -> Vec<Subject> {
    readable(state, kind, name);
    let cluster = &mut state.cluster;
    match kind {
        Kind::Gateway => {
            let old = cluster.gateways.remove(name);
            affected::by_gateway(state, name, [old.as_ref(), None])
        }
        Kind::Vpc => {
            state.vpcs.remove(&name.name);
            merge(state, &name.name)
        }
        Kind::OwnVpc => {
            state.own.get_or_insert_default().remove(&name.name);
            merge(state, &name.name)
        }
        Kind::Subnet => {
            let old = cluster.subnets.remove(&name.name);
            affected::by_subnet(state, &name.name, [old.as_ref(), None])
        }
        Kind::Pod => {
            let old = cluster.pods.remove(name);
            affected::by_pod(state, name, [old.as_ref(), None])
        }
        Kind::Namespace => {
            cluster.namespaces.remove(&name.name);
            affected::with_selectors(state)
        }
        Kind::Node => {
            cluster.nodes.remove(&name.name);
            affected::all(state)
        }
        Kind::Deployment => match cluster.deployments.remove(name) {
            Some(old) => affected::by_deployment(state, name, &old),
            None => Vec::new(),
        },
        Kind::Attachment => {
            cluster.attachments.iter_mut().for_each(|all| {
                all.remove(name);
            });
            affected::all(state)
        }
        Kind::Lease => Vec::new(), // `lease` keeps it
    }
}

/// A VPC as decisions see it: router and subnets are Kube-OVN's to say, the BFD port and what is told of it are ours.
fn merge(state: &mut State, name: &str) -> Vec<Subject> {
    // Without a good form of ours nothing is known of its BFD port, which is not to say that it has none.
    let unknown = state.unreadable.contains(&(Kind::OwnVpc, name.into()));
    let unknown = unknown && state.own.as_ref().is_some_and(|own| !own.contains_key(name));
    let merged = state.vpcs.get(name).filter(|_| !unknown).map(|base| match &state.own {
        None => Arc::clone(base),
        Some(own) => {
            let mut vpc = Vpc::clone(base);
            let own = own.get(name);
            // Events and observed generations are about the object that is ours.
            vpc.metadata.uid = own.and_then(|own| own.metadata.uid.clone());
            vpc.metadata.generation = own.and_then(|own| own.metadata.generation);
            vpc.spec.bfd_port = own.and_then(|own| own.spec.bfd_port.clone());
            let status = vpc.status.get_or_insert_default();
            let told = own.and_then(|own| own.status.as_ref());
            status.bfd_port = told.and_then(|told| told.bfd_port.clone());
            status.conditions = told.and_then(|told| told.conditions.clone());
            Arc::new(vpc)
        }
    });
    let old = match &merged {
        Some(vpc) => state.cluster.vpcs.insert(name.into(), Arc::clone(vpc)),
        None => state.cluster.vpcs.remove(name),
    };
    let parts = |vpc: &Arc<Vpc>| {
        (
            vpc.spec.clone(),
            vpc.status.clone(),
            vpc.metadata.deletion_timestamp.clone(),
            vpc.metadata.generation,
            vpc.metadata.uid.clone(),
        )
    };
    match old.as_ref().map(parts) == merged.as_ref().map(parts) {
        true => Vec::new(),
        false => affected::by_vpc(state, name),
    }
}
