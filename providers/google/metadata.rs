//! Credentials of the machine itself, inside Google Cloud.
//!
//! <https://cloud.google.com/compute/docs/metadata/overview>

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::HeaderValue;
use http::{Request, Response};

use crate::guard::EndpointGuard;
use crate::providers::http::BaseUrl;
use crate::transport::{ReqwestTransport, Transport};
use crate::{Error, ErrorKind, Result};

use super::{AccessToken, Credentials, ProjectId, SCOPE, oauth};

/// The metadata server of Compute Engine, Kubernetes Engine, Cloud Run and Cloud Functions.
///
/// It answers plain HTTP on an address that no endpoint guard allows, so it has a transport of its
/// own, which may reach exactly that origin.
#[derive(Clone, Debug)]
pub struct MetadataServer {
    origin: BaseUrl,
    transport: Arc<dyn Transport>,
    project_id: Option<ProjectId>,
}

impl MetadataServer {
    /// Where it is, unless `GCE_METADATA_HOST` says otherwise.
    pub const HOST: &str = "metadata.google.internal";

    /// Finds the metadata server at [`HOST`](Self::HOST) and learns the project from it.
    ///
    /// # Errors
    ///
    /// `Configuration` when nothing there answers as a metadata server within three seconds.
    pub async fn find() -> Result<Self> {
        Self::find_at(Self::HOST).await
    }

    /// Finds the metadata server at another host, given as `name` or `name:port`.
    ///
    /// # Errors
    ///
    /// `Configuration` when nothing there answers as a metadata server within three seconds.
    pub async fn find_at(host: &str) -> Result<Self> {
        let origin = format!("http://{host}");
        let transport = ReqwestTransport::builder()
            .guard(EndpointGuard::allow_hosts([origin.as_str()])?)
            .connect_timeout(TIMEOUT)
            .timeout(TIMEOUT)
            .build()?;
        let mut server =
            Self { origin: origin.parse()?, transport: Arc::new(transport), project_id: None };
        let answer = server.get("/project/project-id").await.map_err(|error| {
            let text = "no metadata server answers: this is not Google Cloud";
            Error::new(ErrorKind::Configuration, text).with_source(error)
        })?;
        let id = std::str::from_utf8(answer.body()).ok().filter(|_| answer.status().is_success());
        server.project_id = id.and_then(|id| id.trim().parse().ok());
        Ok(server)
    }

    /// Asks for a path. Whatever else may listen there does not answer with the header.
    async fn get(&self, path: &str) -> Result<Response<Bytes>> {
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = self.origin.join(&format!("/computeMetadata/v1{path}"))?;
        request.headers_mut().insert(FLAVOR, GOOGLE);
        let response = self.transport.send(request).await?;
        if response.headers().get(FLAVOR) == Some(&GOOGLE) {
            Ok(response)
        } else {
            Err(Error::new(ErrorKind::Unavailable, "the answer is not from a metadata server"))
        }
    }
}

#[async_trait]
impl Credentials for MetadataServer {
    async fn access_token(&self, _: &dyn Transport, now: SystemTime) -> Result<AccessToken> {
        let path = format!("/instance/service-accounts/default/token?scopes={SCOPE}");
        oauth::read(&self.get(&path).await?, now)
    }

    fn project_id(&self) -> Option<&ProjectId> {
        self.project_id.as_ref()
    }
}

const FLAVOR: &str = "metadata-flavor";
const GOOGLE: HeaderValue = HeaderValue::from_static("Google");

/// How long it may take to answer, as in Google's own clients.
const TIMEOUT: Duration = Duration::from_secs(3);
