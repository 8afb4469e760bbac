//! What a request says, as OneSignal reads it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::super::device::Content;
use super::Refused;
use crate::options::{Topic, Ttl};

/// A message as it is handed to each of its targets.
pub(super) struct Notification {
    pub(super) content: Content,
    pub(super) ttl: Ttl,
    pub(super) topic: Option<Topic>,
}

impl Notification {
    /// Takes it from a request without members that are null.
    pub(super) fn read(request: &Map<String, Value>) -> Result<Self, Refused> {
        let silent = match request.get("content_available") {
            None => false,
            Some(value) => value
                .as_bool()
                .ok_or_else(|| Refused::bad("content_available must be true or false"))?,
        };
        for name in ["headings", "subtitle"] {
            languages(request, name)?;
        }
        let english = languages(request, "contents")?.and_then(|texts| texts.get("en"));
        let shown = english.and_then(Value::as_str).filter(|text| !text.is_empty());
        if shown.is_none() && !silent {
            let text = "Message Notifications must have English language content";
            return Err(Refused::bad(text));
        }
        let whole = |name: &str, most: u64| match request.get(name) {
            None => Ok(None),
            Some(value) => {
                value.as_u64().filter(|value| *value <= most).map(Some).ok_or_else(|| {
                    Refused::bad(format!("{name} must be an integer from 0 to {most}"))
                })
            }
        };
        let ttl = whole("ttl", MAX_TTL)?.and_then(|ttl| u32::try_from(ttl).ok());
        if !matches!(whole("priority", 10)?, None | Some(5 | 10)) {
            return Err(Refused::bad("priority must be 5 or 10"));
        }
        text(request, "web_push_topic", 64)?;
        text(request, "name", 128)?;
        let topic = text(request, "collapse_id", 64)?.and_then(|topic| topic.parse().ok());
        Ok(Self {
            content: Content { data: data(request)?, shown: shown.map(str::to_owned) },
            ttl: ttl.map_or(DEFAULT_TTL, Ttl::from_secs),
            topic,
        })
    }
}

/// A text in several languages.
fn languages<'a>(
    request: &'a Map<String, Value>,
    name: &str,
) -> Result<Option<&'a Map<String, Value>>, Refused> {
    match request.get(name) {
        None => Ok(None),
        Some(Value::Object(texts))
            if texts.values().all(|text| text.is_string() || text.is_null()) =>
        {
            Ok(Some(texts))
        }
        Some(_) => Err(Refused::bad(format!("{name} must be a hash of languages and texts"))),
    }
}

fn data(request: &Map<String, Value>) -> Result<BTreeMap<String, String>, Refused> {
    let Some(data) = request.get("data") else { return Ok(BTreeMap::new()) };
    let Some(members) = data.as_object() else {
        return Err(Refused::bad("data must be an object"));
    };
    if data.to_string().len() > MAX_DATA {
        return Err(Refused::bad("Notification data must be no more than 2048 bytes long"));
    }
    // Other values than texts are OneSignal's business, and of no use to a sealed message.
    let texts = members.iter().filter_map(|(name, value)| Some((name, value.as_str()?)));
    Ok(texts.map(|(name, text)| (name.clone(), text.to_owned())).collect())
}

fn text<'a>(
    request: &'a Map<String, Value>,
    name: &str,
    most: usize,
) -> Result<Option<&'a str>, Refused> {
    match request.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if text.len() <= most => Ok(Some(text.as_str())),
        Some(_) => Err(Refused::bad(format!("{name} must be text of at most {most} bytes"))),
    }
}

/// Most octets of `data` as JSON.
const MAX_DATA: usize = 2048;
/// Four weeks, in seconds.
const MAX_TTL: u64 = 2_419_200;
/// Three days.
const DEFAULT_TTL: Ttl = Ttl::from_secs(259_200);
