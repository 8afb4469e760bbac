//! Credentials of the machine itself, inside Google Cloud.
//!
//! <https://cloud.google.com/compute/docs/metadata/overview>

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::HeaderValue;
use http::{Request, Response, StatusCode};

use crate::guard::EndpointGuard;
use crate::providers::http::BaseUrl;
use crate::transport::{HyperTransport, Transport};
use crate::{Error, ErrorKind, Result};

use super::application_default::FILE_VARIABLE;
use super::{AccessToken, AccessTokenRequest, Credentials, ProjectId, oauth};

/// The metadata server of Compute Engine, Kubernetes Engine, Cloud Run and Cloud Functions.
///
/// It answers plain HTTP on an address that no endpoint guard allows, so it has a transport of its
/// own, which may reach exactly that origin.
#[derive(Clone)]
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
    /// It is asked three times, each for at most three seconds, as by Google's own clients: right
    /// after the start of a machine or a container it needs some seconds.
    ///
    /// # Errors
    ///
    /// `Configuration` when nothing there answers as a metadata server: this is not Google Cloud.
    /// `Unavailable` when it answers that it has trouble.
    pub async fn find() -> Result<Self> {
        let guard = EndpointGuard::allow_hosts([format!("http://{}", Self::HOST)])?;
        Self::find_through(origin(Self::HOST)?, transport(guard)?, false).await
    }

    /// Finds the metadata server at another host, given as `name` or `name:port`. Whoever names one
    /// knows that it is there, so it is asked as often, and its silence is no proof.
    ///
    /// # Errors
    ///
    /// `Configuration` for what is no host, which is not repeated. `Unavailable` when nothing there
    /// answers as a metadata server.
    pub async fn find_at(host: &str) -> Result<Self> {
        let origin = origin(host)?;
        let guard = EndpointGuard::allow_hosts([format!("http://{host}")])?;
        Self::find_through(origin, transport(guard)?, true).await
    }

    async fn find_through(
        origin: BaseUrl,
        transport: Arc<dyn Transport>,
        is_named: bool,
    ) -> Result<Self> {
        let mut server = Self { origin, transport, project_id: None };
        let mut failure = None;
        for pause in PAUSES {
            tokio::time::sleep(pause).await;
            match server.get("/project/project-id").await {
                Ok(answer) if has_trouble(answer.status()) => {
                    failure = Some(trouble(answer.status()));
                }
                Ok(answer) => {
                    let id = std::str::from_utf8(answer.body()).ok();
                    let id = id.filter(|_| answer.status().is_success());
                    server.project_id = id.and_then(|id| id.trim().parse().ok());
                    return Ok(server);
                }
                Err(error) => failure = Some(error),
            }
        }
        let failure = failure.unwrap_or_else(|| trouble(StatusCode::SERVICE_UNAVAILABLE));
        let (kind, text) = if is_named || failure.status().is_some() {
            (ErrorKind::Unavailable, "the metadata server does not answer as one; try again")
        } else {
            (ErrorKind::Configuration, "no metadata server answers: this is not Google Cloud")
        };
        let text =
            format!("{text}, or set {FILE_VARIABLE} to the path of a service account's key file");
        Err(Error::new(kind, text).with_source(failure))
    }

    /// Asks for a path. Whatever else may listen there does not answer with the header.
    async fn get(&self, path: &str) -> Result<Response<Bytes>> {
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = self.origin.join(&format!("/computeMetadata/v1{path}"))?;
        request.headers_mut().insert(FLAVOR, GOOGLE);
        let response = self.transport.send(request).await?;
        if response.headers().get(FLAVOR) == Some(&GOOGLE) || has_trouble(response.status()) {
            Ok(response)
        } else {
            Err(Error::new(ErrorKind::Unavailable, "the answer is not from a metadata server"))
        }
    }
}

#[async_trait]
impl Credentials for MetadataServer {
    /// The transport of the request is not used: the server has its own.
    async fn access_token(&self, request: AccessTokenRequest<'_>) -> Result<AccessToken> {
        let scopes = request.scopes.join(",");
        let path = format!("/instance/service-accounts/default/token?scopes={scopes}");
        oauth::read(&self.get(&path).await?, request.now)
    }

    fn project_id(&self) -> Option<&ProjectId> {
        self.project_id.as_ref()
    }
}

impl fmt::Debug for MetadataServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetadataServer")
            .field("project_id", &self.project_id)
            .finish_non_exhaustive()
    }
}

