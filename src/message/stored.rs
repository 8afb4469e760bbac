//! The form in which a sealed message is stored, and read back by a later process.

use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde::de::Error as _;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Options, SealedMessage};
use crate::error::{Error, ErrorKind, Result};
use crate::options::{ByProvider, Placeholder, Topic, Ttl, Urgency};
use crate::seal::Sealed;
use crate::seal::record::SALT_LEN;

impl SealedMessage {
    /// The text form, to store: JSON with the sealed octets, the id and all options. It holds
    /// nothing in the clear but what the push service would see, and no address.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers serialize")
    }
}

impl FromStr for SealedMessage {
    type Err = Error;

    /// Reads what [`to_json`](Self::to_json) wrote, in this version of the crate or an earlier one.
    ///
    /// # Errors
    ///
    /// `Configuration` for the form of a later version of this crate: keep it. `Rejected` for what
    /// is no stored message, or is damaged: a body that is no sealed one, or not the one with this
    /// id.
    fn from_str(text: &str) -> Result<Self> {
        // A later form may differ in everything else.
        let version: Version = serde_json::from_str(text).map_err(|error| malformed(&error))?;
        if version.version > VERSION {
            return Err(Error::new(
                ErrorKind::Configuration,
                format!("the message was stored in form {}, later than {VERSION}", version.version),
            ));
        }
        let stored: Stored = serde_json::from_str(text).map_err(|error| malformed(&error))?;
        stored.try_into()
    }
}

impl Serialize for SealedMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Nothing is left out, for formats that go by position.
        let mut stored = serializer.serialize_struct("SealedMessage", 8)?;
        stored.serialize_field("version", &VERSION)?;
        stored.serialize_field("id", &URL_SAFE_NO_PAD.encode(self.id))?;
        stored.serialize_field("body", &URL_SAFE_NO_PAD.encode(&self.body))?;
        stored.serialize_field("ttl", &self.options.ttl)?;
        stored.serialize_field("urgency", &self.options.urgency)?;
        stored.serialize_field("topic", &self.options.topic)?;
        stored.serialize_field("placeholder", &self.options.placeholder)?;
        stored.serialize_field("provider_options", &self.options.by_provider)?;
        stored.end()
    }
}

impl<'de> Deserialize<'de> for SealedMessage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The format's own error repeats parts of its input.
        Stored::deserialize(deserializer)
            .map_err(|_| D::Error::custom("not a stored message"))?
            .try_into()
            .map_err(D::Error::custom)
    }
}

/// The form that is written, and the highest that is read.
const VERSION: u32 = 1;

#[derive(Deserialize)]
struct Version {
    version: u32,
}

#[derive(Deserialize)]
struct Stored {
    version: u32,
    id: String,
    body: String,
    ttl: Ttl,
    urgency: Urgency,
    topic: Option<Topic>,
    placeholder: Placeholder,
    provider_options: ByProvider,
}

impl TryFrom<Stored> for SealedMessage {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self> {
        let damaged = || Error::new(ErrorKind::Rejected, "the stored message is damaged");
        if stored.version != VERSION {
            return Err(damaged());
        }
        let octets = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| damaged());
        let id: [u8; SALT_LEN] = octets(&stored.id)?.try_into().map_err(|_| damaged())?;
        let body = Bytes::from(octets(&stored.body)?);
        // Behind a hint, perhaps; nothing else may stand before the salt, and the salt is the id.
        let sealed = match body.get(..SALT_LEN) {
            Some(salt) if *salt == id => body.clone(),
            Some(_) => body.slice(SALT_LEN..),
            None => body.clone(),
        };
        if !body.is_empty() {
            let sealed = Sealed::from_octets(sealed)?;
            if *sealed.salt() != id {
                return Err(damaged());
            }
        }
        let Stored { ttl, urgency, topic, placeholder, provider_options: by_provider, .. } = stored;
        let options = Options { ttl, urgency, topic, placeholder, by_provider };
        Ok(Self { id, body, options })
    }
}

fn malformed(error: &serde_json::Error) -> Error {
    Error::new(
        ErrorKind::Rejected,
        format!("not a stored message (line {}, column {})", error.line(), error.column()),
    )
}

