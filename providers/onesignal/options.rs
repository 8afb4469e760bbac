//! What OneSignal can be told beside the sealed body. It reads all of it.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::providers::visible::{self, Members, overlay};
use crate::{Error, ErrorKind, ProviderId, ProviderOptions, Result};

use super::OneSignal;

/// What OneSignal can be told beside the sealed body: for every message of a
/// [`OneSignal`](super::OneSignalBuilder::options), for one
/// ([`with_provider_options`](crate::Message::with_provider_options)), or both. What one message
/// brings is laid over what all have: it adds and replaces, and takes nothing away.
///
/// All of it travels in the clear, and OneSignal reads it. What a person should read belongs into
/// the message, which is sealed.
///
/// ```
/// use sealpush::Message;
/// use sealpush::providers::onesignal::OneSignalOptions;
///
/// let options = OneSignalOptions::new().with_name("doors, autumn");
/// let message = Message::new("the door is open").with_provider_options(&options)?;
/// # Ok::<_, sealpush::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct OneSignalOptions(Members);

impl OneSignalOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The id of the notification channel that was made in OneSignal's dashboard, for Android.
    #[must_use]
    pub fn with_android_channel_id(self, id: impl Into<String>) -> Self {
        self.with("android_channel_id", id.into())
    }

    /// The notification channel as the app created it, for Android.
    #[must_use]
    pub fn with_existing_android_channel_id(self, id: impl Into<String>) -> Self {
        self.with("existing_android_channel_id", id.into())
    }

    /// The name of the message in OneSignal's dashboard, at most 128 characters. No device gets it.
    #[must_use]
    pub fn with_name(self, name: impl Into<String>) -> Self {
        self.with("name", name.into())
    }

    /// Adds members of OneSignal's request that have no method here, as a JSON object: `headings`,
    /// `ios_sound`, `url` and whatever else OneSignal knows. The provider reads every one of them.
    ///
    /// # Errors
    ///
    /// `Configuration` for what is no object, or sets what the message or its address sets.
    pub fn with_json_visible_to_provider(mut self, json: &str) -> Result<Self> {
        overlay(&mut self.0, unreserved(visible::read(json)?)?);
        Ok(self)
    }

    /// The members, with those of one message laid over them.
    pub(super) fn render(&self, above: Option<Self>) -> Members {
        let mut members = self.0.clone();
        overlay(&mut members, above.unwrap_or_default().0);
        members
    }

    fn with(mut self, name: &str, value: String) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }
}

impl ProviderOptions for OneSignalOptions {
    const PROVIDER: ProviderId = OneSignal::ID;
}

impl<'de> Deserialize<'de> for OneSignalOptions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        unreserved(Members::deserialize(deserializer)?).map(Self).map_err(D::Error::custom)
    }
}

fn unreserved(members: Members) -> Result<Members> {
    let reserved = |name: &String| {
        RESERVED.contains(&name.as_str()) || TARGETS.iter().any(|prefix| name.starts_with(prefix))
    };
    if members.keys().any(reserved) {
        return Err(Error::new(
            ErrorKind::Configuration,
            "the override must not set what the message or its address does",
        ));
    }
    Ok(members)
}

const RESERVED: [&str; 14] = [
    "app_id",
    "collapse_id",
    "content_available",
    "contents",
    "custom_data",
    "data",
    "external_id",
    "filters",
    "idempotency_key",
    "priority",
    "target_channel",
    "template_id",
    "ttl",
    "web_push_topic",
];

/// How the names of all that addresses a message begin.
const TARGETS: [&str; 3] = ["excluded_", "include_", "included_"];
