//! What a request publishes, read as strictly as Google's front end does.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use super::super::device::Content;
use super::Refusal;
use crate::seal::DATA_FIELD;

/// The messages of a request, as those who subscribed get them.
pub(super) fn read(body: &[u8]) -> Result<Vec<Content>, Refusal> {
    let request: Value = serde_json::from_slice(body)
        .map_err(|_| Refusal::invalid("Invalid JSON payload received."))?;
    let request = object(&request, "request", &["messages"])?;
    let messages = request.get("messages").and_then(Value::as_array);
    let messages = messages.filter(|messages| !messages.is_empty());
    let messages = messages.ok_or_else(|| {
        Refusal::invalid("The value for message_count is too small. You passed 0 in the request.")
    })?;
    if messages.len() > MAX_MESSAGES {
        let text = "The value for message_count is too large. The maximum value is 1000.";
        return Err(Refusal::invalid(text));
    }
    let keys: Vec<_> = messages.iter().map(|message| message.get("orderingKey")).collect();
    if keys.windows(2).any(|pair| pair[0] != pair[1]) {
        let text = "In an ordered publish request all messages must have the same ordering key.";
        return Err(Refusal::invalid(text));
    }
    messages.iter().map(message).collect()
}

fn message(message: &Value) -> Result<Content, Refusal> {
    let known = ["attributes", "data", "messageId", "orderingKey", "publishTime"];
    let message = object(message, "messages", &known)?;
    let mut data = BTreeMap::new();
    let octets = match message.get("data") {
        None => Vec::new(),
        Some(value) => value.as_str().and_then(decode).ok_or_else(|| {
            Refusal::invalid("Invalid value at 'messages[0].data' (TYPE_BYTES): not base64.")
        })?,
    };
    if let Some(attributes) = message.get("attributes") {
        let Value::Object(attributes) = attributes else {
            return Err(Refusal::invalid("Invalid value at 'messages[0].attributes'."));
        };
        if attributes.len() > MAX_ATTRIBUTES {
            return Err(Refusal::invalid("The message has more than 100 attributes."));
        }
        for (name, value) in attributes {
            let text = value.as_str().ok_or_else(|| {
                Refusal::invalid("Invalid value at 'messages[0].attributes' (TYPE_STRING).")
            })?;
            let fits = (1..=256).contains(&name.len()) && text.len() <= 1024;
            if !fits || name.starts_with("goog") {
                return Err(Refusal::invalid("The value for attribute is too long or reserved."));
            }
            data.insert(name.clone(), text.to_owned());
        }
    }
    if octets.is_empty() && data.is_empty() {
        let text = "The message must contain either a non-empty data field or an attribute.";
        return Err(Refusal::invalid(text));
    }
    if let Some(key) = message.get("orderingKey") {
        let key = key.as_str().filter(|key| key.len() <= 1024);
        let key = key.ok_or_else(|| Refusal::invalid("The value for ordering_key is too long."))?;
        if !key.is_empty() {
            data.insert(ORDERING_KEY.to_owned(), key.to_owned());
        }
    }
    data.insert(DATA_FIELD.to_owned(), URL_SAFE_NO_PAD.encode(octets));
    Ok(Content { data, shown: None })
}

fn object<'a>(
    value: &'a Value,
    place: &str,
    known: &[&str],
) -> Result<&'a Map<String, Value>, Refusal> {
    let invalid = || Refusal::invalid(format!("Invalid value at '{place}'."));
    let members = value.as_object().ok_or_else(invalid)?;
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        Some(_) => Err(Refusal::invalid(format!(
            "Invalid JSON payload received. Unknown name at '{place}': Cannot find field."
        ))),
        None => Ok(members),
    }
}

/// Both alphabets, as proto3's JSON takes them.
fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
}

/// The ordering key beside the attributes, in a name that no attribute may have.
pub(super) const ORDERING_KEY: &str = "googOrderingKey";

const MAX_ATTRIBUTES: usize = 100;
const MAX_MESSAGES: usize = 1000;
