//! Credentials of a service account: a signed assertion for an access token (RFC 7523 §2.1).

use std::fmt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use http::Uri;
use serde_json::json;
use zeroize::Zeroizing;

use crate::Result;
use crate::providers::jws;
use crate::providers::jws::rs256::RsaKey;

use super::file::{self, Kind, Members};
use super::{AccessToken, AccessTokenRequest, Credentials, ProjectId, oauth};

/// A service account's key, as the Firebase console creates it under project settings, service
/// accounts.
///
/// ```no_run
/// use sealpush::providers::fcm::ServiceAccount;
///
/// let credentials = ServiceAccount::from_file("service-account.json")?;
/// # Ok::<_, sealpush::Error>(())
/// ```
pub struct ServiceAccount {
    client_email: String,
    key: RsaKey,
    key_id: Option<String>,
    project_id: Option<ProjectId>,
    token_uri: Uri,
}

impl ServiceAccount {
    /// Reads a key file.
    ///
    /// # Errors
    ///
    /// `Configuration` when it cannot be read, which does not repeat the path, and as
    /// [`from_json`](Self::from_json).
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        Self::from_json(&file::read("the path of the credentials", path.as_ref())?)
    }

    /// Takes the text of a key file. Its `token_uri` is where access tokens are asked for, Google's
    /// or that of a double.
    ///
    /// # Errors
    ///
    /// `Configuration` for text that is not the JSON of a service account's key, with what is
    /// wrong; nothing of the text is repeated.
    pub fn from_json(json: &str) -> Result<Self> {
        Self::from_members(&Members::parse(json)?)
    }

    pub(super) fn from_members(members: &Members) -> Result<Self> {
        members.require(Kind::ServiceAccount)?;
        Ok(Self {
            client_email: members.required("client_email")?.to_owned(),
            key: RsaKey::of_pem(members.required("private_key")?)
                .map_err(|fact| fact.about("credentials' 'private_key'"))?,
            key_id: members.text("private_key_id").map(str::to_owned),
            project_id: members.project("project_id")?,
            token_uri: members.token_uri()?,
        })
    }

    /// The signed JSON Web Token that is exchanged for an access token: RS256 (RFC 7518 §3.3),
    /// good for an hour.
    fn assertion(&self, scopes: &[&str], now: SystemTime) -> Result<Zeroizing<String>> {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        let mut header = json!({ "alg": "RS256", "typ": "JWT" });
        if let Some(key_id) = &self.key_id {
            header["kid"] = key_id.as_str().into();
        }
        let claims = json!({
            "iss": self.client_email,
            "aud": self.token_uri.to_string(),
            "scope": scopes.join(" "),
            "iat": now,
            "exp": now.saturating_add(LIFETIME),
        });
        jws::compact(&header, &claims, |octets| self.key.sign(octets))
    }
}

#[async_trait]
impl Credentials for ServiceAccount {
    async fn access_token(&self, request: AccessTokenRequest<'_>) -> Result<AccessToken> {
        let assertion = self.assertion(request.scopes, request.now)?;
        let grant = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", assertion.as_str()),
        ];
        let response = request.transport.send(oauth::request(&self.token_uri, &grant)).await?;
        oauth::read(&response, request.now)
    }

    fn project_id(&self) -> Option<&ProjectId> {
        self.project_id.as_ref()
    }
}

impl fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAccount")
            .field("project_id", &self.project_id)
            .finish_non_exhaustive()
    }
}

/// Longest lifetime of an assertion that Google takes, in seconds.
const LIFETIME: u64 = 3600;
