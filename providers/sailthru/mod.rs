//! Sailthru Mobile (formerly Carnival): transactional notifications to the app installations that
//! Sailthru's library in the app has registered there.
//!
//! <https://api.carnivalmobile.com>, version 6, `transactional/notifications`. It is another product
//! than the Sailthru of the e-mails, whose API and libraries have no push.
//!
//! The sealed body travels as base64url in the member `e2ee` of the payload, with `mutable_content`,
//! and reaches the app with the notification; the app opens it with
//! [`open_data`](crate::seal::open_data), on Apple's devices in a notification service extension.
//! Sailthru sees the address, the size, the time, the placeholder, and the
//! [options](SailthruOptions); Apple and Google see the same behind it.
//!
//! [`Accepted`] means that Sailthru counts at least one installation to which the message was handed
//! on. Of a person's other installations it says nothing here.
//!
//! # What is not verified
//!
//! Nothing here was tried against Sailthru itself. Not documented, and therefore not relied on: the
//! largest payload ([`Sailthru::MAX_BODY`] is cautious), what `failures` are (taken as trouble that
//! may pass), what it means when all counts are zero (a
//! [doubtful](crate::Error::is_token_doubtful) token, never a dead one), the bodies of refusals
//! (only the status is read), and by which hook an app on Android gets at the payload before it is
//! shown.

mod address;
mod answer;
mod options;
mod request;

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use http::Uri;
use http::header::HeaderValue;
use zeroize::Zeroizing;

use crate::providers::http::{BaseUrl, Http, HttpBuilder, http_setters};
use crate::seal::{MAX_BODY, MAX_PLAINTEXT};
use crate::{
    Accepted, Capabilities, Error, ErrorKind, ProviderId, PushProvider, Result, SealedMessage,
    Token,
};

pub use self::address::{Address, Id};
pub use self::options::SailthruOptions;

/// Sends through Sailthru Mobile for one app.
///
/// ```no_run
/// use sealpush::providers::Sailthru;
/// use sealpush::{Message, PushProviderExt, Token};
///
/// # async fn example(stored: &str, api_key: String) -> Result<(), Box<dyn std::error::Error>> {
/// let sailthru = Sailthru::builder().api_key(api_key).build()?;
/// let token: Token = stored.parse()?;
/// sailthru.send_encrypted(&token, &Message::new("the door is open")).await?;
/// # Ok(()) }
/// ```
///
/// # Limits
///
/// Bodies of [`MAX_BODY`](Self::MAX_BODY) octets. Sailthru has no TTL and no urgency, and drops no
/// repeated message; a topic is not passed on (an option can set one collapse key for all). A message that asks for one of them is refused with
/// `Configuration`. Sailthru asks for no more than some 120 requests in a second.
pub struct Sailthru {
    authorization: HeaderValue,
    endpoint: Uri,
    group: Option<Group>,
    http: Http,
    options: SailthruOptions,
}

impl Sailthru {
    /// The provider's name in tokens.
    pub const ID: ProviderId = ProviderId::from_static("sailthru");

    /// Largest sealed body, in octets: of a text of 2048 octets. In base64url it leaves a quarter
    /// of the 4096 octets that devices take to the placeholder, to options and to what
    /// Sailthru adds, which is not documented.
    pub const MAX_BODY: usize = 2048 + (MAX_BODY - MAX_PLAINTEXT);

    /// Starts from the defaults; an API key is needed.
    pub fn builder() -> SailthruBuilder {
        SailthruBuilder::default()
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
        let body = request::body(self.group.as_ref(), options, &address, message)?;
        let request = request::request(&self.endpoint, &self.authorization, body);
        let response = self.http.send(request).await?;
        answer::read(&response, self.http.now())
    }
}

#[async_trait]
impl PushProvider for Sailthru {
    fn id(&self) -> ProviderId {
        Self::ID
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(Self::MAX_BODY)
    }

    async fn send(&self, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        self.attempt(token, message).await.map_err(|error| error.with_provider(Self::ID))
    }
}

impl fmt::Debug for Sailthru {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sailthru").field("group", &self.group).finish_non_exhaustive()
    }
}

/// Under which name Sailthru counts a message in its statistics: 3 to 64 of `A-Z`, `a-z`, `0-9` and
/// `-`. Visible to Sailthru.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Group(String);

impl Group {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Group {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let good = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
        if (3..=64).contains(&text.len()) && text.bytes().all(good) {
            Ok(Self(text.to_owned()))
        } else {
            Err(configuration("a Sailthru group is 3 to 64 letters, digits and '-'"))
        }
    }
}

/// Builds a [`Sailthru`].
#[derive(Default)]
#[must_use]
pub struct SailthruBuilder {
    api_key: Option<Zeroizing<String>>,
    base_url: Option<String>,
    group: Option<Group>,
    http: HttpBuilder,
    options: SailthruOptions,
}

impl SailthruBuilder {
    /// The key of an API client of the app that has the role to send push messages.
    pub fn api_key(mut self, api_key: impl Into<String>) -> Self {
        self.api_key = Some(Zeroizing::new(api_key.into()));
        self
    }

    /// Under which name messages are counted. Default: none.
    pub fn group(mut self, group: Group) -> Self {
        self.group = Some(group);
        self
    }

    /// What Sailthru can be told with every message, to be seen by Sailthru, Apple and Google.
    /// Default: nothing.
    pub fn options(mut self, options: SailthruOptions) -> Self {
        self.options = options;
        self
    }

    /// Where Sailthru Mobile is: theirs unless set, or a double.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    http_setters!();

    /// Builds the provider. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// `Configuration` when the API key is missing or cannot be one, the base URL is none, or TLS
    /// cannot be set up.
    pub fn build(self) -> Result<Sailthru> {
        self.assemble().map_err(|error| error.with_provider(Sailthru::ID))
    }

    fn assemble(self) -> Result<Sailthru> {
        let api_key = self.api_key.ok_or_else(|| configuration("the builder has no API key"))?;
        let base_url: BaseUrl = self.base_url.as_deref().unwrap_or(BASE_URL).parse()?;
        Ok(Sailthru {
            authorization: request::basic(&api_key)?,
            endpoint: base_url.join("/v6/transactional/notifications")?,
            group: self.group,
            http: self.http.build()?,
            options: self.options,
        })
    }
}

impl fmt::Debug for SailthruBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SailthruBuilder").field("group", &self.group).finish_non_exhaustive()
    }
}

fn configuration(message: &'static str) -> Error {
    Error::new(ErrorKind::Configuration, message)
}

const BASE_URL: &str = "https://api.carnivalmobile.com";
