//! Which app on which device a message goes to.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{Error, ErrorKind, Result, Token, UserAgentKeys};

use super::Apns;

/// The address of one app on one device.
///
/// ```
/// use sealpush::UserAgentSecret;
/// use sealpush::providers::apns::{Address, Environment};
///
/// let app = UserAgentSecret::generate()?;
/// let token = Address::new("0a1b2c3d4e5f60718293a4b5c6d7e8f9".parse()?)
///     .with_environment(Environment::Sandbox)
///     .to_token(app.keys().clone())?;
/// assert!(token.to_json().starts_with(r#"{"provider":"apns","device_token":"0a1b2c"#));
/// # Ok::<_, sealpush::Error>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Address {
    device_token: DeviceToken,
    environment: Option<Environment>,
    registered_at: Option<u64>,
    voip: bool,
}

impl Address {
    /// An address that says nothing but the device token.
    #[must_use]
    pub fn new(device_token: DeviceToken) -> Self {
        Self { device_token, environment: None, registered_at: None, voip: false }
    }

    /// Says for which environment the app was signed (its entitlement `aps-environment`). The
    /// message goes there, and only then is `BadDeviceToken` a word about the token: one of the
    /// other environment is answered in the same way.
    #[must_use]
    pub fn with_environment(self, environment: Environment) -> Self {
        Self { environment: Some(environment), ..self }
    }

    /// Says when the app got this device token, to the second. An answer that the app was gone at
    /// an earlier time is then not about this registration.
    #[must_use]
    pub fn with_registered_at(self, at: SystemTime) -> Self {
        let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self { registered_at: Some(since.as_secs()), ..self }
    }

    /// Says that the device token is one of PushKit's for calls, which is another one than the
    /// app's. Every message to it has the push type `voip`.
    #[must_use]
    pub fn with_voip(self) -> Self {
        Self { voip: true, ..self }
    }

    /// The device token.
    #[must_use]
    pub fn device_token(&self) -> &DeviceToken {
        &self.device_token
    }

    /// The environment, where the address says it.
    #[must_use]
    pub fn environment(&self) -> Option<Environment> {
        self.environment
    }

    /// Whether the device token is one of PushKit's for calls.
    #[must_use]
    pub fn is_voip(&self) -> bool {
        self.voip
    }

    /// When the app got the device token, in seconds since the UNIX epoch, where the address says
    /// it.
    #[must_use]
    pub fn registered_at(&self) -> Option<u64> {
        self.registered_at
    }

    /// Makes the [`Token`] that carries this address and the keys of the app.
    ///
    /// # Errors
    ///
    /// None in practice: an address is valid by its type.
    pub fn to_token(&self, keys: UserAgentKeys) -> Result<Token> {
        let members = Members {
            device_token: self.device_token.0.clone(),
            registered_at: self.registered_at,
            sandbox: self.environment.map(|environment| environment == Environment::Sandbox),
            voip: self.voip,
        };
        Token::new(Apns::ID, &members, keys)
    }
}

impl TryFrom<&Token> for Address {
    type Error = Error;

    /// Reads the members `device_token` (text), and where they are `registered_at` (a number of
    /// seconds since the UNIX epoch), `sandbox` and `voip` (`true` or `false`).
    ///
    /// # Errors
    ///
    /// `TokenMismatch` for a token of another provider, `InvalidToken` for one without a device
    /// token, or with a member that is not as it must be.
    fn try_from(token: &Token) -> Result<Self> {
        token.require(&Apns::ID)?;
        let members: Members = token.address()?;
        Ok(Self {
            device_token: DeviceToken::read(members.device_token)?,
            environment: members.sandbox.map(|sandbox| match sandbox {
                true => Environment::Sandbox,
                false => Environment::Production,
            }),
            registered_at: members.registered_at,
            voip: members.voip,
        })
    }
}

/// What an app gets from Apple, as hexadecimal digits: 2 to 512, two for each octet.
///
/// Apple promises no length; those for apps have 64 digits, those of PushKit also more.
#[derive(Clone, Eq, PartialEq)]
pub struct DeviceToken(Zeroizing<String>);

impl DeviceToken {
    /// Longest device token, in digits.
    pub const MAX_LEN: usize = 512;

    /// The digits, as they came.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    fn read(digits: Zeroizing<String>) -> Result<Self> {
        let whole = digits.len().is_multiple_of(2) && (2..=Self::MAX_LEN).contains(&digits.len());
        if whole && digits.bytes().all(|octet| octet.is_ascii_hexdigit()) {
            Ok(Self(digits))
        } else {
            Err(Error::new(
                ErrorKind::InvalidToken,
                "a device token is 2 to 512 hexadecimal digits, two for each octet",
            ))
        }
    }
}

impl FromStr for DeviceToken {
    type Err = Error;

    fn from_str(digits: &str) -> Result<Self> {
        Self::read(Zeroizing::new(digits.to_owned()))
    }
}

impl fmt::Debug for DeviceToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceToken([redacted])")
    }
}

/// Which of Apple's two services an app is registered at, by how it was signed.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Environment {
    /// Apps from the App Store, TestFlight and enterprise distribution: `api.push.apple.com`.
    #[default]
    Production,
    /// Apps that Xcode put on a device: `api.sandbox.push.apple.com`.
    Sandbox,
}

impl Environment {
    /// Where it is.
    #[must_use]
    pub const fn url(self) -> &'static str {
        match self {
            Self::Production => "https://api.push.apple.com",
            Self::Sandbox => "https://api.sandbox.push.apple.com",
        }
    }
}

#[derive(Deserialize, Serialize)]
struct Members {
    device_token: Zeroizing<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    registered_at: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sandbox: Option<bool>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    voip: bool,
}
