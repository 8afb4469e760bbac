//! What a request asks for, as Apple reads it.

use std::time::SystemTime;

use http::HeaderMap;
use serde_json::{Map, Value};

use super::super::device::Content;
use super::super::uuid::is_uuid;
use super::refusal::Refusal;
use crate::options::{Topic, Ttl};

/// How the app is woken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum PushType {
    Alert,
    Background,
    Voip,
}

/// The header fields of a notification.
pub(super) struct Head {
    pub(super) bundle_id: String,
    pub(super) collapse_id: Option<Topic>,
    pub(super) id: Option<String>,
    pub(super) push_type: PushType,
    pub(super) ttl: Ttl,
}

impl Head {
    pub(super) fn read(headers: &HeaderMap, now: SystemTime) -> Result<Self, Refusal> {
        if headers.keys().any(|name| headers.get_all(name).iter().count() > 1) {
            return Err(Refusal::bad("DuplicateHeaders"));
        }
        let field = |name: &str, reason| match headers.get(name) {
            None => Ok(None),
            Some(value) => value.to_str().map(Some).map_err(|_| Refusal::bad(reason)),
        };
        let push_type = match field("apns-push-type", "InvalidPushType")? {
            Some("alert") => PushType::Alert,
            Some("background") => PushType::Background,
            Some("voip") => PushType::Voip,
            _ => return Err(Refusal::bad("InvalidPushType")),
        };
        let topic = field("apns-topic", "BadTopic")?.ok_or_else(|| Refusal::bad("MissingTopic"))?;
        let bundle_id = match (push_type, topic.strip_suffix(".voip")) {
            (PushType::Voip, Some(bundle_id)) => bundle_id,
            (PushType::Voip, None) => return Err(Refusal::bad("BadTopic")),
            _ => topic,
        };
        match (field("apns-priority", "BadPriority")?, push_type) {
            (Some("5"), _) => {}
            (None | Some("1" | "10"), PushType::Alert | PushType::Voip) => {}
            _ => return Err(Refusal::bad("BadPriority")),
        }
        let collapse_id = field("apns-collapse-id", "BadCollapseId")?;
        if collapse_id.is_some_and(|id| !(1..=64).contains(&id.len())) {
            return Err(Refusal::bad("BadCollapseId"));
        }
        let id = field("apns-id", "BadMessageId")?;
        if id.is_some_and(|id| !is_uuid(id)) {
            return Err(Refusal::bad("BadMessageId"));
        }
        Ok(Self {
            bundle_id: bundle_id.to_owned(),
            collapse_id: collapse_id.and_then(|id| id.parse().ok()),
            id: id.map(str::to_owned),
            push_type,
            ttl: ttl(field("apns-expiration", "BadExpirationDate")?, now)?,
        })
    }
}

/// How long a message is kept, by when it expires.
fn ttl(expiration: Option<&str>, now: SystemTime) -> Result<Ttl, Refusal> {
    let Some(text) = expiration else { return Ok(MAX_TTL) };
    let end: u64 = text.parse().map_err(|_| Refusal::bad("BadExpirationDate"))?;
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let seconds = u32::try_from(end.saturating_sub(now)).unwrap_or(u32::MAX);
    Ok(Ttl::from_secs(seconds).min(MAX_TTL))
}

/// Reads the payload, `len` octets of it having arrived.
pub(super) fn content(push_type: PushType, body: &[u8], len: usize) -> Result<Content, Refusal> {
    let most = if push_type == PushType::Voip { MAX_VOIP_PAYLOAD } else { MAX_PAYLOAD };
    if len > most {
        return Err(Refusal::new(413, "PayloadTooLarge"));
    }
    let empty = || Refusal::bad("PayloadEmpty");
    let payload: Map<String, Value> = serde_json::from_slice(body).map_err(|_| empty())?;
    let aps = payload.get("aps").and_then(Value::as_object).ok_or_else(empty)?;
    let shown = match aps.get("alert") {
        Some(Value::String(text)) => Some(text.as_str()),
        Some(Value::Object(alert)) => alert.get("body").and_then(Value::as_str),
        _ => None,
    };
    let shown = shown.filter(|text| !text.is_empty() && push_type == PushType::Alert);
    let shown = shown.map(str::to_owned);
    let is_on = |name: &str| aps.get(name).and_then(Value::as_u64) == Some(1);
    // What never runs: the extension without an alert that it may change, the app in the
    // background without being woken. The person sees the text, and the app gets nothing.
    let runs = match push_type {
        PushType::Alert => shown.is_some() && is_on("mutable-content"),
        PushType::Background => is_on("content-available"),
        PushType::Voip => true,
    };
    let texts = payload.iter().filter_map(|(name, value)| Some((name, value.as_str()?)));
    let data = texts.filter(|_| runs).map(|(name, text)| (name.clone(), text.to_owned()));
    Ok(Content { data: data.collect(), shown })
}

/// Longest time that a message is kept: 30 days.
const MAX_TTL: Ttl = Ttl::from_secs(30 * 24 * 3600);
/// Octets of a payload.
const MAX_PAYLOAD: usize = 4096;
/// Octets of a payload for PushKit.
pub(super) const MAX_VOIP_PAYLOAD: usize = 5120;
