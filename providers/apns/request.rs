//! From a sealed message to a request of Apple's provider API. Pure: no I/O, time is handed in.
//!
//! <https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns>

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::HeaderValue;
use http::{HeaderName, Request, Uri};
use serde_json::{Map, Value, json};

use crate::providers::http::post_json;
use crate::seal::DATA_FIELD;
use crate::{Error, ErrorKind, Placeholder, Result, SealedMessage, Ttl, Urgency};

use super::{ApnsOptions, PushType};

/// Longest time that Apple keeps a message: 30 days.
pub(super) const MAX_TTL: Ttl = Ttl::from_secs(30 * 24 * 3600);

/// What a request is for, after the token and the settings have spoken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    App(PushType),
    Voip,
}

impl Kind {
    fn push_type(self) -> &'static str {
        match self {
            Self::App(push_type) => push_type.as_str(),
            Self::Voip => "voip",
        }
    }

    fn max_payload(self) -> usize {
        match self {
            Self::App(_) => MAX_PAYLOAD,
            Self::Voip => MAX_VOIP_PAYLOAD,
        }
    }
}

/// The topics of one app: its bundle id, and what Apple adds to it for calls.
#[derive(Clone)]
pub(super) struct Topics {
    app: HeaderValue,
    voip: HeaderValue,
}

impl Topics {
    /// Topics of a bundle id: 1 to 155 letters, digits, `-` and `.`
    /// (<https://developer.apple.com/documentation/bundleresources/information-property-list/cfbundleidentifier>).
    pub(super) fn of(bundle_id: &str) -> Result<Self> {
        let good = |octet: u8| octet.is_ascii_alphanumeric() || b"-.".contains(&octet);
        let field = |text: String| HeaderValue::from_str(&text).ok();
        let whole = (1..=MAX_BUNDLE_ID).contains(&bundle_id.len()) && bundle_id.bytes().all(good);
        let topics = whole
            .then(|| Some((field(bundle_id.to_owned())?, field(format!("{bundle_id}.voip"))?)))
            .flatten();
        topics.map(|(app, voip)| Self { app, voip }).ok_or_else(|| {
            Error::new(
                ErrorKind::Configuration,
                "a bundle id is 1 to 155 letters, digits, '-' and '.'",
            )
        })
    }

    fn of_kind(&self, kind: Kind) -> &HeaderValue {
        match kind {
            Kind::App(_) => &self.app,
            Kind::Voip => &self.voip,
        }
    }
}

/// The payload.
pub(super) fn payload(kind: Kind, options: &ApnsOptions, message: &SealedMessage) -> Result<Bytes> {
    let aps = aps(kind, options, message.placeholder().as_str());
    let sealed = URL_SAFE_NO_PAD.encode(message.body());
    let payload = json!({ "aps": aps, DATA_FIELD: sealed }).to_string();
    // With the options of this message, which `max_body` cannot know.
    if payload.len() > kind.max_payload() {
        return Err(Error::new(
            ErrorKind::PayloadTooLarge,
            format!(
                "the payload is {} octets with the message's options, limit {}",
                payload.len(),
                kind.max_payload()
            ),
        ));
    }
    Ok(payload.into())
}

/// Largest sealed body that fits into a payload beside the longest placeholder, in octets.
pub(super) fn max_body(options: &ApnsOptions) -> usize {
    let frame = json!({ "aps": options.alert(""), DATA_FIELD: "" }).to_string();
    MAX_PAYLOAD.saturating_sub(frame.len() + MAX_PLACEHOLDER) * 3 / 4
}

/// The request, without the credential.
pub(super) fn request(
    url: &Uri,
    topics: &Topics,
    kind: Kind,
    message: &SealedMessage,
    payload: Bytes,
    now: u64,
) -> Result<Request<Bytes>> {
    let mut request = post_json(url, payload);
    let fields = request.headers_mut();
    fields.insert(PUSH_TYPE, HeaderValue::from_static(kind.push_type()));
    fields.insert(TOPIC, topics.of_kind(kind).clone());
    fields.insert(PRIORITY, HeaderValue::from_static(priority(kind, message.urgency())?));
    let ttl = message.ttl().min(MAX_TTL).as_secs();
    // Zero means: try once, do not store.
    let expiration = if ttl == 0 { 0 } else { now.saturating_add(ttl.into()) };
    fields.insert(EXPIRATION, expiration.into());
    if let Some(topic) = message.topic() {
        let id = HeaderValue::from_str(topic.as_str()).expect("a topic is base64url characters");
        fields.insert(COLLAPSE_ID, id);
    }
    Ok(request)
}

fn aps(kind: Kind, options: &ApnsOptions, placeholder: &str) -> Map<String, Value> {
    match kind {
        Kind::App(PushType::Alert) => options.alert(placeholder),
        Kind::App(PushType::Background) => {
            Map::from_iter([("content-available".to_owned(), 1.into())])
        }
        Kind::Voip => Map::new(),
    }
}

/// At once, considerate of the battery, or never waking the device. A background push takes
/// nothing but the second.
fn priority(kind: Kind, urgency: Urgency) -> Result<&'static str> {
    match (kind, urgency) {
        (Kind::App(PushType::Background), Urgency::High) => Err(Error::new(
            ErrorKind::Configuration,
            "a background push cannot be urgent: Apple takes no priority but 5 for it",
        )),
        (Kind::App(PushType::Background), _) | (_, Urgency::Low) => Ok("5"),
        (_, Urgency::VeryLow) => Ok("1"),
        (_, Urgency::Normal | Urgency::High) => Ok("10"),
    }
}

const COLLAPSE_ID: HeaderName = HeaderName::from_static("apns-collapse-id");
const EXPIRATION: HeaderName = HeaderName::from_static("apns-expiration");
const PRIORITY: HeaderName = HeaderName::from_static("apns-priority");
const PUSH_TYPE: HeaderName = HeaderName::from_static("apns-push-type");
const TOPIC: HeaderName = HeaderName::from_static("apns-topic");

/// Octets of a payload, all members included
/// (<https://developer.apple.com/documentation/usernotifications/generating-a-remote-notification>).
const MAX_PAYLOAD: usize = 4096;
/// Octets of a payload to a token of PushKit's.
const MAX_VOIP_PAYLOAD: usize = 5120;

/// Octets of the longest placeholder in JSON: UTF-8 takes 4 for a character, and none that may
/// stand in a placeholder is escaped in more than 2.
const MAX_PLACEHOLDER: usize = 4 * Placeholder::MAX_LEN;

const MAX_BUNDLE_ID: usize = 155;