fn transport(guard: EndpointGuard) -> Result<Arc<dyn Transport>> {
    let transport = HyperTransport::builder().guard(guard);
    Ok(Arc::new(transport.connect_timeout(TIMEOUT).timeout(TIMEOUT).build()?))
}

/// The origin of a host. A value of the environment may be anything, so it is not repeated.
fn origin(host: &str) -> Result<BaseUrl> {
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-.:[]".contains(&octet);
    let url = format!("http://{host}");
    host.bytes().all(plain).then(|| url.parse().ok()).flatten().ok_or_else(|| {
        Error::new(
            ErrorKind::Configuration,
            "the metadata server's host must be 'name' or 'name:port'",
        )
    })
}

fn has_trouble(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
}

fn trouble(status: StatusCode) -> Error {
    let text = "the metadata server has trouble";
    Error::answered(ErrorKind::Unavailable, status.as_u16(), text)
}

const FLAVOR: &str = "metadata-flavor";
const GOOGLE: HeaderValue = HeaderValue::from_static("Google");

/// How long it may take to answer, as in Google's own clients.
const TIMEOUT: Duration = Duration::from_secs(3);

/// How long to wait before each try: three tries, as in Google's own clients.
const PAUSES: [Duration; 3] = [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(2)];

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Answers with these statuses in turn, 0 being silence; the last repeats.
    #[derive(Debug)]
    struct Script {
        answers: Vec<(u16, bool)>,
        asked: Mutex<usize>,
    }

    impl Script {
        fn new(answers: &[(u16, bool)]) -> Arc<Self> {
            Arc::new(Self { answers: answers.to_vec(), asked: Mutex::new(0) })
        }
    }

    #[async_trait]
    impl Transport for Script {
        async fn send(&self, _: Request<Bytes>) -> Result<Response<Bytes>> {
            let mut asked = self.asked.lock().unwrap();
            let (status, is_google) = self.answers[(*asked).min(self.answers.len() - 1)];
            *asked += 1;
            if status == 0 {
                return Err(Error::new(ErrorKind::Transport, "the connection was refused"));
            }
            let mut answer = Response::new(Bytes::from_static(b"server-project"));
            *answer.status_mut() = StatusCode::from_u16(status).unwrap();
            if is_google {
                answer.headers_mut().insert(FLAVOR, GOOGLE);
            }
            Ok(answer)
        }
    }

    async fn find(script: &Arc<Script>, is_named: bool) -> Result<MetadataServer> {
        let origin = origin(MetadataServer::HOST).unwrap();
        MetadataServer::find_through(origin, script.clone(), is_named).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_needs_some_seconds_is_found() {
        for answers in [
            &[(200, true)][..],
            &[(0, false), (200, true)],
            &[(0, false), (0, false), (200, true)],
            &[(503, true), (500, false), (200, true)],
            &[(429, true), (200, true)],
        ] {
            let script = Script::new(answers);
            let server = find(&script, false).await.unwrap();
            assert_eq!(server.project_id().unwrap().as_str(), "server-project");
            assert_eq!(*script.asked.lock().unwrap(), answers.len());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_named_or_has_trouble_is_unavailable() {
        for (answers, is_named, kind) in [
            (&[(0, false)][..], false, ErrorKind::Configuration),
            (&[(200, false)], false, ErrorKind::Configuration),
            (&[(404, false)], false, ErrorKind::Configuration),
            (&[(503, true)], false, ErrorKind::Unavailable),
            (&[(0, false), (0, false), (503, false)], false, ErrorKind::Unavailable),
            (&[(0, false)], true, ErrorKind::Unavailable),
            (&[(200, false)], true, ErrorKind::Unavailable),
            (&[(503, true)], true, ErrorKind::Unavailable),
        ] {
            let script = Script::new(answers);
            let error = find(&script, is_named).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{answers:?} {is_named}");
            assert!(error.to_string().contains(FILE_VARIABLE), "{error}");
            let foreign = error.to_string().contains("not Google Cloud");
            assert_eq!(foreign, kind == ErrorKind::Configuration, "{error}");
            assert_eq!(*script.asked.lock().unwrap(), 3);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_no_host_is_refused_and_not_repeated() {
        for bad in ["", "marker/x", "marker@x", "{marker}", "-----BEGIN marker", "a b", "x:marker"]
        {
            let error = MetadataServer::find_at(bad).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{bad}");
            assert!(!format!("{error:?}").contains("marker"), "{error:?}");
        }
    }
}
