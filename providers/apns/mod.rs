//! Apple Push Notification service, by its provider API: iPhone, iPad, Mac, Apple Watch, without a
//! vendor in between.
//!
//! <https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns>
//!
//! The sealed body travels as base64url in the member `e2ee` beside `aps`, under an alert that shows
//! the placeholder; the app's notification service extension opens it before anything is shown.
//! Apple sees the device, the app, the size, the time, the options, the placeholder and what
//! [`ApnsOptions`] add. Browsers, Safari among them, are [`WebPush`](crate::providers::WebPush)'s.
//!
//! # From a developer's account to the first message
//!
//! 1. Under certificates, identifiers and profiles, create a key for Apple Push Notification
//!    service. The file `AuthKey_….p8` is what [`AuthKey::from_file`] reads; the page shows the id
//!    of the key, and the membership that of the team. Keep it off the devices.
//! 2. The app registers for remote notifications, makes its keys, and hands your server the token
//!    `{"provider":"apns","device_token":"…","sandbox":false,"registered_at":…,"keys":{"p256dh":"…",
//!    "auth":"…"}}`. `examples/ios-receiver` holds the code.
//! 3. Your server parses it as a [`Token`] and sends; see [`Apns`].
//!
//! A token says for which [`Environment`] its app was signed; one that does not goes where
//! [`ApnsBuilder::environment`] says. Apple answers a device token of the other environment as it
//! does one that never was, so only a token that names its environment can be called dead for it.
//!
//! # What accepted means
//!
//! Apple took the message. It keeps one message for each app and device that is out of reach, the
//! last one, and tells nobody whether it was shown. There is no dry run, and a repeated message is
//! shown twice unless it has a topic.
//!
//! # Connections
//!
//! Apple speaks nothing but HTTP/2, and so does the transport that [`ApnsBuilder::build`] makes. A
//! [transport](ApnsBuilder::transport) of the caller's own must be built with
//! `http2_prior_knowledge`. Until it has accepted one message on a connection Apple allows one
//! request at a time on it, by HTTP/2's own setting (RFC 9113 §5.1.2), which both transports of the
//! crate honour.

mod address;
mod answer;
mod auth_key;
mod options;
mod request;

use std::borrow::Cow;
use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request};

use crate::providers::http::{BaseUrl, Http, HttpBuilder, http_setters};
use crate::{
    Accepted, Capabilities, Error, ErrorKind, ProviderId, PushProvider, Result, SealedMessage,
    Token,
};

use self::answer::Refused;
use self::request::{Kind, MAX_TTL, Topics};

pub use self::address::{Address, DeviceToken, Environment};
pub use self::auth_key::AuthKey;
pub use self::options::{ApnsOptions, PushType};

/// Sends through Apple Push Notification service for one app.
///
/// ```no_run
/// use sealpush::providers::Apns;
/// use sealpush::providers::apns::AuthKey;
/// use sealpush::{Message, PushProviderExt, Token};
///
/// # async fn example(stored: &str) -> Result<(), Box<dyn std::error::Error>> {
/// let apns = Apns::builder()
///     .auth_key(AuthKey::from_file("AuthKey_ABC123DEFG.p8", "ABC123DEFG", "DEF123GHIJ")?)
///     .bundle_id("com.example.door")
///     .build()?;
/// let token: Token = stored.parse()?;
/// apns.send_encrypted(&token, &Message::new("the door is open")).await?;
/// # Ok(()) }
/// ```
///
/// # Limits
///
/// Apple takes a payload of 4096 octets, of which the placeholder and what [`ApnsOptions`] add have
/// their part. [`Capabilities::max_body`] is what is left beside the longest placeholder:
/// [`MAX_BODY`](Self::MAX_BODY) octets, less three quarters of what the options of all messages add.
/// Apple keeps a message for 30 days at most; a longer TTL is shortened, and [`Accepted::ttl`] says
/// so.
///
/// For a message to a token of PushKit's (`"voip":true`) iOS demands that the app reports a call at
/// once, and Apple advises a TTL of a few seconds.
pub struct Apns {
    auth_key: AuthKey,
    environment: Environment,
    http: Http,
    max_body: usize,
    options: ApnsOptions,
    origins: Origins,
    topics: Topics,
}

impl Apns {
    /// The provider's name in tokens.
    pub const ID: ProviderId = ProviderId::from_static("apns");

    /// Largest sealed body, in octets, where [`ApnsOptions`] add nothing.
    pub const MAX_BODY: usize = 2727;

