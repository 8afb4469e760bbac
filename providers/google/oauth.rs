//! The two halves of an access token request (RFC 6749 §4.5, §5, §6; RFC 7523 §2.1). Pure.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri};
use serde::Deserialize;
use url::form_urlencoded;
use zeroize::Zeroizing;

use crate::providers::http::wiped;
use crate::transport::retry_after;
use crate::{Error, ErrorKind, Result};

use super::AccessToken;

/// Asks a token endpoint, with parameters as a form. They hold secrets: the body is made at its
/// final size and wiped.
pub(super) fn request(endpoint: &Uri, parameters: &[(&str, &str)]) -> Request<Bytes> {
    let len = parameters.iter().map(|(name, value)| name.len() + 3 * value.len() + 2).sum();
    let mut form = form_urlencoded::Serializer::new(String::with_capacity(len));
    form.extend_pairs(parameters);
    let mut request = Request::new(wiped(Zeroizing::new(form.finish())));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = endpoint.clone();
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    request.headers_mut().insert(CONTENT_TYPE, form);
    request
}

/// Reads the answer of a token endpoint or of the metadata server.
pub(super) fn read(response: &Response<Bytes>, now: SystemTime) -> Result<AccessToken> {
    let status = response.status();
    if !status.is_success() {
        return Err(refusal(response, now));
    }
    let answer: Success = serde_json::from_slice(response.body()).map_err(|_| {
        Error::new(
            ErrorKind::Unavailable,
            "the token endpoint's answer is no JSON with 'access_token' and 'expires_in'",
        )
    })?;
    let lifetime = Duration::from_secs(answer.expires_in.min(MAX_LIFETIME));
    let expires_at = now.checked_add(lifetime).unwrap_or(now);
    AccessToken::of(answer.access_token, expires_at)
}

fn refusal(response: &Response<Bytes>, now: SystemTime) -> Error {
    let status = response.status();
    let Failure { error } = serde_json::from_slice(response.body()).unwrap_or_default();
    let temporary =
        matches!(error.as_str(), "internal_failure" | "server_error" | "temporarily_unavailable");
    let (kind, advice) = match status {
        _ if temporary => (ErrorKind::Unavailable, "it has trouble"),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
            (ErrorKind::Unavailable, "it asks to slow down")
        }
        status if status.is_server_error() => (ErrorKind::Unavailable, "it has trouble"),
        _ => (ErrorKind::Unauthorized, advice(&error)),
    };
    let text = format!("no access token: the token endpoint answered {status}; {advice}");
    Error::new(kind, text).with_retry_after(retry_after(response.headers(), now))
}

/// What to do about an error code of RFC 6749 §5.2.
fn advice(error: &str) -> &'static str {
    match error {
        "invalid_client" => "the client id or secret is wrong",
        "invalid_grant" => {
            "the key or login was revoked, or this machine's clock is more than minutes off"
        }
        "invalid_scope" => "the account may not have the scope that sending needs",
        "unauthorized_client" => "the account may not use this way to get a token",
        _ => "the credentials were refused",
    }
}

#[derive(Deserialize)]
struct Success {
    access_token: Zeroizing<String>,
    expires_in: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Failure {
    error: String,
}

/// Longest lifetime that is believed, in seconds. Google's tokens last an hour.
const MAX_LIFETIME: u64 = 24 * 3600;
