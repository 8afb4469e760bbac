//! What Apple is told beside the sealed body. All of it travels in the clear.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::providers::pointer::set;
use crate::providers::visible::{self, Members, overlay};
use crate::{Error, ErrorKind, ProviderId, ProviderOptions, Result};

use super::Apns;

/// What Apple's devices can be told beside the sealed body: for every message of an
/// [`Apns`](super::ApnsBuilder::options), for one
/// ([`with_provider_options`](crate::Message::with_provider_options)), or both. What one message
/// brings is laid over what all have: it adds and replaces, and takes nothing away.
///
/// All of it travels in the clear, and Apple reads it. What a person should read belongs into the
/// message, which is sealed.
///
/// ```
/// use sealpush::Message;
/// use sealpush::providers::apns::{ApnsOptions, PushType};
///
/// let options = ApnsOptions::new().with_push_type(PushType::Background);
/// let message = Message::new("the list has changed").with_provider_options(&options)?;
/// # Ok::<_, sealpush::Error>(())
/// ```
///
/// What a device shows of an alert stands in the same 4096 octets as the sealed body. What all
/// messages have is taken off [`Capabilities::max_body`](crate::Capabilities::max_body); a message
/// whose own options do not fit beside it is `PayloadTooLarge` before anything is sent.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApnsOptions {
    /// Members of `aps`.
    #[serde(deserialize_with = "unreserved")]
    aps: Members,
    push_type: Option<PushType>,
}

impl ApnsOptions {
    /// The defaults: an alert that shows the placeholder and nothing else.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How the app is woken.
    #[must_use]
    pub fn with_push_type(self, push_type: PushType) -> Self {
        Self { push_type: Some(push_type), ..self }
    }

    /// The number on the app's icon. Like all that an alert shows, it is left out of a push that
    /// is none.
    #[must_use]
    pub fn with_badge(self, count: u32) -> Self {
        self.with("badge", count)
    }

    /// The category, which names the buttons that the app declared.
    #[must_use]
    pub fn with_category(self, category: impl Into<String>) -> Self {
        self.with("category", category.into())
    }

    /// The sound: `default` or a file of the app.
    #[must_use]
    pub fn with_sound(self, name: impl Into<String>) -> Self {
        self.with("sound", name.into())
    }

    /// Groups notifications.
    #[must_use]
    pub fn with_thread_id(self, id: impl Into<String>) -> Self {
        self.with("thread-id", id.into())
    }

    /// Adds members of `aps` that have no method here, as a JSON object such as
    /// `{"interruption-level":"time-sensitive","alert":{"title":"Door"}}`. Apple reads every one of
    /// them.
    ///
    /// # Errors
    ///
    /// `Configuration` for what is no object, or sets what the message sets: the alert's text,
    /// `mutable-content`, `content-available`.
    pub fn with_json_visible_to_provider(mut self, json: &str) -> Result<Self> {
        overlay(&mut self.aps, checked(visible::read(json)?)?);
        Ok(self)
    }

    /// Lays the options of one message over these.
    pub(super) fn with_above(mut self, above: Self) -> Self {
        overlay(&mut self.aps, above.aps);
        self.push_type = above.push_type.or(self.push_type);
        self
    }

    pub(super) fn push_type(&self) -> PushType {
        self.push_type.unwrap_or_default()
    }

    /// The members of `aps` of an alert, with a placeholder as its text.
    pub(super) fn alert(&self, placeholder: &str) -> Members {
        let mut members = self.aps.clone();
        set(&mut members, "/alert/body", placeholder);
        set(&mut members, "/mutable-content", 1);
        members
    }

    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.aps.insert(name.to_owned(), value.into());
        self
    }
}

impl ProviderOptions for ApnsOptions {
    const PROVIDER: ProviderId = Apns::ID;
}

/// How an app is woken, where the device token does not decide it: one of PushKit's for calls does.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum PushType {
    /// Shows the placeholder, which the app's notification service extension replaces by what it
    /// opens.
    #[default]
    Alert,
    /// Shows nothing and wakes the app. Apple throttles such pushes to a few an hour, may drop
    /// them, wakes no app that the person has closed, and takes one priority only: a message that
    /// is [urgent](crate::Urgency::High) is refused before it is sent.
    Background,
}

impl PushType {
    /// The value of the field `apns-push-type`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Background => "background",
        }
    }
}

fn unreserved<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Members, D::Error> {
    checked(Members::deserialize(deserializer)?).map_err(D::Error::custom)
}

fn checked(members: Members) -> Result<Members> {
    let alert_is_ours = members.get("alert").is_some_and(|alert| match alert {
        Value::Object(alert) => TEXTS.iter().any(|name| alert.contains_key(*name)),
        _ => true,
    });
    if alert_is_ours || RESERVED.iter().any(|name| members.contains_key(*name)) {
        return Err(Error::new(
            ErrorKind::Configuration,
            "the override must not set what the message does: the alert's text, \
             'content-available', 'mutable-content'",
        ));
    }
    Ok(members)
}

const RESERVED: [&str; 2] = ["content-available", "mutable-content"];

/// The members of `alert` that are its text.
const TEXTS: [&str; 3] = ["body", "loc-args", "loc-key"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn raw_members_cannot_replace_the_placeholder() {
        for json in [
            r#"{"alert":"marker"}"#,
            r#"{"alert":{"body":"marker"}}"#,
            r#"{"alert":{"loc-key":"marker"}}"#,
            r#"{"content-available":1}"#,
            r#"{"mutable-content":0}"#,
            "[]",
            "{",
            "marker",
        ] {
            let error = ApnsOptions::new().with_json_visible_to_provider(json).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{json}");
            assert!(!format!("{error:?}").contains("marker"), "{error:?}");
            let stored = format!(r#"{{"aps":{json}}}"#);
            assert!(serde_json::from_str::<ApnsOptions>(&stored).is_err(), "{json}");
        }
    }

    #[test]
    fn what_one_message_brings_is_laid_over() {
        let all = ApnsOptions::new()
            .with_badge(3)
            .with_push_type(PushType::Background)
            .with_json_visible_to_provider(r#"{"alert":{"title":"Door"},"relevance-score":0.5}"#)
            .unwrap();
        let one = ApnsOptions::new()
            .with_badge(4)
            .with_json_visible_to_provider(r#"{"alert":{"subtitle":"Front"}}"#)
            .unwrap();
        let stored = serde_json::to_string(&all).unwrap();
        assert_eq!(serde_json::from_str::<ApnsOptions>(&stored).unwrap(), all);
        let both = all.with_above(one);
        assert_eq!(both.push_type(), PushType::Background);
        assert_eq!(
            Value::Object(both.alert("New message")),
            json!({
                "alert": {"body": "New message", "subtitle": "Front", "title": "Door"},
                "badge": 4,
                "mutable-content": 1,
                "relevance-score": 0.5,
            })
        );
    }
}
