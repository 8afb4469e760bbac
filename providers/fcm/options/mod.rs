//! What FCM's platforms can be told beside the sealed body.
//!
//! Everything here travels in the clear. FCM reads it, and so do Apple and the browser's push
//! service. What a person should read belongs into the message, which is sealed.

use serde_json::{Map, Value, json};

use crate::{Error, ErrorKind, Result};

/// How Android devices receive (`message.android`).
///
/// By default a message has no notification part, so that Android hands the data to the app, which
/// opens it and shows what it finds.
#[derive(Clone, Debug, Default)]
pub struct AndroidOptions {
    members: Map<String, Value>,
    placeholder: Option<AndroidNotification>,
}

impl AndroidOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Delivers also before the device is unlocked after a restart (`direct_boot_ok`).
    #[must_use]
    pub fn with_direct_boot(mut self) -> Self {
        set(&mut self.members, "/direct_boot_ok", true);
        self
    }

    /// Delivers only to the app of this package (`restricted_package_name`).
    #[must_use]
    pub fn with_package_name(mut self, name: impl Into<String>) -> Self {
        set(&mut self.members, "/restricted_package_name", name.into());
        self
    }

    /// Has Android show the placeholder by itself, where the app is in the background. The app
    /// then gets the sealed body only when the notification is tapped.
    #[must_use]
    pub fn with_placeholder_shown(mut self, notification: AndroidNotification) -> Self {
        self.placeholder = Some(notification);
        self
    }

    /// Adds members of FCM's `AndroidConfig` that have no method here, as a JSON object. The
    /// provider reads every one of them.
    ///
    /// # Errors
    ///
    /// `Configuration` for what is no object, or sets what the message sets: `data`, `ttl`,
    /// `priority`, `collapse_key`.
    pub fn with_json_visible_to_provider(mut self, json: &str) -> Result<Self> {
        let members = visible_members(json, &["/data", "/ttl", "/priority", "/collapse_key"])?;
        overlay(&mut self.members, members);
        Ok(self)
    }

    pub(super) fn render(&self, placeholder: &str) -> Map<String, Value> {
        let mut members = self.members.clone();
        if let Some(notification) = &self.placeholder {
            overlay(&mut members, object("notification", notification.0.clone()));
            set(&mut members, "/notification/body", placeholder);
        }
        members
    }
}

/// How Android shows the placeholder (`message.android.notification`). FCM reads all of it.
#[derive(Clone, Debug, Default)]
pub struct AndroidNotification(Map<String, Value>);

impl AndroidNotification {
    /// The app's defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The notification channel, as the app created it.
    #[must_use]
    pub fn with_channel_id(self, id: impl Into<String>) -> Self {
        self.with("/channel_id", id.into())
    }

    /// The activity that a tap opens.
    #[must_use]
    pub fn with_click_action(self, action: impl Into<String>) -> Self {
        self.with("/click_action", action.into())
    }

    /// The icon, a drawable resource of the app.
    #[must_use]
    pub fn with_icon(self, name: impl Into<String>) -> Self {
        self.with("/icon", name.into())
    }

    /// The URL of an image, which the device downloads.
    #[must_use]
    pub fn with_image(self, url: impl Into<String>) -> Self {
        self.with("/image", url.into())
    }

    /// The sound: `default` or a resource of the app.
    #[must_use]
    pub fn with_sound(self, name: impl Into<String>) -> Self {
        self.with("/sound", name.into())
    }

    /// A later notification with the same tag replaces this one.
    #[must_use]
    pub fn with_tag(self, tag: impl Into<String>) -> Self {
        self.with("/tag", tag.into())
    }

    fn with(mut self, pointer: &str, value: impl Into<Value>) -> Self {
        set(&mut self.0, pointer, value);
        self
    }
}

/// How Apple's devices receive (`message.apns`).
///
/// By default the placeholder is an alert with `mutable-content`, which the app's notification
/// service extension replaces by what it opens. FCM puts the sealed body beside `aps` under
/// `e2ee`. Apple's limit of 4096 octets covers all of it: see [`Fcm`](super::Fcm).
#[derive(Clone, Debug, Default)]
pub struct ApnsOptions {
    members: Map<String, Value>,
    background: bool,
}

