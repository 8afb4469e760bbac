//! From a sealed message to the request of RFC 8030 §5. Pure.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, Request};

use crate::{SealedMessage, Ttl};

use super::address::PushResource;
use super::service::Service;

/// One attempt.
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
    headers.insert(TTL, seconds(ttl));
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

fn seconds(ttl: Ttl) -> HeaderValue {
    let text = ttl.as_secs().to_string();
    HeaderValue::from_maybe_shared(Bytes::from(text)).expect("digits can stand in a header")
}

const TOPIC: HeaderName = HeaderName::from_static("topic");
pub(super) const TTL: HeaderName = HeaderName::from_static("ttl");
const URGENCY: HeaderName = HeaderName::from_static("urgency");
const WNS_CACHE_POLICY: HeaderName = HeaderName::from_static("x-wns-cache-policy");
