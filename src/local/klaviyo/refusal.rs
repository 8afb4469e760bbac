//! How Klaviyo words a refusal: JSON:API.

use http::StatusCode;
use serde_json::json;

use super::super::answer::{self, Answer};
use super::super::uuid::random_uuid;

/// A refusal: its status, its code, and which member or header it is about.
pub(super) struct Refused {
    status: StatusCode,
    code: &'static str,
    pointer: &'static str,
    header: &'static str,
}

impl Refused {
    pub(super) const fn new(status: StatusCode, code: &'static str, pointer: &'static str) -> Self {
        Self { status, code, pointer, header: "" }
    }

    /// A member that is not as it must be; or a header field.
    pub(super) const fn bad(pointer: &'static str, header: &'static str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: "invalid", pointer, header }
    }

    pub(super) fn into_answer(self) -> Answer {
        let throttled = self.status == StatusCode::TOO_MANY_REQUESTS;
        let detail = match (throttled, self.header) {
            (true, _) => "Request was throttled. Expected available in 1 second.".to_owned(),
            (_, "") => format!("Invalid input at {:?}", self.pointer),
            (_, header) => format!("The field {header} is missing or invalid"),
        };
        let error = json!({
            "id": random_uuid().unwrap_or_default(),
            "status": self.status.as_u16(),
            "code": self.code,
            "title": self.status.canonical_reason().unwrap_or_default(),
            "detail": detail,
            "source": { "pointer": self.pointer },
            "links": {},
            "meta": {},
        });
        answer::json(self.status, &json!({ "errors": [error] }))
    }
}

/// The refusal of a scripted fault, as Klaviyo words it.
pub(super) fn scripted(status: StatusCode) -> Answer {
    let code = match status {
        StatusCode::FORBIDDEN => "permission_denied",
        StatusCode::NOT_FOUND => "not_found",
        StatusCode::TOO_MANY_REQUESTS => "throttled",
        StatusCode::UNAUTHORIZED => "authentication_failed",
        status if status.is_server_error() => return answer::text(status, ""),
        _ => "invalid",
    };
    Refused::new(status, code, "").into_answer()
}
