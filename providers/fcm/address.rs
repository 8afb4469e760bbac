//! Which app installation a message goes to.

use std::fmt;

use serde::Serialize;
use zeroize::Zeroize;

use crate::{Error, ErrorKind, Result, Token, UserAgentKeys};

use super::Fcm;

/// The address of one app installation at FCM.
///
/// ```
/// use sealpush::UserAgentSecret;
/// use sealpush::providers::fcm::Address;
///
/// let app = UserAgentSecret::generate()?;
/// let token = Address::Fid("cH8x2kQvTfOaV5m0rZpLw1".into()).to_token(app.keys().clone())?;
/// assert!(token.to_json().starts_with(r#"{"provider":"fcm","fid":"cH8x"#));
/// # Ok::<_, sealpush::Error>(())
/// ```
///
/// A topic or a condition is no address here. Its messages go to whoever subscribed, and sealing
/// them would need one key pair that every subscriber holds: any of them could read all that is
/// sent to the others, nobody could be removed without new keys for the rest, and one leaked phone
/// would open everything. That is a group protocol, not an option of a push provider. Send to each
/// installation instead: FCM has no batch call either, and a fan-out here is one request each.
#[derive(Clone, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Address {
    /// A Firebase installation id, the newer kind.
    Fid(String),
    /// A registration token, as `getToken()` returns it.
    Token(String),
}

impl Address {
    /// Longest address, in octets. Registration tokens are some 160; FCM promises no limit.
    pub const MAX_LEN: usize = 4096;

    /// Makes the [`Token`] that carries this address and the keys of the app.
    ///
    /// # Errors
    ///
    /// `InvalidToken` for an address that is empty, over [`MAX_LEN`](Self::MAX_LEN), or not
    /// printable ASCII without spaces.
    pub fn to_token(&self, keys: UserAgentKeys) -> Result<Token> {
        self.check()?;
        Token::new(Fcm::ID, self, keys)
    }

    /// The address.
    #[must_use]
    pub fn expose(&self) -> &str {
        match self {
            Self::Fid(address) | Self::Token(address) => address,
        }
    }

    /// The name of the member of a token and of a request to FCM that holds it.
    pub(super) fn member(&self) -> &'static str {
        match self {
            Self::Fid(_) => "fid",
            Self::Token(_) => "token",
        }
    }

    fn check(&self) -> Result<()> {
        let address = self.expose();
        if (1..=Self::MAX_LEN).contains(&address.len())
            && address.bytes().all(|octet| octet.is_ascii_graphic())
        {
            Ok(())
        } else {
            Err(invalid("an FCM address is 1 to 4096 printable ASCII characters without spaces"))
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
        let address = match (token.expose("fid"), token.expose("token")) {
            (Some(fid), None) => Self::Fid(fid.to_owned()),
            (None, Some(token)) => Self::Token(token.to_owned()),
            _ => return Err(invalid("an FCM token has either 'token' or 'fid', as text")),
        };
        address.check()?;
        Ok(address)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({}, [redacted])", self.member())
    }
}

impl Drop for Address {
    fn drop(&mut self) {
        match self {
            Self::Fid(address) | Self::Token(address) => address.zeroize(),
        }
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
        let shown = format!("{:?}", Address::Token("fGx9:APA91b".into()));
        assert_eq!(shown, "Address(token, [redacted])");
    }

    #[test]
    fn an_address_is_printable() {
        let keys = crate::UserAgentSecret::generate().unwrap().keys().clone();
        for bad in ["", "a b", "a\r\nb", "ä", &"a".repeat(4097)] {
            let error = Address::Token(bad.into()).to_token(keys.clone()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidToken);
        }
    }
}
