//! What can go wrong with a push, as one small type that answers questions.
//!
//! Applications act on [`ErrorKind`] and on five questions: [`Error::is_retryable`],
//! [`Error::is_token_dead`], [`Error::is_token_doubtful`], [`Error::is_outcome_known`],
//! [`Error::retry_after`]. Providers map their vendor's answers to it in one function.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use crate::provider::ProviderId;

/// The result of everything in this crate that can fail, but for opening a sealed body.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a message was not accepted.
///
/// One pointer wide. It holds no token, push resource, key, payload or credential; an author of a
/// provider keeps it so by passing facts, never a URL or a request, to [`Error::new`].
///
/// ```
/// use sealpush::{Error, ErrorKind};
///
/// let error = Error::answered(ErrorKind::RateLimited, 429, "the push service asked to slow down")
///     .with_retry_after(std::time::Duration::from_secs(30));
/// assert!(error.is_retryable() && !error.is_token_dead());
/// ```
pub struct Error(Box<Inner>);

impl Error {
    /// Makes an error of a kind from a sentence: lower case, no full stop, a fact to act on, and
    /// nothing secret.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            provider: None,
            status: None,
            retry_after: None,
            attempts: 1,
            budget_spent: false,
            outcome_known: !matches!(kind, ErrorKind::UnexpectedResponse),
            token_doubtful: false,
            source: None,
        }))
    }

    /// Makes an error from an answer of the push service with this HTTP status.
    ///
    /// 502 and 504 are a gateway's word about a server behind it, which may have taken the message
    /// all the same (RFC 9110 §15.6.3, §15.6.5): they leave the outcome unknown.
    pub fn answered(kind: ErrorKind, status: u16, message: impl Into<Cow<'static, str>>) -> Self {
        let error = Self::new(kind, message).with_status(status);
        if matches!(status, 502 | 504) { error.with_unknown_outcome() } else { error }
    }

    /// Names the provider that refused.
    #[must_use]
    pub fn with_provider(mut self, provider: ProviderId) -> Self {
        self.0.provider = Some(provider);
        self
    }

    /// Keeps an HTTP status, and nothing else; see [`answered`](Self::answered) for an answer of
    /// the push service.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    /// Keeps how long the push service asked to wait (RFC 9110 §10.2.3).
    #[must_use]
    pub fn with_retry_after(mut self, delay: impl Into<Option<Duration>>) -> Self {
        self.0.retry_after = delay.into();
        self
    }

    /// Keeps the cause. Strip URLs from it first (`reqwest::Error::without_url`).
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Says that the message may have been accepted all the same: the connection ended after
    /// octets of the request went out.
    #[must_use]
    pub fn with_unknown_outcome(mut self) -> Self {
        self.0.outcome_known = false;
        self
    }

    /// Says that the subscription may be gone, where the answer may also be somebody else's: see
    /// [`is_token_doubtful`](Self::is_token_doubtful).
    #[must_use]
    pub fn with_doubtful_token(mut self) -> Self {
        self.0.token_doubtful = true;
        self
    }

    /// Says how many attempts were made, this one included.
    #[must_use]
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// Says that there was no other attempt only because the budget of retries is spent.
    #[must_use]
    pub fn with_spent_budget(mut self) -> Self {
        self.0.budget_spent = true;
        self
    }

    /// What kind of failure this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The provider that failed, where one was asked.
    #[must_use]
    pub fn provider(&self) -> Option<&ProviderId> {
        self.0.provider.as_ref()
    }

    /// The HTTP status of the push service, where it answered.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// How long the push service asked to wait before the next attempt.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// How many attempts were made, this one included: 1 unless there were
    /// [retries](crate::layers::Retry).
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Whether there was no other attempt only because the
    /// [budget](crate::layers::RetryPolicy::with_budget) of retries for this origin is spent: the
    /// push service fails often, for others too.
    #[must_use]
    pub fn is_budget_spent(&self) -> bool {
        self.0.budget_spent
    }

    /// Whether the same octets may succeed later. [`Error::is_outcome_known`] says whether
    /// repeating them can deliver the message twice.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(
            self.0.kind,
            ErrorKind::RateLimited
                | ErrorKind::Timeout
                | ErrorKind::Transport
                | ErrorKind::Unavailable
        )
    }

    /// Whether the subscription is gone, so that the application should delete the token.
    #[must_use]
    pub fn is_token_dead(&self) -> bool {
        self.0.kind == ErrorKind::Expired
    }

    /// Whether the subscription may be gone, by an answer that a proxy in front of the push service
    /// gives as well while the service behind it is away: 404 from a host that is no known push
    /// service. Keep the token, and delete it when this stays so for days; the guide's chapter on
    /// tokens (`guide::tokens`) says how to count. Never together with
    /// [`is_token_dead`](Self::is_token_dead).
    #[must_use]
    pub fn is_token_doubtful(&self) -> bool {
        self.0.token_doubtful && !self.is_token_dead()
    }

    /// Whether it is certain that the push service did not accept the message.
    #[must_use]
    pub fn is_outcome_known(&self) -> bool {
        self.0.outcome_known
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(provider) = &self.0.provider {
            write!(f, "{provider}: ")?;
        }
        f.write_str(&self.0.message)?;
        if self.0.attempts > 1 {
            write!(f, ", after {} attempts", self.0.attempts)?;
        }
        if self.0.budget_spent {
            f.write_str(", the budget of retries is spent")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("provider", &self.0.provider)
            .field("status", &self.0.status)
            .field("retry_after", &self.0.retry_after)
            .field("attempts", &self.0.attempts)
            .field("budget_spent", &self.0.budget_spent)
            .field("outcome_known", &self.0.outcome_known)
            .field("token_doubtful", &self.is_token_doubtful())
            .field("message", &self.0.message)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// The kinds of failure, by what the caller can do about them.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The endpoint guard refused the push resource; nothing was sent.
    Blocked,
    /// The caller's settings are wrong; nothing was sent.
    Configuration,
    /// The subscription is gone: delete the token.
    Expired,
    /// The token does not parse, or its public key is not a point of P-256.
    InvalidToken,
    /// The sealed body is over the provider's limit, found here or answered as 413.
    PayloadTooLarge,
    /// Too many requests. Retryable, after [`Error::retry_after`].
    RateLimited,
    /// The push service refused this message for any other reason.
    Rejected,
    /// No answer in time. Retryable; [`Error::is_outcome_known`] says whether it may have arrived.
    Timeout,
    /// The token belongs to another provider, sender or VAPID key. Not delivered; do not delete it.
    TokenMismatch,
    /// Name resolution, connection or TLS failed, or the connection broke. Retryable.
    Transport,
    /// Our credentials were refused.
    Unauthorized,
    /// The push service has trouble (5xx). Retryable.
    Unavailable,
    /// The push service answered success, but its answer cannot be read: the message was probably
    /// accepted.
    UnexpectedResponse,
}

impl ErrorKind {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Blocked,
        Self::Configuration,
        Self::Expired,
        Self::InvalidToken,
        Self::PayloadTooLarge,
        Self::RateLimited,
        Self::Rejected,
        Self::Timeout,
        Self::TokenMismatch,
        Self::Transport,
        Self::Unauthorized,
        Self::Unavailable,
        Self::UnexpectedResponse,
    ];

    /// The kind as a label for logs and metrics: `a-z` and `_`, the same in every version.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Configuration => "configuration",
            Self::Expired => "expired",
            Self::InvalidToken => "invalid_token",
            Self::PayloadTooLarge => "payload_too_large",
            Self::RateLimited => "rate_limited",
            Self::Rejected => "rejected",
            Self::Timeout => "timeout",
            Self::TokenMismatch => "token_mismatch",
            Self::Transport => "transport",
            Self::Unauthorized => "unauthorized",
            Self::Unavailable => "unavailable",
            Self::UnexpectedResponse => "unexpected_response",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    provider: Option<ProviderId>,
    status: Option<u16>,
    retry_after: Option<Duration>,
    attempts: u32,
    budget_spent: bool,
    outcome_known: bool,
    token_doubtful: bool,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_pointer_wide() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn only_expired_kills_a_token_and_four_kinds_are_retryable() {
        for &kind in ErrorKind::ALL {
            let error = Error::new(kind, "x");
            assert_eq!(error.is_token_dead(), kind == ErrorKind::Expired, "{kind:?}");
            let retryable = matches!(
                kind,
                ErrorKind::RateLimited
                    | ErrorKind::Timeout
                    | ErrorKind::Transport
                    | ErrorKind::Unavailable
            );
            assert_eq!(error.is_retryable(), retryable, "{kind:?}");
            assert_eq!(error.is_outcome_known(), kind != ErrorKind::UnexpectedResponse);
        }
    }

    /// Dashboards and alerts are built on these words: none may change.
    #[test]
    fn every_kind_has_its_label() {
        let labels: Vec<_> = ErrorKind::ALL.iter().map(ToString::to_string).collect();
        assert_eq!(
            labels,
            [
                "blocked",
                "configuration",
                "expired",
                "invalid_token",
                "payload_too_large",
                "rate_limited",
                "rejected",
                "timeout",
                "token_mismatch",
                "transport",
                "unauthorized",
                "unavailable",
                "unexpected_response",
            ]
        );
    }

    #[test]
    fn a_doubtful_token_is_never_dead() {
        let doubtful = Error::new(ErrorKind::Rejected, "x").with_doubtful_token();
        assert!(doubtful.is_token_doubtful() && !doubtful.is_token_dead());
        assert!(!Error::new(ErrorKind::Rejected, "x").is_token_doubtful());
        let dead = Error::new(ErrorKind::Expired, "x").with_doubtful_token();
        assert!(dead.is_token_dead() && !dead.is_token_doubtful());
    }

    #[test]
    fn a_gateway_leaves_the_outcome_unknown() {
        for (status, known) in [(500, true), (502, false), (503, true), (504, false)] {
            let error = Error::answered(ErrorKind::Unavailable, status, "x");
            assert_eq!((error.status(), error.is_outcome_known()), (Some(status), known));
            let kept = Error::new(ErrorKind::Unavailable, "x").with_status(status);
            assert!(kept.is_outcome_known(), "{status}");
        }
    }

    #[test]
    fn display_names_the_provider_and_leaves_the_cause_to_source() {
        let error = Error::new(ErrorKind::Transport, "the connection was refused")
            .with_provider(ProviderId::from_static("webpush"))
            .with_source(std::io::Error::other("refused"));
        assert_eq!(error.to_string(), "webpush: the connection was refused");
        assert_eq!(StdError::source(&error).map(ToString::to_string).as_deref(), Some("refused"));
    }
}