impl ApnsOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows nothing and wakes the app (`content-available`, push type `background`, priority 5).
    /// Apple throttles such pushes, may drop them, and wants neither badge nor sound in them.
    #[must_use]
    pub fn background() -> Self {
        Self { background: true, ..Self::default() }
    }

    /// The number on the app's icon.
    #[must_use]
    pub fn with_badge(self, count: u32) -> Self {
        self.with("/payload/aps/badge", count)
    }

    /// The category, which names the buttons that the app declared.
    #[must_use]
    pub fn with_category(self, category: impl Into<String>) -> Self {
        self.with("/payload/aps/category", category.into())
    }

    /// The URL of an image (`fcm_options.image`).
    #[must_use]
    pub fn with_image(self, url: impl Into<String>) -> Self {
        self.with("/fcm_options/image", url.into())
    }

    /// The sound: `default` or a file of the app.
    #[must_use]
    pub fn with_sound(self, name: impl Into<String>) -> Self {
        self.with("/payload/aps/sound", name.into())
    }

    /// Groups notifications.
    #[must_use]
    pub fn with_thread_id(self, id: impl Into<String>) -> Self {
        self.with("/payload/aps/thread-id", id.into())
    }

    /// Adds members of FCM's `ApnsConfig` that have no method here, as a JSON object. The provider
    /// and Apple read every one of them.
    ///
    /// # Errors
    ///
    /// `Configuration` for what is no object, or sets what the message sets: the sealed body, the
    /// alert's text, `mutable-content`, `content-available`, and the headers for expiration,
    /// priority, push type and collapsing.
    pub fn with_json_visible_to_provider(mut self, json: &str) -> Result<Self> {
        let reserved = [
            "/payload/e2ee",
            "/payload/aps/alert/body",
            "/payload/aps/content-available",
            "/payload/aps/mutable-content",
            "/headers/apns-collapse-id",
            "/headers/apns-expiration",
            "/headers/apns-priority",
            "/headers/apns-push-type",
        ];
        let members = visible_members(json, &reserved)?;
        if members
            .get("payload")
            .and_then(|p| p.pointer("/aps/alert"))
            .is_some_and(Value::is_string)
        {
            return Err(reserved_member("/payload/aps/alert"));
        }
        overlay(&mut self.members, members);
        Ok(self)
    }

    pub(super) fn is_background(&self) -> bool {
        self.background
    }

    pub(super) fn render(&self, placeholder: &str) -> Map<String, Value> {
        let mut members = self.members.clone();
        if self.background {
            set(&mut members, "/payload/aps/content-available", 1);
        } else {
            set(&mut members, "/payload/aps/alert/body", placeholder);
            set(&mut members, "/payload/aps/mutable-content", 1);
        }
        members
    }

    fn with(mut self, pointer: &str, value: impl Into<Value>) -> Self {
        set(&mut self.members, pointer, value);
        self
    }
}

/// How browsers receive (`message.webpush`).
///
/// By default a message has no notification part, so that the page's service worker gets the data,
/// opens it and shows what it finds.
#[derive(Clone, Debug, Default)]
pub struct WebPushOptions {
    members: Map<String, Value>,
    /// What the placeholder has beside its text.
    notification: Map<String, Value>,
    show_placeholder: bool,
}

impl WebPushOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Has FCM's own service worker show the placeholder, for pages that open nothing by
    /// themselves.
    #[must_use]
    pub fn with_placeholder_shown(mut self) -> Self {
        self.show_placeholder = true;
        self
    }

    /// The URL of the placeholder's small monochrome icon, where it is [shown](Self::with_placeholder_shown).
    #[must_use]
    pub fn with_badge(mut self, url: impl Into<String>) -> Self {
        set(&mut self.notification, "/badge", url.into());
        self
    }

    /// The URL of the placeholder's icon, where it is [shown](Self::with_placeholder_shown).
    #[must_use]
    pub fn with_icon(mut self, url: impl Into<String>) -> Self {
        set(&mut self.notification, "/icon", url.into());
        self
    }

    /// The URL of the placeholder's image, where it is [shown](Self::with_placeholder_shown).
    #[must_use]
    pub fn with_image(mut self, url: impl Into<String>) -> Self {
        set(&mut self.notification, "/image", url.into());
        self
    }

    /// The page that a click on the placeholder opens; `https` only.
    #[must_use]
    pub fn with_link(mut self, url: impl Into<String>) -> Self {
        set(&mut self.members, "/fcm_options/link", url.into());
        self
    }

    /// Adds members of FCM's `WebpushConfig` that have no method here, as a JSON object. The
    /// provider reads every one of them.
    ///
    /// # Errors
    ///
    /// `Configuration` for what is no object, or sets what the message sets: `data`, and the
    /// headers `TTL`, `Urgency`, `Topic`.
    pub fn with_json_visible_to_provider(mut self, json: &str) -> Result<Self> {
        let reserved = ["/data", "/headers/TTL", "/headers/Urgency", "/headers/Topic"];
        let members = visible_members(json, &reserved)?;
        overlay(&mut self.members, members);
        Ok(self)
    }

    pub(super) fn render(&self, placeholder: &str) -> Map<String, Value> {
        let mut members = self.members.clone();
        if self.show_placeholder {
            overlay(&mut members, object("notification", self.notification.clone()));
            set(&mut members, "/notification/body", placeholder);
        }
        members
    }
}

