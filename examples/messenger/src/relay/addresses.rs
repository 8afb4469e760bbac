//! `POST /v1/addresses`: gives addresses for the challenge that came by push, or for a ticket.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;

use crate::app::App;
use crate::relay::refusal::{Refusal, octets};

pub(super) async fn post(State(app): State<Arc<App>>, body: Bytes) -> Result<Response, Refusal> {
    Ok(octets(app.relay.issue(&body).await?))
}
