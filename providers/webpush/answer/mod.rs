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

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use crate::transport::{MAX_RETRY_AFTER, retry_after};
use crate::{Accepted, Error, ErrorKind, MessageId, SealedMessage, Ttl};

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

/// A refusal for the caller; `now` resolves a `Retry-After` date.
pub(super) fn error(
    service: Service,
    refusal: &Refusal,
    response: &Response<Bytes>,
    now: SystemTime,
) -> Error {
    let status = response.status().as_u16();
    let delay = match refusal.kind {
        ErrorKind::RateLimited | ErrorKind::Unavailable => {
            retry_after(response.headers(), now).or(refusal.delay)
        }
        _ => None,
    };
    let message = format!("{} answered {status}: {}", service.name(), refusal.advice);
    let error = Error::answered(refusal.kind, status, message).with_retry_after(delay);
    if refusal.token_doubtful { error.with_doubtful_token() } else { error }
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

/// A refusal in our terms.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Refusal {
    pub(super) kind: ErrorKind,
    /// What happened and what to do about it.
    pub(super) advice: &'static str,
    /// How long to wait where the push service does not say.
    pub(super) delay: Option<Duration>,
    /// Whether the subscription may be gone, though it is not certain who says so.
    pub(super) token_doubtful: bool,
    /// Whether it is about the `Authorization` header, so that another one may be taken.
    pub(super) about_vapid: bool,
}

impl Refusal {
    const fn new(kind: ErrorKind, advice: &'static str) -> Self {
        Self { kind, advice, delay: None, token_doubtful: false, about_vapid: false }
    }

    const fn about_vapid(advice: &'static str) -> Self {
        Self { about_vapid: true, ..Self::new(ErrorKind::Unauthorized, advice) }
    }

    const fn with_delay(self, delay: Duration) -> Self {
        Self { delay: Some(delay), ..self }
    }
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
        Service::Other => other(response),
    };
    if known.is_some() || status.is_success() {
        return known;
    }
    Some(match status.as_u16() {
        401 | 403 if is_page(response) => PAGE,
        404 => not_found(service),
        _ => by_status(status),
    })
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
        401 | 403 => NOT_AUTHORIZED,
        410 => GONE,
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

/// Whether the answer is a page for people: no push service but Google speaks so, whatever stands
/// in front of one does.
fn is_page(response: &Response<Bytes>) -> bool {
    let media_type = response.headers().get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let body = response.body().trim_ascii_start();
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
    contains(media_type, &["text/html", "application/xhtml"]) || body.starts_with(b"<")
}

/// Whether a text has one of the fragments, which are in lower case.
fn contains(text: &[u8], fragments: &[&str]) -> bool {
    let text = String::from_utf8_lossy(text).to_lowercase();
    fragments.iter().any(|fragment| text.contains(fragment))
}

const DOUBTFUL: Refusal = Refusal {
    token_doubtful: true,
    ..Refusal::new(
        ErrorKind::Rejected,
        "the subscription may be gone, or a proxy answered while the service behind it was away; \
         keep the token, and delete it when this stays so for days",
    )
};
const GONE: Refusal = Refusal::new(
    ErrorKind::Expired,
    "the subscription is gone; delete the token and have the user agent subscribe again",
);
const NOT_AUTHORIZED: Refusal = Refusal::about_vapid(
    "the VAPID credentials are missing or refused; check the key, the subject and the clock",
);
const OTHER_KEY: Refusal = Refusal::new(
    ErrorKind::TokenMismatch,
    "the subscription was made with another VAPID key; add that key and name it in the token as \
     'applicationServerKey', or subscribe again",
);
const PAGE: Refusal = Refusal::new(
    ErrorKind::Unauthorized,
    "a page of HTML, so not about the VAPID key: a firewall or proxy in front of the push service \
     refuses this sender",
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
