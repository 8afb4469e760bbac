//! From a sealed message to a request of OneSignal's REST API. Pure.
//!
//! <https://documentation.onesignal.com/reference/push-notification>

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderValue};
use http::{Request, Uri};
use serde_json::{Value, json};

use crate::providers::http::post_json;
use crate::providers::visible::Members;
use crate::seal::DATA_FIELD;
use crate::{SealedMessage, Ttl, Urgency};

use super::uuid::Uuid;
use super::{Address, AppId};

/// Longest time that OneSignal keeps a message: four weeks.
pub(super) const MAX_TTL: Ttl = Ttl::from_secs(2_419_200);

/// The request's body. The same message for the same address gives the same octets, and with them
/// the same idempotency key: OneSignal delivers a repeated request once.
pub(super) fn body(
    app_id: &AppId,
    options: Members,
    address: &Address,
    message: &SealedMessage,
) -> Bytes {
    let mut request = options;
    let mut set = |name: &str, value: Value| request.insert(name.to_owned(), value);
    set("app_id", app_id.as_str().into());
    set("contents", json!({ "en": message.placeholder().as_str() }));
    set("data", json!({ DATA_FIELD: URL_SAFE_NO_PAD.encode(message.body()) }));
    set("priority", priority(message.urgency()).into());
    set("ttl", message.ttl().min(MAX_TTL).as_secs().into());
    if let Some(topic) = message.topic() {
        set("collapse_id", topic.as_str().into());
        set("web_push_topic", topic.as_str().into());
    }
    address.target(&mut request);
    // With the message's own octets, because two pushes without a payload are alike but two.
    let mut octets = Value::Object(request.clone()).to_string().into_bytes();
    octets.extend_from_slice(message.id());
    let key = Uuid::of_octets(&octets);
    request.insert("idempotency_key".to_owned(), key.as_str().into());
    Value::Object(request).to_string().into()
}

/// The request.
pub(super) fn request(endpoint: &Uri, api_key: &HeaderValue, body: Bytes) -> Request<Bytes> {
    let mut request = post_json(endpoint, body);
    request.headers_mut().insert(AUTHORIZATION, api_key.clone());
    request
}

/// OneSignal knows two; 10 is its default.
fn priority(urgency: Urgency) -> u8 {
    match urgency {
        Urgency::VeryLow | Urgency::Low => 5,
        Urgency::Normal | Urgency::High => 10,
    }
}
