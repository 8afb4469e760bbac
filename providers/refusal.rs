//! Why a push service did not accept a message, in one form for all: what a vendor's `answer.rs`
//! comes to. Public, so that a provider of your own has it too.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};

use crate::{Error, ErrorKind};

/// A refusal: its kind, what to do about it, and how long to wait.
///
/// ```
/// use std::time::Duration;
/// use bytes::Bytes;
/// use http::Response;
/// use sealpush::ErrorKind;
/// use sealpush::providers::refusal::Refusal;
///
/// /// What the vendor documents comes first, the status decides the rest.
/// fn read(answer: &Response<Bytes>) -> Refusal {
///     match (answer.status().as_u16(), answer.body().as_ref()) {
///         (404, b"no such channel") => Refusal::new(ErrorKind::Expired, "the channel is gone"),
///         _ => Refusal::by_status(answer),
///     }
/// }
///
/// let answer = Response::builder().status(429).body(Bytes::new())?;
/// let asked = Some(Duration::from_secs(30));
/// let error = read(&answer).into_error("beacon", answer.status(), asked);
/// assert_eq!(error.kind(), ErrorKind::RateLimited);
/// assert_eq!(error.to_string(), "beacon answered 429: too many requests; slow down");
/// # Ok::<_, http::Error>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Refusal {
    /// What kind of error it becomes.
    pub kind: ErrorKind,
    /// What happened and what to do about it: a fact of the caller's, never text of the answer,
    /// which can repeat the request.
    pub advice: Cow<'static, str>,
    /// How long to wait where the push service does not say.
    pub delay: Option<Duration>,
    /// Whether the subscription may be gone, though it is not certain who says so.
    pub token_doubtful: bool,
    /// Whether it is about the credential alone, so that another one may be taken.
    pub credential_refused: bool,
}

impl Refusal {
    /// A refusal of a kind, with a fact to act on.
    #[must_use]
    pub const fn new(kind: ErrorKind, advice: &'static str) -> Self {
        Self {
            kind,
            advice: Cow::Borrowed(advice),
            delay: None,
            token_doubtful: false,
            credential_refused: false,
        }
    }

    /// Waits so long where the push service does not say.
    #[must_use]
    pub const fn with_delay(mut self, delay: Duration) -> Self {
        self.delay = Some(delay);
        self
    }

    /// Makes the token [doubtful](crate::Error::is_token_doubtful).
    #[must_use]
    pub const fn with_doubtful_token(mut self) -> Self {
        self.token_doubtful = true;
        self
    }

    /// Says that another credential may be taken.
    #[must_use]
    pub const fn with_credential_refused(mut self) -> Self {
        self.credential_refused = true;
        self
    }

    /// What a status means where nothing more is known. No status alone kills a token, and a page
    /// for people in place of a 401 or 403 is about no credential.
    #[must_use]
    pub fn by_status(response: &Response<Bytes>) -> Self {
        let status = response.status();
        match status.as_u16() {
            300..=399 => Self::new(ErrorKind::Rejected, "redirects are not followed"),
            400 => Self::new(
                ErrorKind::Rejected,
                "the request is malformed; the same message will be refused again",
            ),
            401 | 403 if is_page(response) => PAGE,
            401 | 403 => {
                Self::new(ErrorKind::Unauthorized, "the credentials are missing or refused")
                    .with_credential_refused()
            }
            408 | 425 => Self::new(ErrorKind::Unavailable, "the request took too long; try again"),
            413 => Self::new(ErrorKind::PayloadTooLarge, "the message is too large; shorten it"),
            429 => RATE_LIMITED,
            500..=599 => UNAVAILABLE,
            _ => Self::new(ErrorKind::Rejected, "the message was refused"),
        }
    }

