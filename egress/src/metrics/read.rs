//! What is read off the parts when somebody asks.

use std::collections::BTreeMap;

use prometheus::proto::MetricFamily;

use super::family::{Family, number, size, truth};
use super::{Facts, Parts};
use crate::network::link_text;
use crate::source::Kind;
use crate::view::{Name, Session};

/// Phases of gateways.
const PHASES: [&str; 3] = ["Pending", "Processing", "Completed"];

/// Of gateways.
pub(super) fn gateways(all: &BTreeMap<Name, Facts>) -> Vec<MetricFamily> {
    let mut phases = Family::gauge("egress_gateways", "Gateways by phase.");
    for phase in PHASES {
        let count = all.values().filter(|facts| facts.phase == phase).count();
        phases = phases.with(&[("phase", phase)], size(count));
    }
    let mut members = Family::gauge(
        "egress_gateway_members",
        "Pods of a gateway that are next hops, and those that are not.",
    );
    let mut last = Family::gauge(
        "egress_gateway_last_resort",
        "1: evidence speaks against every pod of the gateway, and they are used nevertheless.",
    );
    let mut ready = Family::gauge("egress_gateway_ready", "1: status.ready of the gateway.");
    for (name, facts) in all {
        let labels = [("namespace", &*name.namespace), ("name", &*name.name)];
        let [namespace, name] = labels;
        members = members
            .with(&[namespace, name, ("used", "true")], size(facts.used))
            .with(&[namespace, name, ("used", "false")], size(facts.unused));
        last = last.with(&labels, truth(facts.last_resort));
        ready = ready.with(&labels, truth(facts.ready));
    }
    [phases, members, last, ready].map(Family::done).into()
}

/// Of leadership, links, watches and events.
pub(super) fn parts(parts: &Parts) -> Vec<MetricFamily> {
    let readiness = &parts.readiness;
    let leads = readiness.leadership().remaining().is_some();
    let leader = Family::gauge("egress_leader", "1: this replica leads.").with(&[], truth(leads));
    let working = readiness.hindrance().is_none();
    let working = Family::gauge("egress_working", "1: this replica writes; 0: /readyz says why not.")
        .with(&[], truth(working));
    let linked = parts.databases.linked();
    let links =
        Family::gauge("egress_ovsdb_connected", "1: connected to the database, and its copy is complete.")
            .with(&[("database", "northbound")], truth(link_text(&linked.northbound).is_none()))
            .with(&[("database", "southbound")], truth(link_text(&linked.southbound).is_none()));
    let transactions =
        Family::counter("egress_nb_transactions_total", "Transactions sent to the northbound database.")
            .with(&[], number(parts.databases.northbound.transactions()));
    let troubles = readiness.store().troubles();
    let unlisted = readiness.store().unlisted();
    let mut watches =
        Family::gauge("egress_watch_healthy", "1: listed in full, and its last answer was good.");
    for kind in Kind::ALL {
        let well = !unlisted.contains(&kind) && troubles.iter().all(|(one, _, _)| *one != kind);
        watches = watches.with(&[("resource", kind.name())], truth(well));
    }
    let mut events = Family::counter("egress_events_total", "Events by what became of them.");
    for (outcome, count) in parts.recorder.counts() {
        events = events.with(&[("outcome", outcome)], number(count));
    }
    [leader, working, links, transactions, sessions(parts), watches, events].map(Family::done).into()
}

/// Of all sessions in the northbound database, also those of others.
fn sessions(parts: &Parts) -> Family {
    let network = parts.databases.read_last();
    let count = |wanted: Session| {
        let sessions = network.iter().flat_map(|network| network.sessions.values());
        size(sessions.filter(|session| **session == wanted).count())
    };
    Family::gauge("egress_bfd_sessions", "BFD rows of the northbound database by their status.")
        .with(&[("status", "admin_down")], count(Session::AdminDown))
        .with(&[("status", "down")], count(Session::Down))
        .with(&[("status", "init")], count(Session::Init))
        .with(&[("status", "up")], count(Session::Up))
}