/// Puts a value where a JSON pointer (RFC 6901) of plain names says, making the objects on the way.
pub(super) fn set(members: &mut Map<String, Value>, pointer: &str, value: impl Into<Value>) {
    let nested = pointer.rsplit('/').filter(|name| !name.is_empty());
    let value = nested.fold(value.into(), |value, name| json!({ name: value }));
    if let Value::Object(nested) = value {
        overlay(members, nested);
    }
}

/// Merges objects into objects; everything else replaces what was there.
fn overlay(below: &mut Map<String, Value>, above: Map<String, Value>) {
    for (name, value) in above {
        match (below.get_mut(&name), value) {
            (Some(Value::Object(below)), Value::Object(above)) => overlay(below, above),
            (_, value) => {
                below.insert(name, value);
            }
        }
    }
}

fn object(name: &str, members: Map<String, Value>) -> Map<String, Value> {
    Map::from_iter([(name.to_owned(), Value::Object(members))])
}

/// Parses an object and refuses members that would replace the sealed body or the message's own
/// options. FCM takes every name in two spellings (`collapse_key`, `collapseKey`).
fn visible_members(json: &str, reserved: &[&'static str]) -> Result<Map<String, Value>> {
    let members = serde_json::from_str(json).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        Error::new(ErrorKind::Configuration, format!("the override is no JSON object ({place})"))
    })?;
    for pointer in reserved {
        if contains(&members, pointer) {
            return Err(reserved_member(pointer));
        }
    }
    Ok(members)
}

fn contains(members: &Map<String, Value>, pointer: &str) -> bool {
    let spelled = |name: &str| name.replace('_', "").to_ascii_lowercase();
    let mut names = pointer.trim_start_matches('/').splitn(2, '/');
    let (first, rest) = (names.next().unwrap_or_default(), names.next());
    members.iter().filter(|(name, _)| spelled(name) == spelled(first)).any(|(_, value)| {
        rest.is_none_or(|rest| value.as_object().is_some_and(|inner| contains(inner, rest)))
    })
}

fn reserved_member(pointer: &'static str) -> Error {
    Error::new(
        ErrorKind::Configuration,
        format!("the override must not set '{pointer}': the message does"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_members_cannot_replace_what_is_sealed() {
        let refused = |result: Result<()>, json: &str| {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{json}");
            assert!(!error.to_string().contains("marker"), "{error}");
        };
        for json in [
            r#"{"data":{"e2ee":"marker"}}"#,
            r#"{"Data":{}}"#,
            r#"{"collapseKey":"marker"}"#,
            r#"{"collapse_key":"marker"}"#,
            r#"{"priority":"HIGH"}"#,
            r#"{"ttl":"5s"}"#,
            "[]",
            "{",
            "marker",
        ] {
            refused(AndroidOptions::new().with_json_visible_to_provider(json).map(drop), json);
        }
        for json in [
            r#"{"payload":{"e2ee":"marker"}}"#,
            r#"{"payload":{"aps":{"alert":"marker"}}}"#,
            r#"{"payload":{"aps":{"alert":{"body":"marker"}}}}"#,
            r#"{"payload":{"aps":{"content-available":0}}}"#,
            r#"{"payload":{"aps":{"mutable-content":0}}}"#,
            r#"{"headers":{"apns-collapse-id":"marker"}}"#,
            r#"{"headers":{"apns-expiration":"1"}}"#,
            r#"{"headers":{"apns-priority":"1"}}"#,
            r#"{"headers":{"APNS-Push-Type":"voip"}}"#,
        ] {
            refused(ApnsOptions::new().with_json_visible_to_provider(json).map(drop), json);
        }
        for json in [
            r#"{"data":{}}"#,
            r#"{"headers":{"ttl":"1"}}"#,
            r#"{"headers":{"Topic":"marker"}}"#,
            r#"{"headers":{"urgency":"high"}}"#,
        ] {
            refused(WebPushOptions::new().with_json_visible_to_provider(json).map(drop), json);
        }
    }

    #[test]
    fn raw_members_are_merged() {
        let options = ApnsOptions::new()
            .with_badge(3)
            .with_json_visible_to_provider(r#"{"payload":{"aps":{"relevance-score":0.5}}}"#)
            .unwrap();
        assert_eq!(
            Value::Object(options.render("New message")),
            json!({"payload": {"aps": {
                "alert": {"body": "New message"},
                "badge": 3,
                "mutable-content": 1,
                "relevance-score": 0.5,
            }}})
        );
    }

    #[test]
    fn an_icon_alone_shows_no_placeholder() {
        // With a notification part, FCM's service worker shows it, whatever else it holds.
        let options = WebPushOptions::new().with_icon("https://example.net/i.png");
        assert_eq!(Value::Object(options.render("New message")), json!({}));
        assert_eq!(
            Value::Object(options.with_placeholder_shown().render("New message")),
            json!({"notification": {"body": "New message", "icon": "https://example.net/i.png"}})
        );
    }
}
