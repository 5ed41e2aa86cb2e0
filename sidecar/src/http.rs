//! `/metrics`, `/livez`, `/readyz` and `/healthz`.
//!
//! Alive is a sidecar whose BFD thread answers; ready is one that is alive. A session that is down is the peer's to
//! judge, and taking the pod away for it would take away its other sessions, too: the state is said, but no reason.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::beacon::Beacon;
use crate::config::Metrics;
use crate::metrics;

/// Pages that are being served.
pub type Serving = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// Serves until dropped.
///
/// # Errors
/// What the system says, e.g. that the port is taken.
pub fn serve(on: Metrics, beacon: Arc<Beacon>) -> io::Result<impl Future<Output = ()> + Send + use<>> {
    let pages = Router::new()
        .route("/metrics", get(scrape))
        .route("/livez", get(alive))
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .with_state(beacon);
    self::on(on, pages)
}

/// Serves these pages there until dropped.
///
/// # Errors
/// What the system says, e.g. that the port is taken.
pub fn on(on: Metrics, pages: Router) -> io::Result<Serving> {
    Ok(match on {
        Metrics::Port(port) => Box::pin(endpoint::serve(port, pages)?),
        Metrics::On(address) => Box::pin(endpoint::serve_on(address, pages)?),
    })
}

async fn scrape(State(beacon): State<Arc<Beacon>>) -> Response {
    let text = match beacon.snapshot().await {
        Ok(snapshot) => metrics::text(&snapshot).map_err(|error| error.to_string()),
        Err(silent) => Err(silent.to_string()),
    };
    match text {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error).into_response(),
    }
}

async fn alive(State(beacon): State<Arc<Beacon>>) -> (StatusCode, String) {
    match beacon.ask(|_, _, _, _| ()).await {
        Ok(()) => (StatusCode::OK, "ok".to_owned()),
        Err(silent) => (StatusCode::SERVICE_UNAVAILABLE, silent.to_string()),
    }
}

async fn ready(State(beacon): State<Arc<Beacon>>) -> (StatusCode, String) {
    match beacon.snapshot().await {
        Ok(snapshot) => {
            let up = snapshot.expected.iter().filter(|one| one.state == Some(bfd::State::Up)).count();
            (StatusCode::OK, format!("ok, {up} of {} sessions are up", snapshot.expected.len()))
        }
        Err(silent) => (StatusCode::SERVICE_UNAVAILABLE, silent.to_string()),
    }
}
