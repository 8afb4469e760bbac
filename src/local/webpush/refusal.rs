//! The errors of the push service, in the form of Mozilla's.

use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use super::super::answer::{self, Answer};
use super::super::store::{Missing, NotStored};

/// An error of the push service, in the form of Mozilla's: `{"code", "errno", "error", "message"}`.
#[derive(Clone, Copy, Debug)]
pub(in crate::local) struct Refusal {
    status: StatusCode,
    errno: u16,
    message: &'static str,
}

impl Refusal {
    pub(in crate::local) const CODING: Self =
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, 110, "Unknown Content-Encoding");
    pub(in crate::local) const FORBIDDEN: Self =
        Self::new(StatusCode::FORBIDDEN, 109, "Invalid VAPID token");
    pub(in crate::local) const FULL: Self =
        Self::new(StatusCode::TOO_MANY_REQUESTS, 201, "Too many messages are stored");
    pub(in crate::local) const GONE: Self =
        Self::new(StatusCode::GONE, 106, "No such subscription");
    pub(in crate::local) const METHOD: Self =
        Self::new(StatusCode::METHOD_NOT_ALLOWED, 999, "Method not allowed");
    pub(in crate::local) const NO_CODING: Self =
        Self::new(StatusCode::BAD_REQUEST, 110, "Missing Content-Encoding header");
    pub(in crate::local) const NO_ROOM: Self =
        Self::new(StatusCode::SERVICE_UNAVAILABLE, 201, "Too many octets of messages are stored");
    pub(in crate::local) const NOT_FOUND: Self =
        Self::new(StatusCode::NOT_FOUND, 102, "Invalid URL endpoint");
    pub(in crate::local) const SAME_KEY: Self = Self::new(
        StatusCode::BAD_REQUEST,
        110,
        "The VAPID key must not be the key of the encryption",
    );
    pub(in crate::local) const SHAPE: Self = Self::new(
        StatusCode::BAD_REQUEST,
        110,
        "The body is not one record of aes128gcm with the sender's public key as its key id",
    );
    pub(in crate::local) const TOO_LARGE: Self = Self::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        104,
        "This message is too large: the limit is 4096 octets",
    );
    pub(in crate::local) const TOPIC: Self =
        Self::new(StatusCode::BAD_REQUEST, 113, "Invalid Topic header");
    pub(in crate::local) const TTL: Self =
        Self::new(StatusCode::BAD_REQUEST, 111, "Missing or invalid TTL header");
    pub(in crate::local) const UNAUTHORIZED: Self =
        Self::new(StatusCode::UNAUTHORIZED, 109, "Missing VAPID token");
    pub(in crate::local) const UNKNOWN: Self =
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, 999, "Unknown error");
    pub(in crate::local) const URGENCY: Self =
        Self::new(StatusCode::BAD_REQUEST, 110, "Invalid Urgency header");
    pub(in crate::local) const OFFLINE: Self =
        Self::new(StatusCode::SERVICE_UNAVAILABLE, 201, "The service is offline");
    pub(in crate::local) const UPGRADE: Self =
        Self::new(StatusCode::UPGRADE_REQUIRED, 999, "This is a websocket");

    const fn new(status: StatusCode, errno: u16, message: &'static str) -> Self {
        Self { status, errno, message }
    }

    pub(in crate::local) const fn with_message(self, message: &'static str) -> Self {
        Self { message, ..self }
    }

    /// The refusal of a scripted fault: as the service itself would word it.
    pub(in crate::local) fn scripted(status: StatusCode) -> Self {
        match status {
            StatusCode::FORBIDDEN => Self::FORBIDDEN,
            StatusCode::GONE => Self::GONE,
            StatusCode::NOT_FOUND => Self::NOT_FOUND,
            StatusCode::PAYLOAD_TOO_LARGE => Self::TOO_LARGE,
            StatusCode::UNAUTHORIZED => Self::UNAUTHORIZED,
            _ => Self::new(status, 999, "A scripted fault"),
        }
    }

    pub(in crate::local) fn into_answer(self) -> Answer {
        let error = json!({
            "code": self.status.as_u16(),
            "errno": self.errno,
            "error": self.status.canonical_reason().unwrap_or("Unknown"),
            "message": self.message,
        });
        let mut answer = answer::json(self.status, &error);
        let headers = answer.headers_mut();
        match self.status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("vapid"));
            }
            StatusCode::UPGRADE_REQUIRED => {
                headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            }
            _ => {}
        }
        answer
    }
}

impl From<Missing> for Refusal {
    fn from(missing: Missing) -> Self {
        match missing {
            Missing::Ended => Self::GONE,
            Missing::Unknown => Self::NOT_FOUND,
        }
    }
}

impl From<NotStored> for Refusal {
    fn from(reason: NotStored) -> Self {
        match reason {
            NotStored::Full => Self::FULL,
            NotStored::Missing(missing) => missing.into(),
            NotStored::NoRoom => Self::NO_ROOM,
        }
    }
}
