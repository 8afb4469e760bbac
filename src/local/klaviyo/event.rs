//! What a request says, as Klaviyo reads it. A member that is null is absent.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::super::device::Content;
use super::Names;
use super::refusal::Refused;

/// Something that a person did.
pub(super) struct Event {
    pub(super) metric: String,
    pub(super) names: Names,
    pub(super) unique_id: Option<String>,
    pub(super) backfill: bool,
    properties: Map<String, Value>,
}

impl Event {
    pub(super) fn read(body: &[u8]) -> Result<Self, Refused> {
        let attributes = resource(&parse(body)?, "event")?;
        known(&attributes, &EVENT)?;
        let properties = attributes.get("properties").and_then(Value::as_object);
        let properties = properties.ok_or(Refused::bad("/data/attributes/properties", ""))?.clone();
        if properties.len() > MAX_PROPERTIES || !properties.values().all(|value| fits(value, 1)) {
            return Err(Refused::bad("/data/attributes/properties", ""));
        }
        const METRIC: Refused = Refused::bad("/data/attributes/metric", "");
        let metric = resource(attributes.get("metric").ok_or(METRIC)?, "metric")?;
        let metric = metric.get("name").and_then(Value::as_str).ok_or(METRIC)?;
        if !(1..=128).contains(&metric.chars().count()) {
            return Err(METRIC);
        }
        let unique_id = match attributes.get("unique_id") {
            None => None,
            Some(Value::String(id)) if !id.is_empty() => Some(id.clone()),
            Some(_) => return Err(Refused::bad("/data/attributes/unique_id", "")),
        };
        let time = attributes.get("time").map(|time| time.as_str().unwrap_or_default());
        if time.is_some_and(|time| !time.split_once('T').is_some_and(|(date, _)| is_date(date))) {
            return Err(Refused::bad("/data/attributes/time", ""));
        }
        if attributes.get("value").is_some_and(|value| !value.is_number()) {
            return Err(Refused::bad("/data/attributes/value", ""));
        }
        let backfill = match attributes.get("backfill") {
            None => false,
            Some(flag) => flag.as_bool().ok_or(Refused::bad("/data/attributes/backfill", ""))?,
        };
        let names = names(&attributes)?;
        Ok(Self { metric: metric.to_owned(), names, unique_id, backfill, properties })
    }

    /// What the flow makes of it.
    pub(super) fn content(&self) -> Content {
        let text = |name: &str| self.properties.get(name).and_then(Value::as_str);
        let data = text("e2ee").map(|text| ("e2ee".to_owned(), text.to_owned()));
        let shown = Some(text("placeholder").unwrap_or("New message").to_owned());
        Content { data: BTreeMap::from_iter(data), shown }
    }
}

/// A device of a person.
pub(super) struct PushToken {
    pub(super) token: String,
    pub(super) names: Names,
}

impl PushToken {
    pub(super) fn read(body: &[u8]) -> Result<Self, Refused> {
        let attributes = resource(&parse(body)?, "push-token")?;
        known(&attributes, &PUSH_TOKEN)?;
        let text = |name: &str| attributes.get(name).and_then(Value::as_str).unwrap_or_default();
        for (name, pointer, words) in [
            ("platform", "/data/attributes/platform", &["android", "ios"][..]),
            ("vendor", "/data/attributes/vendor", &["apns", "fcm"]),
        ] {
            if !words.contains(&text(name)) {
                return Err(Refused::bad(pointer, ""));
            }
        }
        for (name, pointer, words) in [
            (
                "background",
                "/data/attributes/background",
                &["AVAILABLE", "DENIED", "RESTRICTED"][..],
            ),
            ("enablement_status", "/data/attributes/enablement_status", &STATUSES),
        ] {
            if attributes.contains_key(name) && !words.contains(&text(name)) {
                return Err(Refused::bad(pointer, ""));
            }
        }
        let token = text("token").to_owned();
        if token.is_empty() {
            return Err(Refused::bad("/data/attributes/token", ""));
        }
        Ok(Self { token, names: names(&attributes)? })
    }
}

/// Whether a text is a date, YYYY-MM-DD.
pub(super) fn is_date(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(index, octet)| match index {
            4 | 7 => octet == b'-',
            _ => octet.is_ascii_digit(),
        })
}

fn parse(body: &[u8]) -> Result<Value, Refused> {
    serde_json::from_slice(body).map_err(|_| Refused::bad("/", ""))
}

/// The attributes of a resource of this type, without those that are null.
fn resource(document: &Value, kind: &str) -> Result<Map<String, Value>, Refused> {
    let data = &document["data"];
    if data["type"].as_str() != Some(kind) {
        return Err(Refused::bad("/data/type", ""));
    }
    let attributes = data["attributes"].as_object().ok_or(Refused::bad("/data/attributes", ""))?;
    let given = attributes.iter().filter(|(_, value)| !value.is_null());
    Ok(given.map(|(name, value)| (name.clone(), value.clone())).collect())
}

fn known(attributes: &Map<String, Value>, names: &[&str]) -> Result<(), Refused> {
    let known = attributes.keys().all(|name| names.contains(&name.as_str()));
    if known { Ok(()) } else { Err(Refused::bad("/data/attributes", "")) }
}

/// By what names the profile of a request goes.
fn names(attributes: &Map<String, Value>) -> Result<Names, Refused> {
    const PROFILE: Refused = Refused::bad("/data/attributes/profile", "");
    let profile = resource(attributes.get("profile").ok_or(PROFILE)?, "profile")?;
    let mut names = Names::new();
    for field in ["email", "external_id", "phone_number"] {
        match profile.get(field) {
            None => {}
            Some(Value::String(name)) if !name.is_empty() => {
                names.insert(field.to_owned(), name.clone());
            }
            Some(_) => return Err(PROFILE),
        }
    }
    if names.is_empty() { Err(PROFILE) } else { Ok(names) }
}

/// Whether a property keeps to Klaviyo's limits.
fn fits(value: &Value, depth: usize) -> bool {
    depth <= MAX_DEPTH
        && match value {
            Value::Array(items) => {
                items.len() <= MAX_ITEMS && items.iter().all(|item| fits(item, depth + 1))
            }
            Value::Object(members) => members.values().all(|value| fits(value, depth + 1)),
            Value::String(text) => text.len() <= MAX_TEXT,
            _ => true,
        }
}

const EVENT: [&str; 8] =
    ["backfill", "metric", "profile", "properties", "time", "unique_id", "value", "value_currency"];
const PUSH_TOKEN: [&str; 7] = [
    "background",
    "device_metadata",
    "enablement_status",
    "platform",
    "profile",
    "token",
    "vendor",
];
const STATUSES: [&str; 5] =
    ["AUTHORIZED", "DENIED", "NOT_DETERMINED", "PROVISIONAL", "UNAUTHORIZED"];
/// Most properties of an event.
const MAX_PROPERTIES: usize = 400;
/// How deep a property nests.
const MAX_DEPTH: usize = 10;
/// Most items of an array.
const MAX_ITEMS: usize = 4000;
/// Most octets of a text: 100 KB.
const MAX_TEXT: usize = 100_000;
