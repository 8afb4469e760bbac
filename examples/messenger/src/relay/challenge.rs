//! `POST /v1/challenge`: begins a registration. The answer goes to the token that is claimed, not
//! to whoever asks.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;

use crate::app::App;
use crate::relay::refusal::Refusal;

pub(super) async fn post(State(app): State<Arc<App>>, body: Bytes) -> Result<StatusCode, Refusal> {
    let push = app.relay.challenge(&body).await?;
    let outcome = app.client.send(&push.token, &push.message).await;
    app.metrics.challenge(&outcome);
    outcome?;
    Ok(StatusCode::NO_CONTENT)
}
