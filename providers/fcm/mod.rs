//! Firebase Cloud Messaging, HTTP v1: Android, Apple's devices and browsers behind one API.
//!
//! <https://firebase.google.com/docs/cloud-messaging/send/v1-api>
//!
//! The sealed body travels as base64url in the data field `e2ee`; the app opens it, on the device
//! with [`open_data`](crate::seal::open_data). FCM sees the address, the size, the time, the
//! options, and what [`FcmOptions`] add.
//!
//! # From a Firebase project to the first message
//!
//! 1. In the Firebase console, under project settings, service accounts, create a private key. The
//!    file is what [`ServiceAccount::from_file`] reads. Keep it off the devices.
//! 2. The app asks Firebase for its registration token or installation id, makes its keys, and
//!    hands your server the token `{"provider":"fcm","token":"…","keys":{"p256dh":"…","auth":"…"}}`,
//!    or with `"fid"`. `examples/web-receiver` does that in a browser, and its README goes through
//!    every step; `examples/android-receiver` and `examples/ios-receiver` hold the code for phones.
//! 3. Your server parses it as a [`Token`] and sends; see [`Fcm`]. `examples/fcm.rs` is such a
//!    server in one file.
//! 4. The receiver opens the data field `e2ee` and shows what it finds. Those in `examples` show a
//!    [`Notification`](crate::notification::Notification), and nothing for another payload.
//!
//! # Credentials
//!
//! | credentials | for |
//! |---|---|
//! | [`ServiceAccount`] | a key file of a service account: a server anywhere |
//! | [`AuthorizedUser`] | the login of a developer (`gcloud auth application-default login`) |
//! | [`MetadataServer`] | inside Google Cloud: no file at all |
//! | [`ApplicationDefault`] | whichever of these the environment names |
//! | your own [`Credentials`] | anything else: a vault, workload identity, a sidecar |
//!
//! Access tokens are kept until shortly before they expire, and obtained by one request at a time.
//! One that is refused is replaced once; that the project's own key for Apple or the browsers is
//! refused is another matter, and asks for none.
//!
//! # Testing
//!
//! To test all of it without Google, give [`FcmBuilder::base_url`] and a key file of the double that
//! feature `local` starts, in `sealpush::local`.

mod address;
mod answer;
mod options;
mod request;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::Uri;
use http::header::HeaderValue;

use crate::providers::google::access_tokens::{AccessTokens, Refused};
use crate::providers::http::{BaseUrl, Http, HttpBuilder, http_setters};
use crate::{
    Accepted, Capabilities, Error, ErrorKind, ProviderId, PushProvider, Result, SealedMessage,
    Token,
};

use self::request::MAX_TTL;

pub use self::address::{Address, InstallationId, RegistrationToken};
pub use self::options::{
    AndroidNotification, AndroidOptions, ApnsOptions, FcmOptions, WebPushOptions,
};
pub use super::google::{
    AccessToken, AccessTokenRequest, ApplicationDefault, AuthorizedUser, Credentials,
    MetadataServer, ProjectId, ServiceAccount,
};

/// Sends through FCM for one Firebase project.
///
/// ```no_run
/// use sealpush::providers::Fcm;
/// use sealpush::providers::fcm::ServiceAccount;
/// use sealpush::{Message, PushProviderExt, Token};
///
/// # async fn example(stored: &str) -> Result<(), Box<dyn std::error::Error>> {
/// let fcm = Fcm::builder()
///     .credentials(ServiceAccount::from_file("service-account.json")?)
///     .build()?;
/// let token: Token = stored.parse()?;
/// fcm.send_encrypted(&token, &Message::new("the door is open")).await?;
/// # Ok(()) }
/// ```
///
/// # Limits
///
/// FCM takes 4096 octets of data, hence bodies of [`MAX_BODY`](Self::MAX_BODY) octets. A device of
/// Apple's gets the placeholder and its frame in the same 4096 octets: with the default
/// placeholder and no other options a body of 3019 octets fits, less what FCM adds. FCM refuses a
/// larger one there with [`ErrorKind::PayloadTooLarge`]; nothing is cut off. Padding fills up to the
/// largest body, so an application with users on Apple's devices sets
/// [`max_body`](FcmBuilder::max_body) to 2800. FCM keeps a message for four weeks at most.
///
/// FCM drops all it has stored for an Android device at 100 messages, keeps at most four topics
/// for one, and delivers a message twice when it is sent twice.
pub struct Fcm {
    access: AccessTokens,
    dry_run: bool,
    endpoint: Uri,
    http: Http,
    max_body: usize,
    options: FcmOptions,
    project_id: ProjectId,
    quota_project: Option<HeaderValue>,
}

impl Fcm {
    /// The provider's name in tokens.
    pub const ID: ProviderId = ProviderId::from_static("fcm");

    /// Largest sealed body, in octets: FCM counts 4096 octets of names and values, and the field
    /// `e2ee` takes base64url.
    pub const MAX_BODY: usize = 3 * (4096 - crate::seal::DATA_FIELD.len()) / 4;

    /// Starts from the defaults; [`credentials`](FcmBuilder::credentials) are needed.
    pub fn builder() -> FcmBuilder {
        FcmBuilder::default()
    }

