//! Static routes by source (the form of seed and first design), BFD rows, and the anchors that keep sessions awake.

use super::gateway_rows::Make;
use super::members::{Gate, Hop, Hops};
use super::names;
use crate::rows::{Row, SessionKey};
use crate::view::Family;

/// A route for every source and next hop of one family. OVN takes out those whose session is down; when that would be all
/// of them, none is gated.
pub(super) fn routes(make: Make<'_>, family: Family, hops: &Hops) -> Vec<Row> {
    let gated = gates(make, hops);
    let sources = make.request.addresses(family);
    let route = |source: &str, hop: &Hop| Row::Route {
        router: make.request.router.clone(),
        table: "".into(),
        by_source: true,
        prefix: source.into(),
        next_hop: hop.address,
        session: hop.session.clone().filter(|_| gated),
        symmetric: make.request.bfd.is_some(),
        ids: make.ids(family),
    };
    let sources = sources.iter();
    sources
        .flat_map(|source| hops.used().map(move |hop| (source, hop)))
        .map(|(source, hop)| route(source, hop))
        .collect()
}

/// Whether the routes carry their sessions.
fn gates(make: Make<'_>, hops: &Hops) -> bool {
    make.gate == Gate::Routes && !hops.last_resort
}

/// BFD rows of every candidate, in use or not: one that is out comes back when its session does. The object speaks for the
/// pod, so its timers are crossed here.
pub(super) fn sessions(make: Make<'_>, family: Family, hops: &Hops) -> Vec<Row> {
    let Some(timers) = &make.request.bfd else { return Vec::new() };
    let row = |key: &SessionKey| Row::Bfd {
        key: key.clone(),
        min_tx: timers.min_rx,
        min_rx: timers.min_tx,
        multiplier: timers.multiplier,
        ids: make.ids(family),
    };
    hops.all.iter().filter_map(|hop| hop.session.as_ref()).map(row).collect()
}

/// A session sleeps as long as no static route names it. Where none does, a host route in a table that no port uses does.
pub(super) fn anchors(make: Make<'_>, family: Family, hops: &Hops, as_routes: bool) -> Vec<Row> {
    let by_policies = make.network.features.bfd_only && !as_routes;
    if make.request.bfd.is_none() || by_policies {
        return Vec::new();
    }
    let named =
        |hop: &&Hop| as_routes && gates(make, hops) && hop.used && !make.request.addresses(family).is_empty();
    let row = |hop: &Hop| {
        let length = if hop.address.is_ipv4() { 32 } else { 128 };
        Some(Row::Route {
            router: make.request.router.clone(),
            table: names::ANCHOR_TABLE.into(),
            by_source: false,
            prefix: format!("{}/{length}", hop.address).into(),
            next_hop: hop.address,
            session: Some(hop.session.clone()?),
            symmetric: false,
            ids: make.ids(family),
        })
    };
    hops.all.iter().filter(|hop| !named(hop)).filter_map(row).collect()
}

/// How sessions take gateways out, in this form on this OVN.
pub(super) fn gate(bfd: bool, heard: bool, as_routes: bool, bfd_only: bool) -> Gate {
    match (bfd, heard) {
        (false, _) => Gate::None,
        (true, false) => Gate::Deaf,
        (true, true) if as_routes => Gate::Routes,
        (true, true) if bfd_only => Gate::Policies,
        (true, true) => Gate::Loop,
    }
}
