//! What OneSignal's answers mean. Pure.
//!
//! <https://documentation.onesignal.com/reference/push-notification#responses>. A 200 is no
//! success: only the id of a message is. With an id, at least one installation was sent to, and
//! what `errors` lists are the others; a target is dead only where there is none. OneSignal's own
//! text is never repeated: it can quote the request.

use std::time::SystemTime;

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::providers::refusal::{Refusal, is_page};
use crate::transport::retry_after;
use crate::{Accepted, Error, ErrorKind, MessageId};

use super::{Address, OneSignal};

/// Reads an answer about one address.
pub(super) fn read(
    response: &Response<Bytes>,
    address: &Address,
    now: SystemTime,
) -> Result<Accepted, Error> {
    let status = response.status();
    // A body that is not JSON (a proxy's page, nothing at all) leaves the status to decide.
    let answer: Answer = serde_json::from_slice(response.body()).unwrap_or_default();
    let refusal = match &answer.id {
        Id::Text(id) if status.is_success() => {
            let id = (id.len() <= MAX_ID).then(|| MessageId::from(id.as_str()));
            return Ok(Accepted::new(OneSignal::ID).with_message_id(id));
        }
        Id::None if says_about_target(status) && answer.says_unreachable(address) => GONE,
        Id::None if status.is_success() && has_content(&answer.errors) => REFUSED,
        _ if status.is_success() => UNREADABLE,
        _ => by_status(response),
    };
    let asked = retry_after(response.headers(), now);
    Err(refusal.into_error("OneSignal", status, asked))
}

/// Only these statuses speak of the target; the rest are about us, our rate or OneSignal.
fn says_about_target(status: StatusCode) -> bool {
    status.is_success() || status == StatusCode::BAD_REQUEST
}

/// Where OneSignal says more than the status does.
fn by_status(response: &Response<Bytes>) -> Refusal {
    match response.status() {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if !is_page(response) => NOT_PERMITTED,
        StatusCode::NOT_FOUND => NO_SUCH_APP,
        StatusCode::CONFLICT => CONFLICT,
        StatusCode::UNPROCESSABLE_ENTITY => PLAN,
        _ => Refusal::by_status(response),
    }
}

fn has_content(errors: &Value) -> bool {
    match errors {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        _ => true,
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    id: Id,
    /// Texts, objects with `code` and `title`, or an object of lists of targets.
    errors: Value,
}

impl Answer {
    /// Whether it names the address as dead: listed by its id, or, as the only target of the
    /// request, by one of a few sentences. To be asked only where nothing was sent.
    fn says_unreachable(&self, address: &Address) -> bool {
        let sentence = |error: &Value| {
            let text = error.as_str().unwrap_or_default().to_ascii_lowercase();
            text.contains("players are not subscribed")
                || text.contains("subscriptions are not subscribed")
                || text.contains("incorrect subscription_id format")
                || text.contains("incorrect player_id format")
        };
        address.is_listed(&self.errors)
            || sentence(&self.errors)
            || self.errors.as_array().into_iter().flatten().any(sentence)
    }
}

/// The member `id`: what says whether anything was sent.
#[derive(Default)]
enum Id {
    /// Absent, null or empty: nothing was.
    #[default]
    None,
    /// Neither text nor nothing, so nobody can tell.
    Other,
    Text(String),
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Value::deserialize(deserializer)? {
            Value::Null => Self::None,
            Value::String(text) if text.trim().is_empty() => Self::None,
            Value::String(text) => Self::Text(text),
            _ => Self::Other,
        })
    }
}

/// Longest id of a message that is kept, in octets. OneSignal's are UUIDs.
const MAX_ID: usize = 128;

const CONFLICT: Refusal =
    Refusal::new(ErrorKind::Rejected, "the idempotency key belongs to another message");
const GONE: Refusal =
    Refusal::new(ErrorKind::Expired, "the subscription is gone or unsubscribed; delete the token");
const NO_SUCH_APP: Refusal = Refusal::new(
    ErrorKind::Rejected,
    "no such app; check the app id and the base URL, keep the token",
);
const NOT_PERMITTED: Refusal = Refusal::new(
    ErrorKind::Unauthorized,
    "the API key may not send for this app; check key, app id, plan and allowed addresses",
);
const PLAN: Refusal = Refusal::new(ErrorKind::Rejected, "the plan does not allow this message");
const REFUSED: Refusal = Refusal::new(ErrorKind::Rejected, "the message was refused");
const UNREADABLE: Refusal =
    Refusal::new(ErrorKind::UnexpectedResponse, "success without the id of a message");
