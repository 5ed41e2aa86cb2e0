//! Why a pass could not do everything.

use ovn::net::TransactError;

use super::outcome::PATIENCE;
use super::queue::Ended;
use crate::apply::Impossible;
use crate::view::Name;

/// Why a pass could not do everything.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// Another replica leads by now.
    #[error("this replica does not lead any more")]
    NotLeading,
    /// The API server did not do it.
    #[error("{what}: {why}")]
    Api {
        /// What was to be written.
        what: &'static str,
        /// What it says.
        why: String,
        /// It says that this request is wrong, whenever it is made.
        lasting: bool,
    },
    /// The object changed since it was read.
    #[error("{what}: somebody else was faster")]
    Overtaken {
        /// What was to be written.
        what: &'static str,
    },
    /// A Deployment of that name is not ours.
    #[error("the Deployment {}/{} is there and does not belong to the gateway", .0.namespace, .0.name)]
    ForeignDeployment(Name),
    /// The rows cannot be as they are wanted.
    #[error("{0}")]
    Rows(#[from] Impossible),
    /// The northbound database did not do it.
    #[error("northbound database: {0}")]
    Transaction(#[from] TransactError),
    /// It did not answer in time, and may have done it.
    #[error("northbound database: no answer in time")]
    Silence,
}

impl Trouble {
    /// A word out of a closed set, for metrics.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::NotLeading => "not_leading",
            Self::Api { .. } => "kube_api",
            Self::Overtaken { .. } => "kube_conflict",
            Self::ForeignDeployment(_) => "foreign_deployment",
            Self::Rows(Impossible::Clash(_)) => "row_clash",
            Self::Rows(Impossible::NoRouter { .. }) => "no_router",
            Self::Transaction(TransactError::NotConnected) => "nb_not_connected",
            Self::Transaction(TransactError::Lost) | Self::Silence => "nb_lost",
            Self::Transaction(_) if self.is_stale() => "nb_conflict",
            Self::Transaction(_) => "nb_refused",
        }
    }

    /// All of [`Trouble::name`].
    pub(super) const NAMES: [&'static str; 10] = [
        "not_leading",
        "kube_api",
        "kube_conflict",
        "foreign_deployment",
        "row_clash",
        "no_router",
        "nb_not_connected",
        "nb_lost",
        "nb_conflict",
        "nb_refused",
    ];

    /// What the pass rested on had changed.
    pub(super) fn is_stale(&self) -> bool {
        match self {
            Self::Overtaken { .. } => true,
            // A wait that did not hold; an index or a reference that another writer took or took away (RFC 7047 §5.2).
            Self::Transaction(TransactError::Refused { error, .. }) => {
                matches!(&**error, "timed out" | "constraint violation" | "referential integrity violation")
            }
            _ => false,
        }
    }

    /// The reason of the condition that tells it as a failure, where so many passes in a row failed before; `None`: it may
    /// go by itself.
    pub(super) fn condition(&self, failed: u32) -> Option<&'static str> {
        let rows = matches!(self, Self::Rows(_) | Self::Transaction(_) | Self::Silence);
        let lasting = match self {
            Self::NotLeading => return None,
            Self::ForeignDeployment(_) | Self::Rows(_) => true,
            Self::Api { lasting, .. } => *lasting,
            Self::Transaction(TransactError::Refused { .. }) => !self.is_stale(),
            Self::Overtaken { .. } | Self::Transaction(_) | Self::Silence => false,
        };
        let reason = if rows { "ReconcileOVNRoutesFailed" } else { "ReconcileWorkloadFailed" };
        (lasting || failed >= PATIENCE).then_some(reason)
    }

    pub(super) fn ended(&self) -> Ended {
        if self.is_stale() { Ended::Stale } else { Ended::Failed }
    }
}
