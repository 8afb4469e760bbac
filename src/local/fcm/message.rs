//! What a message says to each platform, once its [shape](super::schema) is right.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde_json::{Map, Value};

use super::super::device::Content;
use super::super::store::Deposit;
use super::Platform;
use super::condition::{Condition, is_topic};
use super::refusal::Refusal;
use crate::options::{Topic, Ttl, Urgency};

/// A message whose every part has been checked.
pub(super) struct Message {
    pub(super) target: Target,
    android: Parcel,
    apple: Parcel,
    web: Parcel,
}

/// Whom a message is for.
pub(super) enum Target {
    Condition(Condition),
    InstallationId(String),
    Token(String),
}

/// What the devices of one platform get.
struct Parcel {
    data: BTreeMap<String, String>,
    shown: Option<String>,
    ttl: Ttl,
    topic: Option<Topic>,
    /// Of the payload as Apple gets it.
    octets_of_payload: usize,
}

impl Message {
    /// Takes it from the member `message` as [`schema::read`](super::schema::read) gives it.
    pub(super) fn read(message: &Map<String, Value>, now: SystemTime) -> Result<Self, Refusal> {
        let target = target(message)?;
        let most = match target {
            Target::Condition(_) => MAX_DATA_TO_TOPIC,
            Target::InstallationId(_) | Target::Token(_) => MAX_DATA,
        };
        analytics_label(message, "message")?;
        let common = data(message, "message", most)?.unwrap_or_default();
        let shown = body(message.get("notification"));
        size_of_notification(message.get("notification"), "message.notification")?;
        Ok(Self {
            target,
            android: android(message, &common, shown, most)?,
            apple: apple(message, &common, shown, now)?,
            web: web(message, &common, shown, most)?,
        })
    }

    /// What a device of this platform gets.
    pub(super) fn for_platform(&self, platform: Platform) -> Result<Deposit, Refusal> {
        let parcel = match platform {
            Platform::Android => &self.android,
            Platform::Apple => &self.apple,
            Platform::Web => &self.web,
        };
        if platform == Platform::Apple && parcel.octets_of_payload > MAX_DATA {
            return Err(Refusal::invalid("iOS message is too big"));
        }
        let content = Content { data: parcel.data.clone(), shown: parcel.shown.clone() };
        Ok(Deposit { body: content.to_bytes(), ttl: parcel.ttl, topic: parcel.topic.clone() })
    }
}

impl Parcel {
    fn new(data: BTreeMap<String, String>, shown: Option<&str>) -> Self {
        let shown = shown.map(str::to_owned);
        Self { data, shown, ttl: MAX_TTL, topic: None, octets_of_payload: 0 }
    }
}

/// The one target.
fn target(message: &Map<String, Value>) -> Result<Target, Refusal> {
    let mut targets =
        TARGETS.iter().filter_map(|name| Some((*name, message.get(*name)?.as_str()?)));
    let (Some((name, target)), None) = (targets.next(), targets.next()) else {
        let text = "Exactly one of fid, token, topic or condition is required";
        return Err(Refusal::field("message", text));
    };
    match name {
        "condition" => Condition::read(target)
            .map(Target::Condition)
            .ok_or_else(|| Refusal::field("message.condition", "Invalid condition expression")),
        "fid" if is_installation_id(target) => Ok(Target::InstallationId(target.to_owned())),
        "fid" => Err(Refusal::field("message.fid", "The FID is not a valid installation id")),
        // While tokens give way to installation ids, either is good here.
        "token" if is_installation_id(target) => Ok(Target::InstallationId(target.to_owned())),
        "token" if target.split_once(":APA91b").is_some_and(|(id, _)| is_installation_id(id)) => {
            Ok(Target::Token(target.to_owned()))
        }
        "token" => {
            let text = "The registration token is not a valid FCM registration token";
            Err(Refusal::field("message.token", text))
        }
        _ if is_topic(target) => Ok(Target::Condition(Condition::of_topic(target))),
        _ => Err(Refusal::field("message.topic", "Invalid topic name")),
    }
}

