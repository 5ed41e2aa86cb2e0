//! `/metrics`, `/livez`, `/readyz` and `/healthz` of `sidecar nat`.
//!
//! Alive is a loop that looks; ready is one that found, or made, everything as wanted.

use std::io;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::metrics;
use super::report::Shared;
use crate::config::Metrics;

/// Serves until dropped.
///
/// # Errors
/// What the system says, e.g. that the port is taken.
pub fn serve(on: Metrics, shared: Shared) -> io::Result<impl Future<Output = ()> + Send + use<>> {
    let pages = Router::new()
        .route("/metrics", get(scrape))
        .route("/livez", get(alive))
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .with_state(shared);
    crate::http::on(on, pages)
}

async fn scrape(State(shared): State<Shared>) -> Response {
    let report = shared.lock().clone();
    match metrics::text(&report) {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn alive(State(shared): State<Shared>) -> (StatusCode, &'static str) {
    match shared.lock().is_live() {
        true => (StatusCode::OK, "ok"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "the last look at the rules is too long ago"),
    }
}

async fn ready(State(shared): State<Shared>) -> (StatusCode, String) {
    let report = shared.lock();
    if report.is_as_wanted() {
        return (StatusCode::OK, "ok".to_owned());
    }
    (StatusCode::SERVICE_UNAVAILABLE, format!("not as wanted: {}", report.reasons()))
}
