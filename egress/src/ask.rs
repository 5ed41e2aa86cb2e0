//! `egress explain`: reads the API server and the databases itself, once, and says what follows.

use std::sync::Arc;
use std::time::Duration;

use crate::access::{self, AccessError};
use crate::config::Question;
use crate::explain;
use crate::lease::Leadership;
use crate::network::Databases;
use crate::readiness::Readiness;
use crate::source::{self, Marks, Store};
use crate::subject::Subject;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// No client for the API server.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// Not everything that an answer rests on came in time.
    #[error("not everything could be read within {0:?}: {1}")]
    Slow(Duration, String),
    /// The answer is no JSON.
    #[error("JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// There is no such object, and no row of one.
    #[error("there is no {0}")]
    NotFound(Subject),
}

impl AskError {
    /// 1: failed; 3: there is no such object; 4: somebody cannot be reached.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Json(_) => 1,
            Self::NotFound(_) => 3,
            Self::Access(_) | Self::Slow(..) => 4,
        }
    }
}

/// Between two looks whether everything was read.
const LOOK: Duration = Duration::from_millis(20);

/// The answer.
///
/// # Errors
/// [`AskError`].
pub async fn ask(question: Question) -> Result<String, AskError> {
    let config = question.config;
    let client = access::connect(config.kubeconfig.as_deref()).await?;
    let store =
        Store::new(!config.served.is_kube_ovn(), &config.settings.default_vpc, Arc::new(Marks::default()));
    let databases = Databases::start(config.places.clone(), config.served.vendor());
    let _watches = source::start(&client, &config.served, &store);
    let readiness =
        Readiness::new(store.clone(), databases.clone(), Leadership::always(), config.served.clone());
    let complete = async {
        loop {
            if let (Some(network), true) = (databases.read(), store.unlisted().is_empty()) {
                return network;
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    let Ok(network) = tokio::time::timeout(question.patience, complete).await else {
        let missing = readiness.page().err().unwrap_or_default();
        return Err(AskError::Slow(question.patience, missing));
    };
    let subject = question.subject;
    // A Lease that was left behind looks alive to a store that has just begun to count.
    let alive = source::controller(client).await;
    let answer = store.read(|cluster| {
        let mut cluster = cluster.clone();
        cluster.controller_alive = alive.unwrap_or(cluster.controller_alive);
        let cluster = &cluster;
        let known = match &subject {
            Subject::Vpc(name) => cluster.vpcs.contains_key(name),
            Subject::Gateway(name) => cluster.gateways.contains_key(name) || network.owned.contains_key(name),
        };
        known.then(|| match &subject {
            Subject::Vpc(name) => explain::vpc(cluster, &network, &config.settings, name),
            Subject::Gateway(name) => explain::gateway(cluster, &network, &config.settings, name),
        })
    });
    let Some(answer) = answer else { return Err(AskError::NotFound(subject)) };
    match question.json {
        true => Ok(serde_json::to_string_pretty(&answer)? + "\n"),
        false => Ok(answer.to_string()),
    }
}