fn android(
    message: &Map<String, Value>,
    common: &BTreeMap<String, String>,
    shown: Option<&str>,
    most: usize,
) -> Result<Parcel, Refusal> {
    let (name, android) = match (section(message, "android"), section(message, "android_v2")) {
        (Some(_), Some(_)) => {
            let text = "android and android_v2 exclude each other";
            return Err(Refusal::field("message.android_v2", text));
        }
        (Some(android), None) => ("android", android),
        (None, Some(android)) => ("android_v2", android),
        (None, None) => return Ok(Parcel::new(common.clone(), shown)),
    };
    let at = format!("message.{name}");
    let (notification, notification_at) = match (name, section(android, "remote_notification")) {
        ("android_v2", Some(_)) if android.contains_key("background_sync") => {
            let text = "background_sync and remote_notification exclude each other";
            return Err(Refusal::field(&at, text));
        }
        ("android_v2", remote) => (
            remote.and_then(|remote| remote.get("notification")),
            format!("{at}.remote_notification.notification"),
        ),
        _ => (android.get("notification"), format!("{at}.notification")),
    };
    analytics_label(android, &at)?;
    android_notification(notification, &notification_at)?;
    let data = data(android, &at, most)?.unwrap_or_else(|| common.clone());
    let mut parcel = Parcel::new(data, body(notification).or(shown));
    if let Some(ttl) = text(android, "ttl") {
        let ttl = seconds(ttl).filter(|ttl| *ttl <= MAX_TTL);
        let refused = || Refusal::field(&format!("{at}.ttl"), "Invalid ttl: 0 to 2419200 seconds");
        parcel.ttl = ttl.ok_or_else(refused)?;
    }
    parcel.topic = text(android, "collapse_key").and_then(|key| key.parse().ok());
    Ok(parcel)
}

fn android_notification(notification: Option<&Value>, at: &str) -> Result<(), Refusal> {
    size_of_notification(notification, at)?;
    let Some(notification) = notification.and_then(Value::as_object) else { return Ok(()) };
    let is_color = |color: &str| {
        let digits = color.strip_prefix('#').filter(|digits| digits.len() == 6);
        digits.is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
    };
    if text(notification, "color").is_some_and(|color| !is_color(color)) {
        let text = "Invalid notification color: it has the form #rrggbb";
        return Err(Refusal::field(&format!("{at}.color"), text));
    }
    let lights = section(notification, "light_settings");
    for part in ["color", "light_on_duration", "light_off_duration"] {
        if lights.is_some_and(|lights| !lights.contains_key(part)) {
            let at = format!("{at}.light_settings.{part}");
            return Err(Refusal::field(&at, format!("light_settings needs {part}")));
        }
    }
    if notification.get("notification_count").and_then(Value::as_i64).is_some_and(|it| it < 0) {
        let text = "notification_count must not be negative";
        return Err(Refusal::field(&format!("{at}.notification_count"), text));
    }
    for (arguments, key) in [("title_loc_args", "title_loc_key"), ("body_loc_args", "body_loc_key")]
    {
        if notification.contains_key(arguments) && !notification.contains_key(key) {
            let text = format!("{key} is required beside {arguments}");
            return Err(Refusal::field(&format!("{at}.{key}"), text));
        }
    }
    Ok(())
}

fn apple(
    message: &Map<String, Value>,
    common: &BTreeMap<String, String>,
    shown: Option<&str>,
    now: SystemTime,
) -> Result<Parcel, Refusal> {
    let mut parcel = Parcel::new(common.clone(), shown);
    // FCM puts the data beside `aps`.
    let apns = section(message, "apns");
    let mut whole = apns.and_then(|apns| section(apns, "payload")).cloned().unwrap_or_default();
    whole.extend(common.iter().map(|(name, text)| (name.clone(), text.clone().into())));
    parcel.octets_of_payload = Value::Object(whole).to_string().len();
    let Some(apns) = apns else { return Ok(parcel) };
    analytics_label(apns, "message.apns")?;
    let payload = section(apns, "payload");
    if let Some(payload) = payload {
        parcel.shown = payload_of_apns(payload)?.or(shown).map(str::to_owned);
        let texts = payload.iter().filter(|(name, _)| *name != "aps");
        let texts = texts.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.into())));
        parcel.data.extend(texts);
    }
    headers_of_apns(apns, payload, now, &mut parcel)?;
    Ok(parcel)
}

