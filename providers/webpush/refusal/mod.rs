//! What a push service's refusal means and what to do about it.
//!
//! The vendors' own signs come first, one module each, where they say more than the status does;
//! the rest is decided by the status alone, so that a page of HTML from a proxy is understood as
//! well. No text of the response reaches the error: it can repeat the push resource.

mod apple;
mod google;
mod microsoft;
mod mozilla;
pub(super) mod ntfy;

use std::time::Duration;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{Response, StatusCode};

use super::service::Service;
use crate::ErrorKind;
use crate::transport::MAX_RETRY_AFTER;

/// A refusal in our terms.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Refusal {
    pub(super) kind: ErrorKind,
    /// What happened and what to do about it.
    pub(super) advice: &'static str,
    /// How long to wait where the push service does not say.
    pub(super) delay: Option<Duration>,
}

impl Refusal {
    const fn new(kind: ErrorKind, advice: &'static str) -> Self {
        Self { kind, advice, delay: None }
    }

    const fn with_delay(self, delay: Duration) -> Self {
        Self { delay: Some(delay), ..self }
    }
}

/// `None` when the push service accepted the message.
pub(super) fn of(service: Service, response: &Response<Bytes>) -> Option<Refusal> {
    let (status, body) = (response.status(), response.body());
    let known = match service {
        Service::Microsoft => microsoft::refusal(status, response.headers()),
        _ if status.is_success() => None,
        Service::Apple => apple::refusal(status, body),
        Service::Google => google::refusal(status, body),
        Service::Mozilla => mozilla::refusal(status, body),
        Service::Ntfy => ntfy::refusal(status, body),
        Service::Other => other(response),
    };
    if known.is_some() || status.is_success() { known } else { Some(by_status(status)) }
}

/// A service that is not known: two statuses need more than themselves.
fn other(response: &Response<Bytes>) -> Option<Refusal> {
    match response.status() {
        StatusCode::FORBIDDEN if mentions_another_key(response.body()) => Some(OTHER_KEY),
        StatusCode::NOT_ACCEPTABLE if response.headers().contains_key(RETRY_AFTER) => {
            Some(RATE_LIMITED)
        }
        _ => None,
    }
}

fn by_status(status: StatusCode) -> Refusal {
    match status.as_u16() {
        300..=399 => Refusal::new(
            ErrorKind::Rejected,
            "redirects are not followed; subscribe again to get the new address",
        ),
        400 => Refusal::new(
            ErrorKind::Rejected,
            "the request is malformed; the same message will be refused again",
        ),
        401 | 403 => Refusal::new(
            ErrorKind::Unauthorized,
            "the VAPID credentials are missing or refused; check the key, the subject and the clock",
        ),
        404 | 410 => GONE,
        408 | 425 => Refusal::new(ErrorKind::Unavailable, "the request took too long; try again"),
        413 => Refusal::new(
            ErrorKind::PayloadTooLarge,
            "the body is too large; shorten the message or its padding (Firefox on Android takes \
             2744 octets)",
        ),
        429 => RATE_LIMITED,
        500..=599 => UNAVAILABLE,
        _ => Refusal::new(
            ErrorKind::Rejected,
            "this status means nothing in Web Push; check that the address is a push resource",
        ),
    }
}

/// Whether the text of a refusal speaks of a key other than the subscription's.
fn mentions_another_key(body: &[u8]) -> bool {
    contains(body, &["key mismatch", "do not correspond to the credentials"])
}

/// Whether a text has one of the fragments, which are in lower case.
fn contains(text: &[u8], fragments: &[&str]) -> bool {
    let text = String::from_utf8_lossy(text).to_lowercase();
    fragments.iter().any(|fragment| text.contains(fragment))
}

const GONE: Refusal = Refusal::new(
    ErrorKind::Expired,
    "the subscription is gone; delete the token and have the user agent subscribe again",
);
const OTHER_KEY: Refusal = Refusal::new(
    ErrorKind::TokenMismatch,
    "the subscription was made with another VAPID key; add that key and name it in the token as \
     'applicationServerKey', or subscribe again",
);
const RATE_LIMITED: Refusal =
    Refusal::new(ErrorKind::RateLimited, "too many requests; slow down for this subscription");
const UNAVAILABLE: Refusal =
    Refusal::new(ErrorKind::Unavailable, "the push service has trouble; try again later");
/// The longest delay that is ever answered.
const LONG: Duration = MAX_RETRY_AFTER;
