//! A name for a token that the application can store and compare.

use std::fmt;

use serde_json::Value;
use zeroize::Zeroizing;

use super::Token;
use crate::keyed::hmac;

impl Token {
    /// A name of the token's address, the same in every process and version: for a unique column,
    /// so that a device that comes back replaces its row.
    ///
    /// It is HMAC-SHA-256 (RFC 2104) under `key`, which is the application's own secret: 32 random
    /// octets, kept apart from the table. Without the key nobody who reads the column can tell
    /// whether an address that they know is in it, which a plain hash would tell. Another key gives
    /// other names.
    ///
    /// What is named is the provider and the member `endpoint`, where there is one as text, else all
    /// members but the keys, whatever their order: a subscription that is renewed in place, with new
    /// keys or another `expirationTime`, keeps its name. Two spellings of one URL have two names.
    ///
    /// ```
    /// use sealpush::{Token, UserAgentSecret, providers::Mock};
    ///
    /// # let key = [7; 32];
    /// let first = Mock::token("alice", UserAgentSecret::generate()?.keys().clone());
    /// let again = Mock::token("alice", UserAgentSecret::generate()?.keys().clone());
    /// let other = Mock::token("bob", first.keys().clone());
    /// assert_eq!(first.id(&key), again.id(&key));
    /// assert_ne!(first.id(&key), other.id(&key));
    /// assert_eq!(first.id(&key).to_string().len(), 64);
    /// # Ok::<_, sealpush::Error>(())
    /// ```
    #[must_use]
    pub fn id(&self, key: &[u8; 32]) -> TokenId {
        let members = &self.0.address.members;
        let endpoint = members.get_key_value("endpoint").filter(|(_, value)| value.is_string());
        let mut named: Vec<(&String, &Value)> = match endpoint {
            Some(endpoint) => vec![endpoint],
            None => members.iter().collect(),
        };
        // The order in which they are kept depends on how other crates build `serde_json`.
        named.sort_by_key(|(name, _)| *name);
        let text = serde_json::to_vec(&(self.0.provider.as_str(), &named));
        let text = Zeroizing::new(text.expect("texts and JSON serialize"));
        TokenId(hmac(key, &[CONTEXT, &text]))
    }
}

/// A name of a token's address; see [`Token::id`]. Its text form is 64 hexadecimal digits.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TokenId([u8; 32]);

impl TokenId {
    /// The 32 octets.
    #[must_use]
    pub const fn octets(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenId({self})")
    }
}

/// Sets these names apart from all else that is made with the same key.
const CONTEXT: &[u8] = b"sealpush token 1\0";