/// Checks `aps`, and gives the text that it shows.
fn payload_of_apns(payload: &Map<String, Value>) -> Result<Option<&str>, Refusal> {
    let refused =
        |member: &str, text: &str| Refusal::field(&format!("message.apns.payload{member}"), text);
    let aps = section(payload, "aps").ok_or_else(|| refused("", "the payload needs aps"))?;
    let alert = aps.get("alert");
    if alert.is_some_and(|alert| !alert.is_string() && !alert.is_object()) {
        return Err(refused(".aps.alert", "alert must be text or an object"));
    }
    if aps.get("badge").is_some_and(|badge| badge.as_u64().is_none()) {
        return Err(refused(".aps.badge", "badge must be a number"));
    }
    for flag in ["content-available", "mutable-content"] {
        if aps.get(flag).is_some_and(|value| !matches!(value.as_u64(), Some(0 | 1))) {
            return Err(refused(&format!(".aps.{flag}"), "the flag must be 1"));
        }
    }
    Ok(alert.and_then(|alert| alert.get("body").or(Some(alert))?.as_str()))
}

fn headers_of_apns(
    apns: &Map<String, Value>,
    payload: Option<&Map<String, Value>>,
    now: SystemTime,
    parcel: &mut Parcel,
) -> Result<(), Refusal> {
    let header = |name: &str| header(apns, name);
    let refused = |name: &str| {
        Refusal::field(&format!("message.apns.headers[{name}]"), format!("Invalid {name}"))
    };
    let aps = payload.and_then(|payload| section(payload, "aps"));
    let push_type = header("apns-push-type");
    let priority = header("apns-priority");
    if priority.is_some_and(|priority| !matches!(priority, "1" | "5" | "10")) {
        return Err(refused("apns-priority"));
    }
    if push_type.is_some_and(|push_type| !PUSH_TYPES.contains(&push_type)) {
        return Err(refused("apns-push-type"));
    }
    let available = aps.and_then(|aps| aps.get("content-available")?.as_u64());
    if push_type == Some("background") {
        if priority != Some("5") {
            return Err(refused("apns-priority"));
        }
        if available != Some(1) {
            let text = "a push of type background needs content-available";
            return Err(Refusal::field("message.apns.payload.aps", text));
        }
    }
    if push_type == Some("liveactivity") || apns.contains_key("live_activity_token") {
        let event = aps.and_then(|aps| aps.get("event")?.as_str());
        if !matches!(event, Some("start" | "update" | "end")) {
            let text = "a live activity needs an event: start, update or end";
            return Err(Refusal::field("message.apns.payload.aps.event", text));
        }
        if aps.is_none_or(|aps| aps.get("timestamp").and_then(Value::as_u64).is_none()) {
            let text = "a live activity needs a timestamp";
            return Err(Refusal::field("message.apns.payload.aps.timestamp", text));
        }
    }
    if text(apns, "live_activity_token") == Some("") {
        let text = "the token of a live activity must not be empty";
        return Err(Refusal::field("message.apns.live_activity_token", text));
    }
    if let Some(end) = header("apns-expiration") {
        let end = end.parse::<u64>().map_err(|_| refused("apns-expiration"))?;
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let left = end.saturating_sub(now);
        parcel.ttl = Ttl::from_secs(u32::try_from(left).unwrap_or(u32::MAX));
    }
    let id = header("apns-collapse-id");
    if id.is_some_and(|id| id.len() > 64) {
        return Err(refused("apns-collapse-id"));
    }
    parcel.topic = id.and_then(|id| id.parse().ok());
    Ok(())
}

fn web(
    message: &Map<String, Value>,
    common: &BTreeMap<String, String>,
    shown: Option<&str>,
    most: usize,
) -> Result<Parcel, Refusal> {
    let Some(webpush) = section(message, "webpush") else {
        return Ok(Parcel::new(common.clone(), shown));
    };
    analytics_label(webpush, "message.webpush")?;
    let link = section(webpush, "fcm_options").and_then(|options| text(options, "link"));
    if link.is_some_and(|link| !link.starts_with("https://")) {
        let text = "the link must be an https URL";
        return Err(Refusal::field("message.webpush.fcm_options.link", text));
    }
    let data = data(webpush, "message.webpush", most)?.unwrap_or_else(|| common.clone());
    let mut parcel = Parcel::new(data, body(webpush.get("notification")).or(shown));
    let refused = |name: &str| {
        Refusal::field(&format!("message.webpush.headers[{name}]"), format!("Invalid {name}"))
    };
    if header(webpush, "urgency").is_some_and(|urgency| urgency.parse::<Urgency>().is_err()) {
        return Err(refused("Urgency"));
    }
    if let Some(topic) = header(webpush, "topic") {
        parcel.topic = Some(topic.parse().map_err(|_| refused("Topic"))?);
    }
    if let Some(ttl) = header(webpush, "ttl") {
        parcel.ttl = ttl.parse().map_err(|_| refused("TTL"))?;
    }
    Ok(parcel)
}

