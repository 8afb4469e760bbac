//! `GET /v1/keys`: the names of the relay's keys, by which a device notices that they were dropped.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;

use crate::app::App;
use crate::relay::refusal::octets;

pub(super) async fn get(State(app): State<Arc<App>>) -> Response {
    octets(app.relay.keys())
}
