//! Providers that read an answer as they should not.

use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use sealpush::{Accepted, Error, ErrorKind, MessageId, ProviderId, Result, SealedMessage, Token};

use super::outcomes::with_kind;
use super::sound::{Api, Conduct, ID, outcome};

/// Seen in: success as 200 and nothing else.
#[derive(Debug)]
pub(crate) struct OnlyStatus200;

impl Conduct for OnlyStatus200 {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        if response.status().as_u16() == 202 {
            return Err(Error::answered(ErrorKind::Rejected, 202, "not 200"));
        }
        outcome(response, now)
    }
}

/// Seen in: a missing permission as the end of the subscription.
#[derive(Debug)]
pub(crate) struct ForbiddenIsDead;

impl Conduct for ForbiddenIsDead {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        outcome(response, now).map_err(|error| match (error.status(), error.kind()) {
            (Some(403), ErrorKind::Rejected) => Error::answered(ErrorKind::Expired, 403, "gone"),
            _ => error,
        })
    }
}

/// Seen in: errors without the status.
#[derive(Debug)]
pub(crate) struct StatusForgotten;

impl Conduct for StatusForgotten {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        outcome(response, now).map_err(|error| {
            Error::new(error.kind(), "the push service refused")
                .with_retry_after(error.retry_after())
        })
    }
}

/// Seen in: a column of 8 characters for names.
#[derive(Debug)]
pub(crate) struct IdCut;

impl Conduct for IdCut {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        let id = |id: &sealpush::MessageId| id.expose().chars().take(8).collect::<String>();
        outcome(response, now).map(|accepted| {
            let cut = accepted.message_id.as_ref().map(id).map(MessageId::from);
            accepted.with_message_id(cut)
        })
    }
}

/// Seen in: a name that is kept for the connection.
#[derive(Debug, Default)]
pub(crate) struct IdKept(pub(crate) std::sync::Mutex<Option<Option<MessageId>>>);

impl Conduct for IdKept {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        outcome(response, now).map(|accepted| {
            let first = self.0.lock().unwrap().get_or_insert(accepted.message_id.clone()).clone();
            accepted.with_message_id(first)
        })
    }
}

/// Seen in: a name in a member of the client, read after an await.
#[derive(Debug, Default)]
pub(crate) struct IdShared(pub(crate) std::sync::Mutex<Option<MessageId>>);

#[async_trait]
impl Conduct for IdShared {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        let response = api.transport.send(request).await?;
        let accepted = self.outcome(&response, api.clock.now())?;
        *self.0.lock().unwrap() = accepted.message_id.clone();
        tokio::task::yield_now().await;
        let last = self.0.lock().unwrap().clone();
        Ok(accepted.with_message_id(last))
    }
}

/// Seen in: a search for words in whatever was answered.
#[derive(Debug)]
pub(crate) struct WordsInThePage;

impl Conduct for WordsInThePage {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        outcome(response, now).map_err(|error| {
            let text = String::from_utf8_lossy(response.body()).to_lowercase();
            match error.status() {
                Some(status @ 400..=499) if text.contains("not found") || text.contains("gone") => {
                    Error::answered(ErrorKind::Expired, status, "the channel is gone")
                }
                _ => error,
            }
        })
    }
}

/// Seen in: a retry of everything that is no success.
#[derive(Debug)]
pub(crate) struct EveryRefusalIsRetried;

impl Conduct for EveryRefusalIsRetried {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        outcome(response, now).map_err(|error| match error.kind() {
            ErrorKind::Rejected => with_kind(error, ErrorKind::Unavailable),
            _ => error,
        })
    }
}

/// Seen in: a redirect as trouble that passes.
#[derive(Debug)]
pub(crate) struct RedirectIsRetried;

impl Conduct for RedirectIsRetried {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        outcome(response, now).map_err(|error| match error.status() {
            Some(300..=399) => with_kind(error, ErrorKind::Unavailable),
            _ => error,
        })
    }
}

/// Seen in: one class for all errors after the request went out.
#[derive(Debug)]
pub(crate) struct EveryOutcomeUnknown;

impl Conduct for EveryOutcomeUnknown {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        outcome(response, now).map_err(Error::with_unknown_outcome)
    }
}

