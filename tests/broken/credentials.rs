//! Providers that get, keep or show a credential as they should not.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use sealpush::{Accepted, Error, ErrorKind, Result, SealedMessage, Token};

use super::sound::{self, Api, Conduct, SECRET, build, content, outcome, request};

/// Seen in: a fallback without a credential while there is none.
#[derive(Debug, Default)]
pub(crate) struct Unsigned(pub(crate) AtomicUsize);

#[async_trait]
impl Conduct for Unsigned {
    async fn exchange(&self, api: &Api, mut request: Request<Bytes>) -> Result<Accepted> {
        if self.0.fetch_add(1, Ordering::Relaxed) > 0 {
            request.headers_mut().remove("authorization");
        }
        let response = api.transport.send(request).await?;
        self.outcome(&response, api.clock.now())
    }
}

/// Seen in: an access token in the query.
#[derive(Debug)]
pub(crate) struct CredentialInAddress;

#[async_trait]
impl Conduct for CredentialInAddress {
    async fn exchange(&self, api: &Api, mut request: Request<Bytes>) -> Result<Accepted> {
        if let Some(value) = request.headers().get("authorization") {
            let text = value.to_str().unwrap().replace(' ', "+");
            let uri = format!("{}?access_token={text}", request.uri());
            *request.uri_mut() = uri.parse().unwrap();
        }
        let response = api.transport.send(request).await?;
        self.outcome(&response, api.clock.now())
    }
}

/// Seen in: a renewal each minute, to be safe.
#[derive(Debug, Default)]
pub(crate) struct RenewedEachMinute(pub(crate) AtomicU64);

#[async_trait]
impl Conduct for RenewedEachMinute {
    async fn access(&self, api: &Api, refused: Option<&HeaderValue>) -> Result<HeaderValue> {
        let minute = api.clock.unix_seconds() / 60;
        if self.0.swap(minute, Ordering::Relaxed) != minute {
            *api.held.lock().await = None;
        }
        sound::access(self, api, refused).await
    }
}

/// Seen in: a secret that goes along, for a push service that may want it.
#[derive(Debug)]
pub(crate) struct SecretTravels;

impl Conduct for SecretTravels {
    fn request(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Request<Bytes>> {
        let mut content = content(message);
        content["client_secret"] = SECRET.into();
        request(api, token, content)
    }
}

/// Seen in: a request body that can be read once.
#[derive(Debug)]
pub(crate) struct BodyLostOnRenewal;

#[async_trait]
impl Conduct for BodyLostOnRenewal {
    async fn attempt(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        let mut request = self.request(api, token, message)?;
        let access = self.access(api, None).await?;
        let mut again = request.clone();
        request.headers_mut().insert("authorization", access.clone());
        match self.exchange(api, request).await {
            Err(error) if error.kind() == ErrorKind::Unauthorized => {
                *again.body_mut() = Bytes::new();
                let access = self.access(api, Some(&access)).await?;
                again.headers_mut().insert("authorization", access);
                self.exchange(api, again).await
            }
            outcome => outcome,
        }
    }
}

/// Seen in: a flag for bad credentials that only a restart clears.
#[derive(Debug, Default)]
pub(crate) struct GivesUpForGood(pub(crate) AtomicBool);

#[async_trait]
impl Conduct for GivesUpForGood {
    async fn attempt(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        if self.0.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Unauthorized, "the credential was refused"));
        }
        let outcome = sound::Sound.attempt(api, token, message).await;
        if matches!(&outcome, Err(error) if error.kind() == ErrorKind::Unauthorized) {
            self.0.store(true, Ordering::Relaxed);
        }
        outcome
    }
}

/// Seen in: 401 and 403 as one class.
#[derive(Debug)]
pub(crate) struct PermissionRenews;

impl Conduct for PermissionRenews {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        outcome(response, now).map_err(|error| match error.status() {
            Some(403) => Error::answered(ErrorKind::Unauthorized, 403, "refused"),
            _ => error,
        })
    }
}

/// Seen in: a look at the expiry before the lock.
#[derive(Debug)]
pub(crate) struct MintsByEachAtExpiry;

#[async_trait]
impl Conduct for MintsByEachAtExpiry {
    async fn access(&self, api: &Api, refused: Option<&HeaderValue>) -> Result<HeaderValue> {
        let expired = match &*api.held.lock().await {
            Some((_, until)) => *until <= api.clock.now(),
            None => false,
        };
        if expired {
            let value = self.mint(api).await?;
            let until = api.clock.now() + sound::LIFETIME;
            *api.held.lock().await = Some((value.clone(), until));
            return Ok(value);
        }
        sound::access(self, api, refused).await
    }
}

/// Seen in: a renewal that does not ask which credential was refused.
#[derive(Debug)]
pub(crate) struct MintsByEachAfterRefusal;

#[async_trait]
impl Conduct for MintsByEachAfterRefusal {
    async fn access(&self, api: &Api, refused: Option<&HeaderValue>) -> Result<HeaderValue> {
        if refused.is_some() {
            *api.held.lock().await = None;
        }
        sound::access(self, api, None).await
    }
}

/// Seen in: a refusal that is tried until it works.
#[derive(Debug)]
pub(crate) struct MintRefusalIsRetryable;

#[async_trait]
impl Conduct for MintRefusalIsRetryable {
    async fn mint(&self, api: &Api) -> Result<HeaderValue> {
        sound::mint(api)
            .await
            .map_err(|_| Error::new(ErrorKind::Unavailable, "the token endpoint has trouble"))
    }
}

