//! Google: plain text or HTML, told apart by fragments.
//!
//! <https://web.dev/articles/push-notifications-common-issues-and-reporting-bugs>

use http::StatusCode;

use super::{GONE, OTHER_KEY, Refusal, contains};
use crate::ErrorKind;

pub(super) fn refusal(status: StatusCode, body: &[u8]) -> Option<Refusal> {
    match status.as_u16() {
        400 if contains(body, &["unauthorizedregistration"]) => Some(Refusal::new(
            ErrorKind::Unauthorized,
            "the request has no VAPID credentials; configure VAPID keys",
        )),
        400 if contains(body, &["invalidtokenformat"]) => Some(GONE),
        403 if contains(body, &["do not correspond to the credentials used to create the"]) => {
            Some(OTHER_KEY)
        }
        _ => None,
    }
}
