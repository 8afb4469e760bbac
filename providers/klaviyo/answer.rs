//! What Klaviyo's answers mean. Pure.
//!
//! <https://developers.klaviyo.com/en/docs/rate_limits_and_error_handling>. A 202 says that an event
//! lies in a queue; no answer ever speaks of a device. So nothing here makes a token dead. Klaviyo's
//! own text is never repeated: it can quote the request.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::Value;

use crate::providers::refusal::{Refusal, is_page};
use crate::transport::{MAX_RETRY_AFTER, MIN_RETRY_AFTER, retry_after};
use crate::{Accepted, Error, ErrorKind, Stage};

use super::Klaviyo;

/// Reads an answer about an event.
pub(super) fn read(response: &Response<Bytes>, now: SystemTime) -> Result<Accepted, Error> {
    taken(response, now)?;
    Ok(Accepted::new(Klaviyo::ID).with_stage(Stage::Queued))
}

/// Reads an answer about a push token. One that is there already is no error.
pub(super) fn read_registration(response: &Response<Bytes>, now: SystemTime) -> Result<(), Error> {
    let known = response.status() == StatusCode::CONFLICT && !is_page(response);
    if known { Ok(()) } else { taken(response, now) }
}

fn taken(response: &Response<Bytes>, now: SystemTime) -> Result<(), Error> {
    let status = response.status();
    let refusal = match status {
        StatusCode::ACCEPTED if !is_page(response) => return Ok(()),
        status if status.is_success() => UNREADABLE,
        StatusCode::NOT_FOUND => NOT_FOUND,
        StatusCode::UNAUTHORIZED if !is_page(response) => NO_KEY,
        StatusCode::FORBIDDEN if !is_page(response) => NO_SCOPE,
        StatusCode::TOO_MANY_REQUESTS => match delay(response.body()) {
            Some(delay) => Refusal::by_status(response).with_delay(delay),
            None => Refusal::by_status(response),
        },
        _ => Refusal::by_status(response),
    };
    Err(refusal.into_error("Klaviyo", status, retry_after(response.headers(), now)))
}

/// The seconds of "Request was throttled. Expected available in 7 seconds."
fn delay(body: &[u8]) -> Option<Duration> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let detail = answer.get("errors")?.get(0)?.get("detail")?.as_str()?;
    let (_, rest) = detail.split_once("available in ")?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    let delay = Duration::from_secs(digits.parse().ok()?);
    Some(delay.clamp(MIN_RETRY_AFTER, MAX_RETRY_AFTER))
}

const NOT_FOUND: Refusal =
    Refusal::new(ErrorKind::Rejected, "no such resource; check the base URL, keep the token");
const NO_KEY: Refusal = Refusal::new(ErrorKind::Unauthorized, "the API key is missing or refused");
const NO_SCOPE: Refusal =
    Refusal::new(ErrorKind::Unauthorized, "the API key lacks the scope for this request");
const UNREADABLE: Refusal =
    Refusal::new(ErrorKind::UnexpectedResponse, "a success that Klaviyo does not document");
