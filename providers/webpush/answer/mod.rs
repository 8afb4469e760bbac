//! What a push service's answer means and what to do about it. Pure.
//!
//! The vendors' own signs come first, one module each, where they say more than the status does;
//! the rest is decided by the status alone, so that a page of HTML from a proxy is understood as
//! well. No text of the response reaches the error: it can repeat the push resource.
//!
//! # 404 and 410
//!
//! | push service | 404 | 410 |
//! |---|---|---|
//! | Apple | gone, but for a `reason` that says otherwise | gone |
//! | Google, Microsoft, Mozilla | gone | gone |
//! | ntfy | not about the topic: it has no 404 for topics | gone |
//! | any other | doubtful | gone |
//!
//! Anybody's proxy answers 404 while the container behind it is recreated, so a 404 of a host that
//! is not known only makes a token doubtful. No proxy answers 410 by itself. The connection to the
//! four that are known ends, authenticated, at their own machines: what stands in front of them is
//! theirs, so a page of HTML (Google's usual form of a 404) is as final there as JSON.

mod apple;
mod google;
mod microsoft;
mod mozilla;
mod ntfy;

use std::time::Duration;

use bytes::Bytes;
use http::header::{LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderName, Response};

use crate::providers::refusal::{Refusal, contains, is_page};
use crate::transport::MAX_RETRY_AFTER;
use crate::{Accepted, ErrorKind, MessageId, SealedMessage, Ttl};

use super::WebPush;
use super::request::TTL;
use super::service::Service;

/// What the push service's answer to `message` means.
pub(super) fn read(
    service: Service,
    message: &SealedMessage,
    response: &Response<Bytes>,
) -> Result<Accepted, Refusal> {
    match refused(service, response) {
        None => Ok(Accepted::new(WebPush::ID)
            .with_message_id(message_id(service, response).map(MessageId::from))
            .with_ttl(ttl_in_force(service, message, response.headers()))),
        Some(refusal) => Err(refusal),
    }
}

/// The message resource of RFC 8030 §5.1 where there is one, else the vendor's own name.
fn message_id(service: Service, response: &Response<Bytes>) -> Option<String> {
    let field = match service {
        Service::Apple => APNS_ID,
        Service::Microsoft => WNS_MESSAGE_ID,
        Service::Ntfy => return ntfy::message_id(response.body()),
        Service::Google | Service::Mozilla | Service::Other => LOCATION,
    };
    let headers = response.headers();
    headers.get(LOCATION).or_else(|| headers.get(field))?.to_str().ok().map(str::to_owned)
}

/// The TTL that the push service says, or the one that it was asked for in place of the message's.
fn ttl_in_force(service: Service, message: &SealedMessage, headers: &HeaderMap) -> Option<Ttl> {
    let said = headers.get(TTL).and_then(|ttl| ttl.to_str().ok()?.trim().parse().ok());
    let asked = Some(service.ttl(message.ttl())).filter(|ttl| *ttl != message.ttl());
    said.or(asked)
}

/// `None` when the push service accepted the message.
fn refused(service: Service, response: &Response<Bytes>) -> Option<Refusal> {
    let (status, body) = (response.status(), response.body());
    let known = match service {
        Service::Microsoft => microsoft::refusal(response),
        _ if status.is_success() => None,
        Service::Apple => apple::refusal(status, body),
        Service::Google => google::refusal(status, body),
        Service::Mozilla => mozilla::refusal(status, body),
        Service::Ntfy => ntfy::refusal(response),
        // Whoever runs one of the others' servers answers as they do.
        Service::Other => {
            let about_key = matches!(status.as_u16(), 401 | 403);
            (about_key && mentions_another_key(body)).then_some(OTHER_KEY)
        }
    };
    if known.is_some() || status.is_success() {
        return known;
    }
    Some(by_status(service, response))
}

fn not_found(service: Service) -> Refusal {
    match service {
        Service::Apple | Service::Google | Service::Microsoft | Service::Mozilla => GONE,
        Service::Ntfy => Refusal::new(
            ErrorKind::Rejected,
            "ntfy does not say this of a topic: the address is wrong, or a proxy answered while \
             the server behind it was away; keep the token",
        ),
        Service::Other => DOUBTFUL,
    }
}

/// Where Web Push says more than the status does.
fn by_status(service: Service, response: &Response<Bytes>) -> Refusal {
    match response.status().as_u16() {
        300..=399 => Refusal::new(
            ErrorKind::Rejected,
            "redirects are not followed; subscribe again to get the new address",
        ),
        401 | 403 if !is_page(response) => NOT_AUTHORIZED,
        404 => not_found(service),
        406 if service == Service::Other && response.headers().contains_key(RETRY_AFTER) => {
            RATE_LIMITED
        }
        410 => GONE,
        413 => Refusal::new(
            ErrorKind::PayloadTooLarge,
            "the body is too large; shorten the message or its padding (Firefox on Android takes \
             2744 octets)",
        ),
        429 => RATE_LIMITED,
        400 | 401 | 403 | 408 | 425 | 500..=599 => Refusal::by_status(response),
        _ => Refusal::new(
            ErrorKind::Rejected,
            "this status means nothing in Web Push; check that the address is a push resource",
        ),
    }
}

/// Whether the text of a refusal speaks of a key other than the subscription's.
fn mentions_another_key(body: &[u8]) -> bool {
    contains(
        body,
        &[
            "key mismatch",
            "do not correspond to the credentials",
            "does not correspond to the sender id",
            "mismatchsenderid",
            "vapidpkhashmismatch",
        ],
    )
}

const DOUBTFUL: Refusal = Refusal::new(
    ErrorKind::Rejected,
    "the subscription may be gone, or a proxy answered while the service behind it was away; keep \
     the token, and delete it when this stays so for days",
)
.with_doubtful_token();
const GONE: Refusal = Refusal::new(
    ErrorKind::Expired,
    "the subscription is gone; delete the token and have the user agent subscribe again",
);
const NOT_AUTHORIZED: Refusal = Refusal::new(
    ErrorKind::Unauthorized,
    "the VAPID credentials are missing or refused; check the key, the subject and the clock",
)
.with_credential_refused();
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
const MINUTE: Duration = Duration::from_secs(60);
const APNS_ID: HeaderName = HeaderName::from_static("apns-id");
const WNS_MESSAGE_ID: HeaderName = HeaderName::from_static("x-wns-msg-id");
