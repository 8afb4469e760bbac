//! What reqwest's errors mean, in the words that both transports use.

use super::resolver::Refused;
use crate::transport::failure::{self, Failure, causes};

/// Maps a failure before the head of a response had arrived.
pub(super) fn classify(error: &reqwest::Error) -> Failure {
    if let Some(Refused(refusal)) = causes(error).find_map(|cause| cause.downcast_ref()) {
        return Failure::refused(refusal);
    }
    if error.is_builder() {
        return failure::UNSENDABLE;
    }
    if error.is_connect() {
        return before_connection(error);
    }
    if error.is_timeout() {
        return failure::NO_ANSWER_IN_TIME.because_of(error);
    }
    if is_unprocessed(error) {
        return failure::UNPROCESSED;
    }
    failure::BROKEN.because_of(error)
}

/// Name resolution, TCP or TLS failed: nothing of the request went out.
fn before_connection(error: &reqwest::Error) -> Failure {
    if error.is_timeout() {
        failure::NOT_CONNECTED_IN_TIME.because_of(error)
    } else if error.is_dns() {
        failure::NOT_RESOLVED.because_of(error)
    } else if causes(error).any(|cause| cause.is::<rustls::Error>()) {
        Failure::tls(error)
    } else {
        failure::NOT_CONNECTED.because_of(error)
    }
}

/// Whether the server has declared that it has not processed the request (RFC 9113 §6.8, §8.7).
fn is_unprocessed(error: &reqwest::Error) -> bool {
    let stream = causes(error).find_map(|cause| cause.downcast_ref::<h2::Error>());
    stream.is_some_and(|error| {
        let refused = error.reason() == Some(h2::Reason::REFUSED_STREAM);
        error.is_remote() && (error.is_go_away() || refused)
    })
}