/// Seen in: any failure of the token endpoint as a wrong setting.
#[derive(Debug)]
pub(crate) struct MintTroubleIsPermanent;

#[async_trait]
impl Conduct for MintTroubleIsPermanent {
    async fn mint(&self, api: &Api) -> Result<HeaderValue> {
        sound::mint(api).await.map_err(|_| {
            Error::new(ErrorKind::Unauthorized, "the token endpoint refused the secret")
        })
    }
}

/// Seen in: an answer whose member is taken as it is.
#[derive(Debug)]
pub(crate) struct EmptyCredentialUsed;

#[async_trait]
impl Conduct for EmptyCredentialUsed {
    async fn mint(&self, api: &Api) -> Result<HeaderValue> {
        sound::mint(api).await.or_else(|error| match error.to_string().contains("trouble") {
            true => Ok(HeaderValue::from_static("Bearer ")),
            false => Err(error),
        })
    }
}

/// Seen in: one function for every error of the HTTP client.
#[derive(Debug)]
pub(crate) struct MintOutcomeUnknown;

#[async_trait]
impl Conduct for MintOutcomeUnknown {
    async fn mint(&self, api: &Api) -> Result<HeaderValue> {
        sound::mint(api).await.map_err(|error| match error.kind() {
            ErrorKind::Timeout | ErrorKind::Transport => error.with_unknown_outcome(),
            _ => error,
        })
    }
}

/// Seen in: HTTP clients with their defaults, at the token endpoint.
#[derive(Debug)]
pub(crate) struct MintRedirectFollowed;

#[async_trait]
impl Conduct for MintRedirectFollowed {
    async fn mint(&self, api: &Api) -> Result<HeaderValue> {
        let asked =
            || build(&format!("{}/oauth/token", api.base), Bytes::from_static(SECRET.as_bytes()));
        let response = api.transport.send(asked()?).await.map_err(|error| {
            Error::new(error.kind(), "no access token: the token endpoint does not answer")
        })?;
        if let Some(place) =
            response.headers().get("location").and_then(|place| place.to_str().ok())
        {
            let mut again = asked()?;
            *again.uri_mut() = place.parse().unwrap();
            let _ = api.transport.send(again).await;
            return Err(Error::new(ErrorKind::Unauthorized, "the token endpoint moved"));
        }
        sound::granted(api, &response)
    }
}

/// Seen in: the answer of the token endpoint as the text of the error.
#[derive(Debug)]
pub(crate) struct MintAnswerInError;

#[async_trait]
impl Conduct for MintAnswerInError {
    async fn mint(&self, api: &Api) -> Result<HeaderValue> {
        let asked =
            build(&format!("{}/oauth/token", api.base), Bytes::from_static(SECRET.as_bytes()))?;
        let response = api.transport.send(asked).await.map_err(|error| {
            Error::new(error.kind(), "no access token: the token endpoint does not answer")
        })?;
        sound::granted(api, &response).map_err(|error| {
            let text: String = String::from_utf8_lossy(response.body()).chars().take(300).collect();
            Error::new(error.kind(), text)
        })
    }
}

/// Seen in: a flag of distrust that nobody takes down.
#[derive(Debug, Default)]
pub(crate) struct RenewsForGood(pub(crate) AtomicBool);

#[async_trait]
impl Conduct for RenewsForGood {
    async fn access(&self, api: &Api, refused: Option<&HeaderValue>) -> Result<HeaderValue> {
        if refused.is_some() {
            self.0.store(true, Ordering::Relaxed);
        }
        if self.0.load(Ordering::Relaxed) {
            *api.held.lock().await = None;
        }
        sound::access(self, api, refused).await
    }
}

/// Seen in: a request that is made anew after a renewal, with less.
#[derive(Debug)]
pub(crate) struct OptionsLostOnRenewal;

#[async_trait]
impl Conduct for OptionsLostOnRenewal {
    async fn attempt(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        let mut request = self.request(api, token, message)?;
        let access = self.access(api, None).await?;
        request.headers_mut().insert("authorization", access.clone());
        match self.exchange(api, request).await {
            Err(error) if error.kind() == ErrorKind::Unauthorized => {
                let plain = message.clone().with_ttl(sealpush::Ttl::default());
                let mut again = self.request(api, token, &plain)?;
                let access = self.access(api, Some(&access)).await?;
                again.headers_mut().insert("authorization", access);
                self.exchange(api, again).await
            }
            outcome => outcome,
        }
    }
}

/// Seen in: expiry by the system's clock, or by a timer.
#[derive(Debug, Default)]
pub(crate) struct ExpiryByAnotherClock(std::sync::Mutex<Option<(std::time::Instant, HeaderValue)>>);

#[async_trait]
impl Conduct for ExpiryByAnotherClock {
    async fn access(&self, api: &Api, refused: Option<&HeaderValue>) -> Result<HeaderValue> {
        let held = self.0.lock().unwrap().clone();
        if let Some((since, value)) = held
            && since.elapsed() < sound::LIFETIME
            && Some(&value) != refused
        {
            return Ok(value);
        }
        let value = sound::access(self, api, refused).await?;
        *self.0.lock().unwrap() = Some((std::time::Instant::now(), value.clone()));
        Ok(value)
    }
}
