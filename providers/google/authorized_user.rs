//! Credentials of a person who logged in: a refresh token for an access token (RFC 6749 §6).

use std::fmt;
use std::path::Path;

use async_trait::async_trait;
use http::Uri;
use zeroize::Zeroizing;

use crate::Result;

use super::file::{self, Kind, Members};
use super::{AccessToken, AccessTokenRequest, Credentials, ProjectId, oauth};

/// The login that `gcloud auth application-default login` leaves on a developer's machine.
///
/// Its quota project is also the project to send from, unless
/// [`FcmBuilder::project_id`](crate::providers::fcm::FcmBuilder::project_id) names another.
pub struct AuthorizedUser {
    client_id: String,
    client_secret: Zeroizing<String>,
    refresh_token: Zeroizing<String>,
    quota_project_id: Option<ProjectId>,
    token_uri: Uri,
}

impl AuthorizedUser {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// `Configuration` when it cannot be read, which does not repeat the path, and as
    /// [`from_json`](Self::from_json).
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        Self::from_json(&file::read("the path of the credentials", path.as_ref())?)
    }

    /// Takes the text of a file. Without a member `token_uri`, tokens are asked for at Google's.
    ///
    /// # Errors
    ///
    /// `Configuration` for text that is not the JSON of such a login, with what is wrong; nothing
    /// of the text is repeated.
    pub fn from_json(json: &str) -> Result<Self> {
        Self::from_members(&Members::parse(json)?)
    }

    pub(super) fn from_members(members: &Members) -> Result<Self> {
        members.require(Kind::AuthorizedUser)?;
        let secret = |name| members.required(name).map(|text| Zeroizing::new(text.to_owned()));
        Ok(Self {
            client_id: members.required("client_id")?.to_owned(),
            client_secret: secret("client_secret")?,
            refresh_token: secret("refresh_token")?,
            quota_project_id: members.project("quota_project_id")?,
            token_uri: members.token_uri()?,
        })
    }
}

#[async_trait]
impl Credentials for AuthorizedUser {
    /// The scopes are those of the login: Google gives no others.
    async fn access_token(&self, request: AccessTokenRequest<'_>) -> Result<AccessToken> {
        let grant = [
            ("grant_type", "refresh_token"),
            ("client_id", self.client_id.as_str()),
            ("client_secret", self.client_secret.as_str()),
            ("refresh_token", self.refresh_token.as_str()),
        ];
        let response = request.transport.send(oauth::request(&self.token_uri, &grant)).await?;
        oauth::read(&response, request.now)
    }

    fn project_id(&self) -> Option<&ProjectId> {
        self.quota_project_id.as_ref()
    }

    fn quota_project_id(&self) -> Option<&ProjectId> {
        self.quota_project_id.as_ref()
    }
}

impl fmt::Debug for AuthorizedUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizedUser")
            .field("quota_project_id", &self.quota_project_id)
            .finish_non_exhaustive()
    }
}
