//! What Pub/Sub's answers mean. Pure.
//!
//! <https://cloud.google.com/pubsub/docs/reference/error-codes>. Google's own text is never repeated:
//! it can quote the request.

use std::time::SystemTime;

use bytes::Bytes;
use http::Response;
use serde::Deserialize;

use crate::providers::google::access_tokens::Refused;
use crate::providers::refusal::{Refusal, contains, is_page};
use crate::transport::retry_after;
use crate::{Accepted, ErrorKind, MessageId, Stage};

use super::PubSub;

/// Reads an answer.
pub(super) fn read(response: &Response<Bytes>, now: SystemTime) -> Result<Accepted, Refused> {
    let status = response.status();
    let refusal = if status.is_success() {
        let answer: Success = serde_json::from_slice(response.body()).unwrap_or_default();
        // One message was published, so one id names it.
        if let [id] = answer.message_ids.as_slice()
            && !id.is_empty()
        {
            let id = (id.len() <= MAX_ID).then(|| MessageId::from(id.as_str()));
            let accepted = Accepted::new(PubSub::ID).with_stage(Stage::Queued);
            return Ok(accepted.with_message_id(id));
        }
        UNREADABLE
    } else {
        refusal(response)
    };
    let asked = retry_after(response.headers(), now);
    Err(Refused {
        about_access_token: refusal.credential_refused,
        error: refusal.into_error("Pub/Sub", status, asked),
    })
}

fn refusal(response: &Response<Bytes>) -> Refusal {
    // A body that is not JSON (a proxy's page, nothing at all) leaves the HTTP status to decide.
    let Failure { error } = serde_json::from_slice(response.body()).unwrap_or_default();
    let says = |fragments: &[&str]| contains(error.message.as_bytes(), fragments);
    match (response.status().as_u16(), error.status.as_str()) {
        (400, "INVALID_ARGUMENT") if says(&["too large", "request size", "message size"]) => {
            Refusal::new(ErrorKind::PayloadTooLarge, "the message is too large; shorten it")
        }
        (400, "FAILED_PRECONDITION") => FAILED_PRECONDITION,
        (403, _) if !is_page(response) => NOT_PERMITTED,
        (404, "NOT_FOUND") if says(&["project not found"]) => NO_SUCH_PROJECT,
        (404, "NOT_FOUND") if says(&["resource not found"]) => GONE,
        (404, _) => NO_SUCH_PROJECT,
        // Google's own clients send again.
        (409, "ABORTED") | (499, "CANCELLED") => INTERRUPTED,
        _ => Refusal::by_status(response),
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Success {
    message_ids: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Failure {
    error: Status,
}

/// `google.rpc.Status`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    message: String,
    status: String,
}

const FAILED_PRECONDITION: Refusal = Refusal::new(
    ErrorKind::Rejected,
    "the topic cannot take the message as it is set up: its key, its schema or its regions",
);
const GONE: Refusal = Refusal::new(ErrorKind::Expired, "the topic is gone; delete the token");
const INTERRUPTED: Refusal =
    Refusal::new(ErrorKind::Unavailable, "the request was interrupted; try again");
const NOT_PERMITTED: Refusal = Refusal::new(
    ErrorKind::Unauthorized,
    "the credentials may not publish: grant pubsub.topics.publish on the topic, and turn on the API",
);
const NO_SUCH_PROJECT: Refusal = Refusal::new(
    ErrorKind::Rejected,
    "no such project or path; check the project id and the base URL, keep the token",
);
const UNREADABLE: Refusal =
    Refusal::new(ErrorKind::UnexpectedResponse, "success without the id of the message");

/// Longest id of a message that is kept, in octets: Google's are numbers.
const MAX_ID: usize = 128;
