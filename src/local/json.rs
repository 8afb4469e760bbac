//! Reading requests as strictly as the vendors do.

use serde_json::{Map, Value};

/// Whether a text is a UUID (RFC 9562 §4).
pub(super) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, octet)| match index {
            8 | 13 | 18 | 23 => octet == b'-',
            _ => octet.is_ascii_hexdigit(),
        })
}

/// A UUID of version 4 from random octets (RFC 9562 §5.4).
pub(super) fn uuid(mut octets: [u8; 16]) -> String {
    octets[6] = octets[6] & 0x0f | 0x40;
    octets[8] = octets[8] & 0x3f | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(octets));
    let mut text = String::with_capacity(36);
    for (index, digit) in hex.chars().enumerate() {
        if matches!(index, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

/// A member in either of the two spellings that Google's JSON has: `collapse_key`, `collapseKey`.
pub(super) fn member<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(name).or_else(|| object.get(&camel_case(name)))
}

/// A member of the object that is not among the known ones, in either spelling.
pub(super) fn unknown_member<'a>(
    object: &'a Map<String, Value>,
    known: &[&str],
) -> Option<&'a str> {
    let is_known = |name: &&String| {
        known.iter().any(|known| *known == name.as_str() || camel_case(known) == **name)
    };
    object.keys().find(|name| !is_known(name)).map(String::as_str)
}

/// Whether every value is text.
pub(super) fn is_text_map(value: &Value) -> bool {
    value.as_object().is_some_and(|object| object.values().all(Value::is_string))
}

fn camel_case(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    let mut upper = false;
    for character in name.chars() {
        match character {
            '_' => upper = true,
            _ if upper => {
                text.push(character.to_ascii_uppercase());
                upper = false;
            }
            _ => text.push(character),
        }
    }
    text
}
