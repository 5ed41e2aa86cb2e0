//! Pure decisions: what one object wants in the northbound database, in Kubernetes and in its own status.
//!
//! Owns who is a next hop ([`Member`]), the form of rows ([`Chosen`]), BFD ports and conditions; leaves reading and writing
//! to `apply`. Drive it: [`gateway`] for every gateway in [`Cluster::gateways`] and [`Network::owned`], [`vpc`] for every VPC
//! in [`Cluster::vpcs`] and in [`Network::bfd_ports`] with the vendor of the group. Each is a function of what is passed in;
//! what it rests on beside its own object: pods of its gateways (and, with selectors, of its VPC), their nodes and
//! namespaces, its Subnets, its VPC with that VPC's other gateways, the router, and the sessions of its members.
//!
//! Deletion takes two passes: the first wants no rows, the second finds none in [`Network::owned`] and releases.

mod bfd_port;
mod conditions;
mod form;
mod gateway_rows;
mod held;
mod members;
pub mod names;
mod request;
pub mod selectors;
mod static_rows;
mod status;
mod vpc;

pub use form::Chosen;
pub use vpc::vpc;

use kubeovn::{VpcEgressGateway, VpcEgressGatewayStatus, VpcStatus};

use crate::rows::Row;
use crate::view::{Cluster, Family, Name, Network};
use crate::workload;
use gateway_rows::Make;
use held::Held;
use members::{Gate, Hops, Sessions};
use request::Request;

/// How rows of custom VPCs are written (`--custom-vpc-rows`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Policies where a kube-ovn-controller is alive or static routes cannot say it, static routes otherwise.
    #[default]
    Auto,
    /// Static routes by source.
    Static,
    /// Router policies.
    Policy,
}

/// What is the same for all objects.
#[derive(Clone, Debug)]
pub struct Settings {
    /// API group that is served.
    pub group: Box<str>,
    /// Name of the default VPC.
    pub default_vpc: Box<str>,
    /// Form of rows in custom VPCs.
    pub form: Form,
    /// Image of gateway pods that name none.
    pub image: Box<str>,
}

/// What one gateway wants.
#[derive(Clone, Debug, Default)]
pub struct GatewayPlan {
    /// All rows it wants; those it has beside them go. `None`: rows stay as they are, since the object cannot be followed.
    pub rows: Option<Vec<Row>>,
    /// Rows were gone when this is true: the finalizer may go.
    pub release: bool,
    /// The Deployment to have; `None`: leave the one there is, but for `replicas`.
    pub deployment: Option<k8s_openapi::api::apps::v1::Deployment>,
    /// How many pods the Deployment there is should have, while its template stays as it is; `None`: as it is.
    pub replicas: Option<i32>,
    /// The object cannot be followed; rows, if any, are those there are without what is known not to work.
    pub refused: bool,
    /// The status to have. Times of conditions are empty: who writes keeps the old ones where nothing changed.
    pub status: VpcEgressGatewayStatus,
    /// What is to be told as Events: type, reason, message.
    pub notices: Vec<Notice>,
    /// Its pods and what became of each.
    pub members: Vec<Member>,
    /// The form of its rows and why; `None`: it has not come to that.
    pub form: Option<Chosen>,
    /// How dead members leave, in words; `None`: it has not come to that.
    pub gating: Option<&'static str>,
    /// Sources whose packets the router drops before it looks at policies, as it has no route for them.
    pub unrouted: Vec<Box<str>>,
    /// Sources that are left to ordinary routing, as the pods have no way out for their IP version.
    pub left_out: Vec<Box<str>>,
    /// Evidence speaks against all members of a family, and they are used nevertheless.
    pub last_resort: bool,
}

/// A future Event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// `Warning`, otherwise `Normal`.
    pub warning: bool,
    /// A word for programs.
    pub reason: &'static str,
    /// A sentence for people.
    pub message: String,
}

/// A pod of a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The pod.
    pub pod: Name,
    /// Whether it is a next hop.
    pub used: bool,
    /// Why, or why not.
    pub reason: String,
}

/// What one VPC wants: its BFD ports.
#[derive(Clone, Debug, Default)]
pub struct VpcPlan {
    /// As [`GatewayPlan::rows`].
    pub rows: Option<Vec<Row>>,
    /// `status.bfdPort` and conditions to have; other fields are not written.
    pub status: VpcStatus,
    /// What is to be told as Events.
    pub notices: Vec<Notice>,
}

