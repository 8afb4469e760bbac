//! ntfy: a JSON object with a `code`, and JSON on success.
//!
//! <https://docs.ntfy.sh/publish/#unifiedpush>

use bytes::Bytes;
use http::Response;
use serde::Deserialize;

use crate::ErrorKind;
use crate::providers::refusal::{Refusal, is_page};

use super::{LONG, MINUTE, RATE_LIMITED};

pub(super) fn refusal(response: &Response<Bytes>) -> Option<Refusal> {
    let code = serde_json::from_slice(response.body()).ok().and_then(|Answer { code }| code);
    match (response.status().as_u16(), code) {
        (401 | 403, _) if is_page(response) => None,
        (401 | 403, _) => Some(Refusal::new(
            ErrorKind::Unauthorized,
            "the server forbids publishing to this topic; it must allow anonymous writes to \
             UnifiedPush topics",
        )),
        // ntfy never sends `Retry-After`.
        (429, Some(DAILY_MESSAGES)) => Some(
            Refusal::new(
                ErrorKind::RateLimited,
                "the day's messages are used up; raise the server's limit or wait",
            )
            .with_delay(LONG),
        ),
        (429, _) => Some(RATE_LIMITED.with_delay(MINUTE)),
        (507, _) => Some(
            Refusal::new(
                ErrorKind::Unavailable,
                "nobody has been subscribed to this topic of late; try again in hours, and after \
                 days treat the subscription as gone",
            )
            .with_delay(LONG),
        ),
        _ => None,
    }
}

/// The name of the message in an answer of success.
pub(super) fn message_id(body: &[u8]) -> Option<String> {
    serde_json::from_slice(body).ok().map(|Published { id }| id)
}

#[derive(Deserialize)]
struct Answer {
    code: Option<u32>,
}

#[derive(Deserialize)]
struct Published {
    id: String,
}

const DAILY_MESSAGES: u32 = 42_908;
