//! `/metrics`, `/healthz`, `/livez` and `/readyz`.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::metrics::{Metrics, TEXT_FORMAT};

/// Serves until dropped.
///
/// # Errors
/// What the system says, e.g. that the port is taken.
pub fn serve(on: SocketAddr, metrics: Arc<Metrics>) -> io::Result<impl Future<Output = ()> + Send + use<>> {
    // Every address: IPv4 alone where there is no IPv6.
    if on.ip().is_unspecified() && on.is_ipv6() {
        return endpoint::serve(on.port(), router(metrics)).map(futures_util::future::Either::Left);
    }
    endpoint::serve_on(on, router(metrics)).map(futures_util::future::Either::Right)
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
    match metrics.scrape() {
        Ok(text) => ([(header::CONTENT_TYPE, TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn readyz(State(metrics): State<Arc<Metrics>>) -> (StatusCode, String) {
    match metrics.readiness().page() {
        Ok(text) => (StatusCode::OK, text),
        Err(text) => (StatusCode::SERVICE_UNAVAILABLE, text),
    }
}
