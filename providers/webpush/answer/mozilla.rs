//! Mozilla autopush: a JSON object with an `errno`, and a message where that is not enough.
//!
//! <https://mozilla-services.github.io/autopush-rs/errors.html>

use http::StatusCode;
use serde::Deserialize;

use crate::ErrorKind;
use crate::providers::refusal::Refusal;

use super::{GONE, OTHER_KEY, UNAVAILABLE, mentions_another_key};

pub(super) fn refusal(status: StatusCode, body: &[u8]) -> Option<Refusal> {
    let answer: Answer = serde_json::from_slice(body).ok()?;
    let rejected = |advice| Some(Refusal::new(ErrorKind::Rejected, advice));
    match (answer.errno?, status.as_u16()) {
        (101 | 110, 400) => rejected("the encryption header fields are missing or wrong"),
        (106, 400) => Some(GONE),
        (109, 401) if mentions_another_key(answer.message.unwrap_or_default().as_bytes()) => {
            Some(OTHER_KEY)
        }
        (111 | 112 | 114, 400) => rejected("the TTL is missing or not a number of seconds"),
        (113, 400) => rejected("the topic is not 1 to 32 characters of base64url"),
        (999, 418) => Some(UNAVAILABLE),
        _ => None,
    }
}

#[derive(Deserialize)]
struct Answer {
    errno: Option<u16>,
    message: Option<String>,
}
