//! The browsers' part of a message.

use serde::{Deserialize, Deserializer, Serialize};

use crate::Result;
use crate::providers::pointer::set;
use crate::providers::visible::{Members, overlay};

use super::members;

/// How browsers receive (`message.webpush`).
///
/// By default a message has no notification part, so that the page's service worker gets the data,
/// opens it and shows what it finds.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebPushOptions {
    #[serde(deserialize_with = "unreserved")]
    members: Members,
    /// What the placeholder has beside its text.
    notification: Members,
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
        let members = members::read(json, RESERVED)?;
        overlay(&mut self.members, members);
        Ok(self)
    }

    pub(super) fn add(&mut self, above: Self) {
        overlay(&mut self.members, above.members);
        overlay(&mut self.notification, above.notification);
        self.show_placeholder |= above.show_placeholder;
    }

    pub(in crate::providers::fcm) fn render(&self, placeholder: &str) -> Members {
        let mut members = self.members.clone();
        if self.show_placeholder {
            set(&mut members, "/notification", self.notification.clone());
            set(&mut members, "/notification/body", placeholder);
        }
        members
    }
}

fn unreserved<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Members, D::Error> {
    members::deserialize(deserializer, RESERVED)
}

const RESERVED: &[&str] = &["/data", "/headers/TTL", "/headers/Urgency", "/headers/Topic"];
