//! Web Push: RFC 8030 with VAPID (RFC 8292), to browsers and UnifiedPush distributors.
//!
//! The token is the browser's `PushSubscription.toJSON()` as it is. The push services are told
//! apart by their address, and what is particular to each is in two places: what a request needs
//! in `request`, what an answer means in `answer`.
//!
//! | service | particular |
//! |---|---|
//! | Apple | TTL of 1 second to 30 days, a `reason`; a new VAPID header at most once an hour |
//! | Google | TTL up to 28 days, refusals in plain text |
//! | Microsoft | `X-WNS-Cache-Policy` for a TTL of 0, 406 as a rate limit, answers in header fields |
//! | Mozilla | TTL up to 30 days, an `errno` |
//! | ntfy | 200 with JSON, 507, a `code`, never `Retry-After` |
//! | any other | RFC 8030 by the status |

mod address;
mod answer;
mod import;
mod key;
mod request;
mod service;
mod subject;
#[cfg(test)]
mod tests;
mod vapid;

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, Request};

use crate::providers::http::{Http, HttpBuilder, http_setters};
use crate::transport::retry_after;
use crate::{
    Accepted, Capabilities, Error, ProviderId, PushProvider, Result, SealedMessage, Token,
};

use self::service::Service;
use self::vapid::{Signer, Signers};

pub use self::address::PushResource;
pub use self::key::VapidKey;
pub use self::subject::Subject;
pub use self::vapid::VapidKeys;

/// Sends to push resources of any push service that follows RFC 8030.
///
/// One send is one request, and one more where a VAPID header that was signed earlier is refused
/// (401, 403): it is signed anew once.
///
/// A request carries the header fields of the standards and none of the caller's: one that a push
/// service does not know changes nothing, and one that it knows is an option of the message.
///
/// ```no_run
/// # async fn example(token: sealpush::Token) -> sealpush::Result<()> {
/// use sealpush::providers::WebPush;
/// use sealpush::providers::webpush::{VapidKey, VapidKeys};
/// use sealpush::{Message, PushProviderExt};
///
/// let key = VapidKey::from_base64(&std::env::var("VAPID_PRIVATE_KEY").unwrap_or_default())?;
/// let keys = VapidKeys::new("mailto:ops@push-demo.dev".parse()?, key);
/// let web_push = WebPush::builder().vapid(keys).build()?;
/// web_push.send_encrypted(&token, &Message::new("hello")).await?;
/// # Ok(()) }
/// ```
pub struct WebPush {
    http: Http,
    signers: Signers,
}

impl WebPush {
    /// The provider's name in tokens; a token that names none is one of this provider.
    pub const ID: ProviderId = ProviderId::from_static("webpush");

    /// Largest body that every push service takes, in octets (RFC 8030 §7.2).
    pub const MAX_BODY: usize = 4096;

    /// Starts with the defaults: no VAPID, the public internet, the system's clock.
    pub fn builder() -> WebPushBuilder {
        WebPushBuilder::default()
    }

    /// Looks at a token as a send would, without a request: at the door, before it is stored.
    ///
    /// # Errors
    ///
    /// `TokenMismatch` for a token of another provider, or of a VAPID key that is not configured;
    /// `Configuration` for keys without a contact ([`VapidKeys::for_loopback`]) and a token of
    /// another computer;
    /// `InvalidToken` for one that names no push resource; `Expired` for an address that leads
    /// nowhere; `Blocked` where the guard refuses the URL. What the URL's name resolves to is seen
    /// when it is sent to.
    pub fn check(&self, token: &Token) -> Result<()> {
        let look = || {
            let resource = self.resource(token)?;
            self.http.check(resource.endpoint())?;
            self.signers.of(token, resource.endpoint().origin()).map(drop)
        };
        look().map_err(|error| error.with_provider(Self::ID))
    }

