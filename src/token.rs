//! One subscription made portable: who carries it, where it points to, whose key opens it.

#[cfg(feature = "guard")]
mod endpoint;
mod id;

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use serde::de::{DeserializeOwned, Error as _};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use zeroize::Zeroize;

use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind, Result};
use crate::provider::ProviderId;
use crate::seal::UserAgentKeys;

pub use self::id::TokenId;

/// The address of one user agent at one provider, with the keys that seal for it.
///
/// Its text form is a JSON object. What a browser's `PushSubscription.toJSON()` returns is a
/// valid token as it is; tokens of other providers carry `"provider"`, and beside it whatever that
/// provider needs to find the user agent:
///
/// ```
/// use sealpush::Token;
///
/// let token: Token = r#"{
///     "endpoint": "https://updates.push.services.mozilla.com/wpush/v2/gAAAA",
///     "expirationTime": null,
///     "keys": {
///         "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
///         "auth": "BTBZMqHH6r4Tts7J_aSIgg"
///     }
/// }"#.parse()?;
/// assert_eq!(token.provider().as_str(), "webpush");
/// # Ok::<_, sealpush::Error>(())
/// ```
///
/// Whoever knows the address can push to it, so a token is a secret: `Debug` shows a fingerprint
/// only, there is no `Display`, and [`to_json`](Self::to_json), `Serialize` and
/// [`expose`](Self::expose) are the ways out. Parsing is where a bad token is found: unknown
/// members are kept, but keys of the wrong size and points off the curve are refused.
///
/// Cloning is cheap: the clones share one allocation, with the public key parsed once.
#[derive(Clone)]
pub struct Token(Arc<Inner>);

impl Token {
    /// Longest text form, in octets. A push resource is at most 2048.
    pub const MAX_LEN: usize = 8192;

    /// The provider of a token that names none: the browser's own form.
    const DEFAULT_PROVIDER: &'static str = "webpush";

    /// Makes a token for a provider from its address, which must serialize to a JSON object
    /// without the members `provider` and `keys`.
    ///
    /// # Errors
    ///
    /// `InvalidToken` when the address is not such an object.
    pub fn new(
        provider: ProviderId,
        address: &impl Serialize,
        keys: UserAgentKeys,
    ) -> Result<Self> {
        let invalid = || {
            Error::new(
                ErrorKind::InvalidToken,
                "the address must be a JSON object without the members 'provider' and 'keys'",
            )
        };
        let Ok(Value::Object(address)) = serde_json::to_value(address) else {
            return Err(invalid());
        };
        if address.contains_key("provider") || address.contains_key("keys") {
            return Err(invalid());
        }
        Ok(Self(Arc::new(Inner { provider, address: Address::new(address), keys })))
    }

    /// The provider that the token belongs to.
    #[must_use]
    pub fn provider(&self) -> &ProviderId {
        &self.0.provider
    }

    /// The keys that seal for this user agent.
    #[must_use]
    pub fn keys(&self) -> &UserAgentKeys {
        &self.0.keys
    }

    /// A text member of the address, such as `endpoint`; `None` if it is absent or no text.
    #[must_use]
    pub fn expose(&self, member: &str) -> Option<&str> {
        self.0.address.members.get(member)?.as_str()
    }

    /// The address as a type of the provider's own.
    ///
    /// # Errors
    ///
    /// `InvalidToken` when the members are not what `T` needs. The message repeats no value.
    pub fn address<T: DeserializeOwned>(&self) -> Result<T> {
        T::deserialize(&self.0.address.members).map_err(|_| {
            Error::new(
                ErrorKind::InvalidToken,
                format!("the token lacks members that '{}' needs", self.0.provider),
            )
        })
    }

