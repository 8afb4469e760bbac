//! From a sealed message to an event, and from a push token to its registration. Pure.
//!
//! <https://developers.klaviyo.com/en/reference/create_event>,
//! <https://developers.klaviyo.com/en/reference/create_push_token>

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Request, Uri};
use serde_json::{Value, json};

use crate::SealedMessage;
use crate::providers::http::post_json;
use crate::seal::DATA_FIELD;

use super::{Metric, Profile, PushToken, Revision};

/// An event. The same message for the same profile gives the same octets: Klaviyo records one event
/// for each `unique_id` of a profile and a metric.
pub(super) fn event(metric: &Metric, profile: &Profile, message: &SealedMessage) -> Bytes {
    let metric = json!({ "data": { "type": "metric", "attributes": { "name": metric.as_str() } } });
    let attributes = json!({
        "metric": metric,
        "profile": profile.resource(),
        "properties": {
            DATA_FIELD: URL_SAFE_NO_PAD.encode(message.body()),
            "placeholder": message.placeholder().as_str(),
        },
        "unique_id": URL_SAFE_NO_PAD.encode(message.id()),
    });
    resource("event", attributes)
}

/// The registration of a push token.
pub(super) fn push_token(token: &PushToken, profile: &Profile) -> Bytes {
    let (platform, vendor) = token.kind();
    let attributes = json!({
        "platform": platform,
        "profile": profile.resource(),
        "token": token.expose(),
        "vendor": vendor,
    });
    resource("push-token", attributes)
}

fn resource(kind: &str, attributes: Value) -> Bytes {
    json!({ "data": { "type": kind, "attributes": attributes } }).to_string().into()
}

/// The request.
pub(super) fn request(
    endpoint: &Uri,
    authorization: &HeaderValue,
    revision: &Revision,
    body: Bytes,
) -> Request<Bytes> {
    let mut request = post_json(endpoint, body);
    let headers = request.headers_mut();
    headers.insert(ACCEPT, JSON_API);
    headers.insert(AUTHORIZATION, authorization.clone());
    headers.insert(CONTENT_TYPE, JSON_API);
    headers.insert("revision", revision.value());
    request
}

const JSON_API: HeaderValue = HeaderValue::from_static("application/vnd.api+json");
