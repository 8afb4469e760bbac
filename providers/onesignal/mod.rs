//! OneSignal's REST API: push through the channels that an app has set up there.
//!
//! <https://documentation.onesignal.com/reference/push-notification>
//!
//! The sealed body travels as base64url in `data.e2ee` and reaches the app as additional data; the
//! app opens it with [`open_data`](crate::seal::open_data). OneSignal demands a visible text: it
//! shows the message's placeholder unless the app replaces it, on Android and on Apple's devices
//! in a notification service extension. In browsers OneSignal's own service worker shows it, and
//! OneSignal documents no way to replace it there. OneSignal sees the address, the size, the time, the options, the
//! placeholder, and what [`OneSignalOptions`] add.

mod address;
mod answer;
mod options;
mod request;
mod uuid;

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use http::Uri;
use http::header::HeaderValue;
use zeroize::Zeroizing;

use crate::providers::http::{BaseUrl, Http, HttpBuilder, authorization, http_setters};
use crate::seal::DATA_FIELD;
use crate::{
    Accepted, Capabilities, Error, ErrorKind, ProviderId, PushProvider, Result, SealedMessage,
    Token,
};

use self::request::MAX_TTL;
use self::uuid::Uuid;

pub use self::address::{Address, Alias, SubscriptionId};
pub use self::options::OneSignalOptions;

/// Sends through OneSignal for one app.
///
/// ```no_run
/// use sealpush::providers::OneSignal;
/// use sealpush::{Message, PushProviderExt, Token};
///
/// # async fn example(stored: &str, api_key: String) -> Result<(), Box<dyn std::error::Error>> {
/// let onesignal = OneSignal::builder()
///     .app_id("1dad4a3e-0000-4000-8000-0123456789ab".parse()?)
///     .api_key(api_key)
///     .build()?;
/// let token: Token = stored.parse()?;
/// onesignal.send_encrypted(&token, &Message::new("the door is open")).await?;
/// # Ok(()) }
/// ```
///
/// # Limits
///
/// OneSignal takes 2048 octets of data, hence bodies of [`MAX_BODY`](Self::MAX_BODY) octets. It
/// keeps a message for four weeks at most. An id that never existed is accepted like any other.
///
/// Every message carries an idempotency key made from the message and its address, so that the
/// same [`SealedMessage`] sent twice within 30 days is delivered once.
pub struct OneSignal {
    api_key: HeaderValue,
    app_id: AppId,
    endpoint: Uri,
    http: Http,
    options: OneSignalOptions,
}

impl OneSignal {
    /// The provider's name in tokens.
    pub const ID: ProviderId = ProviderId::from_static("onesignal");

    /// Largest sealed body, in octets: OneSignal counts 2048 octets of JSON, and the field `e2ee`
    /// takes base64url.
    pub const MAX_BODY: usize = 3 * (2048 - r#"{"":""}"#.len() - DATA_FIELD.len()) / 4;

    /// Starts from the defaults; the app's id and an API key are needed.
    pub fn builder() -> OneSignalBuilder {
        OneSignalBuilder::default()
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
        let options = self.options.render(message.provider_options()?);
        let body = request::body(&self.app_id, options, &address, message);
        let request = request::request(&self.endpoint, &self.api_key, body);
        let response = self.http.send(request).await?;
        answer::read(&response, &address, self.http.now())
    }
}

#[async_trait]
impl PushProvider for OneSignal {
    fn id(&self) -> ProviderId {
        Self::ID
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(Self::MAX_BODY).with_ttl().with_urgency().with_topic().with_idempotent()
    }

    async fn send(&self, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        let accepted = self.attempt(token, message).await;
        let accepted = accepted.map_err(|error| error.with_provider(Self::ID))?;
        Ok(accepted.with_ttl((message.ttl() > MAX_TTL).then_some(MAX_TTL)))
    }
}

impl fmt::Debug for OneSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneSignal").field("app_id", &self.app_id).finish_non_exhaustive()
    }
}

/// The id of an app at OneSignal: a UUID, and no secret.
#[derive(Clone, Eq, PartialEq)]
pub struct AppId(Uuid);

impl AppId {
    /// The id, in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for AppId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Uuid::parse(text)
            .map(Self)
            .ok_or_else(|| configuration("the id of a OneSignal app is a UUID"))
    }
}

impl fmt::Debug for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Builds a [`OneSignal`].
#[derive(Default)]
#[must_use]
pub struct OneSignalBuilder {
    api_key: Option<Zeroizing<String>>,
    app_id: Option<AppId>,
    base_url: Option<String>,
    http: HttpBuilder,
    options: OneSignalOptions,
}

impl OneSignalBuilder {
    /// The app to send for.
    pub fn app_id(mut self, app_id: AppId) -> Self {
        self.app_id = Some(app_id);
        self
    }

    /// The app's API key, as OneSignal's dashboard shows it under keys and ids.
    pub fn api_key(mut self, api_key: impl Into<String>) -> Self {
        self.api_key = Some(Zeroizing::new(api_key.into()));
        self
    }

    /// What OneSignal is told with every message. A message may bring [more](OneSignalOptions).
    pub fn options(mut self, options: OneSignalOptions) -> Self {
        self.options = options;
        self
    }

    /// Where OneSignal is: theirs unless set, or a double.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    http_setters!();

    /// Builds the provider. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// `Configuration` when the app's id or the API key is missing, the key cannot stand in a
    /// header, the base URL is none, or TLS cannot be set up.
    pub fn build(self) -> Result<OneSignal> {
        self.assemble().map_err(|error| error.with_provider(OneSignal::ID))
    }

    fn assemble(self) -> Result<OneSignal> {
        let app_id = self.app_id.ok_or_else(|| configuration("the builder has no app id"))?;
        let api_key = self.api_key.ok_or_else(|| configuration("the builder has no API key"))?;
        let base_url: BaseUrl = self.base_url.as_deref().unwrap_or(BASE_URL).parse()?;
        Ok(OneSignal {
            api_key: authorization("Key", &api_key)?,
            app_id,
            endpoint: base_url.join("/notifications")?,
            http: self.http.build()?,
            options: self.options,
        })
    }
}

impl fmt::Debug for OneSignalBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneSignalBuilder").field("app_id", &self.app_id).finish_non_exhaustive()
    }
}

fn configuration(message: &'static str) -> Error {
    Error::new(ErrorKind::Configuration, message)
}

const BASE_URL: &str = "https://api.onesignal.com";
