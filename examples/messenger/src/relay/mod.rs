//! The relay's routes, one file each; the paths are [`paths`] of the module `contact`.
//!
//! All the thinking is in [`Relay`](sealpush::contact::relay::Relay). A route reads octets, asks it,
//! pushes what comes back, and answers octets.

mod about;
mod addresses;
mod challenge;
mod forward;
mod health;
mod held;
mod keys;
mod messages;
mod metrics;
mod refusal;
mod revoke;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware;
use axum::routing::{get, post};
use sealpush::contact::paths;
use tower_http::timeout::TimeoutLayer;

use crate::app::App;
use crate::{headers, limits};

pub(crate) use self::messages::push;
pub(crate) use self::refusal::Refusal;

/// All routes: the relay's and the operator's.
pub(crate) fn routes(app: Arc<App>) -> Router {
    let limited = Router::new()
        .route(paths::CHALLENGE, post(challenge::post))
        .route(paths::ADDRESSES, post(addresses::post))
        .route(paths::MESSAGES, post(messages::post))
        .route(paths::FORWARD, post(forward::post))
        .route(paths::HELD, post(held::post))
        .route(paths::REVOKE, post(revoke::post))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), limits::refuse_floods));
    Router::new()
        .merge(limited)
        .route(paths::KEYS, get(keys::get))
        .route("/v1/about", get(about::get))
        .route("/health", get(health::get))
        .route("/metrics", get(metrics::get))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, LONGEST_REQUEST))
        .layer(middleware::map_response(headers::harden))
        .with_state(app)
}

/// Octets: 32 pairs of address and slot, the largest that is asked for.
const LARGEST_BODY: usize = 32 * 685;
/// A push takes 15 seconds at most, and a forwarded one is a push of another relay's.
const LONGEST_REQUEST: Duration = Duration::from_secs(40);
