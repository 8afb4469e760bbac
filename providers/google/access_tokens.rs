//! One access token for all sends, renewed before it ends, by one request at a time.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use tokio::sync::Mutex;

use crate::transport::Transport;
use crate::{Error, ErrorKind, Result};

use super::{AccessToken, Credentials};

/// Keeps the access token of one set of credentials.
pub(in crate::providers) struct AccessTokenCache {
    credentials: Box<dyn Credentials>,
    current: RwLock<Option<Held>>,
    /// Held while an access token is obtained, with how the last request for one ended.
    flight: Mutex<()>,
    landed: RwLock<Landed>,
}

impl AccessTokenCache {
    pub(in crate::providers) fn new(credentials: Box<dyn Credentials>) -> Self {
        Self {
            credentials,
            current: RwLock::default(),
            flight: Mutex::default(),
            landed: RwLock::default(),
        }
    }

    /// An access token that is good for another few minutes.
    ///
    /// # Errors
    ///
    /// As [`Credentials::access_token`], but never with an unknown outcome and never saying that a
    /// token is dead: no message was sent.
    pub(in crate::providers) async fn get(
        &self,
        transport: &dyn Transport,
        now: SystemTime,
    ) -> Result<Arc<AccessToken>> {
        self.get_but(None, transport, now).await
    }

    /// Another access token than the one that was refused: one that somebody else has obtained
    /// meanwhile, or a new one. `None` when the refused one was itself a replacement made within
    /// [`PAUSE`]: then the credentials are refused, and another would be too.
    pub(in crate::providers) async fn replace(
        &self,
        refused: &Arc<AccessToken>,
        transport: &dyn Transport,
        now: SystemTime,
    ) -> Result<Option<Arc<AccessToken>>> {
        if let Some(held) = &*read(&self.current) {
            let young = now < held.obtained_at.checked_add(PAUSE).unwrap_or(now);
            if Arc::ptr_eq(&held.token, refused) && held.is_replacement && young {
                return Ok(None);
            }
        }
        self.get_but(Some(refused), transport, now).await.map(Some)
    }

    async fn get_but(
        &self,
        refused: Option<&Arc<AccessToken>>,
        transport: &dyn Transport,
        now: SystemTime,
    ) -> Result<Arc<AccessToken>> {
        if let Some(token) = self.usable(refused, now) {
            return Ok(token);
        }
        let before = read(&self.landed).count;
        let _flight = self.flight.lock().await;
        if let Some(token) = self.usable(refused, now) {
            return Ok(token);
        }
        // A request that failed while this one waited has answered for it too. Otherwise a
        // thousand sends would ask a token endpoint in trouble one after the other.
        if let Landed { count, failure: Some(failure) } = &*read(&self.landed)
            && *count != before
        {
            return Err(failure.to_error());
        }
        let obtained = self.credentials.access_token(transport, now).await;
        let obtained = obtained.map_err(|error| Failure::of(&error));
        let mut landed = self.landed.write().unwrap_or_else(PoisonError::into_inner);
        landed.count = landed.count.wrapping_add(1);
        landed.failure = obtained.as_ref().err().cloned();
        drop(landed);
        let token = Arc::new(obtained.map_err(|failure| failure.to_error())?);
        let held = Held::new(Arc::clone(&token), now, refused.is_some());
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(held);
        Ok(token)
    }

    fn usable(
        &self,
        refused: Option<&Arc<AccessToken>>,
        now: SystemTime,
    ) -> Option<Arc<AccessToken>> {
        let current = read(&self.current);
        let held = current.as_ref().filter(|held| now < held.renew_at)?;
        match refused {
            Some(refused) if Arc::ptr_eq(refused, &held.token) => None,
            _ => Some(Arc::clone(&held.token)),
        }
    }
}

impl fmt::Debug for AccessTokenCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.credentials.fmt(f)
    }
}

struct Held {
    token: Arc<AccessToken>,
    obtained_at: SystemTime,
    renew_at: SystemTime,
    is_replacement: bool,
}

impl Held {
    fn new(token: Arc<AccessToken>, now: SystemTime, is_replacement: bool) -> Self {
        let lifetime = token.expires_at().duration_since(now).unwrap_or(Duration::ZERO);
        // One that lives for minutes only is used for half of them, not renewed for every send.
        let renew_at = now.checked_add(lifetime - MARGIN.min(lifetime / 2)).unwrap_or(now);
        Self { token, obtained_at: now, renew_at, is_replacement }
    }
}

/// How the last request for an access token ended, and how many ended before.
#[derive(Default)]
struct Landed {
    count: u64,
    failure: Option<Failure>,
}

/// An error that can be told to everyone who waited.
#[derive(Clone)]
struct Failure {
    kind: ErrorKind,
    message: String,
    retry_after: Option<Duration>,
}

impl Failure {
    fn of(error: &Error) -> Self {
        let kind = match error.kind() {
            kind @ (ErrorKind::Blocked
            | ErrorKind::Configuration
            | ErrorKind::RateLimited
            | ErrorKind::Timeout
            | ErrorKind::Transport
            | ErrorKind::Unauthorized
            | ErrorKind::Unavailable) => kind,
            ErrorKind::UnexpectedResponse => ErrorKind::Unavailable,
            // What is left speaks of a message or its token, and there was none.
            _ => ErrorKind::Unauthorized,
        };
        Self { kind, message: error.to_string(), retry_after: error.retry_after() }
    }

    fn to_error(&self) -> Error {
        let message = match self.message.strip_prefix(PREFIX) {
            Some(_) => self.message.clone(),
            None => format!("{PREFIX}{}", self.message),
        };
        Error::new(self.kind, message).with_retry_after(self.retry_after)
    }
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    // Every value is whole after each statement, so a panic elsewhere does not spoil it.
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

const PREFIX: &str = "no access token: ";

/// How long before its end an access token is renewed: 3 min 45 s, as in Google's own clients.
const MARGIN: Duration = Duration::from_secs(225);

/// How long nothing is asked for after a replacement was refused.
const PAUSE: Duration = Duration::from_secs(60);
