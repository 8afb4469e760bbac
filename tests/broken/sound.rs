//! A small provider without a flaw, made of steps that a broken one replaces.
//!
//! Its push service takes `POST /v1/channels/{channel}` with JSON, and gives out access tokens for
//! an hour at `POST /oauth/token`, which travel with the origin that they are meant for.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use sealpush::clock::Clock;
use sealpush::transport::{Transport, retry_after};
use sealpush::{
    Accepted, Capabilities, Error, ErrorKind, MessageId, ProviderId, PushProvider, Result,
    SealedMessage, Token,
};
use serde_json::{Value, json};
use tokio::sync::Mutex;

/// What a provider does; every default is right.
#[async_trait]
pub(crate) trait Conduct: fmt::Debug + Sized + Send + Sync + 'static {
    fn id(&self) -> ProviderId {
        ID
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(MAX_BODY).with_ttl().with_urgency().with_topic()
    }

    fn named(&self, error: Error) -> Error {
        error.with_provider(ID)
    }

    fn check(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<()> {
        let _ = api;
        token.require(&ID)?;
        self.capabilities().check(message)
    }

    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        request(api, token, content(message))
    }

    /// A usable access token, other than a refused one.
    async fn access(&self, api: &Api, refused: Option<&HeaderValue>) -> Result<HeaderValue> {
        access(self, api, refused).await
    }

    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        outcome(response, now)
    }

    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        let response = api.transport.send(request).await?;
        self.outcome(&response, api.clock.now())
    }

    async fn mint(&self, api: &Api) -> Result<HeaderValue> {
        mint(api).await
    }

    async fn attempt(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        attempt(self, api, token, message).await
    }
}

/// Conduct without a flaw.
#[derive(Debug)]
pub(crate) struct Sound;

impl Conduct for Sound {}

/// The provider: a conduct and what it works with.
pub(crate) struct Provider<C> {
    pub(crate) conduct: C,
    pub(crate) api: Api,
}

pub(crate) struct Api {
    pub(crate) base: String,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) held: Mutex<Option<(HeaderValue, SystemTime)>>,
}

impl<C: Conduct> fmt::Debug for Provider<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("conduct", &self.conduct).finish_non_exhaustive()
    }
}

#[async_trait]
impl<C: Conduct> PushProvider for Provider<C> {
    fn id(&self) -> ProviderId {
        self.conduct.id()
    }

    fn capabilities(&self) -> Capabilities {
        self.conduct.capabilities()
    }

    async fn send(&self, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        let sent = async {
            self.conduct.check(&self.api, token, message)?;
            self.conduct.attempt(&self.api, token, message).await
        };
        sent.await.map_err(|error| self.conduct.named(error))
    }
}

pub(crate) fn content(message: &SealedMessage) -> Value {
    json!({
        "data": URL_SAFE_NO_PAD.encode(message.body()),
        "ttl": message.ttl().as_secs(),
        "urgency": message.urgency().as_str(),
        "replaces": message.topic().map(|topic| topic.as_str()),
        "shown": message.placeholder().as_str(),
    })
}

pub(crate) fn channel(token: &Token) -> Result<&str> {
    let valid = |name: &&str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric());
    token
        .expose("channel")
        .filter(valid)
        .ok_or_else(|| Error::new(ErrorKind::InvalidToken, "the token has no channel"))
}

pub(crate) fn request(api: &Api, token: &Token, content: Value) -> Result<Request<Bytes>> {
    let url = format!("{}/v1/channels/{}", api.base, channel(token)?);
    build(&url, content.to_string().into())
}

pub(crate) fn build(url: &str, body: Bytes) -> Result<Request<Bytes>> {
    Request::post(url)
        .header("content-type", "application/json")
        .body(body)
        .map_err(|_| Error::new(ErrorKind::InvalidToken, "the channel makes no address"))
}

pub(crate) async fn attempt(
    conduct: &impl Conduct,
    api: &Api,
    token: &Token,
    message: &SealedMessage,
) -> Result<Accepted> {
    let mut request = conduct.request(api, token, message)?;
    let access = conduct.access(api, None).await?;
    let mut again = request.clone();
    request.headers_mut().insert("authorization", access.clone());
    match conduct.exchange(api, request).await {
        Err(error) if error.kind() == ErrorKind::Unauthorized => {
            let access = conduct.access(api, Some(&access)).await?;
            again.headers_mut().insert("authorization", access);
            conduct.exchange(api, again).await
        }
        outcome => outcome,
    }
}

