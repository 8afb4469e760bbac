//! What Sailthru can be told beside the sealed body. It reads all of it.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::providers::visible::{self, Members, overlay};
use crate::seal::DATA_FIELD;
use crate::{Error, ErrorKind, ProviderId, ProviderOptions, Result};

use super::Sailthru;

/// What Sailthru can be told beside the sealed body: for every message of a
/// [`Sailthru`](super::SailthruBuilder::options), for one
/// ([`with_provider_options`](crate::Message::with_provider_options)), or both. What one message
/// brings is laid over what all have: it adds and replaces, and takes nothing away.
///
/// All of it travels in the clear, and Sailthru, Apple and Google read it. What a person should read
/// belongs into the message, which is sealed.
///
/// ```
/// use sealpush::Message;
/// use sealpush::providers::sailthru::SailthruOptions;
///
/// let options = SailthruOptions::new().with_category("doors");
/// let message = Message::new("the door is open").with_provider_options(&options)?;
/// # Ok::<_, sealpush::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct SailthruOptions(Members);

impl SailthruOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The name of the actions that the app has registered for a notification of this kind.
    #[must_use]
    pub fn with_category(self, category: impl Into<String>) -> Self {
        self.with("category", category.into())
    }

    /// The name of a sound in the app.
    #[must_use]
    pub fn with_sound(self, sound: impl Into<String>) -> Self {
        self.with("sound", sound.into())
    }

    /// A title in the clear above the placeholder.
    #[must_use]
    pub fn with_title_visible_to_provider(self, title: impl Into<String>) -> Self {
        self.with("title", title.into())
    }

    /// Adds members of the payload that have no method here, as a JSON object: `badge`,
    /// `collapse_key`, `interruption_level` and whatever else Sailthru knows. The provider reads
    /// every one of them.
    ///
    /// # Errors
    ///
    /// `Configuration` for what is no object, or sets what the message sets.
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

impl ProviderOptions for SailthruOptions {
    const PROVIDER: ProviderId = Sailthru::ID;
}

impl<'de> Deserialize<'de> for SailthruOptions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        unreserved(Members::deserialize(deserializer)?).map(Self).map_err(D::Error::custom)
    }
}

fn unreserved(members: Members) -> Result<Members> {
    if ["alert", DATA_FIELD, "mutable_content"].iter().any(|name| members.contains_key(*name)) {
        return Err(Error::new(
            ErrorKind::Configuration,
            "the override must not set what the message does",
        ));
    }
    Ok(members)
}