#[cfg(test)]
#[cfg(any(feature = "aws-lc", feature = "rust-crypto"))]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{Message, ProviderId, ProviderOptions, UserAgentSecret};

    #[derive(Debug, Deserialize, Eq, PartialEq, Serialize)]
    struct Acme {
        chime: String,
    }

    impl ProviderOptions for Acme {
        const PROVIDER: ProviderId = ProviderId::from_static("acme");
    }

    fn sealed(payload: &str) -> (UserAgentSecret, SealedMessage) {
        let secret = UserAgentSecret::generate().unwrap();
        let message = Message::new(payload)
            .with_ttl(Ttl::from_secs(90))
            .with_urgency(Urgency::High)
            .with_topic("door".parse().unwrap())
            .with_placeholder("Neu".parse().unwrap())
            .with_provider_options(&Acme { chime: "soft".to_owned() })
            .unwrap();
        let sealed = message.seal(secret.keys(), 4096).unwrap();
        (secret, sealed)
    }

    fn changed(message: &SealedMessage, member: &str, value: impl Into<Value>) -> String {
        let mut json: Value = serde_json::from_str(&message.to_json()).unwrap();
        json[member] = value.into();
        json.to_string()
    }

    #[test]
    fn a_stored_message_is_the_same_message() {
        let (secret, full) = sealed("hello");
        let (_, empty) = sealed("");
        for message in [full.clone(), empty, full.clone().with_hint([7; 16])] {
            let read: SealedMessage = message.to_json().parse().unwrap();
            assert_eq!(read, message);
            assert_eq!(read.id(), message.id());
            let acme = read.provider_options::<Acme>().unwrap();
            assert_eq!(acme, Some(Acme { chime: "soft".to_owned() }));
            assert_eq!(serde_json::from_str::<SealedMessage>(&message.to_json()).unwrap(), read);
        }
        let read: SealedMessage = full.to_json().parse().unwrap();
        assert_eq!(crate::open(&secret, read.body()).unwrap(), b"hello");
    }

    /// What version 1 wrote must be read for ever.
    #[test]
    fn the_first_form_is_read() {
        let body = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPgTBtkgcy27mlmlMoZIIgDll6e3v\
                    CYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXP\
                    XLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
        let json = json!({
            "version": 1, "id": "DGv6ra1nlYgDCS1FRnbzlw", "body": body, "ttl": 60,
            "urgency": "very-low", "topic": null, "placeholder": "New message",
            "provider_options": {"acme": {"chime": "soft"}},
        });
        let read: SealedMessage = json.to_string().parse().unwrap();
        assert_eq!((read.ttl(), read.urgency()), (Ttl::from_secs(60), Urgency::VeryLow));
        assert_eq!(serde_json::from_str::<Value>(&read.to_json()).unwrap(), json);
    }

    #[test]
    fn what_is_damaged_is_refused_and_not_shown() {
        let (_, message) = sealed("hello");
        let (_, other) = sealed("hello");
        let plaintext = URL_SAFE_NO_PAD.encode("MARKER, in the clear");
        let mut longer = message.body().to_vec();
        longer.splice(..0, [7; 32]);
        for bad in [
            "MARKER".to_owned(),
            r#""MARKER""#.to_owned(),
            "{}".to_owned(),
            changed(&message, "version", "MARKER"),
            changed(&message, "version", 0),
            changed(&message, "id", "MARKER"),
            changed(&message, "id", URL_SAFE_NO_PAD.encode(other.id())),
            changed(&message, "body", "MARKER!"),
            changed(&message, "body", URL_SAFE_NO_PAD.encode(message.id())),
            changed(&message, "body", URL_SAFE_NO_PAD.encode(longer)),
            changed(&message, "body", plaintext),
            changed(&message, "ttl", "MARKER"),
            changed(&message, "urgency", "MARKER"),
            changed(&message, "topic", "MARKER MARKER"),
            changed(&message, "placeholder", "MARKER\n"),
            changed(&message, "provider_options", json!({"acme": "MARKER"})),
        ] {
            let error = bad.parse::<SealedMessage>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Rejected, "{bad}");
            assert!(!error.is_token_dead() && !error.is_retryable());
            let by_serde = serde_json::from_str::<SealedMessage>(&bad).unwrap_err();
            let shown = format!("{error} {error:?} {by_serde} {by_serde:?}");
            assert!(!shown.contains("MARKER"), "{shown}");
        }
    }

    #[test]
    fn a_later_form_is_kept() {
        let error =
            r#"{"version": 2, "all": "else differs"}"#.parse::<SealedMessage>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains('2'), "{error}");
    }

    #[test]
    fn debug_shows_neither_octets_nor_what_providers_are_told() {
        let (_, message) = sealed("hello");
        let shown = format!("{message:?} {message:#?}");
        assert!(shown.contains("acme") && !shown.contains("soft"), "{shown}");
        assert!(!shown.contains(&URL_SAFE_NO_PAD.encode(message.id())), "{shown}");
    }
}
