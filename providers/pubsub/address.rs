//! Which topic a message is published to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{Error, ErrorKind, Result, Token, UserAgentKeys};

use super::PubSub;

/// The id of a topic of the provider's project: 3 to 255 letters, digits or `-_.~+%`, the first a
/// letter, not beginning with `goog`
/// (<https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names>).
///
/// ```
/// use sealpush::UserAgentSecret;
/// use sealpush::providers::pubsub::TopicId;
///
/// let relay = UserAgentSecret::generate()?;
/// let token = "doors".parse::<TopicId>()?.to_token(relay.keys().clone())?;
/// assert!(token.to_json().starts_with(r#"{"provider":"pubsub","topic":"doors","#));
/// # Ok::<_, sealpush::Error>(())
/// ```
#[derive(Clone, Eq, PartialEq)]
pub struct TopicId(Zeroizing<String>);

impl TopicId {
    /// Longest id, in characters.
    pub const MAX_LEN: usize = 255;

    /// The id.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Makes the [`Token`] that carries this address and the keys of the receiver.
    ///
    /// # Errors
    ///
    /// None in practice: an address is valid by its type.
    pub fn to_token(&self, keys: UserAgentKeys) -> Result<Token> {
        Token::new(PubSub::ID, &Members { topic: self.0.clone() }, keys)
    }

    fn read(id: Zeroizing<String>) -> Result<Self> {
        let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-_.~+%".contains(&octet);
        let good = (3..=Self::MAX_LEN).contains(&id.len())
            && id.starts_with(|first: char| first.is_ascii_alphabetic())
            && !id.starts_with("goog")
            && id.bytes().all(plain);
        good.then_some(Self(id)).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidToken,
                "the id of a topic is 3 to 255 letters, digits or -_.~+%, the first a letter, not \
                 beginning with 'goog'",
            )
        })
    }

    /// As it stands in a path (RFC 3986 §3.3), in which `%` begins an escape.
    pub(super) fn in_path(&self) -> String {
        self.0.replace('%', "%25")
    }
}

impl TryFrom<&Token> for TopicId {
    type Error = Error;

    /// Reads the member `topic`.
    ///
    /// # Errors
    ///
    /// `TokenMismatch` for a token of another provider, `InvalidToken` for one without an id of a
    /// topic.
    fn try_from(token: &Token) -> Result<Self> {
        token.require(&PubSub::ID)?;
        Self::read(token.address::<Members>()?.topic)
    }
}

impl FromStr for TopicId {
    type Err = Error;

    fn from_str(id: &str) -> Result<Self> {
        Self::read(Zeroizing::new(id.to_owned()))
    }
}

impl fmt::Debug for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TopicId([redacted])")
    }
}

#[derive(Deserialize, Serialize)]
struct Members {
    topic: Zeroizing<String>,
}
