//! The errors of Apple's service.

use http::StatusCode;
use serde_json::json;

use super::super::answer::{self, Answer};

/// A status and a reason of Apple's table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refusal {
    status: u16,
    reason: &'static str,
    /// When the app was found gone, in milliseconds since the UNIX epoch.
    timestamp: Option<u64>,
}

impl Refusal {
    pub(super) const fn new(status: u16, reason: &'static str) -> Self {
        Self { status, reason, timestamp: None }
    }

    pub(super) const fn bad(reason: &'static str) -> Self {
        Self::new(400, reason)
    }

    pub(super) const fn unregistered(at: u64) -> Self {
        Self { timestamp: Some(at), ..Self::new(410, "Unregistered") }
    }

    pub(super) fn into_answer(self) -> Answer {
        let mut body = json!({ "reason": self.reason });
        if let Some(timestamp) = self.timestamp {
            body["timestamp"] = timestamp.into();
        }
        let status = StatusCode::from_u16(self.status);
        answer::json(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), &body)
    }
}

/// The refusal of a scripted fault, as Apple words it.
pub(super) fn scripted(status: StatusCode) -> Answer {
    let reason = match status.as_u16() {
        400 => "BadDeviceToken",
        403 => "InvalidProviderToken",
        404 => "BadPath",
        405 => "MethodNotAllowed",
        410 => "Unregistered",
        413 => "PayloadTooLarge",
        429 => "TooManyRequests",
        500 => "InternalServerError",
        503 => "ServiceUnavailable",
        _ => return answer::text(status, "A scripted fault"),
    };
    Refusal::new(status.as_u16(), reason).into_answer()
}
