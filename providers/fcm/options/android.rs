//! Android's part of a message.

use serde::{Deserialize, Deserializer, Serialize};

use crate::Result;
use crate::providers::pointer::set;
use crate::providers::visible::{Members, overlay};

use super::members;

/// How Android devices receive (`message.android`).
///
/// By default a message has no notification part, so that Android hands the data to the app, which
/// opens it and shows what it finds.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct AndroidOptions {
    #[serde(deserialize_with = "unreserved")]
    members: Members,
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
        let members = members::read(json, RESERVED)?;
        overlay(&mut self.members, members);
        Ok(self)
    }

    pub(super) fn add(&mut self, above: Self) {
        overlay(&mut self.members, above.members);
        if let Some(notification) = above.placeholder {
            overlay(&mut self.placeholder.get_or_insert_default().0, notification.0);
        }
    }

    pub(in crate::providers::fcm) fn render(&self, placeholder: &str) -> Members {
        let mut members = self.members.clone();
        if let Some(notification) = &self.placeholder {
            set(&mut members, "/notification", notification.0.clone());
            set(&mut members, "/notification/body", placeholder);
        }
        members
    }
}

/// How Android shows the placeholder (`message.android.notification`). FCM reads all of it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(transparent)]
pub struct AndroidNotification(Members);

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

    fn with(mut self, pointer: &str, value: impl Into<serde_json::Value>) -> Self {
        set(&mut self.0, pointer, value);
        self
    }
}

fn unreserved<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Members, D::Error> {
    members::deserialize(deserializer, RESERVED)
}

const RESERVED: &[&str] = &["/data", "/ttl", "/priority", "/collapse_key"];
