//! What a failed request means: the kind of error, whether the push service may have taken the
//! message, and a cause that holds no secret.
//!
//! The HTTP client's own errors are never kept as a source. They name the host (a certificate for
//! another name), the address (a refused connection), or hold text that the server chose (the
//! debug data of GOAWAY, RFC 9113 §6.8). A cause is either one of the sentences here or an error
//! code of the operating system.

use std::error::Error as StdError;
use std::io;

use crate::error::{Error, ErrorKind};

use super::resolver::Refused;

/// Maps a failure before the head of a response had arrived.
pub(super) fn classify(error: &reqwest::Error) -> Error {
    if let Some(Refused(refusal)) = chain(error).find_map(|cause| cause.downcast_ref()) {
        return Error::new(refusal.kind(), refusal.to_string());
    }
    if error.is_builder() {
        return Error::new(ErrorKind::Rejected, "the request cannot be sent over HTTP");
    }
    if error.is_connect() {
        return before_connection(error);
    }
    let mapped = if error.is_timeout() {
        Error::new(ErrorKind::Timeout, "no response within the deadline")
    } else {
        Error::new(
            ErrorKind::Transport,
            "the connection broke, or what came back is not HTTP, after the request may have gone \
             out",
        )
    };
    with_system_cause(mapped, error).with_unknown_outcome()
}

/// Name resolution, TCP or TLS failed: nothing of the request went out.
fn before_connection(error: &reqwest::Error) -> Error {
    let mapped = if error.is_timeout() {
        Error::new(ErrorKind::Timeout, "no connection within the deadline; nothing was sent")
    } else if error.is_dns() {
        Error::new(ErrorKind::Transport, "the host's name does not resolve; nothing was sent")
    } else if chain(error).any(is_tls) {
        Error::new(ErrorKind::Transport, "the TLS handshake failed; nothing was sent")
    } else {
        Error::new(ErrorKind::Transport, "the connection failed; nothing was sent")
    };
    with_system_cause(mapped, error)
}

fn with_system_cause(mapped: Error, error: &reqwest::Error) -> Error {
    let code = chain(error).find_map(|cause| cause.downcast_ref::<io::Error>()?.raw_os_error());
    match code {
        Some(code) => mapped.with_source(io::Error::from_raw_os_error(code)),
        None => mapped,
    }
}

/// rustls reports what it refuses as invalid data.
fn is_tls(cause: &(dyn StdError + 'static)) -> bool {
    cause
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::InvalidData)
}

fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(error.source(), |&cause| cause.source())
}
