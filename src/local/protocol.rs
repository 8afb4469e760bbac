//! The frames between a browser and its push service, as Firefox speaks them: JSON objects told
//! apart by `messageType`. The empty object is a ping, and its answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What a user agent sends.
#[derive(Deserialize, Serialize)]
#[serde(tag = "messageType", rename_all = "snake_case")]
pub(super) enum FromUserAgent {
    Ack {
        updates: Vec<Update>,
    },
    BroadcastSubscribe {},
    Hello {
        #[serde(skip_serializing_if = "Option::is_none")]
        uaid: Option<String>,
        #[serde(default)]
        use_webpush: bool,
    },
    /// The page's handler failed. The message was acknowledged before.
    Nack {},
    Ping {},
    Register {
        #[serde(rename = "channelID")]
        channel_id: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    },
    Unregister {
        #[serde(rename = "channelID")]
        channel_id: String,
    },
}

impl FromUserAgent {
    /// Reads a frame; `None` for what is not one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let members: Map<String, Value> = serde_json::from_str(text).ok()?;
        if members.is_empty() {
            return Some(Self::Ping {});
        }
        serde_json::from_value(Value::Object(members)).ok()
    }

    pub(super) fn to_text(&self) -> String {
        to_text(self)
    }
}

/// The outcome of one message.
#[derive(Deserialize, Serialize)]
pub(super) struct Update {
    #[serde(rename = "channelID")]
    pub(super) channel_id: String,
    pub(super) version: String,
    #[serde(default = "delivered")]
    pub(super) code: u16,
}

fn delivered() -> u16 {
    DELIVERED
}

/// The user agent handed the message to the page.
pub(super) const DELIVERED: u16 = 100;
/// The user agent could not open the message.
pub(super) const NOT_OPENED: u16 = 101;
/// The user agent opened nothing: an unknown channel, or a message seen before.
pub(super) const NOT_DELIVERED: u16 = 102;

/// What a push service sends.
#[derive(Deserialize, Serialize)]
#[serde(tag = "messageType", rename_all = "snake_case")]
pub(super) enum ToUserAgent {
    Hello {
        uaid: String,
        status: u16,
        use_webpush: bool,
        #[serde(default)]
        broadcasts: BTreeMap<String, String>,
    },
    Notification {
        #[serde(rename = "channelID")]
        channel_id: String,
        version: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        headers: Option<ContentHeaders>,
    },
    Register {
        #[serde(rename = "channelID")]
        channel_id: String,
        status: u16,
        #[serde(rename = "pushEndpoint", skip_serializing_if = "Option::is_none")]
        push_endpoint: Option<String>,
    },
    Unregister {
        #[serde(rename = "channelID")]
        channel_id: String,
        status: u16,
    },
    /// Anything else, such as broadcasts.
    #[serde(other)]
    Other,
}

impl ToUserAgent {
    /// Reads a frame; `None` for what is not one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let members: Map<String, Value> = serde_json::from_str(text).ok()?;
        if members.is_empty() {
            return Some(Self::Other);
        }
        serde_json::from_value(Value::Object(members)).ok()
    }

    pub(super) fn to_text(&self) -> String {
        to_text(self)
    }
}

/// The content coding of a notification's data.
#[derive(Deserialize, Serialize)]
pub(super) struct ContentHeaders {
    pub(super) encoding: String,
}

/// The only subprotocol: Firefox offers it, and goes on when it is not taken up.
pub(super) const SUBPROTOCOL: &str = "push-notification";

/// Largest frame taken, in octets: a body of 4096 octets in base64url, with room for its members.
pub(super) const MAX_FRAME: usize = 64 * 1024;

fn to_text(frame: &impl Serialize) -> String {
    serde_json::to_string(frame).expect("a frame has text keys only, so it serializes")
}
