//! What a request says, as Sailthru reads it.

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Map, Value};

use super::super::device::Content;
use super::Refused;

/// A message and whom it is for.
pub(super) struct Notification {
    pub(super) field: Field,
    pub(super) value: String,
    pub(super) content: Content,
}

/// What an address is.
#[derive(Clone, Copy)]
pub(super) enum Field {
    DeviceId,
    Sid,
    UserId,
}

impl Notification {
    pub(super) fn read(body: &[u8]) -> Result<Self, Refused> {
        let request: Map<String, Value> =
            serde_json::from_slice(body).map_err(|_| Refused::bad("the body is not JSON"))?;
        if request.keys().any(|name| !MEMBERS.contains(&name.as_str())) {
            return Err(Refused::bad("unknown member"));
        }
        let to = object(&request, "to")?;
        let field = match to.get("field").and_then(Value::as_str) {
            Some("device_id") => Field::DeviceId,
            Some("sid") => Field::Sid,
            Some("user_id") => Field::UserId,
            _ => return Err(Refused::bad("to.field must be device_id, sid or user_id")),
        };
        let value = to.get("value").and_then(Value::as_str).filter(|value| !value.is_empty());
        let value = value.ok_or(Refused::bad("to.value must be a text"))?.to_owned();
        match request.get("group") {
            None => {}
            Some(Value::String(group)) if is_group(group) => {}
            Some(_) => return Err(Refused::bad("group must be 3 to 64 letters, digits and '-'")),
        }
        if request.get("extra_filters").is_some_and(|filters| !filters.is_array()) {
            return Err(Refused::bad("extra_filters must be an array"));
        }
        let payload = object(object(&request, "notification")?, "payload")?;
        Ok(Self { field, value, content: content(payload)? })
    }
}

/// What the app gets: the payload's own members are the platform's, every other is the sender's.
fn content(payload: &Map<String, Value>) -> Result<Content, Refused> {
    for (name, value) in payload {
        let good = match name.as_str() {
            "alert" | "title" | "subtitle" | "sound" | "category" | "interruption_level" => {
                value.is_string()
            }
            "collapse_key" => value.as_str().is_some_and(|key| key.len() <= 64),
            "badge" => value.is_u64(),
            "mutable_content" | "content_available" => value.is_boolean(),
            "relevance_score" => value.as_f64().is_some_and(|score| (0.0..=1.0).contains(&score)),
            "_st" => value.is_object(),
            _ => continue,
        };
        if !good {
            return Err(Refused::bad("a member of the payload has the wrong type"));
        }
    }
    if Value::Object(payload.clone()).to_string().len() > MAX_PAYLOAD {
        return Err(TOO_LARGE);
    }
    let alert = payload.get("alert").and_then(Value::as_str).filter(|alert| !alert.is_empty());
    let flag = |name| payload.get(name).and_then(Value::as_bool).unwrap_or_default();
    if alert.is_none() && !flag("content_available") {
        return Err(Refused::bad("a notification needs an alert"));
    }
    // Without it, an app on Apple's devices does not get to see what it should open.
    if payload.contains_key("e2ee") && !flag("mutable_content") && !flag("content_available") {
        return Err(Refused::bad("the app would not be asked: mutable_content is not set"));
    }
    let own = payload.iter().filter(|(name, _)| !PLATFORM.contains(&name.as_str()));
    let texts = own.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
    Ok(Content { data: texts.collect::<BTreeMap<_, _>>(), shown: alert.map(str::to_owned) })
}

fn object<'a>(
    members: &'a Map<String, Value>,
    name: &str,
) -> Result<&'a Map<String, Value>, Refused> {
    let found = members.get(name).and_then(Value::as_object);
    found.ok_or(Refused::bad("'to', 'notification' and its 'payload' must be objects"))
}

fn is_group(group: &str) -> bool {
    (3..=64).contains(&group.len())
        && group.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
}

pub(super) const TOO_LARGE: Refused =
    Refused(StatusCode::PAYLOAD_TOO_LARGE, "the payload is too large");
const MEMBERS: [&str; 4] = ["to", "group", "notification", "extra_filters"];
const PLATFORM: [&str; 12] = [
    "_st",
    "alert",
    "badge",
    "category",
    "collapse_key",
    "content_available",
    "interruption_level",
    "mutable_content",
    "relevance_score",
    "sound",
    "subtitle",
    "title",
];
/// What Apple's and Google's devices take.
const MAX_PAYLOAD: usize = 4096;
