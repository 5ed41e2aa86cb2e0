//! `/metrics`, `/healthz`, `/livez` and `/readyz` of a speaker.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bgp::fsm;

use crate::announce::Announcer;
use crate::metrics::{Metrics, TEXT_FORMAT};
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
    match readiness(metrics.announcer()) {
        Ok(text) => (StatusCode::OK, text),
        Err(text) => (StatusCode::SERVICE_UNAVAILABLE, text),
    }
}

/// Ready is a speaker that knows everything it is to announce. A session that is down is said but is no reason: routers that are away
/// must not hold up a rollout, and no traffic depends on our readiness.
fn readiness(announcer: &Announcer) -> Result<String, String> {
    let peers = announcer.engine().peers();
    let up = peers.iter().filter(|peer| peer.state == fsm::State::Established).count();
    let sessions = format!("{up} of {} sessions are up", peers.len());
    if announcer.is_synced() {
        return Ok(if up == 0 { format!("ok, but {sessions}") } else { "ok".to_owned() });
    }
    let unlisted: Vec<&str> = announcer.stages().unlisted().map(Kind::name).collect();
    let missing = match unlisted.is_empty() {
        true => "the last listing is not in force yet".to_owned(),
        false => format!("not listed yet: {}", unlisted.join(", ")),
    };
    let assumed =
        announcer.assumed().map(|count| format!("; {count} prefixes are announced from the last intent"));
    Err(format!("not ready: {missing}{}; {sessions}", assumed.unwrap_or_default()))
}
