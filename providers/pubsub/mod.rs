//! Google Cloud Pub/Sub: sealed messages to a server that opens or forwards them.
//!
//! <https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/publish>
//!
//! Pub/Sub reaches no device. A token is the topic that a relay, a worker or another of your servers
//! reads from, with the keys of whoever opens what arrives: that server, or somebody behind it whose
//! messages it passes on unread. The sealed body is the message's data; TTL and urgency are the
//! attributes `ttl` (seconds) and `urgency`.
//!
//! # What accepted means
//!
//! [`Stage::Queued`](crate::Stage::Queued): Google has stored the message, and keeps it for each
//! subscription until that acknowledges it, for
//! 10 minutes to 31 days as the subscription is set up (7 days unless it is). It does not know a TTL:
//! who receives a message throws it away when its time is over. A message is delivered at least
//! once, in any order unless it has an [ordering key](PubSubOptions::with_ordering_key), and twice
//! when it was published twice. Google sees the topic, the size, the time, the attributes and the
//! ordering key.
//!
//! # Receiving
//!
//! Not in this crate yet. Whoever reads a subscription, with Google's own client or by a push
//! endpoint, decodes the message's data from base64 and gives it to [`open`](crate::open). Check the
//! token of a push endpoint's request before that (OIDC), and throw away what is older than its
//! attribute `ttl` says, counted from `publishTime`.
//!
//! # Testing
//!
//! [`PubSubBuilder::emulator`] is for Google's emulator, by the host that `PUBSUB_EMULATOR_HOST`
//! holds; the variable is read by [`emulator_from_env`](PubSubBuilder::emulator_from_env) and by
//! nothing else.

mod address;
mod answer;
mod options;
mod request;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::Uri;
use http::header::HeaderValue;

use crate::providers::google::access_tokens::{AccessTokens, Refused};
use crate::providers::http::{BaseUrl, Http, HttpBuilder, http_setters};
use crate::{
    Accepted, Capabilities, EndpointGuard, Error, ErrorKind, ProviderId, PushProvider, Result,
    SealedMessage, Token,
};

pub use self::address::TopicId;
pub use self::options::PubSubOptions;
pub use super::google::{
    AccessToken, AccessTokenRequest, ApplicationDefault, AuthorizedUser, Credentials,
    MetadataServer, ProjectId, ServiceAccount,
};

/// Publishes to the topics of one Google Cloud project.
///
/// ```no_run
/// use sealpush::providers::PubSub;
/// use sealpush::providers::pubsub::ServiceAccount;
/// use sealpush::{Message, PushProviderExt, Token};
///
/// # async fn example(stored: &str) -> Result<(), Box<dyn std::error::Error>> {
/// let pubsub = PubSub::builder()
///     .credentials(ServiceAccount::from_file("service-account.json")?)
///     .build()?;
/// let token: Token = stored.parse()?;
/// pubsub.send_encrypted(&token, &Message::new("the door is open")).await?;
/// # Ok(()) }
/// ```
///
/// # Limits
///
/// Pub/Sub takes 10 MB. A body is [`MAX_BODY`](Self::MAX_BODY) octets at most, as any other sealed
/// one, so that a relay can pass it on.
pub struct PubSub {
    access: Option<AccessTokens>,
    base_url: BaseUrl,
    http: Http,
    project_id: ProjectId,
    quota_project: Option<HeaderValue>,
}

impl PubSub {
    /// The provider's name in tokens.
    pub const ID: ProviderId = ProviderId::from_static("pubsub");

    /// Largest sealed body, in octets (RFC 8030 §7.2).
    pub const MAX_BODY: usize = 4096;

    /// Starts from the defaults; [`credentials`](PubSubBuilder::credentials) are needed, but for an
    /// [`emulator`](PubSubBuilder::emulator).
    pub fn builder() -> PubSubBuilder {
        PubSubBuilder::default()
    }

    /// The project whose topics are published to.
    #[must_use]
    pub fn project_id(&self) -> &ProjectId {
        &self.project_id
    }

    /// Looks at a token as a send would, without a request: at the door, before it is stored.
    ///
    /// # Errors
    ///
    /// As [`TopicId::try_from`]: `TokenMismatch`, `InvalidToken`.
    pub fn check(&self, token: &Token) -> Result<()> {
        TopicId::try_from(token).map(drop).map_err(|error| error.with_provider(Self::ID))
    }

