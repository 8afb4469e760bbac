//! What Sailthru's answers mean. Pure.
//!
//! A 200 is no success: the counts in it are. Sailthru documents the counts and the two refusals of
//! a key; what its other refusals say is not documented, so the status decides. Its own text is
//! never repeated: it can quote the request.

use std::time::SystemTime;

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use crate::providers::refusal::{Refusal, is_page};
use crate::transport::retry_after;
use crate::{Accepted, Error, ErrorKind, MessageId};

use super::Sailthru;

/// Reads an answer about one address.
pub(super) fn read(response: &Response<Bytes>, now: SystemTime) -> Result<Accepted, Error> {
    let status = response.status();
    let refusal = if status.is_success() {
        // A body that is not of this shape says nothing about the message.
        let answer: Answer = serde_json::from_slice(response.body()).unwrap_or_default();
        match answer.results {
            Some(Results { success: 1.., .. }) => {
                let id = answer.id.as_str().filter(|id| (1..=MAX_ID).contains(&id.len()));
                return Ok(Accepted::new(Sailthru::ID).with_message_id(id.map(MessageId::from)));
            }
            Some(Results { failures, .. }) if count(&failures) > 0 => FAILED,
            Some(Results { uninstalled, .. }) if count(&uninstalled) > 0 => GONE,
            Some(_) => NOBODY,
            None => UNREADABLE,
        }
    } else {
        by_status(response)
    };
    Err(refusal.into_error("Sailthru", status, retry_after(response.headers(), now)))
}

/// Where Sailthru says more than the status does.
fn by_status(response: &Response<Bytes>) -> Refusal {
    match response.status() {
        StatusCode::FORBIDDEN if !is_page(response) => NO_ROLE,
        StatusCode::NOT_FOUND => NOT_FOUND,
        _ => Refusal::by_status(response),
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    id: Value,
    results: Option<Results>,
}

/// How many installations it was handed to, and how many not. Only the first count must be one:
/// a success beside something strange is still a success.
#[derive(Deserialize)]
struct Results {
    success: u64,
    #[serde(default)]
    uninstalled: Value,
    /// Their device ids.
    #[serde(default)]
    failures: Value,
}

/// A count, given as such or as a list.
fn count(value: &Value) -> u64 {
    match value {
        Value::Array(items) => u64::try_from(items.len()).unwrap_or(u64::MAX),
        value => value.as_u64().unwrap_or_default(),
    }
}

/// Longest id of a message that is kept, in octets.
const MAX_ID: usize = 128;

/// What the failures are is not documented: the same message may do later.
const FAILED: Refusal = Refusal::new(
    ErrorKind::Unavailable,
    "no installation was reached, and one or more failed for a reason that Sailthru does not give",
);
const GONE: Refusal = Refusal::new(ErrorKind::Expired, "the app is uninstalled; delete the token");
/// All counts are zero. That nobody has such an address is a guess: no token dies of it.
const NOBODY: Refusal =
    Refusal::new(ErrorKind::Rejected, "Sailthru reached nobody and says of no reason")
        .with_doubtful_token();
const NOT_FOUND: Refusal =
    Refusal::new(ErrorKind::Rejected, "no such resource; check the base URL, keep the token");
const NO_ROLE: Refusal =
    Refusal::new(ErrorKind::Unauthorized, "the API client lacks the role to send push messages");
const UNREADABLE: Refusal =
    Refusal::new(ErrorKind::UnexpectedResponse, "success without counts that can be read");