    /// The project that messages are sent from.
    #[must_use]
    pub fn project_id(&self) -> &ProjectId {
        &self.project_id
    }

    /// Looks at a token as a send would, without a request: at the door, before it is stored.
    ///
    /// # Errors
    ///
    /// As [`Address::try_from`]: `TokenMismatch`, `InvalidToken`.
    pub fn check(&self, token: &Token) -> Result<()> {
        Address::try_from(token).map(drop).map_err(|error| error.with_provider(Self::ID))
    }

    async fn attempt(&self, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        let address = Address::try_from(token)?;
        self.capabilities().check(message)?;
        let options = match message.provider_options()? {
            Some(own) => Cow::Owned(self.options.clone().with(own)),
            None => Cow::Borrowed(&self.options),
        };
        let now = self.http.unix_seconds();
        let body = request::body(&options, &address, message, now, self.dry_run);

        let post = |access| self.post(access, body.clone());
        self.access.attempt(&self.http, post).await
    }

    async fn post(
        &self,
        access: Arc<AccessToken>,
        body: Bytes,
    ) -> Result<Result<Accepted, Refused>> {
        let request = request::request(&self.endpoint, body, &access, self.quota_project.as_ref());
        let response = self.http.send(request).await?;
        Ok(answer::read(&response, self.http.now()))
    }
}

#[async_trait]
impl PushProvider for Fcm {
    fn id(&self) -> ProviderId {
        Self::ID
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(self.max_body).with_ttl().with_urgency().with_topic()
    }

    async fn send(&self, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        let accepted = self.attempt(token, message).await;
        let accepted = accepted.map_err(|error| error.with_provider(Self::ID))?;
        Ok(accepted.with_ttl((message.ttl() > MAX_TTL).then_some(MAX_TTL)))
    }
}

impl fmt::Debug for Fcm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fcm")
            .field("project_id", &self.project_id)
            .field("credentials", &self.access)
            .field("options", &self.options)
            .field("dry_run", &self.dry_run)
            .finish_non_exhaustive()
    }
}

/// Builds an [`Fcm`].
#[derive(Debug, Default)]
#[must_use]
pub struct FcmBuilder {
    base_url: Option<String>,
    credentials: Option<Box<dyn Credentials>>,
    dry_run: bool,
    http: HttpBuilder,
    max_body: Option<usize>,
    options: FcmOptions,
    project_id: Option<ProjectId>,
}

impl FcmBuilder {
    /// Where access tokens come from.
    pub fn credentials(mut self, credentials: impl Credentials) -> Self {
        self.credentials = Some(Box::new(credentials));
        self
    }

    /// The project to send from. Default: that of the credentials.
    pub fn project_id(mut self, project_id: ProjectId) -> Self {
        self.project_id = Some(project_id);
        self
    }

    /// What the platforms are told with every message. A message may bring
    /// [more](FcmOptions).
    pub fn options(mut self, options: FcmOptions) -> Self {
        self.options = options;
        self
    }

    /// Largest sealed body, in octets, below [`Fcm::MAX_BODY`]: for apps on Apple's devices, whose
    /// payload holds the alert too. Default: [`Fcm::MAX_BODY`], which is also the most.
    pub fn max_body(mut self, octets: usize) -> Self {
        self.max_body = Some(octets);
        self
    }

    /// Has FCM check every message, its address included, and deliver none (`validate_only`).
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// Where FCM is: Google's unless set, or a double.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    http_setters!();

    /// Builds the provider. Nothing is sent yet, and no access token asked for.
    ///
    /// # Errors
    ///
    /// `Configuration` when there are no credentials, no project, the base URL is none, or TLS
    /// cannot be set up.
    pub fn build(self) -> Result<Fcm> {
        self.assemble().map_err(|error| error.with_provider(Fcm::ID))
    }

    fn assemble(self) -> Result<Fcm> {
        let missing = |text: &'static str| Error::new(ErrorKind::Configuration, text);
        let credentials =
            self.credentials.ok_or_else(|| missing("the builder has no credentials"))?;
        let project_id =
            self.project_id.or_else(|| credentials.project_id().cloned()).ok_or_else(|| {
                missing("the credentials name no project: set the project id on the builder")
            })?;
        let base_url: BaseUrl = self.base_url.as_deref().unwrap_or(BASE_URL).parse()?;
        let quota_project = credentials.quota_project_id().map(|id| {
            HeaderValue::from_str(id.as_str()).expect("a project id is ASCII without controls")
        });
        Ok(Fcm {
            access: AccessTokens::new(credentials, &[SCOPE]),
            dry_run: self.dry_run,
            endpoint: base_url.join(&format!("/v1/projects/{project_id}/messages:send"))?,
            http: self.http.build()?,
            max_body: self.max_body.map_or(Fcm::MAX_BODY, |octets| octets.min(Fcm::MAX_BODY)),
            options: self.options,
            project_id,
            quota_project,
        })
    }
}

const BASE_URL: &str = "https://fcm.googleapis.com";

/// The OAuth scope that sending needs.
pub const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
