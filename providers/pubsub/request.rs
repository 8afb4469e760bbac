//! From a sealed message to a request of Pub/Sub's REST interface. Pure.
//!
//! <https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/publish>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderValue};
use http::{Request, Uri};
use serde_json::json;

use crate::SealedMessage;
use crate::providers::google::AccessToken;
use crate::providers::http::post_json;

use super::PubSubOptions;

/// The body, which carries no credentials and so is made once per message.
pub(super) fn body(options: &PubSubOptions, message: &SealedMessage) -> Bytes {
    let mut published = json!({
        "attributes": {
            TTL: message.ttl().as_secs().to_string(),
            URGENCY: message.urgency().as_str(),
        },
        "data": STANDARD.encode(message.body()),
    });
    if let Some(key) = options.ordering_key() {
        published["orderingKey"] = key.into();
    }
    json!({ "messages": [published] }).to_string().into()
}

/// One attempt; an emulator is asked without an access token.
pub(super) fn request(
    url: &Uri,
    body: Bytes,
    access_token: Option<&AccessToken>,
    quota_project: Option<&HeaderValue>,
) -> Request<Bytes> {
    let mut request = post_json(url, body);
    let headers = request.headers_mut();
    if let Some(access_token) = access_token {
        headers.insert(AUTHORIZATION, access_token.authorization());
    }
    // A person's login belongs to no project, so Google is told whose quota to use.
    if let Some(project) = quota_project {
        headers.insert("x-goog-user-project", project.clone());
    }
    request
}

/// The attribute with the TTL in seconds, which is for the receiver to keep.
pub(super) const TTL: &str = "ttl";
/// The attribute with the urgency, as RFC 8030 §5.3 names it.
pub(super) const URGENCY: &str = "urgency";
