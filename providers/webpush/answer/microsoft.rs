//! Microsoft: header fields, on success too.
//!
//! <https://learn.microsoft.com/windows/apps/design/shell/tiles-and-notifications/push-request-response-headers>

use bytes::Bytes;
use http::Response;

use crate::ErrorKind;
use crate::providers::refusal::{Refusal, contains, is_page};

use super::{OTHER_KEY, RATE_LIMITED};

pub(super) fn refusal(response: &Response<Bytes>) -> Option<Refusal> {
    let field = |name| response.headers().get(name).map_or(&b""[..], |value| value.as_bytes());
    let describes = |fragments| contains(field("x-wns-error-description"), fragments);
    match response.status().as_u16() {
        200..=299 => dropped(field("x-wns-notificationstatus")),
        400 if describes(&["ttl value conflicts"]) => Some(Refusal::new(
            ErrorKind::Rejected,
            "the TTL conflicts with the cache policy; a proxy may have removed X-WNS-Cache-Policy",
        )),
        401 if describes(&["public key", "channel url"]) => Some(OTHER_KEY),
        403 if !is_page(response) => Some(OTHER_KEY),
        406 => Some(RATE_LIMITED),
        _ => None,
    }
}

/// A success that delivers nothing.
fn dropped(notification_status: &[u8]) -> Option<Refusal> {
    let is = |word: &str| notification_status.eq_ignore_ascii_case(word.as_bytes());
    if is("dropped") {
        Some(Refusal::new(
            ErrorKind::Rejected,
            "the message was dropped: the device is offline and the TTL is 0, or its user turned \
             notifications off",
        ))
    } else if is("appthrottled") || is("channelthrottled") {
        Some(RATE_LIMITED)
    } else {
        None
    }
}