    /// Starts from the defaults; [`auth_key`](ApnsBuilder::auth_key) and
    /// [`bundle_id`](ApnsBuilder::bundle_id) are needed.
    pub fn builder() -> ApnsBuilder {
        ApnsBuilder::default()
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
        let request = self.request(&address, message)?;

        let header = self.auth_key.header(self.http.now()).await?;
        let refused = match self.post(&address, request.clone(), &header).await? {
            Ok(accepted) => return Ok(accepted),
            Err(refused) if refused.about_credential => refused.error,
            Err(refused) => return Err(refused.error),
        };
        // The message was not accepted, so sending it with another authentication token is still
        // the one attempt.
        match self.auth_key.another(&header, self.http.now()).await? {
            Some(header) => {
                self.post(&address, request, &header).await?.map_err(|refused| refused.error)
            }
            None => Err(refused),
        }
    }

    fn request(&self, address: &Address, message: &SealedMessage) -> Result<Request<Bytes>> {
        let options = match message.provider_options()? {
            Some(own) => Cow::Owned(self.options.clone().with_above(own)),
            None => Cow::Borrowed(&self.options),
        };
        let kind = if address.is_voip() { Kind::Voip } else { Kind::App(options.push_type()) };
        let origin = self.origins.of(address.environment().unwrap_or(self.environment));
        let url = origin.join(&format!("/3/device/{}", address.device_token().expose()))?;
        let payload = request::payload(kind, &options, message)?;
        request::request(&url, &self.topics, kind, message, payload, self.http.unix_seconds())
    }

    async fn post(
        &self,
        address: &Address,
        mut request: Request<Bytes>,
        header: &HeaderValue,
    ) -> Result<Result<Accepted, Refused>> {
        request.headers_mut().insert(AUTHORIZATION, header.clone());
        let response = self.http.send(request).await?;
        Ok(answer::read(&response, address, self.http.now()))
    }
}

#[async_trait]
impl PushProvider for Apns {
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

impl fmt::Debug for Apns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Apns")
            .field("auth_key", &self.auth_key)
            .field("environment", &self.environment)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// Builds an [`Apns`].
#[derive(Debug, Default)]
#[must_use]
pub struct ApnsBuilder {
    auth_key: Option<AuthKey>,
    base_url: Option<String>,
    bundle_id: Option<String>,
    environment: Environment,
    http: HttpBuilder,
    options: ApnsOptions,
}

impl ApnsBuilder {
    /// The key of the developer's account.
    pub fn auth_key(mut self, key: AuthKey) -> Self {
        self.auth_key = Some(key);
        self
    }

    /// The bundle id of the app, which is the topic of its messages.
    pub fn bundle_id(mut self, id: impl Into<String>) -> Self {
        self.bundle_id = Some(id.into());
        self
    }

    /// Where tokens that do not say it belong. Default: production.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// How devices receive every message. Default: an alert with the placeholder.
    pub fn options(mut self, options: ApnsOptions) -> Self {
        self.options = options;
        self
    }

    /// Where Apple is, for both environments: theirs unless set, or a double.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    http_setters!();

    /// Builds the provider. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// `Configuration` when the key or the bundle id is missing, the bundle id or the base URL is
    /// none, the options leave no room for a body, or TLS cannot be set up.
    pub fn build(self) -> Result<Apns> {
        self.assemble().map_err(|error| error.with_provider(Apns::ID))
    }

    fn assemble(self) -> Result<Apns> {
        let configuration = |text: &'static str| Error::new(ErrorKind::Configuration, text);
        let auth_key =
            self.auth_key.ok_or_else(|| configuration("the builder has no authentication key"))?;
        let bundle_id =
            self.bundle_id.ok_or_else(|| configuration("the builder has no bundle id"))?;
        let max_body = request::max_body(&self.options);
        if max_body < MIN_BODY {
            return Err(configuration("the options leave no room for a sealed body"));
        }
        Ok(Apns {
            auth_key,
            environment: self.environment,
            http: self.http.http2_only().build()?,
            max_body,
            options: self.options,
            origins: Origins::at(self.base_url.as_deref())?,
            topics: Topics::of(&bundle_id)?,
        })
    }
}

/// Where the two environments are.
struct Origins {
    production: BaseUrl,
    sandbox: BaseUrl,
}

impl Origins {
    fn at(base_url: Option<&str>) -> Result<Self> {
        let url = |environment: Environment| base_url.unwrap_or_else(|| environment.url()).parse();
        Ok(Self { production: url(Environment::Production)?, sandbox: url(Environment::Sandbox)? })
    }

    fn of(&self, environment: Environment) -> &BaseUrl {
        match environment {
            Environment::Production => &self.production,
            Environment::Sandbox => &self.sandbox,
        }
    }
}

/// Octets of the smallest sealed body: one octet of plaintext (RFC 8291 §4).
const MIN_BODY: usize = 104;
