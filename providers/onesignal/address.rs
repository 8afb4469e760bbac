//! Whom a message goes to.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::{Error, ErrorKind, Result, Token, UserAgentKeys};

use super::OneSignal;
use super::uuid::Uuid;

/// The address of one app installation, or of one person, at OneSignal.
///
/// ```
/// use sealpush::UserAgentSecret;
/// use sealpush::providers::onesignal::Address;
///
/// let app = UserAgentSecret::generate()?;
/// let id = "1dad4a3e-0000-4000-8000-0123456789ab".parse()?;
/// let token = Address::Subscription(id).to_token(app.keys().clone())?;
/// assert!(token.to_json().contains(r#""subscription_id":"1dad4a3e-"#));
/// # Ok::<_, sealpush::Error>(())
/// ```
///
/// Segments and filters reach people whose keys nobody here knows, so they are no addresses.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Address {
    /// One of a person's names, such as the `external_id`. OneSignal sends to all of the person's
    /// installations, so they must share the secret that opens the message.
    Alias(Alias),
    /// A subscription: one app installation.
    Subscription(SubscriptionId),
}

impl Address {
    /// Makes the [`Token`] that carries this address and the keys of the app.
    ///
    /// # Errors
    ///
    /// None in practice: an address is valid by its type.
    pub fn to_token(&self, keys: UserAgentKeys) -> Result<Token> {
        let address = match self {
            Self::Alias(alias) => json!({ "alias": { &alias.label: alias.expose() } }),
            Self::Subscription(id) => json!({ "subscription_id": id.expose() }),
        };
        Token::new(OneSignal::ID, &address, keys)
    }

    /// Adds the target to a request.
    pub(super) fn target(&self, request: &mut serde_json::Map<String, Value>) {
        match self {
            Self::Alias(Alias { label, id }) => {
                request.insert("include_aliases".to_owned(), json!({ label: [id.as_str()] }));
                request.insert("target_channel".to_owned(), "push".into());
            }
            Self::Subscription(id) => {
                request.insert("include_subscription_ids".to_owned(), json!([id.expose()]));
            }
        }
    }

    /// Whether OneSignal lists this target as one that it cannot reach.
    pub(super) fn is_listed(&self, errors: &Value) -> bool {
        let lists = |list: &Value, id: &str| {
            list.as_array()
                .into_iter()
                .flatten()
                .any(|listed| listed.as_str().is_some_and(|listed| listed.eq_ignore_ascii_case(id)))
        };
        match self {
            Self::Alias(Alias { label, id }) => {
                lists(&errors["invalid_aliases"][label], id)
                    || (label == Alias::EXTERNAL_ID
                        && lists(&errors["invalid_external_user_ids"], id))
            }
            Self::Subscription(id) => {
                lists(&errors["invalid_subscription_ids"], id.expose())
                    || lists(&errors["invalid_player_ids"], id.expose())
            }
        }
    }
}

impl TryFrom<&Token> for Address {
    type Error = Error;

    /// Reads the member `subscription_id` or `alias`.
    ///
    /// # Errors
    ///
    /// `TokenMismatch` for a token of another provider, `InvalidToken` for one that has not
    /// exactly one of the two, or not as an address must be.
    fn try_from(token: &Token) -> Result<Self> {
        token.require(&OneSignal::ID)?;
        let members: Members = token.address()?;
        match (members.subscription_id, members.alias.map(BTreeMap::into_iter)) {
            (Some(id), None) => Ok(Self::Subscription(id.parse()?)),
            (None, Some(mut aliases)) => match (aliases.next(), aliases.next()) {
                (Some((label, id)), None) => Alias::new(label, id).map(Self::Alias),
                _ => Err(invalid("a OneSignal token's 'alias' has one name and one value")),
            },
            _ => Err(invalid("a OneSignal token has either 'subscription_id' or 'alias'")),
        }
    }
}

/// A person's name under a label, such as `external_id`: each 1 to 128 characters, none of them
/// a control character.
#[derive(Clone, Eq, PartialEq)]
pub struct Alias {
    label: String,
    id: Zeroizing<String>,
}

impl Alias {
    /// The label of the names that an application gives to its own users.
    pub const EXTERNAL_ID: &str = "external_id";

    /// Longest label and longest name, in characters.
    pub const MAX_LEN: usize = 128;

    /// A name under a label.
    ///
    /// # Errors
    ///
    /// `InvalidToken` when either is empty, too long, or has control characters.
    pub fn new(label: impl Into<String>, id: impl Into<String>) -> Result<Self> {
        let alias = Self { label: label.into(), id: Zeroizing::new(id.into()) };
        let good = |text: &str| {
            (1..=Self::MAX_LEN).contains(&text.chars().count())
                && !text.chars().any(char::is_control)
        };
        if good(&alias.label) && good(&alias.id) {
            Ok(alias)
        } else {
            Err(invalid("a OneSignal alias is a label and a name of 1 to 128 characters"))
        }
    }

    /// The label.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The name.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.id
    }
}

impl fmt::Debug for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Alias([redacted])")
    }
}

/// The id of a subscription: a UUID.
#[derive(Clone, Eq, PartialEq)]
pub struct SubscriptionId(Uuid);

impl SubscriptionId {
    /// The id, in lower case.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for SubscriptionId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Uuid::parse(text).map(Self).ok_or_else(|| invalid("a OneSignal subscription id is a UUID"))
    }
}

impl fmt::Debug for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubscriptionId([redacted])")
    }
}

#[derive(Deserialize)]
struct Members {
    subscription_id: Option<String>,
    alias: Option<BTreeMap<String, String>>,
}

fn invalid(message: &'static str) -> Error {
    Error::new(ErrorKind::InvalidToken, message)
}
