//! Klaviyo: an event from which a flow makes a push.
//!
//! <https://developers.klaviyo.com/en/reference/create_event>
//!
//! Klaviyo has no way to send to a device. A sender raises an event of a metric for a profile, and a
//! flow that a person has prepared there turns it into a push:
//!
//! * its trigger is the [`Metric`]; Smart Sending is off, or repeated messages are dropped;
//! * its push has a key-value pair `e2ee` with the value `{{ event.e2ee }}`, and as its text a
//!   neutral one, or `{{ event.placeholder }}`;
//! * the app opens the pair with [`open_data`](crate::seal::open_data): in a notification service
//!   extension on Apple's devices, in its `FirebaseMessagingService` on Android.
//!
//! # What accepted means
//!
//! That the event lies in Klaviyo's queue: [`Stage::Queued`](crate::Stage::Queued). Whether a flow
//! listens, whether it is switched on, whether the profile has a device, whether the device's token
//! is dead: all of it is decided later and never told to the sender. No token is ever `Expired`
//! here, and a message that arrived looks like one that did not. Where that matters, take another
//! provider.
//!
//! # What Klaviyo sees and keeps
//!
//! The profile, the metric, the time, the size, the placeholder, the push tokens. Events stay in the
//! profile for as long as the account keeps them, **so the sealed message is stored at Klaviyo for
//! long, perhaps for years**: whoever gets the user agent's secret later opens what was sent
//! before. Rotate the secrets, or send a link to content that you can delete. Apple and Google see
//! what they see behind every vendor: the address, time, size and the text in the clear.
//!
//! # What is not verified
//!
//! Nothing here was tried against Klaviyo itself. Not documented, and therefore not relied on: the
//! longest value of a key-value pair ([`Klaviyo::MAX_BODY`] is cautious), the codes in refusals
//! (only the status is read, and the delay in the text of a 429), which member a refusal of a push
//! token names, and for how long a repeated `unique_id` is known.

mod address;
mod answer;
mod names;
mod request;

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::HeaderValue;
use http::{Response, Uri};
use zeroize::Zeroizing;

use crate::providers::http::{BaseUrl, Http, HttpBuilder, authorization, http_setters};
use crate::seal::{MAX_BODY, MAX_PLAINTEXT};
use crate::{
    Accepted, Capabilities, Error, ErrorKind, ProviderId, PushProvider, Result, SealedMessage,
    Token,
};

pub use self::address::Profile;
pub use self::names::{Metric, PushToken, Revision};

/// Raises events at Klaviyo from which a flow makes pushes; see the [module](self) for the flow,
/// for what accepted means there and for what is kept.
///
/// ```no_run
/// use sealpush::providers::Klaviyo;
/// use sealpush::providers::klaviyo::{Profile, PushToken};
/// use sealpush::{Message, PushProviderExt, Stage, UserAgentKeys};
///
/// # async fn example(
/// #     api_key: String, device_token: String, keys: UserAgentKeys,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// let klaviyo =
///     Klaviyo::builder().api_key(api_key).metric("Sealed message".parse()?).build()?;
/// let profile = Profile::external_id("user-7")?;
/// klaviyo.register(&PushToken::ios(device_token)?, &profile).await?;
///
/// let token = profile.to_token(keys)?;
/// let accepted = klaviyo.send_encrypted(&token, &Message::new("the door is open")).await?;
/// assert_eq!(accepted.stage, Stage::Queued);
/// # Ok(()) }
/// ```
///
/// # Limits
///
/// Bodies of [`MAX_BODY`](Self::MAX_BODY) octets. Klaviyo has no TTL, no urgency and no topic: a
/// message that asks for one is refused with `Configuration`. An account has 350 events in a second
/// and 3500 in a minute.
///
/// Every event carries the message's own [id](SealedMessage::id) as `unique_id`, so that the same
/// [`SealedMessage`] raised twice for a profile is recorded once.
pub struct Klaviyo {
    authorization: HeaderValue,
    events: Uri,
    http: Http,
    metric: Metric,
    push_tokens: Uri,
    revision: Revision,
}

impl Klaviyo {
    /// The provider's name in tokens.
    pub const ID: ProviderId = ProviderId::from_static("klaviyo");

    /// Largest sealed body, in octets: of a text of 2048 octets. In base64url it leaves a quarter
    /// of the 4096 octets that devices take to what the flow adds.
    pub const MAX_BODY: usize = 2048 + (MAX_BODY - MAX_PLAINTEXT);

