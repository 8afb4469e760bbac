//! Whom a message goes to.

use std::fmt;

use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroize;

use crate::{Error, ErrorKind, Result, Token, UserAgentKeys};

use super::Klaviyo;

/// The address of a profile at Klaviyo: one of a person's names.
///
/// ```
/// use sealpush::UserAgentSecret;
/// use sealpush::providers::klaviyo::Profile;
///
/// let app = UserAgentSecret::generate()?;
/// let token = Profile::external_id("user-7")?.to_token(app.keys().clone())?;
/// assert!(token.to_json().contains(r#""external_id":"user-7""#));
/// # Ok::<_, sealpush::Error>(())
/// ```
///
/// A flow sends to all of the profile's devices, so they must share the secret that opens the
/// message. A profile that Klaviyo does not know yet is made by the first message to it. An e-mail
/// address or a phone number says more about a person than an external id that means nothing
/// elsewhere: prefer that.
#[derive(Clone, Eq, PartialEq)]
pub struct Profile {
    field: Field,
    name: String,
}

impl Profile {
    /// Longest name, in characters. Klaviyo documents none; the bound is this crate's.
    pub const MAX_LEN: usize = 256;

    /// A person by the application's own name.
    ///
    /// # Errors
    ///
    /// `InvalidToken` for a name that is empty, too long, or has control characters.
    pub fn external_id(name: impl Into<String>) -> Result<Self> {
        Self::new(Field::ExternalId, name.into())
    }

    /// A person by e-mail address.
    ///
    /// # Errors
    ///
    /// As [`external_id`](Self::external_id), and for a text without `@`.
    pub fn email(name: impl Into<String>) -> Result<Self> {
        Self::new(Field::Email, name.into())
    }

    /// A person by phone number in the form of E.164, such as `+15005550006`.
    ///
    /// # Errors
    ///
    /// `InvalidToken` for a text that is no `+` and 1 to 15 digits.
    pub fn phone_number(name: impl Into<String>) -> Result<Self> {
        Self::new(Field::PhoneNumber, name.into())
    }

    /// Makes the [`Token`] that carries this address and the keys of the app.
    ///
    /// # Errors
    ///
    /// None in practice: an address is valid by its type.
    pub fn to_token(&self, keys: UserAgentKeys) -> Result<Token> {
        Token::new(Klaviyo::ID, &json!({ self.field.as_str(): self.name }), keys)
    }

    /// The name.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.name
    }

    /// The member `profile` of a request.
    pub(super) fn resource(&self) -> Value {
        let attributes = json!({ self.field.as_str(): self.name });
        json!({ "data": { "type": "profile", "attributes": attributes } })
    }

    fn new(field: Field, name: String) -> Result<Self> {
        let profile = Self { field, name };
        let count = profile.name.chars().count();
        let plain =
            (1..=Self::MAX_LEN).contains(&count) && !profile.name.chars().any(char::is_control);
        let good = plain
            && match field {
                Field::Email => profile.name.contains('@'),
                Field::ExternalId => true,
                Field::PhoneNumber => profile.name.strip_prefix('+').is_some_and(|digits| {
                    (1..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
                }),
            };
        if good {
            Ok(profile)
        } else {
            Err(invalid(
                "a Klaviyo profile has a name of 1 to 256 characters in the form of its kind",
            ))
        }
    }
}

impl TryFrom<&Token> for Profile {
    type Error = Error;

    /// Reads the member `email`, `external_id` or `phone_number`.
    ///
    /// # Errors
    ///
    /// `TokenMismatch` for a token of another provider, `InvalidToken` for one that has not exactly
    /// one of the three, or not as it must be.
    fn try_from(token: &Token) -> Result<Self> {
        token.require(&Klaviyo::ID)?;
        match token.address()? {
            Members { email: Some(name), external_id: None, phone_number: None } => {
                Self::email(name)
            }
            Members { email: None, external_id: Some(name), phone_number: None } => {
                Self::external_id(name)
            }
            Members { email: None, external_id: None, phone_number: Some(name) } => {
                Self::phone_number(name)
            }
            _ => Err(invalid("a Klaviyo token has one of 'email', 'external_id', 'phone_number'")),
        }
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Profile([redacted])")
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        self.name.zeroize();
    }
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Field {
    Email,
    ExternalId,
    PhoneNumber,
}

impl Field {
    fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::ExternalId => "external_id",
            Self::PhoneNumber => "phone_number",
        }
    }
}

#[derive(Deserialize)]
struct Members {
    email: Option<String>,
    external_id: Option<String>,
    phone_number: Option<String>,
}

fn invalid(message: &'static str) -> Error {
    Error::new(ErrorKind::InvalidToken, message)
}
