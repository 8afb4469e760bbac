//! What a developer's account proves itself with.
//!
//! <https://developer.apple.com/documentation/usernotifications/establishing-a-token-based-connection-to-apns>

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::HeaderValue;
use serde_json::json;
use zeroize::Zeroizing;

use crate::providers::credential::CredentialCache;
use crate::providers::http::authorization;
use crate::providers::jws::{self, SigningKey};
use crate::{Error, ErrorKind, Result};

/// A key of the developer's account for Apple Push Notification service, with its id and the id of
/// the team: the file `AuthKey_….p8`.
///
/// It signs an authentication token (ES256) and uses it for 50 minutes: Apple takes none that is
/// older than an hour, and refuses one that follows another within 20 minutes. Clones share the
/// token, so give a clone of the same key to the provider of each of your apps.
///
/// ```no_run
/// use sealpush::providers::apns::AuthKey;
///
/// let key = AuthKey::from_file("AuthKey_ABC123DEFG.p8", "ABC123DEFG", "DEF123GHIJ")?;
/// # Ok::<_, sealpush::Error>(())
/// ```
#[derive(Clone)]
pub struct AuthKey(Arc<Inner>);

struct Inner {
    key: SigningKey,
    key_id: String,
    team_id: String,
    header: CredentialCache<HeaderValue>,
}

impl AuthKey {
    /// Takes a key with the id that Apple gave it and the id of the team, each 10 letters and
    /// digits.
    ///
    /// # Errors
    ///
    /// `Configuration` for an id of another form. Nothing of it is repeated.
    pub fn new(key: SigningKey, key_id: &str, team_id: &str) -> Result<Self> {
        let header = CredentialCache::new().with_least_age(LEAST_AGE).with_most_age(MOST_AGE);
        let inner =
            Inner { key, key_id: id("key", key_id)?, team_id: id("team", team_id)?, header };
        Ok(Self(Arc::new(inner)))
    }

    /// Takes the content of the file that Apple lets be downloaded once: PKCS#8 in PEM.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), and as [`SigningKey::from_pem`].
    pub fn from_pem(pem: &str, key_id: &str, team_id: &str) -> Result<Self> {
        Self::new(SigningKey::from_pem(pem)?, key_id, team_id)
    }

    /// Reads the file.
    ///
    /// # Errors
    ///
    /// As [`from_pem`](Self::from_pem); `Configuration` when the file cannot be read. The path is
    /// not repeated: it may be the content of the file, pasted in its place.
    pub fn from_file(path: impl AsRef<Path>, key_id: &str, team_id: &str) -> Result<Self> {
        let pem = std::fs::read_to_string(path).map(Zeroizing::new).map_err(|error| {
            Error::new(ErrorKind::Configuration, "the file of the key cannot be read as text")
                .with_source(std::io::Error::from(error.kind()))
        })?;
        Self::from_pem(&pem, key_id, team_id)
    }

    /// A header that is good for another few minutes.
    pub(super) async fn header(&self, now: SystemTime) -> Result<Arc<HeaderValue>> {
        self.0.header.get(now, async || self.sign(now)).await
    }

    /// Another header than the one that was refused, if it is old enough to be replaced.
    pub(super) async fn another(
        &self,
        refused: &Arc<HeaderValue>,
        now: SystemTime,
    ) -> Result<Option<Arc<HeaderValue>>> {
        self.0.header.replace(refused, now, async || self.sign(now)).await
    }

    fn sign(&self, now: SystemTime) -> Result<(HeaderValue, SystemTime)> {
        let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let header = json!({ "alg": "ES256", "kid": self.0.key_id });
        let claims = json!({ "iss": self.0.team_id, "iat": since.as_secs() });
        let token = jws::compact(&header, &claims, |octets| self.0.key.sign(octets))?;
        let end = now.checked_add(LIFETIME).unwrap_or(now);
        Ok((authorization("bearer", &token)?, end))
    }
}

impl fmt::Debug for AuthKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthKey")
            .field("key_id", &self.0.key_id)
            .field("team_id", &self.0.team_id)
            .finish_non_exhaustive()
    }
}

fn id(name: &str, text: &str) -> Result<String> {
    if text.len() == ID_LEN && text.bytes().all(|octet| octet.is_ascii_alphanumeric()) {
        Ok(text.to_owned())
    } else {
        Err(Error::new(
            ErrorKind::Configuration,
            format!("the {name} id is not 10 letters and digits, as Apple's are"),
        ))
    }
}

/// Characters of the id of a key and of a team.
const ID_LEN: usize = 10;
/// A token that follows another earlier is refused with `TooManyProviderTokenUpdates`.
const LEAST_AGE: Duration = Duration::from_secs(20 * 60);
/// With room for the clocks of both sides.
const MOST_AGE: Duration = Duration::from_secs(50 * 60);
/// An older token is refused with `ExpiredProviderToken`.
const LIFETIME: Duration = Duration::from_secs(3600);
