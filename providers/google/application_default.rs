//! Whichever credentials the environment names.
//!
//! <https://cloud.google.com/docs/authentication/application-default-credentials>

use std::ffi::OsString;
use std::path::PathBuf;

use async_trait::async_trait;

use crate::Result;

use super::file::{self, Kind, Members, configuration};
use super::{
    AccessToken, AccessTokenRequest, AuthorizedUser, Credentials, MetadataServer, ProjectId,
    ServiceAccount,
};

/// Application default credentials: the first of
///
/// 1. the file that `GOOGLE_APPLICATION_CREDENTIALS` names;
/// 2. `application_default_credentials.json` in `CLOUDSDK_CONFIG`, else in `gcloud` below the
///    user's configuration, where `gcloud auth application-default login` writes it;
/// 3. the metadata server, at `GCE_METADATA_HOST` where that is set, and not at all where
///    `NO_GCE_CHECK` is `true`.
///
/// The project is that of `GOOGLE_CLOUD_PROJECT`, else `GCLOUD_PROJECT`, else the credentials'.
#[derive(Debug)]
pub struct ApplicationDefault {
    found: Box<dyn Credentials>,
    project_id: Option<ProjectId>,
}

impl ApplicationDefault {
    /// Looks for credentials.
    ///
    /// # Errors
    ///
    /// `Configuration` when there are none, or the first found are of a kind that is not taken;
    /// `Unavailable` when the metadata server is there and has trouble. No value of a variable is
    /// repeated.
    pub async fn find() -> Result<Self> {
        Self::find_in(Environment::read(|name| std::env::var_os(name))).await
    }

    /// Looks for credentials with environment variables of the caller's choice.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find).
    pub async fn find_with(variable: impl Fn(&str) -> Option<OsString> + Send) -> Result<Self> {
        let environment = Environment::read(variable);
        Self::find_in(environment).await
    }

    async fn find_in(environment: Environment) -> Result<Self> {
        let project_id = environment.project.map(|id| id.parse()).transpose()?;
        // A file that is named must be there; the well-known one may be absent.
        let file = match (environment.file, environment.well_known) {
            (Some(path), _) => Some((FILE_VARIABLE, path)),
            (None, Some(path)) if path.is_file() => Some(("the login of gcloud", path)),
            _ => None,
        };
        let found: Box<dyn Credentials> = match file {
            Some((name, path)) => {
                let members = Members::parse(&file::read(name, &path)?)?;
                match members.kind()? {
                    Kind::AuthorizedUser => Box::new(AuthorizedUser::from_members(&members)?),
                    Kind::ServiceAccount => Box::new(ServiceAccount::from_members(&members)?),
                }
            }
            None if environment.no_metadata_server => {
                return Err(configuration(format!(
                    "no application default credentials: set {FILE_VARIABLE} to the path of a \
                     service account's key file"
                )));
            }
            None => Box::new(match environment.metadata_host {
                Some(host) => MetadataServer::find_at(&host).await?,
                None => MetadataServer::find().await?,
            }),
        };
        Ok(Self { found, project_id })
    }
}

#[async_trait]
impl Credentials for ApplicationDefault {
    async fn access_token(&self, request: AccessTokenRequest<'_>) -> Result<AccessToken> {
        self.found.access_token(request).await
    }

    fn project_id(&self) -> Option<&ProjectId> {
        self.project_id.as_ref().or_else(|| self.found.project_id())
    }

    fn quota_project_id(&self) -> Option<&ProjectId> {
        self.found.quota_project_id()
    }
}

/// What the environment variables say, read before anything is awaited.
struct Environment {
    file: Option<PathBuf>,
    well_known: Option<PathBuf>,
    metadata_host: Option<String>,
    no_metadata_server: bool,
    project: Option<String>,
}

impl Environment {
    fn read(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let text = |name: &str| set(name).and_then(|value| value.into_string().ok());
        let path = |name: &str| set(name).map(PathBuf::from);
        let configuration = path("CLOUDSDK_CONFIG").or_else(|| {
            if cfg!(windows) {
                Some(path("APPDATA")?.join("gcloud"))
            } else {
                Some(path("HOME")?.join(".config").join("gcloud"))
            }
        });
        Self {
            file: path(FILE_VARIABLE),
            well_known: configuration
                .map(|directory| directory.join("application_default_credentials.json")),
            metadata_host: text("GCE_METADATA_HOST"),
            no_metadata_server: text("NO_GCE_CHECK").is_some_and(|value| value == "true"),
            project: text("GOOGLE_CLOUD_PROJECT").or_else(|| text("GCLOUD_PROJECT")),
        }
    }
}

/// Names the key file.
pub(super) const FILE_VARIABLE: &str = "GOOGLE_APPLICATION_CREDENTIALS";
