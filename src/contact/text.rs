//! Octets as base64url without padding in what the application stores.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};
use zeroize::Zeroizing;

use crate::UserAgentSecret;

pub(crate) fn serialize<S: Serializer>(octets: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&Zeroizing::new(URL_SAFE_NO_PAD.encode(octets)))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Zeroizing<Vec<u8>>, D::Error> {
    let text = Zeroizing::new(String::deserialize(deserializer)?);
    // The decoder's own error repeats a part of its input.
    let octets = URL_SAFE_NO_PAD.decode(text.as_bytes());
    octets.map(Zeroizing::new).map_err(|_| D::Error::custom("a stored value is not base64url"))
}

pub(crate) fn deserialize_array<'de, D: Deserializer<'de>, const N: usize>(
    deserializer: D,
) -> Result<[u8; N], D::Error> {
    let octets = deserialize(deserializer)?;
    octets
        .as_slice()
        .try_into()
        .map_err(|_| D::Error::custom(format_args!("a stored value is not {N} octets")))
}

/// `Serialize` and `Deserialize` of a value that the application stores and that has
/// `#[serde(remote = "Self")]`: the derived errors repeat what they read, which may be a secret.
macro_rules! stored {
    ($name:ident, $what:literal) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                Self::serialize(self, serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                use serde::de::Error;
                Self::deserialize(deserializer)
                    .map_err(|_| D::Error::custom(concat!("the stored ", $what, " is damaged")))
            }
        }
    };
}
pub(crate) use stored;

/// For `#[serde(with)]` on an array of octets.
pub(crate) mod array {
    use super::*;

    pub(crate) fn serialize<S: Serializer, const N: usize>(
        octets: &[u8; N],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        super::serialize(octets, serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
        deserializer: D,
    ) -> Result<[u8; N], D::Error> {
        deserialize_array(deserializer)
    }
}

/// For `#[serde(with)]` on the secret half of encryption keys: scalar and authentication secret.
pub(crate) mod secret {
    use super::*;

    pub(crate) fn serialize<S: Serializer>(
        secret: &UserAgentSecret,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let private_key = secret.expose_private_key();
        let auth_secret = secret.keys().auth_secret().expose();
        super::serialize(
            &Zeroizing::new([private_key.as_slice(), auth_secret].concat()),
            serializer,
        )
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<UserAgentSecret, D::Error> {
        let octets = super::deserialize(deserializer)?;
        let (private_key, auth_secret) = octets
            .split_at_checked(32)
            .ok_or_else(|| D::Error::custom("a stored secret is too short"))?;
        UserAgentSecret::new(private_key, auth_secret).map_err(D::Error::custom)
    }
}
