//! `POST /v1/held`: gives what waits for the slots of whoever knows them.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;

use crate::app::App;
use crate::relay::refusal::{Refusal, octets};

pub(super) async fn post(State(app): State<Arc<App>>, body: Bytes) -> Result<Response, Refusal> {
    Ok(octets(app.relay.held(&body).await?))
}
