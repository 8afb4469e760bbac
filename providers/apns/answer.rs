//! What Apple's answers mean. Pure.
//!
//! <https://developer.apple.com/documentation/usernotifications/handling-notification-responses-from-apns>.
//! Status and reason must agree before a token is given up.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use crate::providers::refusal::Refusal;
use crate::transport::retry_after;
use crate::{Accepted, Error, ErrorKind, MessageId};

use super::{Address, Apns};

/// A refusal for the caller, and whether another authentication token may be taken.
pub(super) struct Refused {
    pub(super) about_credential: bool,
    pub(super) error: Error,
}

/// Reads an answer about one address.
pub(super) fn read(
    response: &Response<Bytes>,
    address: &Address,
    now: SystemTime,
) -> Result<Accepted, Refused> {
    let status = response.status();
    let id = response.headers().get("apns-id").and_then(|id| id.to_str().ok());
    let refusal = match id {
        // Whatever else answers 200 does not name the message.
        Some(id) if status == StatusCode::OK && !id.is_empty() => {
            let id = (id.len() <= MAX_ID).then(|| MessageId::from(id));
            return Ok(Accepted::new(Apns::ID).with_message_id(id));
        }
        _ if status.is_success() => UNREADABLE,
        _ => refusal(response, address),
    };
    let asked = retry_after(response.headers(), now);
    Err(Refused {
        about_credential: refusal.credential_refused,
        error: refusal.into_error("APNs", status, asked),
    })
}

fn refusal(response: &Response<Bytes>, address: &Address) -> Refusal {
    // A body that is not JSON (a proxy's page, nothing at all) leaves the status to decide.
    let Failure { reason, timestamp } = serde_json::from_slice(response.body()).unwrap_or_default();
    match (response.status().as_u16(), reason.as_str()) {
        (400, "BadDeviceToken") if address.environment().is_some() => BAD_DEVICE_TOKEN,
        (400, "BadDeviceToken") => DOUBTFUL_DEVICE_TOKEN,
        (400, "DeviceTokenNotForTopic") => OTHER_APP,
        (410, "Unregistered" | "ExpiredToken") if precedes(&timestamp, address) => EARLIER,
        (410, "Unregistered" | "ExpiredToken") => GONE,
        (status, reason) => match known(status, reason) {
            Some(refusal) => refusal,
            None => Refusal::by_status(response),
        },
    }
}

/// What is not about the token, by Apple's table.
fn known(status: u16, reason: &str) -> Option<Refusal> {
    let rejected = |advice| Refusal::new(ErrorKind::Rejected, advice);
    let unauthorized = |advice| Refusal::new(ErrorKind::Unauthorized, advice);
    Some(match (status, reason) {
        (400, "BadCollapseId") => rejected("the collapse id was refused"),
        (400, "BadExpirationDate") => rejected("the time of expiry was refused"),
        (400, "BadMessageId") => rejected("the id of the message was refused"),
        (400, "BadPriority") => rejected("the priority was refused"),
        (400, "BadTopic") => rejected("the topic is malformed; check the bundle id"),
        (400, "DuplicateHeaders") => rejected("a field of the request came twice"),
        (400, "InvalidPushType") => rejected("the push type was refused"),
        (400, "MissingDeviceToken") => rejected("the request had no device token in its path"),
        (400, "MissingTopic") => rejected("the topic is missing; set the bundle id"),
        (400, "PayloadEmpty") => rejected("the payload is empty"),
        (400, "TopicDisallowed") => {
            rejected("the key may not push to this app; check the bundle id and the key's scope")
        }
        (400, "IdleTimeout") => IDLE,
        (403, "ExpiredProviderToken") => {
            unauthorized("the authentication token is too old; check this machine's clock")
                .with_credential_refused()
        }
        (403, "InvalidProviderToken") => unauthorized(
            "the authentication token is invalid; check key, key id and team id: the key may be \
             revoked",
        ),
        (403, "MissingProviderToken") => unauthorized("no authentication token arrived"),
        (403, "UnrelatedKeyIdInToken") => {
            unauthorized("the connection belongs to another key; use one key for one provider")
        }
        (403, "BadEnvironmentKeyIdInToken" | "BadEnvironmentKeyInToken") => unauthorized(
            "the key is for the other environment, production or sandbox; keep the token",
        ),
        (403, "BadCertificate") => unauthorized("the certificate is invalid"),
        (403, "BadCertificateEnvironment") => {
            unauthorized("the certificate is for the other environment")
        }
        (403, "Forbidden") => unauthorized("the action is not allowed for this account"),
        (404, "BadPath") => rejected("the path of the request was refused"),
        (405, "MethodNotAllowed") => rejected("the method of the request was refused"),
        (413, "PayloadTooLarge") => TOO_LARGE,
        (429, "TooManyProviderTokenUpdates") => TOO_MANY_UPDATES,
        (429, "TooManyRequests") => TOO_MANY_REQUESTS,
        (500, "InternalServerError") => TROUBLE,
        (503, "ServiceUnavailable") => TROUBLE,
        (503, "Shutdown") => SHUTDOWN,
        _ => return None,
    })
}

/// Whether Apple speaks of a time, in milliseconds, before the app got this device token.
fn precedes(timestamp: &Value, address: &Address) -> bool {
    match (timestamp.as_u64(), address.registered_at()) {
        (Some(gone_at), Some(registered_at)) => gone_at < registered_at.saturating_mul(1000),
        _ => false,
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Failure {
    reason: String,
    timestamp: Value,
}

const BAD_DEVICE_TOKEN: Refusal = Refusal::new(
    ErrorKind::Expired,
    "the device token is none of the environment that the token names; delete the token",
);
const DOUBTFUL_DEVICE_TOKEN: Refusal = Refusal::new(
    ErrorKind::Rejected,
    "the device token is malformed or of the other environment, production or sandbox; a token \
     that names its environment would say which",
)
.with_doubtful_token();
const EARLIER: Refusal = Refusal::new(
    ErrorKind::Rejected,
    "the app was gone before it registered with this device token; keep the token",
)
.with_doubtful_token();
const GONE: Refusal =
    Refusal::new(ErrorKind::Expired, "the app is gone from the device; delete the token");
const IDLE: Refusal =
    Refusal::new(ErrorKind::Unavailable, "the connection was idle for too long; try again");
const OTHER_APP: Refusal = Refusal::new(
    ErrorKind::TokenMismatch,
    "the token belongs to another app; keep it, look at the bundle id",
);
const SHUTDOWN: Refusal = Refusal::new(ErrorKind::Unavailable, "the server shuts down; try again");
const TOO_LARGE: Refusal =
    Refusal::new(ErrorKind::PayloadTooLarge, "the payload is over Apple's limit");
const TOO_MANY_REQUESTS: Refusal =
    Refusal::new(ErrorKind::RateLimited, "too many messages for this device; slow down");
const TOO_MANY_UPDATES: Refusal = Refusal::new(
    ErrorKind::RateLimited,
    "the authentication token changes too often; share one key among processes and providers",
)
.with_delay(Duration::from_secs(20 * 60));
const TROUBLE: Refusal = Refusal::new(ErrorKind::Unavailable, "Apple has trouble; try again later");
const UNREADABLE: Refusal =
    Refusal::new(ErrorKind::UnexpectedResponse, "success without the id of the message");

/// Longest id of a message that is kept, in octets: Apple's have 36.
const MAX_ID: usize = 128;
