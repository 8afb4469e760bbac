//! `GET /v1/about`: what a web app needs to know before it registers. Public, all of it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::app::App;

pub(super) async fn get(State(app): State<Arc<App>>) -> Response {
    let about = json!({
        "relay": app.origin.as_str(),
        "vapid": app.vapid_public_key,
        "mailbox": app.keeps_messages,
        "version": env!("CARGO_PKG_VERSION"),
    });
    ([(CONTENT_TYPE, "application/json")], about.to_string()).into_response()
}
