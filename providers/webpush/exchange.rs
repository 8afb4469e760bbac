//! One exchange with a push service, as pure functions: message to request, response to outcome.

use std::time::SystemTime;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};

use super::WebPush;
use super::refusal::{self, Refusal};
use super::resource::PushResource;
use super::service::Service;
use crate::transport::retry_after;
use crate::{Accepted, Error, ErrorKind, MessageId, SealedMessage, Ttl};

/// The request of RFC 8030 §5.
pub(super) fn request(
    resource: &PushResource,
    message: &SealedMessage,
    authorization: Option<&HeaderValue>,
) -> Request<Bytes> {
    let service = resource.service();
    let ttl = service.ttl(message.ttl());
    let mut request = Request::new(message.body().clone());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = resource.expose().clone();
    request.extensions_mut().insert(resource.endpoint().clone());

    let headers = request.headers_mut();
    headers.insert(TTL, ttl.as_secs().into());
    headers.insert(URGENCY, HeaderValue::from_static(message.urgency().as_str()));
    if let Some(topic) = message.topic() {
        let topic = HeaderValue::from_str(topic.as_str()).expect("a topic is base64url");
        headers.insert(TOPIC, topic);
    }
    if !message.body().is_empty() {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("aes128gcm"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    }
    if let Some(authorization) = authorization {
        headers.insert(AUTHORIZATION, authorization.clone());
    }
    if service == Service::Microsoft && ttl == Ttl::NOW {
        // Without it, Microsoft refuses a TTL of 0 as in conflict with its own caching.
        headers.insert(WNS_CACHE_POLICY, HeaderValue::from_static("no-cache"));
    }
    request
}

/// What the push service's answer to `message` means.
pub(super) fn outcome(
    service: Service,
    message: &SealedMessage,
    response: &Response<Bytes>,
) -> Result<Accepted, Refusal> {
    match refusal::of(service, response) {
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
        Service::Ntfy => return refusal::ntfy::message_id(response.body()),
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

const APNS_ID: HeaderName = HeaderName::from_static("apns-id");
const TOPIC: HeaderName = HeaderName::from_static("topic");
const TTL: HeaderName = HeaderName::from_static("ttl");
const URGENCY: HeaderName = HeaderName::from_static("urgency");
const WNS_CACHE_POLICY: HeaderName = HeaderName::from_static("x-wns-cache-policy");
const WNS_MESSAGE_ID: HeaderName = HeaderName::from_static("x-wns-msg-id");
