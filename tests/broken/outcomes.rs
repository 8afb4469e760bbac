//! Providers that misread answers.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use sealpush::{Accepted, Error, ErrorKind, Result};
use serde_json::Value;

use super::sound::{Api, Conduct, ID, outcome};

/// Seen in: senders that delete a subscription on any error of the client's.
#[derive(Debug)]
pub(crate) struct Every4xxIsDead;

impl Conduct for Every4xxIsDead {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        outcome(response, now).map_err(|error| match error.status() {
            Some(400..=499) => with_kind(error, ErrorKind::Expired),
            _ => error,
        })
    }
}

/// Seen in: an outage of the push service that emptied a table of subscriptions.
#[derive(Debug)]
pub(crate) struct TroubleIsDead;

impl Conduct for TroubleIsDead {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        outcome(response, now).map_err(|error| match error.kind() {
            ErrorKind::Unavailable => with_kind(error, ErrorKind::Expired),
            _ => error,
        })
    }
}

/// Seen in: a deployment with another VAPID key that deleted every subscription.
#[derive(Debug)]
pub(crate) struct MismatchIsDead;

impl Conduct for MismatchIsDead {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        outcome(response, now).map_err(|error| match error.kind() {
            ErrorKind::TokenMismatch => with_kind(error, ErrorKind::Expired),
            _ => error,
        })
    }
}

/// Seen in: clients that read `Retry-After` for 503 only.
#[derive(Debug)]
pub(crate) struct DelayDropped;

impl Conduct for DelayDropped {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        outcome(response, now).map_err(|error| match error.kind() {
            ErrorKind::RateLimited => error.with_retry_after(None),
            _ => error,
        })
    }
}

/// Seen in: clients that parse `Retry-After` as a number and nothing else.
#[derive(Debug)]
pub(crate) struct DelayInSecondsOnly;

impl Conduct for DelayInSecondsOnly {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        outcome(response, now).map_err(|error| {
            let value = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
            let seconds = value.and_then(|value| value.parse().ok()).map(Duration::from_secs);
            error.with_retry_after(seconds)
        })
    }
}

/// Seen in: clients of vendors that answer 200 with the errors in the body.
#[derive(Debug)]
pub(crate) struct SuccessByStatus;

impl Conduct for SuccessByStatus {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        if response.status().is_success() { Ok(Accepted::new(ID)) } else { outcome(response, now) }
    }
}

/// Seen in: clients that expect JSON from whatever answers on the way.
#[derive(Debug)]
pub(crate) struct PanicsWithoutJson;

impl Conduct for PanicsWithoutJson {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        serde_json::from_slice::<Value>(response.body()).expect("the push service answers JSON");
        outcome(response, now)
    }
}

/// Seen in: clients that turn a decoding error of a success into a retry.
#[derive(Debug)]
pub(crate) struct GarbageIsRetried;

impl Conduct for GarbageIsRetried {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        outcome(response, now).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedResponse => with_kind(error, ErrorKind::Unavailable),
            _ => error,
        })
    }
}

/// Seen in: clients that map every error of the HTTP client to one of their own.
#[derive(Debug)]
pub(crate) struct TimeoutIsKnown;

#[async_trait]
impl Conduct for TimeoutIsKnown {
    async fn exchange(&self, api: &Api, request: Request<Bytes>) -> Result<Accepted> {
        let response = api.transport.send(request).await;
        let response = response.map_err(|error| Error::new(error.kind(), "the request failed"))?;
        self.outcome(&response, api.clock.now())
    }
}

/// Seen in: subtracting a date from the time of day, and adding a delay to it.
#[derive(Debug)]
pub(crate) struct DelayOverflows;

impl Conduct for DelayOverflows {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        let value = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        if let Some(seconds) = value.and_then(|value| value.parse().ok()) {
            let _next = now + Duration::from_secs(seconds);
        }
        outcome(response, now)
    }
}

pub(crate) fn with_kind(error: Error, kind: ErrorKind) -> Error {
    Error::answered(kind, error.status().unwrap_or_default(), "the push service refused")
        .with_retry_after(error.retry_after())
}

