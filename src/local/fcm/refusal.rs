//! The errors of FCM, in Google's form.

use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::super::answer::{self, Answer};

/// An error of `google.rpc.Status`.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: &'static str,
    /// FCM's own code, where the real service gives one.
    error_code: Option<&'static str>,
    /// The member that the error is about, by its path, and what is wrong with it.
    violation: Option<(String, String)>,
    message: String,
}

impl Refusal {
    fn new(
        status: StatusCode,
        code: &'static str,
        error_code: Option<&'static str>,
        message: impl Into<String>,
    ) -> Self {
        Self { status, code, error_code, violation: None, message: message.into() }
    }

    /// JSON that does not fit the description of the API: Google's front end refuses it, and FCM's
    /// code is not in it.
    pub(super) fn json(field: &str, text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            violation: Some((field.to_owned(), text.clone())),
            ..Self::new(StatusCode::BAD_REQUEST, INVALID_ARGUMENT, None, text)
        }
    }

    /// A member whose value FCM does not take.
    pub(super) fn field(field: &str, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { violation: Some((field.to_owned(), text.clone())), ..Self::invalid(text) }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, INVALID_ARGUMENT, Some(INVALID_ARGUMENT), message)
    }

    pub(super) fn internal() -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self::new(status, "INTERNAL", Some("INTERNAL"), "Internal error encountered.")
    }

    pub(super) fn method() -> Self {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        Self::new(status, "UNIMPLEMENTED", None, "The method must be POST.")
    }

    pub(super) fn insufficient_scope() -> Self {
        let message = "Request had insufficient authentication scopes.";
        Self::new(StatusCode::FORBIDDEN, "PERMISSION_DENIED", None, message)
    }

    /// A path or a resource that does not exist; of a device, [`unregistered`](Self::unregistered).
    pub(super) fn not_found() -> Self {
        let message = "Requested entity was not found.";
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", None, message)
    }

    pub(super) fn permission_denied() -> Self {
        let message = "Permission 'cloudmessaging.messages.create' denied on the project.";
        Self::new(StatusCode::FORBIDDEN, "PERMISSION_DENIED", None, message)
    }

    pub(super) fn quota() -> Self {
        let status = StatusCode::TOO_MANY_REQUESTS;
        let message = "Device message rate has been exceeded.";
        Self::new(status, "RESOURCE_EXHAUSTED", Some("QUOTA_EXCEEDED"), message)
    }

    pub(super) fn sender_id_mismatch() -> Self {
        let code = Some("SENDER_ID_MISMATCH");
        Self::new(StatusCode::FORBIDDEN, "PERMISSION_DENIED", code, "SenderId mismatch")
    }

    pub(super) fn unauthenticated() -> Self {
        let message = "Request had invalid authentication credentials.";
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", None, message)
    }

    pub(super) fn unavailable() -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self::new(status, "UNAVAILABLE", Some("UNAVAILABLE"), "The service is unavailable.")
    }

    pub(super) fn unregistered() -> Self {
        Self { error_code: Some("UNREGISTERED"), ..Self::not_found() }
    }

    pub(super) fn into_answer(self) -> Answer {
        let mut details = Vec::<Value>::new();
        if let Some(code) = self.error_code {
            details.push(json!({ "@type": FCM_ERROR, "errorCode": code }));
        }
        if let Some((field, description)) = self.violation {
            let violations = json!([{ "field": field, "description": description }]);
            details.push(json!({ "@type": BAD_REQUEST, "fieldViolations": violations }));
        }
        let mut error = json!({
            "code": self.status.as_u16(),
            "message": self.message,
            "status": self.code,
        });
        if !details.is_empty() {
            error["details"] = details.into();
        }
        let mut answer = answer::json(self.status, &json!({ "error": error }));
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer");
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        answer
    }
}

/// The refusal of a scripted fault, as FCM words it.
pub(super) fn scripted(status: StatusCode) -> Answer {
    let (code, error_code) = match status {
        StatusCode::BAD_REQUEST => (INVALID_ARGUMENT, Some(INVALID_ARGUMENT)),
        StatusCode::UNAUTHORIZED => ("UNAUTHENTICATED", None),
        StatusCode::FORBIDDEN => ("PERMISSION_DENIED", None),
        StatusCode::NOT_FOUND => ("NOT_FOUND", Some("UNREGISTERED")),
        StatusCode::TOO_MANY_REQUESTS => ("RESOURCE_EXHAUSTED", Some("QUOTA_EXCEEDED")),
        StatusCode::INTERNAL_SERVER_ERROR => ("INTERNAL", Some("INTERNAL")),
        StatusCode::SERVICE_UNAVAILABLE => ("UNAVAILABLE", Some("UNAVAILABLE")),
        _ => return answer::text(status, "A scripted fault"),
    };
    Refusal::new(status, code, error_code, "A scripted fault").into_answer()
}

const INVALID_ARGUMENT: &str = "INVALID_ARGUMENT";
const FCM_ERROR: &str = "type.googleapis.com/google.firebase.fcm.v1.FcmError";
const BAD_REQUEST: &str = "type.googleapis.com/google.rpc.BadRequest";
