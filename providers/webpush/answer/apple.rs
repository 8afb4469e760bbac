//! Apple: a JSON object with a `reason`.
//!
//! <https://developer.apple.com/documentation/usernotifications/sending-web-push-notifications-in-web-apps-and-browsers>

use http::StatusCode;
use serde::Deserialize;

use crate::ErrorKind;
use crate::providers::refusal::Refusal;

use super::OTHER_KEY;

pub(super) fn refusal(status: StatusCode, body: &[u8]) -> Option<Refusal> {
    let Answer { reason } = serde_json::from_slice(body).ok()?;
    let rejected = |advice| Refusal::new(ErrorKind::Rejected, advice);
    let unauthorized =
        |advice| Refusal::new(ErrorKind::Unauthorized, advice).with_credential_refused();
    Some(match (status.as_u16(), reason.as_str()) {
        (400, "BadTtl") => rejected("BadTtl, the TTL must be 1 second or more"),
        (400, "BadUrgency") => rejected("BadUrgency, the urgency is not one of the four"),
        (400, "BadWebPushRequest") => {
            rejected("BadWebPushRequest, the body does not follow the rules of aes128gcm")
        }
        (400, "BadWebPushTopic") => {
            rejected("BadWebPushTopic, the topic is not 1 to 32 characters of base64url")
        }
        (400, "IdleTimeout") => Refusal::new(
            ErrorKind::Unavailable,
            "IdleTimeout, the connection was idle for too long; try again",
        ),
        (400 | 401 | 403, "VapidPkHashMismatch") => OTHER_KEY,
        (400 | 403, "BadAuthorizationHeader") => {
            unauthorized("BadAuthorizationHeader, configure VAPID keys: Apple requires them")
        }
        (400 | 403, "BadJwtToken") => unauthorized(
            "BadJwtToken, check that the VAPID subject is a real contact and that the clock is \
             right",
        ),
        (400 | 403, "BadVapidPublicKey") => unauthorized("BadVapidPublicKey, check the VAPID key"),
        (404, "BadPath") => rejected("BadPath, the address is not a push resource"),
        (405, "MethodNotAllowed") => {
            rejected("MethodNotAllowed, the address is not a push resource")
        }
        _ => return None,
    })
}

#[derive(Deserialize)]
struct Answer {
    reason: String,
}