    /// Refuses a token of another provider.
    ///
    /// # Errors
    ///
    /// `TokenMismatch`, naming both providers.
    pub fn require(&self, provider: &ProviderId) -> Result<()> {
        if self.0.provider == *provider {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::TokenMismatch,
            format!("the token is for '{}', this provider is '{provider}'", self.0.provider),
        ))
    }

    /// The text form, to store. It holds the address: treat it as a secret.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a map with text keys serializes")
    }

    /// A short hash to tell tokens apart in a log; keyed anew in every process, so that it cannot
    /// be looked up. For what is stored, see [`id`](Self::id).
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        static KEY: OnceLock<RandomState> = OnceLock::new();
        Fingerprint(KEY.get_or_init(RandomState::new).hash_one(self) as u32)
    }

    fn from_value(members: Map<String, Value>) -> Result<Self> {
        // Wiped whatever becomes of it.
        let mut address = Address::new(members);
        let invalid = |message: &'static str| Error::new(ErrorKind::InvalidToken, message);
        let provider = match address.members.remove("provider") {
            None => ProviderId::from_static(Self::DEFAULT_PROVIDER),
            Some(Value::String(name)) => name.parse()?,
            Some(_) => return Err(invalid("the token's 'provider' must be text")),
        };
        let Some(Value::Object(keys)) = address.members.remove("keys") else {
            return Err(invalid("the token has no 'keys' with 'p256dh' and 'auth'"));
        };
        let keys = Address::new(keys);
        let key = |name| keys.members.get(name).and_then(Value::as_str);
        let (Some(p256dh), Some(auth)) = (key("p256dh"), key("auth")) else {
            return Err(invalid("the token's 'keys' must have 'p256dh' and 'auth' as text"));
        };
        let keys = UserAgentKeys::from_base64(p256dh, auth)?;
        Ok(Self(Arc::new(Inner { provider, address, keys })))
    }
}

impl FromStr for Token {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.len() > Self::MAX_LEN {
            return Err(Error::new(
                ErrorKind::InvalidToken,
                format!("the token is {} octets, limit {}", text.len(), Self::MAX_LEN),
            ));
        }
        // The parser's own error repeats parts of its input, which is a secret.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let members = serde_json::from_str(text).map_err(|error| {
            Error::new(
                ErrorKind::InvalidToken,
                format!(
                    "the token is not a JSON object (line {}, column {})",
                    error.line(),
                    error.column()
                ),
            )
        })?;
        Self::from_value(members)
    }
}

impl Serialize for Token {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if self.0.provider.as_str() != Self::DEFAULT_PROVIDER {
            map.serialize_entry("provider", self.0.provider.as_str())?;
        }
        for (name, value) in &self.0.address.members {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry("keys", &self.0.keys)?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members = Map::deserialize(deserializer)
            .map_err(|_| D::Error::custom("the token is not a JSON object"))?;
        Self::from_value(members).map_err(D::Error::custom)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("provider", &self.0.provider.as_str())
            .field("fingerprint", &self.fingerprint())
            .finish_non_exhaustive()
    }
}

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.0.provider == other.0.provider
                && self.0.keys == other.0.keys
                && self.0.address.members == other.0.address.members)
    }
}

impl Eq for Token {}

impl Hash for Token {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.provider.hash(state);
        self.0.keys.public_octets().hash(state);
        for value in self.0.address.members.values() {
            value.as_str().hash(state);
        }
    }
}

/// Tells tokens apart in a log of one process; see [`Token::fingerprint`].
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct Fingerprint(u32);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

struct Inner {
    provider: ProviderId,
    address: Address,
    keys: UserAgentKeys,
}

/// The members that only the provider understands, wiped when dropped.
struct Address {
    members: Map<String, Value>,
    /// The member `endpoint` as it was read, or the rule that it breaks.
    endpoint: OnceLock<Result<Endpoint, &'static str>>,
}

impl Address {
    fn new(members: Map<String, Value>) -> Self {
        Self { members, endpoint: OnceLock::new() }
    }
}

impl Drop for Address {
    fn drop(&mut self) {
        wipe(self.members.values_mut());
        // Wiped with its last clone.
        self.endpoint.take();
    }
}

pub(crate) fn wipe<'a>(values: impl Iterator<Item = &'a mut Value>) {
    for value in values {
        match value {
            Value::String(text) => text.zeroize(),
            Value::Array(items) => wipe(items.iter_mut()),
            Value::Object(members) => wipe(members.values_mut()),
            _ => {}
        }
    }
}