    /// The error for the caller: `service answered 429: advice`. A delay is kept where waiting
    /// helps, `asked` being what the push service asked for, such as
    /// [`retry_after`](crate::transport::retry_after).
    #[must_use]
    pub fn into_error(
        self,
        service: &str,
        status: impl Into<u16>,
        asked: Option<Duration>,
    ) -> Error {
        let status = status.into();
        let delay = match self.kind {
            ErrorKind::RateLimited | ErrorKind::Unavailable => asked.or(self.delay),
            _ => None,
        };
        let text = format!("{service} answered {status}: {}", self.advice);
        let error = Error::answered(self.kind, status, text).with_retry_after(delay);
        if self.token_doubtful { error.with_doubtful_token() } else { error }
    }
}

/// Whether an answer is a page for people: what firewalls, portals and proxies put in a push
/// service's place.
#[must_use]
pub fn is_page(response: &Response<Bytes>) -> bool {
    let media_type = response.headers().get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let body = response.body().trim_ascii_start();
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
    contains(media_type, &["text/html", "application/xhtml"]) || body.starts_with(b"<")
}

/// Whether a text has one of the fragments, which are in lower case.
#[must_use]
pub fn contains(text: &[u8], fragments: &[&str]) -> bool {
    let text = String::from_utf8_lossy(text).to_lowercase();
    fragments.iter().any(|fragment| text.contains(fragment))
}

const PAGE: Refusal = Refusal::new(
    ErrorKind::Unauthorized,
    "a page of HTML, so not about our credentials: a firewall or proxy in front of the push \
     service refuses this sender",
);
const RATE_LIMITED: Refusal = Refusal::new(ErrorKind::RateLimited, "too many requests; slow down");
const UNAVAILABLE: Refusal =
    Refusal::new(ErrorKind::Unavailable, "the push service has trouble; try again later");

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &'static str) -> Response<Bytes> {
        Response::builder().status(status).body(body.into()).unwrap()
    }

    #[test]
    fn no_status_alone_kills_a_token() {
        for status in (100..=199).chain(300..=999) {
            let refusal = Refusal::by_status(&answer(status, ""));
            let error = refusal.clone().into_error("beacon", status, None);
            assert!(!error.is_token_dead() && !error.is_token_doubtful(), "{status}");
            assert_eq!(error.status(), Some(status));
            let expected = match status {
                401 | 403 => ErrorKind::Unauthorized,
                408 | 425 | 500..=599 => ErrorKind::Unavailable,
                413 => ErrorKind::PayloadTooLarge,
                429 => ErrorKind::RateLimited,
                _ => ErrorKind::Rejected,
            };
            assert_eq!(error.kind(), expected, "{status}");
            assert_eq!(refusal.credential_refused, matches!(status, 401 | 403), "{status}");
        }
    }

    #[test]
    fn a_page_is_about_no_credential() {
        for page in ["<html>", " \n<!DOCTYPE html>", "\u{feff}<p>", "\u{feff}\n <p>"] {
            for status in [401, 403] {
                let refusal = Refusal::by_status(&answer(status, page));
                assert_eq!(refusal.kind, ErrorKind::Unauthorized);
                assert!(!refusal.credential_refused, "{page}");
            }
        }
        for plain in ["", "forbidden", "{\"a\":\"<html>\"}", "a <b>"] {
            assert!(!is_page(&answer(403, plain)), "{plain}");
        }
        for (media_type, page) in
            [("text/html", true), ("Text/HTML; charset=x", true), ("text/plain", false)]
        {
            let mut answer = answer(403, "forbidden");
            answer.headers_mut().insert(CONTENT_TYPE, media_type.parse().unwrap());
            assert_eq!(is_page(&answer), page, "{media_type}");
        }
    }

    #[test]
    fn a_delay_is_kept_where_waiting_helps() {
        let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3600));
        for (kind, waits) in [
            (ErrorKind::RateLimited, true),
            (ErrorKind::Unavailable, true),
            (ErrorKind::Rejected, false),
            (ErrorKind::Expired, false),
            (ErrorKind::Unauthorized, false),
        ] {
            let refusal = Refusal::new(kind, "x").with_delay(minute);
            let delay = |asked| refusal.clone().into_error("x", 429_u16, asked).retry_after();
            assert_eq!(delay(None), waits.then_some(minute), "{kind:?}");
            assert_eq!(delay(Some(hour)), waits.then_some(hour), "{kind:?}");
        }
    }
}