pub(crate) async fn access(
    conduct: &impl Conduct,
    api: &Api,
    refused: Option<&HeaderValue>,
) -> Result<HeaderValue> {
    let now = api.clock.now();
    let mut held = api.held.lock().await;
    if let Some((value, until)) = &*held
        && *until > now
        && Some(value) != refused
    {
        return Ok(value.clone());
    }
    let value = conduct.mint(api).await?;
    // A clock at the end of time keeps no access token.
    *held = now.checked_add(LIFETIME).map(|until| (value.clone(), until));
    Ok(value)
}

/// Fetches an access token. Whatever goes wrong, no message was sent.
pub(crate) async fn mint(api: &Api) -> Result<HeaderValue> {
    let request =
        build(&format!("{}/oauth/token", api.base), Bytes::from_static(SECRET.as_bytes()))?;
    let response = api.transport.send(request).await.map_err(|error| {
        Error::new(error.kind(), "no access token: the token endpoint does not answer")
    })?;
    granted(api, &response)
}

/// The access token in the answer of the token endpoint.
pub(crate) fn granted(api: &Api, response: &Response<Bytes>) -> Result<HeaderValue> {
    let status = response.status().as_u16();
    let text = serde_json::from_slice::<Value>(response.body()).ok();
    let text = text.as_ref().and_then(|answer| answer.get("access_token")?.as_str());
    match (status, text) {
        (200, Some(text)) if !text.is_empty() => {
            let value = HeaderValue::from_str(&format!("Bearer {text}.{}", audience(&api.base)));
            let mut value = value.map_err(|_| {
                Error::new(ErrorKind::Unavailable, "the access token is no field value")
            })?;
            value.set_sensitive(true);
            Ok(value)
        }
        (200 | 429 | 500..=599, _) => {
            Err(Error::new(ErrorKind::Unavailable, "the token endpoint has trouble"))
        }
        _ => Err(Error::new(ErrorKind::Unauthorized, "the token endpoint refused the secret")),
    }
}

/// How the origin that an access token is meant for travels with it.
pub(crate) fn audience(origin: &str) -> String {
    URL_SAFE_NO_PAD.encode(origin)
}

pub(crate) fn outcome(response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
    let status = response.status().as_u16();
    let answer: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    let word = answer.get("error").and_then(Value::as_str);
    let (kind, fact) = match (status, word) {
        (200..=299, None) => {
            let id = answer.get("id").and_then(Value::as_str).map(str::to_owned);
            return id.map(|id| Accepted::new(ID).with_message_id(MessageId::from(id))).ok_or_else(
                || {
                    let text = "accepted, but the answer has no id";
                    Error::answered(ErrorKind::UnexpectedResponse, status, text)
                },
            );
        }
        (_, Some("channel_gone")) => (ErrorKind::Expired, "the channel is gone"),
        (_, Some("other_sender")) => (ErrorKind::TokenMismatch, "the channel has another sender"),
        (403, Some("no_permission")) => (ErrorKind::Rejected, "the account may not do this"),
        (401 | 403, _) => (ErrorKind::Unauthorized, "the access token was refused"),
        (408 | 500..=599, _) => (ErrorKind::Unavailable, "the push service has trouble"),
        (413, _) => (ErrorKind::PayloadTooLarge, "the message is too large"),
        (429, _) => (ErrorKind::RateLimited, "the push service asked to slow down"),
        _ => (ErrorKind::Rejected, "the push service refused the message"),
    };
    Err(Error::answered(kind, status, fact).with_retry_after(retry_after(response.headers(), now)))
}

pub(crate) const ID: ProviderId = ProviderId::from_static("channels");
pub(crate) const MAX_BODY: usize = 3000;
pub(crate) const LIFETIME: Duration = Duration::from_secs(3600);
pub(crate) const SECRET: &str = "client-secret-9vXq2LkT7wZr";
