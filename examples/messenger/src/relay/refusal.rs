//! An error as an HTTP response: a status, one sentence, never an address.

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use sealpush::{Error, ErrorKind};

/// Why a request was not done.
#[derive(Debug)]
pub(crate) struct Refusal(Error);

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match self.0.kind() {
            ErrorKind::Rejected | ErrorKind::InvalidToken => StatusCode::BAD_REQUEST,
            ErrorKind::Blocked => StatusCode::FORBIDDEN,
            ErrorKind::TokenMismatch => StatusCode::CONFLICT,
            ErrorKind::Expired => StatusCode::GONE,
            ErrorKind::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            kind => {
                tracing::warn!(?kind, "a request failed");
                StatusCode::SERVICE_UNAVAILABLE
            }
        };
        let mut response = (status, format!("{}\n", self.0)).into_response();
        if let Some(wait) = self.0.retry_after() {
            response.headers_mut().insert(RETRY_AFTER, wait.as_secs().max(1).into());
        }
        response
    }
}

/// Octets, as every answer of the relay is.
pub(crate) fn octets(octets: Bytes) -> Response {
    ([(CONTENT_TYPE, "application/octet-stream")], octets).into_response()
}