/// Seen in: a gateway's word as the push service's own.
#[derive(Debug)]
pub(crate) struct GatewayIsKnown;

impl Conduct for GatewayIsKnown {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        outcome(response, now).map_err(|error| match error.status() {
            Some(502 | 504) => Error::new(ErrorKind::Unavailable, "the push service has trouble")
                .with_retry_after(error.retry_after()),
            _ => error,
        })
    }
}

/// Seen in: a success of another number as a failure.
#[derive(Debug)]
pub(crate) struct OtherSuccessIsRetried;

impl Conduct for OtherSuccessIsRetried {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        match response.status().as_u16() {
            201 | 203..=299 => Err(Error::answered(ErrorKind::Unavailable, 500, "no success")),
            _ => outcome(response, now),
        }
    }
}

/// Seen in: fields that are taken for text.
#[derive(Debug)]
pub(crate) struct FieldUnwrapped;

impl Conduct for FieldUnwrapped {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        if let Some(value) = response.headers().get("x-request-id") {
            let _id = value.to_str().expect("fields are text");
        }
        outcome(response, now)
    }
}

/// Seen in: a delay that is read for 429 only.
#[derive(Debug)]
pub(crate) struct DelayOn429Only;

impl Conduct for DelayOn429Only {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        outcome(response, now).map_err(|error| match error.kind() {
            ErrorKind::Unavailable => error.with_retry_after(None),
            _ => error,
        })
    }
}

/// Seen in: the wrong class for 401.
#[derive(Debug)]
pub(crate) struct WrongKeyIsRejected;

impl Conduct for WrongKeyIsRejected {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        outcome(response, now).map_err(|error| match error.status() {
            Some(401) => with_kind(error, ErrorKind::Rejected),
            _ => error,
        })
    }
}

/// Seen in: a field in the cause of an error.
#[derive(Debug)]
pub(crate) struct FieldInTheCause;

impl Conduct for FieldInTheCause {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        outcome(response, now).map_err(|error| {
            let fields = response.headers().values();
            let text: Vec<_> = fields
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
                .collect();
            error.with_source(text.join(", "))
        })
    }
}

/// Seen in: HTTP clients with a jar for cookies.
#[derive(Debug, Default)]
pub(crate) struct CookieKept(pub(crate) std::sync::Mutex<Option<http::HeaderValue>>);

#[async_trait]
impl Conduct for CookieKept {
    async fn exchange(&self, api: &Api, mut request: Request<Bytes>) -> Result<Accepted> {
        if let Some(cookie) = self.0.lock().unwrap().clone() {
            request.headers_mut().insert("cookie", cookie);
        }
        let response = api.transport.send(request).await?;
        *self.0.lock().unwrap() = response.headers().get("set-cookie").cloned();
        self.outcome(&response, api.clock.now())
    }
}

/// Seen in: an error that is made without its name.
#[derive(Debug)]
pub(crate) struct NameForgotten;

impl Conduct for NameForgotten {
    fn named(&self, error: Error) -> Error {
        match error.kind() {
            ErrorKind::PayloadTooLarge => error,
            _ => error.with_provider(ID),
        }
    }
}

/// Seen in: an acceptance under the name of a parent company.
#[derive(Debug)]
pub(crate) struct AcceptedByAnother;

impl Conduct for AcceptedByAnother {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        outcome(response, now).map(|mut accepted| {
            accepted.provider = ProviderId::from_static("another");
            accepted
        })
    }
}

/// Seen in: an acceptance under the name of the account.
#[derive(Debug)]
pub(crate) struct AcceptedByTheChannel;

#[async_trait]
impl Conduct for AcceptedByTheChannel {
    async fn attempt(&self, api: &Api, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        let mut accepted = super::sound::Sound.attempt(api, token, message).await?;
        accepted.provider = super::sound::channel(token)?.parse()?;
        Ok(accepted)
    }
}

/// Seen in: a reader that knows every refusal but this one.
#[derive(Debug)]
pub(crate) struct GoneIsRejected;

impl Conduct for GoneIsRejected {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        outcome(response, now).map_err(|error| match error.kind() {
            ErrorKind::Expired => with_kind(error, ErrorKind::Rejected),
            _ => error,
        })
    }
}
