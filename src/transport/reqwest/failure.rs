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
    } else if let Some(refusal) = chain(error).find_map(|cause| cause.downcast_ref()) {
        Error::new(ErrorKind::Transport, tls_fact(refusal))
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

/// What rustls refused, by what an operator can do about it.
fn tls_fact(refusal: &rustls::Error) -> &'static str {
    use rustls::CertificateError as Certificate;
    let rustls::Error::InvalidCertificate(certificate) = refusal else {
        return "the TLS handshake failed; nothing was sent";
    };
    match certificate {
        Certificate::Expired | Certificate::ExpiredContext { .. } => {
            "the server's certificate has expired; nothing was sent"
        }
        Certificate::NotValidForName | Certificate::NotValidForNameContext { .. } => {
            "the server's certificate is for another name; nothing was sent"
        }
        Certificate::NotValidYet | Certificate::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet; nothing was sent"
        }
        Certificate::UnknownIssuer => {
            "the issuer of the server's certificate is not trusted; a root certificate of your own \
             is added when the transport is built; nothing was sent"
        }
        _ => "the server's certificate was refused; nothing was sent",
    }
}

/// The causes of an error, also those inside an `io::Error`, whose `source` passes over them.
fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(error.source(), |&cause| {
        let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        inner.map(|inner| inner as _).or_else(|| cause.source())
    })
}
