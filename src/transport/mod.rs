//! One HTTP request, one response: the only place of the crate that connects to a push service.
//!
//! [`Transport`] speaks in the types of the `http` crate, so that a provider can be tested without
//! a network and an application can bring its own client.

#[cfg(any(feature = "hyper", feature = "reqwest"))]
mod failure;
#[cfg(feature = "hyper")]
mod hyper;
#[cfg(any(feature = "hyper", feature = "reqwest"))]
mod lookup;
#[cfg(any(feature = "hyper", feature = "reqwest"))]
mod outgoing;
#[cfg(feature = "reqwest")]
mod reqwest;
#[cfg(any(feature = "hyper", feature = "reqwest"))]
mod settings;
#[cfg(any(feature = "hyper", feature = "reqwest"))]
mod tls;

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderMap, Request, Response};

use crate::error::Result;

#[cfg(feature = "hyper")]
pub use self::hyper::{HyperTransport, HyperTransportBuilder};
#[cfg(feature = "reqwest")]
pub use self::reqwest::{ReqwestTransport, ReqwestTransportBuilder};

/// Sends one request and reads its response.
///
/// A provider that has read the push resource puts the [`Endpoint`](crate::endpoint::Endpoint)
/// into the request's extensions. An implementation connects to the origin that it names; where
/// there is none, it reads the request's URI.
///
/// An implementation makes one attempt, follows no redirect, sends nothing that is not in the
/// request but the fields that HTTP itself needs, and reads at most [`MAX_RESPONSE`] octets of
/// the response's body. A body that breaks off is no error: the status has answered, and asking
/// again could deliver twice.
#[async_trait]
pub trait Transport: Debug + Send + Sync + 'static {
    /// Sends one request.
    ///
    /// # Errors
    ///
    /// `Blocked` when the address must not be connected to, `Timeout`, or `Transport`; the last
    /// two [with an unknown outcome](crate::Error::with_unknown_outcome) once octets of the
    /// request may have reached the server. No error holds the request's URL.
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>>;
}

impl<T: Transport + ?Sized> Transport for Arc<T> {
    // Written out, because `async_trait` would box the boxed future once more.
    fn send<'a, 'future>(
        &'a self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>>> + Send + 'future>>
    where
        'a: 'future,
        Self: 'future,
    {
        (**self).send(request)
    }
}

/// Most octets of a response's body that are read; the rest is left on the wire.
pub const MAX_RESPONSE: usize = 16 * 1024;

/// Reads `Retry-After`, as seconds or as a date (RFC 9110 §10.2.3), and brings it between
/// [`MIN_RETRY_AFTER`] and [`MAX_RETRY_AFTER`]. Absent, repeated or unreadable: `None`.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use sealpush::transport::retry_after;
///
/// let mut headers = http::HeaderMap::new();
/// headers.insert("retry-after", "120".parse().unwrap());
/// assert_eq!(retry_after(&headers, SystemTime::UNIX_EPOCH), Some(Duration::from_secs(120)));
/// ```
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let mut values = headers.get_all(RETRY_AFTER).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let value = value.to_str().ok()?.trim();
    let delay = if !value.is_empty() && value.bytes().all(|octet| octet.is_ascii_digit()) {
        // More digits than fit are a very long delay, not garbage.
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or(Duration::ZERO)
    };
    Some(delay.clamp(MIN_RETRY_AFTER, MAX_RETRY_AFTER))
}

/// Shortest delay that [`retry_after`] answers.
pub const MIN_RETRY_AFTER: Duration = Duration::from_secs(1);
/// Longest delay that [`retry_after`] answers.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    #[cfg(all(feature = "hyper", feature = "reqwest"))]
    mod names;

    use super::*;

    fn read(values: &[&str], now: u64) -> Option<u64> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(RETRY_AFTER, value.parse().unwrap());
        }
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now);
        retry_after(&headers, now).map(|delay| delay.as_secs())
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        assert_eq!(read(&["120"], 0), Some(120));
        assert_eq!(read(&["Thu, 01 Jan 1970 00:02:00 GMT"], 0), Some(120));
        assert_eq!(read(&["Thu, 01 Jan 1970 00:02:00 GMT"], 100), Some(20));
    }

    #[test]
    fn retry_after_is_brought_into_range() {
        assert_eq!(read(&["0"], 0), Some(1));
        assert_eq!(read(&["999999"], 0), Some(3600));
        assert_eq!(read(&["99999999999999999999999"], 0), Some(3600));
        assert_eq!(read(&["Thu, 01 Jan 1970 00:02:00 GMT"], 5000), Some(1));
    }

    #[test]
    fn an_unreadable_retry_after_is_absent() {
        for values in [&["soon"][..], &[""], &["-5"], &["1.5"], &["1", "2"], &[]] {
            assert_eq!(read(values, 0), None, "{values:?}");
        }
    }
}
