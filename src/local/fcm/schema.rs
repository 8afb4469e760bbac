//! The shape of a request to FCM: names, types and values of enums, as Google's description of
//! `fcm:v1` (revision 20261023) has them. Google's front end refuses what does not fit before FCM
//! looks at it.
//!
//! The JSON is that of Protocol Buffers: names in either of two spellings, names of enums in any
//! case, and null is absent.

use serde_json::{Map, Value};

use super::refusal::Refusal;

/// Checks a request and gives it back with every name in the spelling of [`SEND`] and its parts,
/// and without what is null.
pub(super) fn read(request: &Value) -> Result<Map<String, Value>, Refusal> {
    let Value::Object(members) = request else {
        return Err(Refusal::json("", "Invalid JSON payload received. Expect message object."));
    };
    object(members, SEND, "")
}

enum Kind {
    /// Any JSON object, of the owner's making.
    Any,
    Boolean,
    /// Seconds with a fraction and an `s`.
    Duration,
    Enum(&'static [&'static str]),
    /// A whole number of 32 bits.
    Int32,
    /// Between 0 and 1.
    Number,
    Object(Members),
    Text,
    TextMap,
    Texts,
    Durations,
    /// RFC 3339.
    Time,
}

type Members = &'static [(&'static str, Kind)];

fn object(
    members: &Map<String, Value>,
    known: Members,
    at: &str,
) -> Result<Map<String, Value>, Refusal> {
    let mut read = Map::new();
    for (name, value) in members {
        let known = known.iter().find(|(known, _)| known == name || camel_case(known) == *name);
        let Some((name, kind)) = known else {
            return Err(unknown(name, at));
        };
        let at = if at.is_empty() { (*name).to_owned() } else { format!("{at}.{name}") };
        if value.is_null() {
            continue;
        }
        if read.insert((*name).to_owned(), member(value, kind, &at)?).is_some() {
            let text = format!("Invalid JSON payload received. Proto field '{name}' is set twice.");
            return Err(Refusal::json(&at, text));
        }
    }
    Ok(read)
}

fn member(value: &Value, kind: &Kind, at: &str) -> Result<Value, Refusal> {
    let refused = |name: &str| invalid(at, name, value);
    match (kind, value) {
        (Kind::Any, Value::Object(_)) | (Kind::Boolean, Value::Bool(_)) => Ok(value.clone()),
        (Kind::Any, _) => Err(refused("type.googleapis.com/google.protobuf.Struct")),
        (Kind::Boolean, _) => Err(refused("TYPE_BOOL")),
        (Kind::Text, Value::String(_)) => Ok(value.clone()),
        (Kind::Text, _) => Err(refused("TYPE_STRING")),
        (Kind::Duration, Value::String(text)) if is_duration(text) => Ok(value.clone()),
        (Kind::Duration, _) => Err(refused("type.googleapis.com/google.protobuf.Duration")),
        (Kind::Time, Value::String(text)) if is_time(text) => Ok(value.clone()),
        (Kind::Time, _) => Err(refused("type.googleapis.com/google.protobuf.Timestamp")),
        (Kind::Enum(names), Value::String(name)) => {
            let known = names.iter().find(|known| known.eq_ignore_ascii_case(name));
            known.map(|name| Value::from(*name)).ok_or_else(|| refused("TYPE_ENUM"))
        }
        (Kind::Enum(_), _) => Err(refused("TYPE_ENUM")),
        (Kind::Int32, _) => match value.as_i64() {
            Some(number) if i32::try_from(number).is_ok() => Ok(value.clone()),
            _ => Err(refused("TYPE_INT32")),
        },
        (Kind::Number, _) => match value.as_f64() {
            Some(number) if (0.0..=1.0).contains(&number) => Ok(value.clone()),
            Some(_) => Err(Refusal::field(at, format!("{at} must be from 0 to 1"))),
            None => Err(refused("TYPE_FLOAT")),
        },
        (Kind::Object(members), Value::Object(object)) => {
            self::object(object, members, at).map(Value::Object)
        }
        (Kind::Object(_), _) => Err(refused("type.googleapis.com/google.protobuf.Message")),
        (Kind::TextMap, Value::Object(texts)) => {
            for (index, (_, value)) in texts.iter().enumerate() {
                if !value.is_string() {
                    let at = format!("{at}[{index}].value");
                    return Err(invalid(&at, "TYPE_STRING", value));
                }
            }
            Ok(value.clone())
        }
        (Kind::TextMap, _) => Err(refused("Map")),
        (Kind::Texts, _) => list(value, &Kind::Text, at),
        (Kind::Durations, _) => list(value, &Kind::Duration, at),
    }
}