/// What the gateway `name` wants; it may be gone or going.
#[must_use]
pub fn gateway(cluster: &Cluster, network: &Network, settings: &Settings, name: &Name) -> GatewayPlan {
    let owned = network.owned.get(name).is_some_and(|rows| !rows.is_empty());
    let Some(object) = cluster.gateways.get(name) else {
        if cluster.unreadable_gateways.contains(name) {
            return GatewayPlan::default(); // it is there, so its rows stay
        }
        return GatewayPlan { rows: Some(Vec::new()), release: !owned, ..GatewayPlan::default() };
    };
    if object.metadata.deletion_timestamp.is_some() {
        return leaving(object, owned);
    }
    let refuse = |why, invalid| {
        let told = status::refused((&settings.group, name, object), why, invalid);
        refused(told, held::held(cluster, network, settings, name))
    };
    let request = match Request::check(object, cluster, network, settings) {
        Ok(request) => request,
        Err(refusal) => {
            return refuse((refusal.reason().as_str(), refusal.to_string()), true);
        }
    };
    if !network.routers.contains_key(&request.router) {
        let message = format!("logical router {} is not in the northbound database", request.router);
        return refuse(("ReconcileOVNRoutesFailed", message), false);
    }
    let form = match form::choose(cluster, network, settings, &request) {
        Ok(form) => form,
        Err(why) => {
            return refuse(("StaticRoutesImpossible", format!("--custom-vpc-rows=static: {why}")), true);
        }
    };
    let heard = request.deaf.is_none();
    let gate = static_rows::gate(request.bfd.is_some(), heard, form.routes, network.features.bfd_only);
    let make = Make { cluster, network, settings, name, request: &request, gate };
    let hops = hops(make);
    let (deployment, replicas) = pods(make, owned);
    let hash = deployment.as_ref().and_then(hash);
    let (status, mut notices) = status::followed(make.of(), object, (&request, hash), &hops);
    let unrouted = network.routers.get(&request.router).filter(|_| !form.routes);
    let unrouted = unrouted.map(|router| form::unrouted(&request, router)).unwrap_or_default();
    notices.extend(tell_unrouted(&unrouted, &request.router, object));
    let left_out: Vec<Box<str>> = request.left_out().into_iter().map(Into::into).collect();
    notices.extend(tell_left_out(&left_out, &request, object));
    GatewayPlan {
        // A gateway that never had rows does not begin with those that drop: without BFD port it has no pods either.
        rows: (heard || owned).then(|| rows(make, &form, &hops)),
        release: false,
        refused: false,
        deployment,
        replicas,
        status,
        notices,
        members: members::report(make.of(), &hops),
        unrouted,
        left_out,
        last_resort: hops.iter().any(|hops| hops.last_resort),
        gating: Some(gate.word()),
        form: Some(form),
    }
}

/// A gateway that is being deleted.
fn leaving(object: &VpcEgressGateway, owned: bool) -> GatewayPlan {
    let message = "its rows are gone from the northbound database".to_owned();
    let done = Notice { warning: false, reason: "DeleteSuccess", message };
    GatewayPlan {
        rows: Some(Vec::new()),
        release: !owned,
        status: object.status.clone().unwrap_or_default(),
        notices: if owned { Vec::new() } else { vec![done] },
        ..GatewayPlan::default()
    }
}

/// A gateway that cannot be followed: all stays as it is, but for pods that are known not to work, and what is said.
fn refused((status, notices): (VpcEgressGatewayStatus, Vec<Notice>), held: Held) -> GatewayPlan {
    let Held { rows, members, last_resort } = held;
    GatewayPlan { status, notices, rows, members, last_resort, refused: true, ..GatewayPlan::default() }
}

/// The Deployment to have, or else how many pods of the one there is. Where the VPC's BFD port is off, the pods' end of
/// BFD cannot be told from the request: a Deployment that is there keeps its template, one that is gone is made without
/// BFD, and a gateway that never had rows has to wait, as in the releases.
fn pods(make: Make<'_>, owned: bool) -> (Option<k8s_openapi::api::apps::v1::Deployment>, Option<i32>) {
    let spec = &make.request.spec;
    let deaf = make.request.deaf.is_some();
    let key = Name::new(&make.name.namespace, &spec.pods.workload);
    if deaf && !owned {
        return (None, None);
    }
    if deaf && spec.bfd.is_none() && make.cluster.deployments.contains_key(&key) {
        return (None, Some(spec.pods.replicas.into()));
    }
    (Some(workload::deployment(spec, &make.settings.group)), None)
}

/// What a Deployment was made from.
fn hash(deployment: &k8s_openapi::api::apps::v1::Deployment) -> Option<&str> {
    deployment.metadata.annotations.as_ref()?.get(workload::HASH).map(String::as_str)
}

/// Who is a next hop, by family.
fn hops(make: Make<'_>) -> [Hops; 2] {
    let Make { cluster, network, settings, request, gate, .. } = make;
    let ports = (gate != Gate::None).then(|| bfd_port::ports(cluster, network, settings, &request.vpc));
    let sessions = Sessions { gate, ports: ports.as_ref() };
    Family::BOTH.map(|family| match request.turned_away(family) {
        true => Hops::default(),
        false => members::hops(make.of(), family, sessions),
    })
}

/// All rows, in the order they are best written.
fn rows(make: Make<'_>, form: &Chosen, hops: &[Hops; 2]) -> Vec<Row> {
    let mut rows = if form.routes { Vec::new() } else { gateway_rows::sets(make) };
    for (family, hops) in Family::BOTH.into_iter().zip(hops) {
        rows.extend(static_rows::sessions(make, family, hops));
        rows.extend(static_rows::anchors(make, family, hops, form.routes));
        if form.routes {
            rows.extend(static_rows::routes(make, family, hops));
        } else {
            rows.extend(gateway_rows::policies(make, family, hops));
        }
    }
    rows
}

/// Told once, when a gateway appears.
fn tell_unrouted(lost: &[Box<str>], router: &str, object: &VpcEgressGateway) -> Option<Notice> {
    let new = object.status.as_ref().is_none_or(|status| status.conditions.is_none());
    let lost = Some(lost.join(", ")).filter(|lost| new && !lost.is_empty())?;
    let message = format!(
        "router {router} has no route for packets from {lost}: it drops them before it looks at policies"
    );
    Some(Notice { warning: true, reason: "NoRoute", message })
}

/// Told once, when a gateway appears.
fn tell_left_out(lost: &[Box<str>], request: &Request, object: &VpcEgressGateway) -> Option<Notice> {
    let new = object.status.as_ref().is_none_or(|status| status.conditions.is_none());
    let lost = Some(lost.join(", ")).filter(|lost| new && !lost.is_empty())?;
    let message = format!(
        "{lost} is left to ordinary routing: external Subnet {} has no gateway of that IP version",
        request.spec.external.subnet
    );
    Some(Notice { warning: true, reason: "NoFamily", message })
}