/// The member `data`: no name that FCM keeps for itself, and no more than fits.
fn data(
    section: &Map<String, Value>,
    at: &str,
    most: usize,
) -> Result<Option<BTreeMap<String, String>>, Refusal> {
    let Some(data) = section.get("data").and_then(Value::as_object) else { return Ok(None) };
    let data = data.iter().filter_map(|(name, text)| Some((name.clone(), text.as_str()?.into())));
    let data: BTreeMap<String, String> = data.collect();
    let reserved = |name: &&String| {
        matches!(name.as_str(), "from" | "message_type" | "gcm" | "google")
            || name.starts_with("google.")
            || name.starts_with("gcm.notification.")
    };
    if let Some(name) = data.keys().find(reserved) {
        let text = format!("Invalid data payload key: {name}");
        return Err(Refusal::field(&format!("{at}.data"), text));
    }
    let octets: usize = data.iter().map(|(name, value)| name.len() + value.len()).sum();
    if octets > most {
        let kilo = most / 1024;
        let text = format!("Message is too large. The maximum is {kilo}K ({most} bytes).");
        return Err(Refusal::invalid(text));
    }
    Ok(Some(data))
}

fn size_of_notification(notification: Option<&Value>, at: &str) -> Result<(), Refusal> {
    if notification.is_some_and(|notification| notification.to_string().len() > MAX_DATA) {
        let text = "Message is too large. The maximum is 4K (4096 bytes).";
        return Err(Refusal::field(at, text));
    }
    Ok(())
}

/// The label of the section's `fcm_options`.
fn analytics_label(section: &Map<String, Value>, at: &str) -> Result<(), Refusal> {
    let options = self::section(section, "fcm_options");
    let label = options.and_then(|options| text(options, "analytics_label"));
    let is_label = |label: &str| (1..=50).contains(&label.len()) && label.bytes().all(is_plain);
    if label.is_some_and(|label| !is_label(label)) {
        let at = format!("{at}.fcm_options.analytics_label");
        return Err(Refusal::field(&at, "Invalid analytics label"));
    }
    Ok(())
}

/// The characters of labels and topics.
pub(super) fn is_plain(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-_.~%".contains(&octet)
}

/// Firebase installation ids are 22 characters of base64url.
fn is_installation_id(text: &str) -> bool {
    text.len() == 22
        && text.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"-_".contains(&octet))
}

fn section<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Map<String, Value>> {
    members.get(name)?.as_object()
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name)?.as_str()
}

/// A header field of a section, whose name is given in lower case.
fn header<'a>(section: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    let mut headers = self::section(section, "headers")?.iter();
    headers.find(|(known, _)| known.eq_ignore_ascii_case(name))?.1.as_str()
}

/// The text that a notification shows.
fn body(notification: Option<&Value>) -> Option<&str> {
    notification?.get("body")?.as_str()
}

/// A duration of Google's JSON in seconds, the fraction rounded up.
fn seconds(text: &str) -> Option<Ttl> {
    let number = text.strip_suffix('s')?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let more = u32::from(fraction.bytes().any(|digit| digit != b'0'));
    Some(Ttl::from_secs(whole.parse::<u32>().ok()?.checked_add(more)?))
}

/// Most octets of names and values together; for Apple, of the payload.
const MAX_DATA: usize = 4096;
/// The same for a topic.
const MAX_DATA_TO_TOPIC: usize = 2048;
/// Four weeks.
const MAX_TTL: Ttl = Ttl::from_secs(2_419_200);

const TARGETS: [&str; 4] = ["condition", "fid", "token", "topic"];

const PUSH_TYPES: [&str; 11] = [
    "alert",
    "background",
    "complication",
    "controls",
    "fileprovider",
    "liveactivity",
    "location",
    "mdm",
    "pushtotalk",
    "voip",
    "widgets",
];