fn list(value: &Value, kind: &Kind, at: &str) -> Result<Value, Refusal> {
    let Value::Array(items) = value else { return Err(invalid(at, "Array", value)) };
    let items = items.iter().enumerate();
    items.map(|(index, item)| member(item, kind, &format!("{at}[{index}]"))).collect()
}

/// Without the value: it may be a secret, and here it helps nobody.
fn invalid(at: &str, kind: &str, value: &Value) -> Refusal {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "another text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    Refusal::json(at, format!("Invalid value at '{at}' ({kind}), {found}"))
}

fn unknown(name: &str, at: &str) -> Refusal {
    let place = if at.is_empty() { String::new() } else { format!(" at '{at}'") };
    let text = format!(
        "Invalid JSON payload received. Unknown name \"{name}\"{place}: Cannot find field."
    );
    Refusal::json(at, text)
}

fn is_duration(text: &str) -> bool {
    let Some(number) = text.strip_suffix('s') else { return false };
    let number = number.strip_prefix('-').unwrap_or(number);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    digits(whole) && whole.len() <= 12 && digits(fraction) && fraction.len() <= 9
}

/// A date and a time with a zone: `2027-01-15T08:00:00.5Z` or with an offset.
fn is_time(text: &str) -> bool {
    let shape = |text: &str, shape: &str| {
        text.len() == shape.len()
            && text.bytes().zip(shape.bytes()).all(|(octet, shape)| match shape {
                b'0' => octet.is_ascii_digit(),
                shape => octet.eq_ignore_ascii_case(&shape),
            })
    };
    let Some((instant, rest)) = text.split_at_checked(19) else { return false };
    let in_range = |from: usize, most: u8, least: u8| {
        instant
            .get(from..from + 2)
            .and_then(|digits| digits.parse::<u8>().ok())
            .is_some_and(|number| (least..=most).contains(&number))
    };
    let is_date = in_range(5, 12, 1) && in_range(8, 31, 1);
    let is_hour = in_range(11, 23, 0) && in_range(14, 59, 0) && in_range(17, 59, 0);
    if !(shape(instant, "0000-00-00T00:00:00") && is_date && is_hour) {
        return false;
    }
    let zone = match rest.strip_prefix('.') {
        None => rest,
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|digit: char| digit.is_ascii_digit());
            if !(1..=9).contains(&(fraction.len() - zone.len())) {
                return false;
            }
            zone
        }
    };
    shape(zone, "Z") || shape(zone, "+00:00") || shape(zone, "-00:00")
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

const SEND: Members = &[("message", Kind::Object(MESSAGE)), ("validate_only", Kind::Boolean)];

const MESSAGE: Members = &[
    ("android", Kind::Object(ANDROID)),
    ("android_v2", Kind::Object(ANDROID_V2)),
    ("apns", Kind::Object(APNS)),
    ("condition", Kind::Text),
    ("data", Kind::TextMap),
    ("fcm_options", Kind::Object(OPTIONS)),
    ("fid", Kind::Text),
    ("name", Kind::Text),
    ("notification", Kind::Object(NOTIFICATION)),
    ("token", Kind::Text),
    ("topic", Kind::Text),
    ("webpush", Kind::Object(WEBPUSH)),
];

const ANDROID: Members = &[
    ("bandwidth_constrained_ok", Kind::Boolean),
    ("collapse_key", Kind::Text),
    ("data", Kind::TextMap),
    ("direct_boot_ok", Kind::Boolean),
    ("fcm_options", Kind::Object(OPTIONS)),
    ("notification", Kind::Object(ANDROID_NOTIFICATION)),
    ("priority", Kind::Enum(&["NORMAL", "HIGH"])),
    ("restricted_package_name", Kind::Text),
    ("restricted_satellite_ok", Kind::Boolean),
    ("ttl", Kind::Duration),
];