    async fn attempt(&self, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        let topic = TopicId::try_from(token)?;
        self.capabilities().check(message)?;
        let options: Option<PubSubOptions> = message.provider_options()?;
        let body = request::body(&options.unwrap_or_default(), message);
        let path = format!("/v1/projects/{}/topics/{}:publish", self.project_id, topic.in_path());
        let url = self.base_url.join(&path)?;

        match &self.access {
            Some(tokens) => {
                let post = |access| self.post(&url, Some(access), body.clone());
                tokens.attempt(&self.http, post).await
            }
            None => self.post(&url, None, body).await?.map_err(|refused| refused.error),
        }
    }

    async fn post(
        &self,
        url: &Uri,
        access: Option<Arc<AccessToken>>,
        body: Bytes,
    ) -> Result<Result<Accepted, Refused>> {
        let request = request::request(url, body, access.as_deref(), self.quota_project.as_ref());
        let response = self.http.send(request).await?;
        Ok(answer::read(&response, self.http.now()))
    }
}

#[async_trait]
impl PushProvider for PubSub {
    fn id(&self) -> ProviderId {
        Self::ID
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(Self::MAX_BODY).with_ttl().with_urgency()
    }

    async fn send(&self, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        self.attempt(token, message).await.map_err(|error| error.with_provider(Self::ID))
    }
}

impl fmt::Debug for PubSub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PubSub")
            .field("project_id", &self.project_id)
            .field("credentials", &self.access)
            .finish_non_exhaustive()
    }
}

/// Builds a [`PubSub`].
#[derive(Debug, Default)]
#[must_use]
pub struct PubSubBuilder {
    base_url: Option<String>,
    credentials: Option<Box<dyn Credentials>>,
    emulator: Option<String>,
    http: HttpBuilder,
    project_id: Option<ProjectId>,
}

impl PubSubBuilder {
    /// Where access tokens come from.
    pub fn credentials(mut self, credentials: impl Credentials) -> Self {
        self.credentials = Some(Box::new(credentials));
        self
    }

    /// The project to publish in. Default: that of the credentials.
    pub fn project_id(mut self, project_id: ProjectId) -> Self {
        self.project_id = Some(project_id);
        self
    }

    /// Publishes to Google's emulator at this host, `name:port`, over plain HTTP and without
    /// credentials. It may be reached whatever its address is, unless a guard is set.
    pub fn emulator(mut self, host: impl Into<String>) -> Self {
        self.emulator = Some(host.into());
        self
    }

    /// Publishes to the [emulator](Self::emulator) that `PUBSUB_EMULATOR_HOST` names, as Google's
    /// own clients do; without the variable, to Google.
    pub fn emulator_from_env(self) -> Self {
        match std::env::var(EMULATOR) {
            Ok(host) if !host.is_empty() => self.emulator(host),
            _ => self,
        }
    }

    /// Where Pub/Sub is: Google's unless set, or a double.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    http_setters!();

    /// Builds the provider. Nothing is sent yet, and no access token asked for.
    ///
    /// # Errors
    ///
    /// `Configuration` when there are no credentials and no emulator, no project, the base URL or
    /// the emulator's host is none, or TLS cannot be set up.
    pub fn build(self) -> Result<PubSub> {
        self.assemble().map_err(|error| error.with_provider(PubSub::ID))
    }

    fn assemble(self) -> Result<PubSub> {
        let missing = |text: &'static str| Error::new(ErrorKind::Configuration, text);
        let (credentials, base_url, http) = match self.emulator {
            Some(host) => {
                let url = format!("http://{host}");
                let base_url: BaseUrl = url.parse()?;
                // A guard or a transport that is set later takes its place.
                let guard = EndpointGuard::allow_hosts([url])?;
                (None, base_url, self.http.default_guard(guard))
            }
            None => {
                let credentials = self.credentials;
                let credentials =
                    credentials.ok_or_else(|| missing("the builder has no credentials"))?;
                let url = self.base_url.as_deref().unwrap_or(BASE_URL);
                (Some(credentials), url.parse()?, self.http)
            }
        };
        let of_credentials = credentials.as_ref().and_then(|found| found.project_id().cloned());
        let project_id = self
            .project_id
            .or(of_credentials)
            .ok_or_else(|| missing("nothing names a project: set the project id on the builder"))?;
        let quota_project = credentials.as_ref().and_then(|found| found.quota_project_id());
        let quota_project = quota_project.map(|id| {
            HeaderValue::from_str(id.as_str()).expect("a project id is ASCII without controls")
        });
        Ok(PubSub {
            access: credentials.map(|credentials| AccessTokens::new(credentials, &[SCOPE])),
            base_url,
            http: http.build()?,
            project_id,
            quota_project,
        })
    }
}

const BASE_URL: &str = "https://pubsub.googleapis.com";
const EMULATOR: &str = "PUBSUB_EMULATOR_HOST";

/// The OAuth scope that publishing needs.
pub const SCOPE: &str = "https://www.googleapis.com/auth/pubsub";
