//! `POST /v1/revoke`: ends a slot, for whoever knows it with its address.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;

use crate::app::App;
use crate::relay::refusal::Refusal;

pub(super) async fn post(State(app): State<Arc<App>>, body: Bytes) -> Result<StatusCode, Refusal> {
    app.relay.revoke(&body).await?;
    Ok(StatusCode::NO_CONTENT)
}