/// Seen in: a date that is read as a length of time.
#[derive(Debug)]
pub(crate) struct DateFromTheEpoch;

impl Conduct for DateFromTheEpoch {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        outcome(response, now).map_err(|error| match response.headers().get("retry-after") {
            Some(value) if value.as_bytes().contains(&b':') => {
                error.with_retry_after(now.duration_since(SystemTime::UNIX_EPOCH).ok())
            }
            _ => error,
        })
    }
}

/// Seen in: timers that count in milliseconds.
#[derive(Debug)]
pub(crate) struct DelayInMilliseconds;

impl Conduct for DelayInMilliseconds {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        outcome(response, now).map_err(|error| {
            let delay = error.retry_after();
            error.with_retry_after(delay.map(|delay| delay / 1000))
        })
    }
}

/// Seen in: a longest wait that is meant well.
#[derive(Debug)]
pub(crate) struct DelayOfTenMinutesAtMost;

impl Conduct for DelayOfTenMinutesAtMost {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        outcome(response, now).map_err(|error| {
            let delay = error.retry_after();
            error.with_retry_after(delay.map(|delay| delay.min(Duration::from_secs(600))))
        })
    }
}

/// Seen in: languages with one sort of number.
#[derive(Debug)]
pub(crate) struct DelayAsAFloat;

impl Conduct for DelayAsAFloat {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        let value = response.headers().get("retry-after").and_then(|value| value.to_str().ok());
        if let Some(seconds) = value.and_then(|value| value.parse::<f64>().ok()) {
            let kept = seconds.clamp(0.0, 3_600.0);
            let _delay = Duration::from_secs_f64(kept);
        }
        outcome(response, now)
    }
}

/// Seen in: a delay as the sign that it may be tried again.
#[derive(Debug)]
pub(crate) struct DelayMakesRetryable;

impl Conduct for DelayMakesRetryable {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        outcome(response, now).map_err(|error| {
            if error.kind() == ErrorKind::Rejected && error.retry_after().is_some() {
                with_kind(error, ErrorKind::Unavailable)
            } else {
                error
            }
        })
    }
}

/// Seen in: a look at the first octet of an answer.
#[derive(Debug)]
pub(crate) struct PanicsWithoutABody;

impl Conduct for PanicsWithoutABody {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        let _is_json = response.body()[0] == b'{';
        outcome(response, now)
    }
}

/// Seen in: a place that is followed for one number only.
#[derive(Debug)]
pub(crate) struct MultipleChoicesFollowed;

#[async_trait]
impl Conduct for MultipleChoicesFollowed {
    async fn exchange(&self, api: &Api, mut request: Request<Bytes>) -> Result<Accepted> {
        let mut response = api.transport.send(request.clone()).await?;
        let place = response.headers().get("location").and_then(|place| place.to_str().ok());
        if let (300, Some(Ok(place))) = (response.status().as_u16(), place.map(str::parse)) {
            *request.uri_mut() = place;
            response = api.transport.send(request).await?;
        }
        self.outcome(&response, api.clock.now())
    }
}

/// Seen in: the wrong field of an answer as the name.
#[derive(Debug)]
pub(crate) struct NameOfTheRequest;

impl Conduct for NameOfTheRequest {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        outcome(response, now).map(|accepted| {
            let id = response.headers().get("x-request-id").and_then(|value| value.to_str().ok());
            accepted.with_message_id(id.map(|id| sealpush::MessageId::from(id.to_owned())))
        })
    }
}

/// Seen in: success by the first digit, and no look at what it says.
#[derive(Debug)]
pub(crate) struct PartIsTheWhole;

impl Conduct for PartIsTheWhole {
    fn outcome(&self, response: &Response<Bytes>, now: SystemTime) -> Result<Accepted> {
        outcome(response, now).map_err(|error| match response.status().as_u16() {
            206 | 207 => with_kind(error, ErrorKind::Expired),
            _ => error,
        })
    }
}
