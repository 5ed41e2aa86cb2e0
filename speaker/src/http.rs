//! `/metrics`, `/healthz`, `/livez` and `/readyz` of a speaker.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::metrics::{Metrics, TEXT_FORMAT};
use crate::readiness;

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
    match readiness::of(&metrics) {
        Ok(text) => (StatusCode::OK, text),
        Err(text) => (StatusCode::SERVICE_UNAVAILABLE, text),
    }
}
