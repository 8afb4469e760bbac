//! Whom a message goes to.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroize;

use crate::{Error, ErrorKind, Result, Token, UserAgentKeys};

use super::Sailthru;

/// The address of one app installation, or of one person, at Sailthru Mobile.
///
/// ```
/// use sealpush::UserAgentSecret;
/// use sealpush::providers::sailthru::Address;
///
/// let app = UserAgentSecret::generate()?;
/// let address = Address::Device("5f0c9d1e8a".parse()?);
/// let token = address.to_token(app.keys().clone())?;
/// assert!(token.to_json().contains(r#""device_id":"5f0c9d1e8a""#));
/// # Ok::<_, sealpush::Error>(())
/// ```
///
/// An address is made by Sailthru's library in the app: it cannot be had from a token of Apple's or
/// Google's. A person's address reaches all of the person's installations, so they must share the
/// secret that opens the message. Segments reach people whose keys nobody here knows, so they are
/// no addresses.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Address {
    /// One app installation: `device_id`.
    Device(Id),
    /// A person by Sailthru's own name: `sid`.
    Sid(Id),
    /// A person by the application's name: `user_id`.
    User(Id),
}

impl Address {
    /// Makes the [`Token`] that carries this address and the keys of the app.
    ///
    /// # Errors
    ///
    /// None in practice: an address is valid by its type.
    pub fn to_token(&self, keys: UserAgentKeys) -> Result<Token> {
        let (field, id) = self.parts();
        Token::new(Sailthru::ID, &json!({ field: id.expose() }), keys)
    }

    /// The member `to` of a request.
    pub(super) fn target(&self) -> Value {
        let (field, id) = self.parts();
        json!({ "field": field, "value": id.expose() })
    }

    fn parts(&self) -> (&'static str, &Id) {
        match self {
            Self::Device(id) => ("device_id", id),
            Self::Sid(id) => ("sid", id),
            Self::User(id) => ("user_id", id),
        }
    }
}

impl TryFrom<&Token> for Address {
    type Error = Error;

    /// Reads the member `device_id`, `sid` or `user_id`.
    ///
    /// # Errors
    ///
    /// `TokenMismatch` for a token of another provider, `InvalidToken` for one that has not
    /// exactly one of the three, or not as an [`Id`] must be.
    fn try_from(token: &Token) -> Result<Self> {
        token.require(&Sailthru::ID)?;
        match token.address()? {
            Members { device_id: Some(id), sid: None, user_id: None } => {
                id.parse().map(Self::Device)
            }
            Members { device_id: None, sid: Some(id), user_id: None } => id.parse().map(Self::Sid),
            Members { device_id: None, sid: None, user_id: Some(id) } => id.parse().map(Self::User),
            _ => Err(invalid("a Sailthru token has one of 'device_id', 'sid' and 'user_id'")),
        }
    }
}

/// A name of an installation or a person: 1 to 256 characters, none of them a control character.
/// Sailthru documents no form; the bound is this crate's.
#[derive(Clone, Eq, PartialEq)]
pub struct Id(String);

impl Id {
    /// Longest name, in characters.
    pub const MAX_LEN: usize = 256;

    /// The name.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for Id {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let count = text.chars().count();
        if (1..=Self::MAX_LEN).contains(&count) && !text.chars().any(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(invalid("a Sailthru id is 1 to 256 characters without control characters"))
        }
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Id([redacted])")
    }
}

impl Drop for Id {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[derive(Deserialize)]
struct Members {
    device_id: Option<String>,
    sid: Option<String>,
    user_id: Option<String>,
}

fn invalid(message: &'static str) -> Error {
    Error::new(ErrorKind::InvalidToken, message)
}
