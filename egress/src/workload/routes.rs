//! Routes of the pods, as annotations that Kube-OVN's CNI plugin reads.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use serde::Serialize;

use crate::spec::{Source, Spec};
use crate::view::Family;

/// A route of an interface; the order is the one they are written in.
#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize)]
struct Route {
    dst: String,
    gw: String,
}

/// By annotation: the way back into the VPC on the first interface, the way out on the attached one.
pub(super) fn annotations(spec: &Spec) -> BTreeMap<String, String> {
    let mut inside = BTreeSet::new();
    let mut outside = BTreeSet::new();
    for family in Family::BOTH {
        if let Some(gateway) = spec.internal.gateway(family) {
            let route = |dst| Route { dst, gw: gateway.to_string() };
            let peers =
                spec.bfd.iter().flat_map(|bfd| &bfd.peers).filter(|peer| Family::of(**peer) == family);
            inside.extend(peers.map(|peer| route(IpNet::from(*peer).to_string())));
            let sources = spec.sources.iter().filter(|source| source.family() == family);
            inside.extend(
                sources.filter(|source| needs_route(spec, source)).map(|one| route(destination(one))),
            );
        }
        if let Some(gateway) = spec.external.gateway(family) {
            let dst = if family == Family::V4 { "0.0.0.0/0" } else { "::/0" };
            outside.insert(Route { dst: dst.to_owned(), gw: gateway.to_string() });
        }
    }
    let sides =
        [("ovn.kubernetes.io".to_owned(), inside), (format!("{}.kubernetes.io", spec.provider), outside)];
    let written = sides.into_iter().filter(|(_, routes)| !routes.is_empty());
    // Text cannot fail to become JSON.
    written
        .map(|(prefix, routes)| {
            (format!("{prefix}/routes"), serde_json::to_string(&routes).unwrap_or_default())
        })
        .collect()
}

/// What is on the link needs no route. A bare address gets one all the same, as Kube-OVN has it; and in a family that the
/// internal Subnet has no network of there is no route at all.
fn needs_route(spec: &Spec, source: &Source) -> bool {
    let bare = source.written.parse::<IpAddr>().is_ok();
    spec.internal.network(source.family()).is_some_and(|network| bare || !network.contains(&source.network))
}

/// As written, with the mask of a single address added.
fn destination(source: &Source) -> String {
    if source.written.contains('/') { source.written.to_string() } else { source.network.to_string() }
}
