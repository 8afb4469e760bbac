use async_trait::async_trait;
use tokio::time::Instant;
use tracing::{Instrument, Level, Span, debug, debug_span, event};

use crate::error::{ErrorKind, Result};
use crate::message::SealedMessage;
use crate::provider::{Accepted, Capabilities, ProviderId, PushProvider};
use crate::token::Token;

/// Reports every call with `tracing`: one span, one event, one set of numbers.
///
/// | what | target | level | fields |
/// |---|---|---|---|
/// | span `push` around the call | `sealpush::push` | `DEBUG` | `provider`, `token`, `octets`, `ttl`, `urgency`, `topic` |
/// | event at its end | `sealpush::push` | accepted, dropped: `DEBUG`; `Expired`: `INFO`; else `WARN` | those of the span, `outcome`, `kind`, `status`, `retry_after_ms`, `elapsed_ms` |
/// | event at its end | `sealpush::metrics` | `DEBUG` | `provider`, `outcome`, `kind`, `monotonic_counter.sealpush_pushes`, `histogram.sealpush_push_ms` |
///
/// | field | is |
/// |---|---|
/// | `provider` | the provider's name |
/// | `token` | [`Token::fingerprint`], for this process only |
/// | `octets` | length of the sealed body |
/// | `ttl` | seconds |
/// | `urgency` | as in RFC 8030 §5.3 |
/// | `topic` | whether there is one; its name may mean something |
/// | `outcome` | `accepted`, `refused` (known not to be accepted), `unknown`, `dropped` (by the caller) |
/// | `kind` | [`ErrorKind::as_str`], absent when accepted or dropped |
/// | `status` | HTTP status of a refusal, where there is one |
/// | `retry_after_ms` | what the push service asked for, where it did |
/// | `elapsed_ms` | milliseconds, with a fraction |
///
/// These names do not change within a major version. None of them holds a secret, and the text of
/// an error is not among them: a backend that is careless with it cannot leak through here.
///
/// The last event is the hook for counters: `tracing-opentelemetry`'s `MetricsLayer` turns it into
/// the counter `sealpush_pushes` and the histogram `sealpush_push_ms`, with the three other fields,
/// which take few values, as attributes. So nothing here depends on a metrics library, and an
/// application without one pays for a disabled event.
///
/// `Trace` outside [`Retry`](super::Retry) reports what the application gets; inside, every
/// attempt.
#[derive(Clone, Debug)]
pub struct Trace<P> {
    inner: P,
}

impl<P: PushProvider> Trace<P> {
    /// Reports the calls of `inner`.
    #[must_use]
    pub fn new(inner: P) -> Self {
        Self { inner }
    }
}

#[async_trait]
impl<P: PushProvider> PushProvider for Trace<P> {
    fn id(&self) -> ProviderId {
        self.inner.id()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn send(&self, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        let call = Call::begin(token, message);
        let result = call.watch(self.inner.send(token, message)).await;
        call.end(&result);
        result
    }
}

/// A call under way, which reports itself when it is dropped before its end.
#[derive(Debug)]
pub(crate) struct Call {
    token: Token,
    message: SealedMessage,
    span: Span,
    started: Instant,
    ended: bool,
}

impl Call {
    pub(crate) fn begin(token: &Token, message: &SealedMessage) -> Self {
        let span = debug_span!(
            target: "sealpush::push",
            "push",
            provider = token.provider().as_str(),
            token = %token.fingerprint(),
            octets = message.body().len(),
            ttl = message.ttl().as_secs(),
            urgency = message.urgency().as_str(),
            topic = message.topic().is_some(),
        );
        let (token, message) = (token.clone(), message.clone());
        Self { token, message, span, started: Instant::now(), ended: false }
    }

    /// Puts an attempt into the span of the call.
    pub(crate) fn watch<F: Future>(&self, attempt: F) -> impl Future<Output = F::Output> {
        attempt.instrument(self.span.clone())
    }

    pub(crate) fn end(mut self, result: &Result<Accepted>) {
        self.ended = true;
        let Err(error) = result else { return self.report(Level::DEBUG, "accepted", &Facts::NONE) };
        let level = match error.kind() {
            // A subscription that ended is part of every day.
            ErrorKind::Expired => Level::INFO,
            _ => Level::WARN,
        };
        let facts = Facts {
            kind: Some(error.kind()),
            status: error.status(),
            retry_after_ms: error
                .retry_after()
                .map(|delay| u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)),
        };
        self.report(level, if error.is_outcome_known() { "refused" } else { "unknown" }, &facts);
    }

    fn report(&self, level: Level, outcome: &'static str, facts: &Facts) {
        let elapsed_ms = self.started.elapsed().as_secs_f64() * 1000.0;
        let kind = facts.kind.map(ErrorKind::as_str);

        // The level of an event must be a constant.
        macro_rules! event_at {
            ($level:expr) => {
                event!(
                    target: "sealpush::push",
                    $level,
                    provider = self.token.provider().as_str(),
                    token = %self.token.fingerprint(),
                    octets = self.message.body().len(),
                    ttl = self.message.ttl().as_secs(),
                    urgency = self.message.urgency().as_str(),
                    topic = self.message.topic().is_some(),
                    outcome,
                    kind,
                    status = facts.status,
                    retry_after_ms = facts.retry_after_ms,
                    elapsed_ms,
                )
            };
        }
        match level {
            Level::WARN => event_at!(Level::WARN),
            Level::INFO => event_at!(Level::INFO),
            _ => event_at!(Level::DEBUG),
        }
        debug!(
            target: "sealpush::metrics",
            provider = self.token.provider().as_str(),
            outcome,
            kind,
            monotonic_counter.sealpush_pushes = 1_u64,
            histogram.sealpush_push_ms = elapsed_ms,
        );
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.ended {
            self.report(Level::DEBUG, "dropped", &Facts::NONE);
        }
    }
}

/// What is known of a refusal.
struct Facts {
    kind: Option<ErrorKind>,
    status: Option<u16>,
    retry_after_ms: Option<u64>,
}

impl Facts {
    const NONE: Self = Self { kind: None, status: None, retry_after_ms: None };
}
