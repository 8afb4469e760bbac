//! Trouble on demand: what a push service, and the network before it, do to a sender.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Response, StatusCode, header};

use super::answer::Answer;
use crate::serve::Abandoned;

/// What goes wrong with one push request.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// Refuses with this status and the JSON error body of the service. The message is not stored.
    Answer {
        /// The HTTP status, 200 to 599.
        status: u16,
        /// The `Retry-After` field.
        retry_after: Option<RetryAfter>,
    },
    /// Closes the whole connection without reading the request's body. On HTTP/2 every request in
    /// flight on it is lost.
    Disconnect,
    /// Answers this status with octets that are neither text nor JSON, and without `Location`. With
    /// a status below 300 the message is stored.
    Garbage {
        /// The HTTP status, 200 to 599.
        status: u16,
    },
    /// Waits, then serves the request as usual. On tokio's clock, so a paused test does not wait.
    Latency(Duration),
    /// Serves the request as usual.
    None,
    /// Reads the request and stores the message, then resets: the sender cannot know the outcome.
    /// On HTTP/2 only the stream, on HTTP/1.1 the connection.
    ResetAfterStore,
    /// Resets without reading the request's body. On HTTP/2 only the stream, on HTTP/1.1 the
    /// connection.
    ResetBeforeBody,
}

impl Fault {
    /// Refuses with a status.
    #[must_use]
    pub const fn status(status: u16) -> Self {
        Self::Answer { status, retry_after: None }
    }

    /// Refuses with a status and asks to wait.
    #[must_use]
    pub const fn retry_after(status: u16, retry_after: RetryAfter) -> Self {
        Self::Answer { status, retry_after: Some(retry_after) }
    }
}

/// The two forms of `Retry-After` (RFC 9110 §10.2.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RetryAfter {
    /// As a date, so many seconds after the service's clock.
    Date(u32),
    /// As a number of seconds.
    Seconds(u32),
}

impl RetryAfter {
    fn value(self, now: SystemTime) -> String {
        match self {
            Self::Date(seconds) => {
                let date = now.checked_add(Duration::from_secs(seconds.into())).unwrap_or(now);
                httpdate::fmt_http_date(date)
            }
            Self::Seconds(seconds) => seconds.to_string(),
        }
    }
}

/// Decides the [`Fault`] of each push request, in the order in which they arrive.
///
/// ```
/// use std::time::Duration;
/// use sealpush::local::{Fault, Faults};
///
/// // The first request is lost, the second refused; then all is well.
/// let script = Faults::script([Fault::Disconnect, Fault::status(503)]);
/// // A tenth is refused and a fifth is slow: the same ones in every run.
/// let weather = Faults::seeded(42)
///     .with(0.1, Fault::status(503))
///     .with(0.2, Fault::Latency(Duration::from_millis(300)));
/// ```
#[derive(Clone, Debug)]
pub struct Faults(Plan);

impl Faults {
    /// No faults.
    #[must_use]
    pub const fn none() -> Self {
        Self(Plan::Script(VecDeque::new()))
    }

    /// One fault for each of the next push requests, and none after that.
    #[must_use]
    pub fn script(faults: impl IntoIterator<Item = Fault>) -> Self {
        Self(Plan::Script(faults.into_iter().collect()))
    }

    /// Faults drawn by chance, which [`with`](Self::with) sets; the same seed draws the same ones.
    #[must_use]
    pub const fn seeded(seed: u64) -> Self {
        Self(Plan::Chance { state: seed, faults: Vec::new() })
    }

    /// Adds a fault that strikes with this probability, 0 to 1. Beyond a sum of 1 the later ones
    /// come out short. A script takes it as one fault more.
    #[must_use]
    pub fn with(mut self, probability: f64, fault: Fault) -> Self {
        match &mut self.0 {
            Plan::Chance { faults, .. } => faults.push((probability, fault)),
            Plan::Script(faults) => faults.push_back(fault),
        }
        self
    }

    pub(super) fn next(&mut self) -> Fault {
        match &mut self.0 {
            Plan::Script(faults) => faults.pop_front().unwrap_or(Fault::None),
            Plan::Chance { state, faults } => {
                let mut draw = unit(split_mix(state));
                faults
                    .iter()
                    .find(|(probability, _)| {
                        draw -= probability;
                        draw < 0.0
                    })
                    .map_or(Fault::None, |(_, fault)| fault.clone())
            }
        }
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self::none()
    }
}

impl Fault {
    /// Whether the whole connection ends.
    pub(super) fn ends_connection(&self) -> bool {
        matches!(self, Self::Disconnect)
    }

    /// Whether the request ends before its body is read.
    pub(super) fn is_before_body(&self) -> bool {
        matches!(self, Self::Disconnect | Self::ResetBeforeBody)
    }

    /// Plays the faults that strike once the body is read, around `serve`, which stores the
    /// message; `refuse` words a refusal as the service does.
    pub(super) async fn play(
        self,
        now: SystemTime,
        refuse: fn(StatusCode) -> Answer,
        serve: impl FnOnce() -> Answer + Send,
    ) -> Result<Answer, Abandoned> {
        match self {
            Self::Answer { status, retry_after } => {
                let mut answer = refuse(status_code(status));
                if let Some(value) = retry_after.and_then(|it| it.value(now).parse().ok()) {
                    answer.headers_mut().insert(header::RETRY_AFTER, value);
                }
                Ok(answer)
            }
            Self::Garbage { status } => {
                let status = status_code(status);
                if status.is_success() {
                    serve();
                }
                let mut answer = Response::new(Bytes::from_static(GARBAGE).into());
                *answer.status_mut() = status;
                Ok(answer)
            }
            Self::Latency(delay) => {
                tokio::time::sleep(delay).await;
                Ok(serve())
            }
            Self::None => Ok(serve()),
            Self::ResetAfterStore => {
                serve();
                Err(Abandoned)
            }
            Self::Disconnect | Self::ResetBeforeBody => Err(Abandoned),
        }
    }
}

#[derive(Clone, Debug)]
enum Plan {
    Chance { state: u64, faults: Vec<(f64, Fault)> },
    Script(VecDeque<Fault>),
}

/// Not UTF-8, not JSON, and with a line end to be found in logs that print it.
const GARBAGE: &[u8] = b"\xff\xfe<html>\0\r\n{\"errno\":";

fn status_code(status: u16) -> StatusCode {
    // An informational status would not end the exchange.
    StatusCode::from_u16(status)
        .ok()
        .filter(|status| !status.is_informational())
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// SplitMix64: small, and the same everywhere.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// From 0 to below 1, with the 53 bits that an `f64` holds exactly.
fn unit(draw: u64) -> f64 {
    (draw >> 11) as f64 / (1_u64 << 53) as f64
}