    /// Starts from the defaults; an API key and a metric are needed.
    pub fn builder() -> KlaviyoBuilder {
        KlaviyoBuilder::default()
    }

    /// Looks at a token as a send would, without a request: at the door, before it is stored.
    ///
    /// # Errors
    ///
    /// As [`Profile::try_from`]: `TokenMismatch`, `InvalidToken`.
    pub fn check(&self, token: &Token) -> Result<()> {
        Profile::try_from(token).map(drop).map_err(|error| error.with_provider(Self::ID))
    }

    /// Adds a device to a profile, for an app without Klaviyo's own library. A token that is there
    /// already is no error. Klaviyo looks at it later, and tells nobody what it found.
    ///
    /// # Errors
    ///
    /// Every [`ErrorKind`] but those about our own tokens: one attempt, as a send.
    pub async fn register(&self, token: &PushToken, profile: &Profile) -> Result<()> {
        let read = async {
            let response = self.ask(&self.push_tokens, request::push_token(token, profile)).await?;
            answer::read_registration(&response, self.http.now())
        };
        read.await.map_err(|error: Error| error.with_provider(Self::ID))
    }

    async fn attempt(&self, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        let profile = Profile::try_from(token)?;
        self.capabilities().check(message)?;
        let event = request::event(&self.metric, &profile, message);
        let response = self.ask(&self.events, event).await?;
        answer::read(&response, self.http.now())
    }

    async fn ask(&self, endpoint: &Uri, body: Bytes) -> Result<Response<Bytes>> {
        let request = request::request(endpoint, &self.authorization, &self.revision, body);
        self.http.send(request).await
    }
}

#[async_trait]
impl PushProvider for Klaviyo {
    fn id(&self) -> ProviderId {
        Self::ID
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(Self::MAX_BODY).with_idempotent()
    }

    async fn send(&self, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        self.attempt(token, message).await.map_err(|error| error.with_provider(Self::ID))
    }
}

impl fmt::Debug for Klaviyo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Klaviyo").field("metric", &self.metric).finish_non_exhaustive()
    }
}

/// Builds a [`Klaviyo`].
#[derive(Default)]
#[must_use]
pub struct KlaviyoBuilder {
    api_key: Option<Zeroizing<String>>,
    base_url: Option<String>,
    http: HttpBuilder,
    metric: Option<Metric>,
    revision: Revision,
}

impl KlaviyoBuilder {
    /// A private key of the account, `pk_...`, with the scope `events:write`; for
    /// [`register`](Klaviyo::register) also `profiles:write` and `push-tokens:write`.
    pub fn api_key(mut self, api_key: impl Into<String>) -> Self {
        self.api_key = Some(Zeroizing::new(api_key.into()));
        self
    }

    /// The metric whose events start the flow.
    pub fn metric(mut self, metric: Metric) -> Self {
        self.metric = Some(metric);
        self
    }

    /// The revision of the API to ask for. Default: the one that this provider was written from.
    pub fn revision(mut self, revision: Revision) -> Self {
        self.revision = revision;
        self
    }

    /// Where Klaviyo is: theirs unless set, or a double.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    http_setters!();

    /// Builds the provider. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// `Configuration` when the API key or the metric is missing, the key cannot stand in a header,
    /// the base URL is none, or TLS cannot be set up.
    pub fn build(self) -> Result<Klaviyo> {
        self.assemble().map_err(|error| error.with_provider(Klaviyo::ID))
    }

    fn assemble(self) -> Result<Klaviyo> {
        let api_key = self.api_key.ok_or_else(|| configuration("the builder has no API key"))?;
        let metric = self.metric.ok_or_else(|| configuration("the builder has no metric"))?;
        let base_url: BaseUrl = self.base_url.as_deref().unwrap_or(BASE_URL).parse()?;
        Ok(Klaviyo {
            authorization: authorization("Klaviyo-API-Key", &api_key)?,
            events: base_url.join("/api/events")?,
            http: self.http.build()?,
            metric,
            push_tokens: base_url.join("/api/push-tokens")?,
            revision: self.revision,
        })
    }
}

impl fmt::Debug for KlaviyoBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KlaviyoBuilder").field("metric", &self.metric).finish_non_exhaustive()
    }
}

fn configuration(message: &'static str) -> Error {
    Error::new(ErrorKind::Configuration, message)
}

const BASE_URL: &str = "https://a.klaviyo.com";
