//! Whether a speaker that is being stopped stays, so that routers keep its routes for the next process, or leaves.

use std::time::Duration;

use crate::pod::OwnPod;
use crate::source::kubernetes::Access;

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
    /// This node, as the API server names it.
    pub node: &'a str,
    /// This Pod, if it is one.
    pub pod: Option<&'a OwnPod>,
    /// Graceful restart is on for at least one neighbour.
    pub restarts: bool,
    /// How long the API server may take with all its answers: the kubelet is waiting with SIGKILL.
    pub patience: Duration,
}

/// Decides by the one rule: without graceful restart leave; with it stay, unless this node is meant to lose its
/// speaker. What cannot be found out is no reason to leave.
pub async fn decide(question: Question<'_>) -> Decision {
    match question.restarts {
        false => Decision::Leave("graceful restart is off".to_owned()),
        true => Decision::Stay("nobody was asked".to_owned()),
    }
}
