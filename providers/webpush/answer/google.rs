//! Google: plain text or HTML, told apart by fragments.
//!
//! <https://web.dev/articles/push-notifications-common-issues-and-reporting-bugs>. The limit of a
//! thousand messages a minute for one site:
//! <https://developer.chrome.com/blog/web-push-rate-limits>

use http::StatusCode;

use crate::ErrorKind;
use crate::providers::refusal::{Refusal, contains};

use super::{GONE, MINUTE, NOT_AUTHORIZED, OTHER_KEY, mentions_another_key};

pub(super) fn refusal(status: StatusCode, body: &[u8]) -> Option<Refusal> {
    match status.as_u16() {
        400 | 401 | 403 if mentions_another_key(body) => Some(OTHER_KEY),
        400 if contains(body, &["unauthorizedregistration"]) => Some(Refusal::new(
            ErrorKind::Unauthorized,
            "the request has no VAPID credentials; configure VAPID keys",
        )),
        400 if contains(body, &["invalidtokenformat"]) => Some(GONE),
        // In a page, too: HTML is how Google itself says it.
        401 | 403 if contains(body, &["authorization header", "credentials", "jwt", "vapid"]) => {
            Some(NOT_AUTHORIZED)
        }
        429 => Some(SITE_LIMIT),
        _ => None,
    }
}

const SITE_LIMIT: Refusal = Refusal::new(
    ErrorKind::RateLimited,
    "too many messages from this site; slow down for all subscriptions of this VAPID key: Chrome \
     allows a site 1000 messages a minute, and holds it to that for days once it goes over",
)
.with_delay(MINUTE);
