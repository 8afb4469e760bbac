//! What every transport does to a request before it goes out.

use http::header::{CONTENT_LENGTH, USER_AGENT};
use http::request::Parts;
use http::{HeaderValue, Method};

use super::failure;
use crate::endpoint::Endpoint;
use crate::error::Result;
use crate::guard;

/// The endpoint that a provider put into its request; read from the URI where there is none.
pub(super) fn endpoint_of(head: &Parts) -> Result<Endpoint> {
    match head.extensions.get::<Endpoint>() {
        Some(endpoint) => Ok(endpoint.clone()),
        None => guard::endpoint(&head.uri.to_string()),
    }
}

/// Adds the fields that HTTP needs, where the request has none of its own.
///
/// The length of an empty body is said, too, where the method has a meaning for one: strict
/// servers answer 411 without it (RFC 9110 §8.6).
pub(super) fn complete(head: &mut Parts, length: usize, user_agent: Option<&HeaderValue>) {
    if let Some(user_agent) = user_agent {
        head.headers.entry(USER_AGENT).or_insert_with(|| user_agent.clone());
    }
    let bodiless = [Method::GET, Method::HEAD, Method::DELETE, Method::OPTIONS, Method::TRACE];
    if length > 0 || !bodiless.contains(&head.method) {
        head.headers.insert(CONTENT_LENGTH, length.into());
    }
}

/// Refuses to go on where tokio would panic.
pub(super) fn check_runtime() -> Result<()> {
    match tokio::runtime::Handle::try_current() {
        Ok(_) => Ok(()),
        Err(_) => Err(failure::NO_RUNTIME.into()),
    }
}

/// `User-Agent` unless the builder says otherwise (RFC 9110 §10.1.5).
pub(super) const DEFAULT_USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("sealpush/", env!("CARGO_PKG_VERSION")));
