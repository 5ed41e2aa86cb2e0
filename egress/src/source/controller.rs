//! Asks for the Lease of kube-ovn-controller, again and again.
//!
//! A watch says nothing where nothing changes, and nothing where its connection is dead: its silence is no evidence. Each
//! answer to a question is.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::jiff::Timestamp;
use kube::{Api, Client};
use tokio::time::timeout;
use tracing::info;

use super::kinds::Kind;
use super::store::Store;
use crate::access::{ANSWER, brief};
use crate::lease::Beat;

/// Where kube-ovn-controller has its Lease, and under which name.
const CONTROLLER: [&str; 2] = ["kube-system", "kube-ovn-controller"];
/// Between an answer and the next question.
const PAUSE: Duration = Duration::from_secs(2);

/// Whether its holder looks alive, of one look; `None`: no answer.
pub async fn look(client: Client) -> Option<bool> {
    let [namespace, name] = CONTROLLER;
    let leases = Api::<Lease>::namespaced(client, namespace);
    let lease = timeout(ANSWER, leases.get_opt(name)).await.ok()?.ok()?;
    Some(lease.is_some_and(|lease| Beat::of(&lease).is_recent(Timestamp::now())))
}

/// Never ends.
pub(super) async fn ask(client: Client, store: Store) {
    let [namespace, name] = CONTROLLER;
    let leases = Api::<Lease>::namespaced(client, namespace);
    loop {
        let trouble = match timeout(ANSWER, leases.get_opt(name)).await {
            Ok(Ok(lease)) => {
                store.lease(Some(lease.as_ref().map(Beat::of)));
                None
            }
            Ok(Err(error)) => Some(brief(&error)),
            Err(_) => Some("no answer in time".to_owned()),
        };
        if let Some(why) = trouble {
            store.lease(None);
            if store.trouble(Kind::Lease, why.clone()) {
                info!(kind = Kind::Lease.name(), %why, "no good answer of the API server; what is known stays in force");
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}