const ANDROID_V2: Members = &[
    ("background_sync", Kind::Object(&[])),
    ("bandwidth_constrained_ok", Kind::Boolean),
    ("collapse_key", Kind::Text),
    ("data", Kind::TextMap),
    ("direct_boot_ok", Kind::Boolean),
    ("fcm_options", Kind::Object(OPTIONS)),
    ("remote_notification", Kind::Object(REMOTE_NOTIFICATION)),
    ("restricted_package_name", Kind::Text),
    ("restricted_satellite_ok", Kind::Boolean),
    ("ttl", Kind::Duration),
];

const REMOTE_NOTIFICATION: Members = &[
    ("mutable_content", Kind::Boolean),
    ("notification", Kind::Object(ANDROID_NOTIFICATION_V2)),
    ("use_as_v1_data_message", Kind::Boolean),
];

/// The members that both kinds of notification of Android have, and those of one alone.
macro_rules! android_notification {
    ($($own:expr),*) => {
        &[
            ("body", Kind::Text),
            ("body_loc_args", Kind::Texts),
            ("body_loc_key", Kind::Text),
            ("channel_id", Kind::Text),
            ("click_action", Kind::Text),
            ("color", Kind::Text),
            ("default_light_settings", Kind::Boolean),
            ("default_sound", Kind::Boolean),
            ("default_vibrate_timings", Kind::Boolean),
            ("event_time", Kind::Time),
            ("icon", Kind::Text),
            ("image", Kind::Text),
            ("light_settings", Kind::Object(LIGHT_SETTINGS)),
            ("local_only", Kind::Boolean),
            ("notification_count", Kind::Int32),
            ("notification_priority", Kind::Enum(NOTIFICATION_PRIORITY)),
            ("sound", Kind::Text),
            ("sticky", Kind::Boolean),
            ("tag", Kind::Text),
            ("ticker", Kind::Text),
            ("title", Kind::Text),
            ("title_loc_args", Kind::Texts),
            ("title_loc_key", Kind::Text),
            ("vibrate_timings", Kind::Durations),
            ("visibility", Kind::Enum(VISIBILITY)),
            $($own),*
        ]
    };
}

const ANDROID_NOTIFICATION: Members = android_notification!(
    ("bypass_proxy_notification", Kind::Boolean),
    ("proxy", Kind::Enum(&["PROXY_UNSPECIFIED", "ALLOW", "DENY", "IF_PRIORITY_LOWERED"]))
);

const ANDROID_NOTIFICATION_V2: Members = android_notification!(("id", Kind::Int32));

const NOTIFICATION_PRIORITY: &[&str] = &[
    "PRIORITY_UNSPECIFIED",
    "PRIORITY_MIN",
    "PRIORITY_LOW",
    "PRIORITY_DEFAULT",
    "PRIORITY_HIGH",
    "PRIORITY_MAX",
];

const VISIBILITY: &[&str] = &["VISIBILITY_UNSPECIFIED", "PRIVATE", "PUBLIC", "SECRET"];

const LIGHT_SETTINGS: Members = &[
    ("color", Kind::Object(COLOR)),
    ("light_off_duration", Kind::Duration),
    ("light_on_duration", Kind::Duration),
];

const COLOR: Members = &[
    ("alpha", Kind::Number),
    ("blue", Kind::Number),
    ("green", Kind::Number),
    ("red", Kind::Number),
];

const APNS: Members = &[
    ("fcm_options", Kind::Object(&[("analytics_label", Kind::Text), ("image", Kind::Text)])),
    ("headers", Kind::TextMap),
    ("live_activity_token", Kind::Text),
    ("payload", Kind::Any),
];

const WEBPUSH: Members = &[
    ("data", Kind::TextMap),
    ("fcm_options", Kind::Object(&[("analytics_label", Kind::Text), ("link", Kind::Text)])),
    ("headers", Kind::TextMap),
    ("notification", Kind::Any),
];

const NOTIFICATION: Members = &[("body", Kind::Text), ("image", Kind::Text), ("title", Kind::Text)];

const OPTIONS: Members = &[("analytics_label", Kind::Text)];
