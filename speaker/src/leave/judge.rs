//! The rule, as a function of what is known.

use super::Decision;
use super::facts::{DRAIN, Fact, Keeper, Node, NodeFacts, OUT_OF_SERVICE, Pod};
use super::text::shown;

/// On a node, whose kernel goes on forwarding while there is no speaker.
pub(super) fn node(facts: &NodeFacts) -> Decision {
    let on_node = match &facts.node {
        Fact::Known(node) => of_node(node),
        Fact::Gone if facts.sure => Some(format!("node {} was deleted", shown(&facts.name))),
        _ => None,
    };
    match on_node.or_else(|| of_keeper(facts)) {
        Some(reason) => Decision::Leave(reason),
        None => Decision::Stay(why_stay(facts)),
    }
}

fn of_node(node: &Node) -> Option<String> {
    if node.is_drained() {
        return Some(format!("node is being drained (annotation {DRAIN})"));
    }
    node.is_out_of_service().then(|| format!("node is out of service (taint {OUT_OF_SERVICE})"))
}

fn of_keeper(facts: &NodeFacts) -> Option<String> {
    let Keeper::DaemonSet { name, set, own } = &facts.keeper else { return None };
    let placement = match set {
        Fact::Gone => return Some(format!("DaemonSet {} was deleted", shown(name))),
        Fact::Known(set) if set.is_going() => {
            return Some(format!("DaemonSet {} is being deleted", shown(name)));
        }
        Fact::Known(set) => &set.spec.template.spec.placement,
        Fact::Unknown(_) => own,
    };
    match &facts.node {
        Fact::Known(node) => placement.misses(&facts.name, &node.metadata.labels),
        _ => None,
    }
}

/// What speaks for a next speaker, and which question had no answer.
fn why_stay(facts: &NodeFacts) -> String {
    let mut open = Vec::new();
    match &facts.node {
        Fact::Known(_) => {}
        Fact::Gone => open.push(format!(
            "there is no node {}, and whether that is our node is not known",
            shown(&facts.name)
        )),
        Fact::Unknown(why) => open.push(why.clone()),
    }
    let known = match &facts.keeper {
        Keeper::DaemonSet { set: Fact::Unknown(why), .. } | Keeper::Unknown(why) => {
            open.push(why.clone());
            None
        }
        Keeper::Nobody(why) => Some(why.clone()),
        Keeper::DaemonSet { name, .. } => Some(match &facts.node {
            Fact::Known(_) => format!("DaemonSet {} wants node {}", shown(name), shown(&facts.name)),
            _ => format!("there is a DaemonSet {}", shown(name)),
        }),
    };
    match (known, open.is_empty()) {
        (Some(known), true) => known,
        (Some(known), false) => format!("{known}; not known: {}", open.join("; ")),
        (None, _) => format!("no reason to leave is known; not known: {}", open.join("; ")),
    }
}

/// Beside a NAT gateway: what forwards is in the Pod's own network, and ends with the Pod. A container that alone is
/// started anew keeps it.
pub(super) fn gateway(pod: &Fact<Pod>) -> Decision {
    match pod {
        Fact::Gone => Decision::Leave("the gateway's Pod was deleted".to_owned()),
        Fact::Known(pod) if pod.metadata.deletion_timestamp.is_some() => {
            Decision::Leave("the gateway's Pod is being deleted".to_owned())
        }
        Fact::Known(_) => Decision::Stay("the gateway's Pod is to stay".to_owned()),
        Fact::Unknown(why) => Decision::Stay(format!("no reason to leave is known; not known: {why}")),
    }
}
