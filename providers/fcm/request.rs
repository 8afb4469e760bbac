//! From a sealed message to a request of FCM's HTTP v1 API. Pure: no I/O, time is handed in.
//!
//! <https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send>

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderValue};
use http::{Request, Uri};
use serde_json::{Map, Value, json};

use crate::providers::http::post_json;
use crate::providers::pointer::set;
use crate::seal::DATA_FIELD;
use crate::{SealedMessage, Ttl, Urgency};

use super::{AccessToken, Address, FcmOptions};

/// Longest time that FCM keeps a message: four weeks.
pub(super) const MAX_TTL: Ttl = Ttl::from_secs(2_419_200);

/// The request's body, which carries no credentials and so is made once per message.
pub(super) fn body(
    options: &FcmOptions,
    address: &Address,
    message: &SealedMessage,
    now: u64,
    dry_run: bool,
) -> Bytes {
    let placeholder = message.placeholder().as_str();
    let mut android = options.android.render(placeholder);
    let mut apns = options.apns.render(placeholder);
    let mut webpush = options.webpush.render(placeholder);

    let ttl = message.ttl().min(MAX_TTL).as_secs();
    set(&mut android, "/ttl", format!("{ttl}s"));
    set(&mut webpush, "/headers/TTL", ttl.to_string());
    // Zero means: try once, do not store.
    let expiration = if ttl == 0 { 0 } else { now.saturating_add(ttl.into()) };
    set(&mut apns, "/headers/apns-expiration", expiration.to_string());

    let urgency = message.urgency();
    set(&mut android, "/priority", android_priority(urgency));
    set(&mut webpush, "/headers/Urgency", urgency.as_str());
    let (push_type, priority) = match options.apns.is_background() {
        true => ("background", "5"),
        false => ("alert", apns_priority(urgency)),
    };
    set(&mut apns, "/headers/apns-push-type", push_type);
    set(&mut apns, "/headers/apns-priority", priority);

    if let Some(topic) = message.topic() {
        set(&mut android, "/collapse_key", topic.as_str());
        set(&mut apns, "/headers/apns-collapse-id", topic.as_str());
        set(&mut webpush, "/headers/Topic", topic.as_str());
    }

    let mut fields = Map::new();
    fields.insert(address.member().to_owned(), address.expose().into());
    fields.insert("data".to_owned(), json!({ DATA_FIELD: URL_SAFE_NO_PAD.encode(message.body()) }));
    fields.insert("android".to_owned(), android.into());
    fields.insert("apns".to_owned(), apns.into());
    fields.insert("webpush".to_owned(), webpush.into());
    let mut request = json!({ "message": fields });
    if dry_run {
        request["validate_only"] = Value::Bool(true);
    }
    request.to_string().into()
}

/// One attempt.
pub(super) fn request(
    endpoint: &Uri,
    body: Bytes,
    access_token: &AccessToken,
    quota_project: Option<&HeaderValue>,
) -> Request<Bytes> {
    let mut request = post_json(endpoint, body);
    let headers = request.headers_mut();
    headers.insert(AUTHORIZATION, access_token.authorization());
    // A person's login belongs to no project, so Google is told whose quota to use.
    if let Some(project) = quota_project {
        headers.insert("x-goog-user-project", project.clone());
    }
    // Asks for answers whose details name the FCM error code, as Google's own clients do.
    headers.insert("x-goog-api-format-version", HeaderValue::from_static("2"));
    request
}

/// Android knows two; only `HIGH` wakes a dozing device.
fn android_priority(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::VeryLow | Urgency::Low | Urgency::Normal => "NORMAL",
        Urgency::High => "HIGH",
    }
}

/// Of an alert: at once, considerate of the battery, or never waking the device.
fn apns_priority(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::VeryLow => "1",
        Urgency::Low => "5",
        Urgency::Normal | Urgency::High => "10",
    }
}