    /// The request that a send would make, signed, for an application that sends it by itself: with
    /// a client of its own, or from another machine. The guard does not see it.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check); `PayloadTooLarge` for a body over [`MAX_BODY`](Self::MAX_BODY).
    ///
    /// ```
    /// # #[cfg(all(feature = "aws-lc", feature = "hyper"))] {
    /// use sealpush::providers::WebPush;
    /// use sealpush::{Message, Token};
    ///
    /// # let token: Token = r#"{"endpoint": "https://push.example.net/p/JzLQ3raZ", "keys": {
    /// #     "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    /// #     "auth": "BTBZMqHH6r4Tts7J_aSIgg" } }"#.parse()?;
    /// let web_push = WebPush::builder().build()?;
    /// let message = Message::new("hello").seal(token.keys(), WebPush::MAX_BODY)?;
    /// let request = web_push.request(&token, &message)?;
    /// assert_eq!(request.headers()["content-encoding"], "aes128gcm");
    /// # } Ok::<_, sealpush::Error>(())
    /// ```
    pub fn request(&self, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let make = || {
            self.capabilities().check(message)?;
            let resource = self.resource(token)?;
            let header = match self.signers.of(token, resource.endpoint().origin())? {
                Some(signer) => {
                    Some(signer.authorization(resource.origin(), self.http.unix_seconds())?)
                }
                None => None,
            };
            Ok(request::request(&resource, message, header.as_ref()))
        };
        make().map_err(|error: Error| error.with_provider(Self::ID))
    }

    fn resource(&self, token: &Token) -> Result<PushResource> {
        token.require(&Self::ID)?;
        PushResource::try_from(token)
    }

    async fn attempt(&self, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        let resource = self.resource(token)?;
        self.capabilities().check(message)?;
        let Some(signer) = self.signers.of(token, resource.endpoint().origin())? else {
            return self.exchange(&resource, message, None).await?.0;
        };
        let header = signer.authorization(resource.origin(), self.http.unix_seconds())?;
        let (outcome, about_vapid) = self.exchange(&resource, message, Some(&header)).await?;
        if !about_vapid {
            return outcome;
        }
        match self.replacement(signer, &resource, &header)? {
            Some(header) => self.exchange(&resource, message, Some(&header)).await?.0,
            None => outcome,
        }
    }

    /// The outcome, and whether it is that the push service refused the header it got.
    async fn exchange(
        &self,
        resource: &PushResource,
        message: &SealedMessage,
        authorization: Option<&HeaderValue>,
    ) -> Result<(Result<Accepted>, bool)> {
        let request = request::request(resource, message, authorization);
        let response = self.http.send(request).await?;
        let service = resource.service();
        Ok(match answer::read(service, message, &response) {
            Ok(accepted) => (Ok(accepted), false),
            Err(refusal) => {
                let about_vapid = refusal.credential_refused;
                let delay = retry_after(response.headers(), self.http.now());
                let status = response.status();
                (Err(refusal.into_error(service.name(), status, delay)), about_vapid)
            }
        })
    }

    /// A new header in place of one that was refused.
    fn replacement(
        &self,
        signer: &Signer,
        resource: &PushResource,
        refused: &HeaderValue,
    ) -> Result<Option<HeaderValue>> {
        let age = if resource.service() == Service::Apple { APPLE_LEAST_AGE } else { 0 };
        signer.replace(refused, age, resource.origin(), self.http.unix_seconds())
    }
}

#[async_trait]
impl PushProvider for WebPush {
    fn id(&self) -> ProviderId {
        Self::ID
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(Self::MAX_BODY).with_ttl().with_urgency().with_topic()
    }

    async fn send(&self, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        self.attempt(token, message).await.map_err(|error| error.with_provider(Self::ID))
    }
}

impl fmt::Debug for WebPush {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebPush").field("http", &self.http).finish_non_exhaustive()
    }
}

/// Builds a [`WebPush`].
#[derive(Debug, Default)]
#[must_use]
pub struct WebPushBuilder {
    http: HttpBuilder,
    vapid: Option<VapidKeys>,
}

impl WebPushBuilder {
    /// Signs with these keys. Without any, requests go out without `Authorization`, which most
    /// push services refuse.
    pub fn vapid(mut self, keys: VapidKeys) -> Self {
        self.vapid = Some(keys);
        self
    }

    http_setters!();

    /// Builds the provider. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// `Configuration` when TLS cannot be set up or no transport is compiled in; never with a
    /// transport of the caller's own.
    pub fn build(self) -> Result<WebPush> {
        let http = self.http.build().map_err(|error| error.with_provider(WebPush::ID))?;
        Ok(WebPush { http, signers: self.vapid.map(Signers::from).unwrap_or_default() })
    }
}

/// Apple asks for no more than one new VAPID header an hour, in seconds.
const APPLE_LEAST_AGE: u64 = 3600;
