//! What a failed request means: the kind of error, whether the push service may have taken the
//! message, and a cause that holds no secret.
//!
//! The HTTP library's own errors are never kept as a source. They name the host (a certificate for
//! another name), the address (a refused connection), or hold text that the server chose (the
//! debug data of GOAWAY, RFC 9113 §6.8). A cause is either one of the sentences here or an error
//! code of the operating system.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::io;

use crate::error::{Error, ErrorKind};

/// A failure before the status of a response had arrived. The same connection may fail many
/// requests, so it can be cloned.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    kind: ErrorKind,
    fact: Cow<'static, str>,
    /// The operating system's error code.
    pub(super) system: Option<i32>,
    /// Whether it is certain that the server has not taken the request.
    pub(super) outcome_known: bool,
}

impl Failure {
    /// Nothing of the request went out.
    pub(super) const fn before(kind: ErrorKind, fact: &'static str) -> Self {
        Self { kind, fact: Cow::Borrowed(fact), system: None, outcome_known: true }
    }

    /// The request may have gone out.
    pub(super) const fn after(kind: ErrorKind, fact: &'static str) -> Self {
        Self { kind, fact: Cow::Borrowed(fact), system: None, outcome_known: false }
    }

    /// The guard refused; its sentences hold no secret.
    pub(super) fn refused(refusal: &Error) -> Self {
        let fact = Cow::Owned(refusal.to_string());
        Self { kind: refusal.kind(), fact, system: None, outcome_known: true }
    }

    /// TLS, by what rustls says in the chain of an error.
    pub(super) fn tls(error: &(dyn StdError + 'static)) -> Self {
        let fact = causes(error).find_map(|cause| cause.downcast_ref());
        Self::before(ErrorKind::Transport, fact.map_or(HANDSHAKE, tls_fact)).because_of(error)
    }

    /// Keeps the operating system's error code, where there is one in the chain of an error.
    pub(super) fn because_of(mut self, error: &(dyn StdError + 'static)) -> Self {
        let code = |cause: &(dyn StdError + 'static)| {
            cause.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error)
        };
        self.system = causes(error).find_map(code);
        self
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let mut error = Self::new(failure.kind, failure.fact);
        if let Some(code) = failure.system {
            error = error.with_source(io::Error::from_raw_os_error(code));
        }
        if failure.outcome_known { error } else { error.with_unknown_outcome() }
    }
}

/// An error and its causes, also those inside an `io::Error`, whose `source` passes over them.
pub(super) fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&cause| {
        let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        inner.map(|inner| inner as _).or_else(|| cause.source())
    })
}

/// What rustls refused, by what an operator can do about it.
fn tls_fact(refusal: &rustls::Error) -> &'static str {
    use rustls::CertificateError as Certificate;
    let rustls::Error::InvalidCertificate(certificate) = refusal else { return HANDSHAKE };
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

const HANDSHAKE: &str = "the TLS handshake failed; nothing was sent";

pub(super) const NO_RUNTIME: Failure = Failure::before(
    ErrorKind::Configuration,
    "the transport was used outside of a tokio runtime; nothing was sent",
);
pub(super) const NO_ROOTS: Failure = Failure::before(
    ErrorKind::Configuration,
    "no root certificates were found: install those of the system (the package ca-certificates), \
     turn on the feature webpki-roots, or add one when the transport is built; nothing was sent",
);
pub(super) const UNSENDABLE: Failure =
    Failure::before(ErrorKind::Rejected, "the request cannot be sent over HTTP");
pub(super) const NOT_RESOLVED: Failure =
    Failure::before(ErrorKind::Transport, "the host's name does not resolve; nothing was sent");
pub(super) const NOT_CONNECTED: Failure =
    Failure::before(ErrorKind::Transport, "the connection failed; nothing was sent");
pub(super) const NOT_CONNECTED_IN_TIME: Failure =
    Failure::before(ErrorKind::Timeout, "no connection within the deadline; nothing was sent");
pub(super) const UNPROCESSED: Failure = Failure::before(
    ErrorKind::Transport,
    "the server refused the request without processing it (RFC 9113 §8.7)",
);
pub(super) const BROKEN: Failure = Failure::after(
    ErrorKind::Transport,
    "the connection broke, or what came back is not HTTP, after the request may have gone out",
);
pub(super) const NO_ANSWER_IN_TIME: Failure =
    Failure::after(ErrorKind::Timeout, "no response within the deadline");
pub(super) const SWITCHED: Failure = Failure::after(
    ErrorKind::Transport,
    "the server switched to another protocol, which nobody asked for",
);
