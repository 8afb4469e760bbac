//! One call of a provider, and what it did.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;

use super::checked::{Checked, fail};
use super::known::Known;
use crate::{Accepted, Error, Result};

/// One call of [`PushProvider::send`](crate::PushProvider::send) and what it did.
pub(crate) struct Attempt {
    pub(crate) result: Result<Accepted>,
    pub(crate) elapsed: Duration,
    pub(crate) requests: Vec<Request<Bytes>>,
    pub(crate) arrived: Vec<Bytes>,
    /// What must not be shown of it.
    pub(crate) known: Arc<Known>,
}

impl Attempt {
    /// The acceptance; fails the check if there is none.
    pub(crate) fn accepted(&self) -> Checked<&Accepted> {
        self.result.as_ref().or_else(|_| fail(format!("expected acceptance, saw {self}")))
    }

    /// The error; fails the check if the message was accepted.
    pub(crate) fn refused(&self) -> Checked<&Error> {
        self.result.as_ref().err().map_or_else(|| fail("expected an error, saw acceptance"), Ok)
    }

    /// How many requests it made.
    pub(crate) fn count(&self) -> usize {
        self.requests.len().max(self.arrived.len())
    }

    /// Whether nothing left the provider.
    pub(crate) fn is_silent(&self) -> bool {
        self.count() == 0
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.result {
            Ok(_) => f.write_str("acceptance")?,
            Err(error) => {
                write!(f, "{:?}", error.kind())?;
                if let Some(status) = error.status() {
                    write!(f, " ({status})")?;
                }
                if let Some(delay) = error.retry_after() {
                    write!(f, ", retry after {delay:?}")?;
                }
                if !error.is_outcome_known() {
                    f.write_str(", outcome unknown")?;
                }
            }
        }
        write!(f, " after {} request(s)", self.count())?;
        match &self.result {
            Ok(_) => Ok(()),
            Err(error) => write!(f, ": {}", self.known.told(&chain(error))),
        }
    }
}

/// An error and its sources, as `Display` shows them.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
