//! What operators look through: the debug socket, the GoBGP API, metrics and health.
//!
//! None of them may stop routing. While another process holds the socket or port, as a speaker does that is just being
//! replaced, it is tried again; upstream ends instead.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::announce::Announcer;
use crate::api::server;
use crate::config::Config;
use crate::liveness::Liveness;
use crate::metrics::Metrics;
use crate::nexthop::Troubles;
use crate::roster::Roster;
use crate::{gobgp, http, logging};

/// The pause before a socket or port in use is tried again.
const RETRY: Duration = Duration::from_secs(1);

pub(super) fn start(
    config: &Config,
    announcer: &Arc<Announcer>,
    (roster, liveness, troubles): (&Arc<Roster>, &Liveness, &Arc<Troubles>),
    tasks: &mut JoinSet<&'static str>,
) {
    let (path, to) = (config.socket.clone(), Arc::clone(announcer));
    let (roster, watched) = (Arc::clone(roster), liveness.clone());
    let what = format!("the debug socket {}", path.display());
    tasks.spawn(keep_serving(what, move || {
        let (path, to) = (path.clone(), Arc::clone(&to));
        let shown = (Arc::clone(&roster), watched.clone());
        async move { server::serve(&path, to, shown).await }
    }));
    let (on, writable, to) = (config.grpc, config.grpc_writable, Arc::clone(announcer));
    let watched = liveness.clone();
    tasks.spawn(keep_serving(format!("the GoBGP API on {on}"), move || {
        gobgp::server::serve_with(on, (Arc::clone(&to), watched.clone()), writable)
    }));
    if let Some(port) = config.http_port {
        let metrics = Metrics::new(Arc::clone(announcer), logging::counts);
        let metrics = Arc::new(metrics.with_liveness(liveness.clone()).with_troubles(Arc::clone(troubles)));
        tasks.spawn(keep_serving(format!("metrics and health on port {port}"), move || {
            http::serve(port, Arc::clone(&metrics))
        }));
    }
}

/// Serves for ever; what keeps it from serving is warned about once while it lasts.
async fn keep_serving<S, Starting, Serving>(what: String, start: S) -> &'static str
where
    S: Fn() -> Starting,
    Starting: Future<Output = io::Result<Serving>>,
    Serving: Future<Output = ()>,
{
    let mut told: Option<String> = None;
    loop {
        match start().await {
            Ok(serving) => {
                told = None;
                info!("serving {what}");
                serving.await;
            }
            Err(error) => {
                let text = error.to_string();
                if told.as_ref() != Some(&text) {
                    warn!("cannot serve {what} yet: {text}");
                    told = Some(text);
                }
            }
        }
        tokio::time::sleep(RETRY).await;
    }
}
