//! Apple's part of a message.

use serde::{Deserialize, Deserializer, Serialize};

use crate::Result;
use crate::providers::pointer::set;
use crate::providers::visible::{Members, overlay};

use super::members;

/// How Apple's devices receive (`message.apns`).
///
/// By default the placeholder is an alert with `mutable-content`, which the app's notification
/// service extension replaces by what it opens. FCM puts the sealed body beside `aps` under
/// `e2ee`. Apple's limit of 4096 octets covers all of it: see [`Fcm`](super::Fcm).
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApnsOptions {
    #[serde(deserialize_with = "unreserved")]
    members: Members,
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
        let members = members::read(json, RESERVED)?;
        overlay(&mut self.members, members);
        Ok(self)
    }

    pub(super) fn add(&mut self, above: Self) {
        overlay(&mut self.members, above.members);
        self.background |= above.background;
    }

    pub(in crate::providers::fcm) fn is_background(&self) -> bool {
        self.background
    }

    pub(in crate::providers::fcm) fn render(&self, placeholder: &str) -> Members {
        let mut members = self.members.clone();
        if self.background {
            set(&mut members, "/payload/aps/content-available", 1);
        } else {
            set(&mut members, "/payload/aps/alert/body", placeholder);
            set(&mut members, "/payload/aps/mutable-content", 1);
        }
        members
    }

    fn with(mut self, pointer: &str, value: impl Into<serde_json::Value>) -> Self {
        set(&mut self.members, pointer, value);
        self
    }
}

fn unreserved<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Members, D::Error> {
    members::deserialize(deserializer, RESERVED)
}

const RESERVED: &[&str] = &[
    "/payload/e2ee",
    "/payload/aps/alert/body",
    "/payload/aps/content-available",
    "/payload/aps/mutable-content",
    "/headers/apns-collapse-id",
    "/headers/apns-expiration",
    "/headers/apns-priority",
    "/headers/apns-push-type",
];
