//! `GET /metrics`: counters for Prometheus, without a label that names anybody.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::app::App;

pub(super) async fn get(State(app): State<Arc<App>>) -> Response {
    if !app.shows_metrics {
        return StatusCode::NOT_FOUND.into_response();
    }
    let kind = [(axum::http::header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    (kind, app.metrics.text()).into_response()
}
