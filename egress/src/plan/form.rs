//! Static routes or policies: which form the rows of a gateway take, and why.

use std::net::IpAddr;

use ipnet::IpNet;

use super::request::Request;
use super::{Form, Settings};
use crate::view::{Cluster, Network, Router};

/// The form that was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The rows are static routes; policies otherwise.
    pub routes: bool,
    /// A sentence for people.
    pub why: String,
}

/// Chooses; `Err`: the form that was asked for cannot say this object, with the reason.
pub(super) fn choose(
    cluster: &Cluster,
    network: &Network,
    settings: &Settings,
    request: &Request,
) -> Result<Chosen, String> {
    let policies = |why: String| Ok(Chosen { routes: false, why });
    if *request.vpc == *settings.default_vpc {
        return policies("the default VPC has policies always".to_owned());
    }
    let none = Router::default();
    let router = network.routers.get(&request.router).unwrap_or(&none);
    let obstacle = obstacle(request, router);
    match (settings.form, obstacle) {
        (Form::Policy, _) => policies("policies were asked for (--custom-vpc-rows=policy)".to_owned()),
        (Form::Static, Some(obstacle)) => Err(obstacle),
        (Form::Static, None) => {
            let why = "static routes were asked for (--custom-vpc-rows=static)".to_owned();
            Ok(Chosen { routes: true, why })
        }
        (Form::Auto, _) if cluster.controller_alive => {
            policies("a kube-ovn-controller is alive, which deletes source routes of others".to_owned())
        }
        (Form::Auto, Some(obstacle)) => policies(format!("static routes cannot say it: {obstacle}")),
        (Form::Auto, None) => {
            let why = "no kube-ovn-controller is alive, and static routes can say it".to_owned();
            Ok(Chosen { routes: true, why })
        }
    }
}

/// Why static routes by source cannot say it.
fn obstacle(request: &Request, router: &Router) -> Option<String> {
    if !request.selectors.is_empty() {
        return Some("selectors need policies, a route knows prefixes only".to_owned());
    }
    if request.local {
        return Some(
            "trafficPolicy Local needs policies, a route does not know the client's node".to_owned(),
        );
    }
    let sources = request.prefixes();
    sources.iter().find_map(|(text, source)| {
        let same = |(prefix, _): &&(Box<str>, Box<str>)| network_of(prefix).as_ref() == Some(source);
        if let Some((_, next_hop)) = router.source_routes.iter().find(same) {
            return Some(format!(
                "router {} has a source route {text} via {next_hop} of others, which would share the traffic",
                request.router
            ));
        }
        // A route by source of length n goes before a connected network (or any route by destination) that is shorter.
        let shadowed = |one: &&IpNet| one.addr().is_ipv4() == source.addr().is_ipv4() && one.prefix_len() < source.prefix_len();
        let connected: Vec<_> = router.connected.iter().filter_map(|text| network_of(text)).collect();
        connected.iter().find(shadowed).map(|one| {
            format!("source {text} is longer than the connected network {one}: its route would take traffic inside the VPC")
        })
    })
}

/// A prefix, or a bare address as its host prefix, without host bits.
pub(super) fn network_of(text: &str) -> Option<IpNet> {
    let parsed: Option<IpNet> = text.parse().ok();
    parsed.or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from)).map(|net| net.trunc())
}

/// The sources that the router drops before it looks at policies: policies come after the routing table, and without any
/// route there is nothing to look at.
pub(super) fn unrouted(request: &Request, router: &Router) -> Vec<Box<str>> {
    let routes: Vec<_> = router.source_routes.iter().filter_map(|(prefix, _)| network_of(prefix)).collect();
    let lost = |source: &IpNet| {
        let default = router.default_route[usize::from(!source.addr().is_ipv4())];
        !default && !routes.iter().any(|route| route.contains(source))
    };
    request.prefixes().into_iter().filter(|(_, source)| lost(source)).map(|(text, _)| text).collect()
}
