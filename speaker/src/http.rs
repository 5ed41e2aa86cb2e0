//! `/metrics`, `/healthz`, `/livez` and `/readyz` of a speaker.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bgp::fsm;
use bgp::net::PeerStatus;
use bgp::rib::NextHops;

use crate::metrics::{Metrics, TEXT_FORMAT};
use crate::nexthop::Troubles;
use crate::view::Kind;

/// Serves until dropped, on this port of every address.
///
/// # Errors
/// What the system says, e.g. that the port is taken.
pub async fn serve(port: u16, metrics: Arc<Metrics>) -> io::Result<impl Future<Output = ()> + Send + use<>> {
    endpoint::serve(port, router(metrics))
}

fn router(metrics: Arc<Metrics>) -> Router {
    Router::new()
        .route("/metrics", get(scrape))
        .route("/healthz", get("ok"))
        .route("/livez", get("ok"))
        .route("/readyz", get(readyz))
        .with_state(metrics)
}

async fn scrape(State(metrics): State<Arc<Metrics>>) -> Response {
    match metrics.scrape().await {
        Ok(text) => ([(header::CONTENT_TYPE, TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn readyz(State(metrics): State<Arc<Metrics>>) -> (StatusCode, String) {
    match readiness(&metrics) {
        Ok(text) => (StatusCode::OK, text),
        Err(text) => (StatusCode::SERVICE_UNAVAILABLE, text),
    }
}

/// Ready is a speaker that knows everything it is to announce. A session that is down, or a neighbour that cannot be told a next
/// hop, is said but is no reason: routers that are away must not hold up a rollout, and no traffic depends on our readiness.
fn readiness(metrics: &Metrics) -> Result<String, String> {
    let announcer = metrics.announcer();
    let peers = announcer.engine().peers();
    let up = peers.iter().filter(|peer| peer.state == fsm::State::Established).count();
    let sessions = format!("{up} of {} sessions are up", peers.len());
    let hops = missing_next_hops(&peers, metrics.troubles());
    if announcer.engine().is_released() {
        let but: Vec<String> = (up == 0).then_some(sessions).into_iter().chain(hops).collect();
        return Ok(if but.is_empty() { "ok".to_owned() } else { format!("ok, but {}", but.join("; ")) });
    }
    let unlisted: Vec<&str> = announcer.stages().unlisted().map(Kind::name).collect();
    let missing = match unlisted.is_empty() {
        true => "the last listing is not in force yet".to_owned(),
        false => format!("not listed yet: {}", unlisted.join(", ")),
    };
    let all: Vec<String> = [missing, sessions].into_iter().chain(hops).collect();
    Err(format!("not ready: {}", all.join("; ")))
}

/// A line's part for each neighbour that nothing is announced to for want of a next hop.
fn missing_next_hops(peers: &[PeerStatus], troubles: &Troubles) -> Vec<String> {
    let without = peers.iter().filter(|peer| peer.next_hops == NextHops::default());
    let told = |peer: &PeerStatus| {
        let cause = troubles.of(peer.addr).map(|trouble| format!(": {}", trouble.cause)).unwrap_or_default();
        format!("no next hop towards {}{cause}", peer.addr)
    };
    without.map(told).collect()
}
