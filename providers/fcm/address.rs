//! Which app installation a message goes to.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::{Error, ErrorKind, Result, Token, UserAgentKeys};

use super::Fcm;

/// The address of one app installation at FCM.
///
/// ```
/// use sealpush::UserAgentSecret;
/// use sealpush::providers::fcm::Address;
///
/// let app = UserAgentSecret::generate()?;
/// let token = Address::Fid("cH8x2kQvTfOaV5m0rZpLw1".parse()?).to_token(app.keys().clone())?;
/// assert!(token.to_json().starts_with(r#"{"provider":"fcm","fid":"cH8x"#));
/// # Ok::<_, sealpush::Error>(())
/// ```
///
/// A topic or a condition is no address here. Its messages go to whoever subscribed, and sealing
/// them would need one key pair that every subscriber holds: any of them could read all that is
/// sent to the others, nobody could be removed without new keys for the rest, and one leaked phone
/// would open everything. That is a group protocol, not an option of a push provider. Send to each
/// installation instead: FCM has no batch call either, and a fan-out here is one request each.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Address {
    /// A Firebase installation id, the newer kind.
    Fid(InstallationId),
    /// A registration token, as `getToken()` returns it.
    Token(RegistrationToken),
}

impl Address {
    /// Longest address, in octets. Registration tokens are some 160; FCM promises no limit.
    pub const MAX_LEN: usize = 4096;

    /// Makes the [`Token`] that carries this address and the keys of the app.
    ///
    /// # Errors
    ///
    /// None in practice: an address is valid by its type.
    pub fn to_token(&self, keys: UserAgentKeys) -> Result<Token> {
        Token::new(Fcm::ID, &BTreeMap::from([(self.member(), self.expose())]), keys)
    }

    /// The address.
    #[must_use]
    pub fn expose(&self) -> &str {
        match self {
            Self::Fid(id) => id.expose(),
            Self::Token(token) => token.expose(),
        }
    }

    /// The name of the member of a token and of a request to FCM that holds it.
    pub(super) fn member(&self) -> &'static str {
        match self {
            Self::Fid(_) => "fid",
            Self::Token(_) => "token",
        }
    }
}

impl TryFrom<&Token> for Address {
    type Error = Error;

    /// Reads the member `token` or `fid`.
    ///
    /// # Errors
    ///
    /// `TokenMismatch` for a token of another provider, `InvalidToken` for one that has not
    /// exactly one of the two, or not as an address must be.
    fn try_from(token: &Token) -> Result<Self> {
        token.require(&Fcm::ID)?;
        match (token.expose("fid"), token.expose("token")) {
            (Some(fid), None) => fid.parse().map(Self::Fid),
            (None, Some(token)) => token.parse().map(Self::Token),
            _ => Err(invalid("an FCM token has either 'token' or 'fid', as text")),
        }
    }
}

impl From<InstallationId> for Address {
    fn from(id: InstallationId) -> Self {
        Self::Fid(id)
    }
}

impl From<RegistrationToken> for Address {
    fn from(token: RegistrationToken) -> Self {
        Self::Token(token)
    }
}

/// A Firebase installation id: 1 to [`Address::MAX_LEN`] printable ASCII characters without spaces.
/// Wiped when dropped.
#[derive(Clone, Eq, PartialEq)]
pub struct InstallationId(Zeroizing<String>);

/// A registration token: 1 to [`Address::MAX_LEN`] printable ASCII characters without spaces. Wiped
/// when dropped.
#[derive(Clone, Eq, PartialEq)]
pub struct RegistrationToken(Zeroizing<String>);

impl InstallationId {
    /// The id.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl RegistrationToken {
    /// The token.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for InstallationId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        checked(text).map(Self)
    }
}

impl FromStr for RegistrationToken {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        checked(text).map(Self)
    }
}

impl fmt::Debug for InstallationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InstallationId([redacted])")
    }
}

impl fmt::Debug for RegistrationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RegistrationToken([redacted])")
    }
}

fn checked(text: &str) -> Result<Zeroizing<String>> {
    let graphic = text.bytes().all(|octet| octet.is_ascii_graphic());
    if graphic && (1..=Address::MAX_LEN).contains(&text.len()) {
        Ok(Zeroizing::new(text.to_owned()))
    } else {
        Err(invalid("an FCM address is 1 to 4096 printable ASCII characters without spaces"))
    }
}

fn invalid(message: &'static str) -> Error {
    Error::new(ErrorKind::InvalidToken, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_shows_nothing_of_itself() {
        let address = Address::Token("fGx9:APA91b".parse().unwrap());
        assert_eq!(format!("{address:?}"), "Token(RegistrationToken([redacted]))");
    }

    #[test]
    fn an_address_is_printable() {
        for bad in ["", "a b", "a\r\nb", "ä", &"a".repeat(4097)] {
            let error = bad.parse::<RegistrationToken>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidToken);
            assert!(bad.parse::<InstallationId>().is_err());
        }
        assert!("a".repeat(4096).parse::<RegistrationToken>().is_ok());
    }

    #[test]
    fn an_address_survives_its_token() {
        let keys = crate::UserAgentSecret::generate().unwrap().keys().clone();
        for address in [
            Address::from("cH8x2kQv".parse::<InstallationId>().unwrap()),
            Address::from("fGx9:APA91b".parse::<RegistrationToken>().unwrap()),
        ] {
            let token = address.to_token(keys.clone()).unwrap();
            assert_eq!(Address::try_from(&token).unwrap(), address);
        }
    }
}
