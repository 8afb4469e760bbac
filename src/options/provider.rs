//! Options that only one provider understands, carried by a message until that provider reads them.
//!
//! They are kept as JSON by the provider's name, not as a map of types: a sealed message outlives
//! the process in an outbox, and one that was stored by a program with more providers is stored
//! again unchanged by a program with fewer.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind, Result};
use crate::provider::ProviderId;

/// What one push service can be told beside the options that all have, for one message.
///
/// The provider that is named here reads them, and no other sees them: a message for many tokens
/// may bring options for each of their providers. They are not sealed, and what a provider makes
/// of them is on its type. A provider refuses options that it cannot read, before it sends anything.
///
/// ```
/// use sealpush::{Message, ProviderId, ProviderOptions};
///
/// #[derive(serde::Deserialize, serde::Serialize)]
/// struct AcmeOptions {
///     chime: String,
/// }
///
/// impl ProviderOptions for AcmeOptions {
///     const PROVIDER: ProviderId = ProviderId::from_static("acme");
/// }
///
/// let chime = AcmeOptions { chime: "soft".to_owned() };
/// let message = Message::new("the door is open").with_provider_options(&chime)?;
/// # let secret = sealpush::UserAgentSecret::generate()?;
/// let sealed = message.seal(secret.keys(), 4096)?;
/// // In the provider `acme`:
/// let options = sealed.provider_options::<AcmeOptions>()?;
/// assert_eq!(options.unwrap().chime, "soft");
/// # Ok::<_, sealpush::Error>(())
/// ```
///
/// Stored messages are read back by later versions of a program. Give new members a default, and
/// refuse unknown ones (`#[serde(deny_unknown_fields)]`), so that an option is never dropped
/// silently.
pub trait ProviderOptions: Serialize + DeserializeOwned {
    /// The provider that reads them.
    const PROVIDER: ProviderId;
}

/// The options of a message for each provider that it has some for. Clones share them.
#[derive(Clone, Default, Eq, PartialEq)]
pub(crate) struct ByProvider(Option<Arc<BTreeMap<ProviderId, Map<String, Value>>>>);

impl ByProvider {
    /// Replaces the options for one provider.
    pub(crate) fn insert<O: ProviderOptions>(&mut self, options: &O) -> Result<()> {
        let Ok(Value::Object(members)) = serde_json::to_value(options) else {
            return Err(Error::new(
                ErrorKind::Configuration,
                format!("the options for '{}' do not serialize to a JSON object", O::PROVIDER),
            ));
        };
        Arc::make_mut(self.0.get_or_insert_default()).insert(O::PROVIDER, members);
        Ok(())
    }

    /// The options for the provider that `O` names. The error repeats no value.
    pub(crate) fn get<O: ProviderOptions>(&self) -> Result<Option<O>> {
        let members = self.0.as_ref().and_then(|options| options.get(&O::PROVIDER));
        members.map(O::deserialize).transpose().map_err(|_| {
            Error::new(
                ErrorKind::Configuration,
                format!("the message brings options for '{}' that it cannot read", O::PROVIDER),
            )
        })
    }
}

impl fmt::Debug for ByProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.iter().flat_map(|options| options.keys())).finish()
    }
}

impl Serialize for ByProvider {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().flat_map(|options| options.iter()))
    }
}

impl<'de> Deserialize<'de> for ByProvider {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let options = BTreeMap::deserialize(deserializer)?;
        Ok(Self((!options.is_empty()).then(|| Arc::new(options))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    struct Chime(u8);

    impl ProviderOptions for Chime {
        const PROVIDER: ProviderId = ProviderId::from_static("acme");
    }

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    #[serde(deny_unknown_fields)]
    struct Named {
        name: String,
    }

    impl ProviderOptions for Named {
        const PROVIDER: ProviderId = ProviderId::from_static("acme");
    }

    #[test]
    fn options_that_are_no_object_are_refused() {
        let error = ByProvider::default().insert(&Chime(1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
    }

    #[test]
    fn a_clone_keeps_its_options_when_the_other_changes() {
        let named = |name: &str| Named { name: name.to_owned() };
        let mut options = ByProvider::default();
        options.insert(&named("first")).unwrap();
        let kept = options.clone();
        options.insert(&named("second")).unwrap();
        assert_eq!(kept.get::<Named>().unwrap(), Some(named("first")));
        assert_eq!(options.get::<Named>().unwrap(), Some(named("second")));
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_not_shown() {
        let json = r#"{"acme":{"name":"a","MARKER":"MARKER"}}"#;
        let options: ByProvider = serde_json::from_str(json).unwrap();
        let error = options.get::<Named>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        let shown = format!("{error} {error:?} {options:?} {options:#?}");
        assert!(shown.contains("acme") && !shown.contains("MARKER"), "{shown}");
        assert_eq!(
            serde_json::to_string(&options).unwrap(),
            r#"{"acme":{"MARKER":"MARKER","name":"a"}}"#
        );
    }

    #[test]
    fn an_empty_map_is_none() {
        assert_eq!(serde_json::from_str::<ByProvider>("{}").unwrap(), ByProvider::default());
        assert!(serde_json::from_str::<ByProvider>(r#"{"acme":1}"#).is_err());
        assert!(serde_json::from_str::<ByProvider>(r#"{"A b":{}}"#).is_err());
    }
}
