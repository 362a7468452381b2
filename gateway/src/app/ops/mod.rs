//! The ops listener: health checks for load balancers, metrics for Prometheus.

mod backend_monitor;
mod metrics;
mod process;
mod readiness;

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{StatusCode, header};

pub use backend_monitor::BackendMonitor;
pub use metrics::{MetricsPage, install};
pub use readiness::Readiness;

/// What the listener shows.
struct Shown {
    readiness: Readiness,
    metrics: MetricsPage,
}

/// Health and metrics of this gateway.
pub fn router(readiness: Readiness, metrics: MetricsPage) -> Router {
    Router::new()
        .route("/health/live", get(|| async { "alive\n" }))
        .route("/health/ready", get(ready))
        .route("/metrics", get(page))
        .with_state(Arc::new(Shown { readiness, metrics }))
}

async fn ready(State(shown): State<Arc<Shown>>) -> Response {
    let report = shown.readiness.report().await;
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(report)).into_response()
}

async fn page(State(shown): State<Arc<Shown>>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], shown.metrics.render()).into_response()
}
