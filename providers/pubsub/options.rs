//! What Pub/Sub is told beside the sealed body. It travels in the clear.

use serde::{Deserialize, Deserializer, Serialize};

use crate::{Error, ErrorKind, ProviderId, ProviderOptions, Result};

use super::PubSub;

/// What Pub/Sub can be told of one message, beside the sealed body
/// ([`with_provider_options`](crate::Message::with_provider_options)).
///
/// ```
/// use sealpush::Message;
/// use sealpush::providers::pubsub::PubSubOptions;
///
/// let options = PubSubOptions::new().with_ordering_key("door-7")?;
/// let message = Message::new("the door is open").with_provider_options(&options)?;
/// # Ok::<_, sealpush::Error>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct PubSubOptions {
    #[serde(deserialize_with = "checked", skip_serializing_if = "Option::is_none")]
    ordering_key: Option<String>,
}

impl PubSubOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Delivers messages with the same key in their order, to subscriptions that ask for it. It is
    /// no [`Topic`](crate::Topic): nothing is replaced.
    ///
    /// # Errors
    ///
    /// `Configuration` for a key that is empty or over 1024 octets. Google documents the limit and
    /// the service checks it; nobody has tried it here.
    pub fn with_ordering_key(mut self, key: impl Into<String>) -> Result<Self> {
        let key = key.into();
        if !(1..=MAX_ORDERING_KEY).contains(&key.len()) {
            let text = "an ordering key is 1 to 1024 octets";
            return Err(Error::new(ErrorKind::Configuration, text));
        }
        self.ordering_key = Some(key);
        Ok(self)
    }

    pub(super) fn ordering_key(&self) -> Option<&str> {
        self.ordering_key.as_deref()
    }
}

impl ProviderOptions for PubSubOptions {
    const PROVIDER: ProviderId = PubSub::ID;
}

fn checked<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let Some(key) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let options = PubSubOptions::new().with_ordering_key(key);
    options.map(|options| options.ordering_key).map_err(serde::de::Error::custom)
}

/// Octets.
const MAX_ORDERING_KEY: usize = 1024;
