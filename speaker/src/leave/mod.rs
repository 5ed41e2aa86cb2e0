//! Whether a speaker that is being stopped stays, so that routers keep its routes for the next process, or leaves.
//!
//! `facts` is what the API server knows about the node, the Pod and the DaemonSet, `placement` whether a DaemonSet
//! wants a node, `judge` the rule as a pure function of them; `ask` gets the facts in time, `follow` keeps an eye on the
//! DaemonSet before that, `text` keeps words of others short and harmless.

mod ask;
mod facts;
mod follow;
mod judge;
mod placement;
#[cfg(test)]
mod tests;
mod text;

use std::time::Duration;

use tokio::time::Instant;

use crate::pod::OwnPod;
use crate::source::kubernetes::Access;
use ask::Asker;
use facts::{Fact, Keeper, NodeFacts, Pod};
pub use follow::Followed;
use placement::Placement;
pub(crate) use text::cut;
use text::shown;

/// What becomes of the routes, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The next process is expected: routers that agreed on graceful restart are to keep the routes.
    Stay(String),
    /// This node is to have no speaker: the routes are taken back, and the reason is told to the routers.
    Leave(String),
}

/// Who asks, and about whom.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The way to the API server; `None` where objects come from files.
    pub access: Option<&'a Access>,
    /// This node, as the API server names it; empty beside a NAT gateway.
    pub node: &'a str,
    /// This Pod, if it is one.
    pub pod: Option<&'a OwnPod>,
    /// What was seen of its DaemonSet before.
    pub followed: &'a Followed,
    /// Graceful restart is on for at least one neighbour.
    pub restarts: bool,
    /// How long the API server may take with all its answers: the kubelet is waiting with SIGKILL.
    pub patience: Duration,
}

/// Decides by the one rule: without graceful restart leave; with it stay, unless this node is meant to lose its
/// speaker. What cannot be found out is no reason to leave.
pub async fn decide(question: Question<'_>) -> Decision {
    let Some(access) = question.access else {
        return unasked(question.restarts, "objects come from files, there is no API server to ask");
    };
    if !question.restarts {
        return unasked(false, "");
    }
    let asker = Asker::new(access, Instant::now() + question.patience, question.patience);
    if question.node.is_empty() {
        return judge::gateway(&own_pod(&asker, question.pod).await);
    }
    let (node, (pod, keeper)) =
        tokio::join!(asker.node(question.node), keeper(&asker, question.pod, question.followed));
    // Where we run is better known from the Pod than from a flag.
    let placed = pod.filter(|placed| !placed.is_empty());
    let facts = match placed {
        Some(placed) if placed != question.node => {
            NodeFacts { node: asker.node(&placed).await, sure: true, name: placed, keeper }
        }
        placed => NodeFacts { name: question.node.to_owned(), sure: placed.is_some(), node, keeper },
    };
    judge::node(&facts)
}

/// The decision when nobody is asked; `why` not.
#[must_use]
pub fn unasked(restarts: bool, why: &str) -> Decision {
    match restarts {
        false => Decision::Leave("graceful restart is off".to_owned()),
        true => Decision::Stay(why.to_owned()),
    }
}

async fn own_pod(asker: &Asker<'_>, pod: Option<&OwnPod>) -> Fact<Pod> {
    match pod {
        Some(own) => asker.pod(&own.namespace, &own.name).await,
        None => Fact::Unknown("which Pod this is, is not known".to_owned()),
    }
}

/// The node our Pod was placed on, if that can be known, and who sees to it that there is a speaker.
async fn keeper(asker: &Asker<'_>, own: Option<&OwnPod>, followed: &Followed) -> (Option<String>, Keeper) {
    let Some(own) = own else {
        return (None, Keeper::Nobody("this is no Pod".to_owned()));
    };
    let label = format!("{}/{}", own.namespace, own.name);
    let pod = match asker.pod(&own.namespace, &own.name).await {
        Fact::Known(pod) => pod,
        unknown => {
            let why = match unknown {
                Fact::Unknown(why) => why,
                _ => format!("Pod {label} is gone, so its owner is not known"),
            };
            let seen = |(name, set)| Keeper::DaemonSet { name, set, own: Placement::default() };
            return (followed.placed(), followed.last().map_or(Keeper::Unknown(why), seen));
        }
    };
    let placed = pod.spec.node_name.clone();
    let keeper = match pod.owner() {
        None => Keeper::Nobody(format!("Pod {label} has no owner")),
        Some(owner) if !owner.is_daemon_set() => {
            let (kind, name) = (shown(&owner.kind), shown(&owner.name));
            Keeper::Nobody(format!("Pod {label} belongs to {kind} {name}, no DaemonSet"))
        }
        Some(owner) => Keeper::DaemonSet {
            name: format!("{}/{}", own.namespace, owner.name),
            set: match asker.daemon_set(&own.namespace, &owner.name).await {
                Fact::Unknown(why) => followed.last().map_or(Fact::Unknown(why), |(_, set)| set),
                set => set,
            },
            own: pod.spec.placement,
        },
    };
    (placed, keeper)
}
