//! A provider whose answers and delays a test decides, on tokio's paused clock.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use sealpush::{
    Accepted, Capabilities, Error, ErrorKind, ProviderId, PushProvider, Result, SealedMessage,
    Token,
};
use tokio::time::{Instant, sleep};

/// Answers as a function says, after a delay.
#[derive(Clone)]
pub(crate) struct Scripted {
    id: ProviderId,
    capabilities: Capabilities,
    answer: Arc<dyn Fn(&Attempt) -> Answer + Send + Sync>,
    attempts: Arc<Mutex<Vec<Attempt>>>,
    under_way: Arc<AtomicUsize>,
    most_under_way: Arc<AtomicUsize>,
}

impl Scripted {
    pub(crate) fn new(answer: impl Fn(&Attempt) -> Answer + Send + Sync + 'static) -> Self {
        Self {
            id: ProviderId::from_static("webpush"),
            capabilities: Capabilities::new(4096).with_ttl().with_urgency().with_topic(),
            answer: Arc::new(answer),
            attempts: Arc::default(),
            under_way: Arc::default(),
            most_under_way: Arc::default(),
        }
    }

    /// Accepts everything at once.
    pub(crate) fn accepting() -> Self {
        Self::new(|_| Answer::accept())
    }

    /// Refuses everything at once.
    pub(crate) fn refusing(kind: ErrorKind) -> Self {
        Self::new(move |_| Answer::refuse(kind))
    }

    pub(crate) fn with_id(mut self, id: &'static str) -> Self {
        self.id = ProviderId::from_static(id);
        self
    }

    pub(crate) fn with_capabilities(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// Every attempt so far, oldest first.
    pub(crate) fn attempts(&self) -> Vec<Attempt> {
        self.attempts.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.attempts.lock().unwrap().len()
    }

    pub(crate) fn under_way(&self) -> usize {
        self.under_way.load(Ordering::SeqCst)
    }

    /// Most attempts that were under way at once.
    pub(crate) fn most_under_way(&self) -> usize {
        self.most_under_way.load(Ordering::SeqCst)
    }
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripted").field("id", &self.id).finish_non_exhaustive()
    }
}

#[async_trait]
impl PushProvider for Scripted {
    fn id(&self) -> ProviderId {
        self.id.clone()
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    async fn send(&self, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        token.require(&self.id)?;
        self.capabilities.check(message)?;
        let attempt = {
            let mut attempts = self.attempts.lock().unwrap();
            let attempt = Attempt {
                number: attempts.len(),
                at: Instant::now(),
                token: token.clone(),
                message: message.clone(),
            };
            attempts.push(attempt.clone());
            attempt
        };
        let _guard = UnderWay::enter(self);
        let answer = (self.answer)(&attempt);
        match answer.delay {
            Some(delay) if delay.is_zero() => {}
            Some(delay) => sleep(delay).await,
            None => std::future::pending().await,
        }
        answer.result.map(|()| Accepted::new(self.id.clone()))
    }
}

/// One call of [`PushProvider::send`].
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) number: usize,
    pub(crate) at: Instant,
    pub(crate) token: Token,
    pub(crate) message: SealedMessage,
}

impl Attempt {
    pub(crate) fn host(&self) -> &str {
        let endpoint = self.token.expose("endpoint").unwrap();
        endpoint.split('/').nth(2).unwrap()
    }

    /// The number of the token.
    pub(crate) fn name(&self) -> usize {
        let endpoint = self.token.expose("endpoint").unwrap();
        endpoint.rsplit('/').next().unwrap().parse().unwrap()
    }
}

/// What an attempt comes to, and when.
pub(crate) struct Answer {
    result: Result<()>,
    delay: Option<Duration>,
}

impl Answer {
    pub(crate) fn accept() -> Self {
        Self { result: Ok(()), delay: Some(Duration::ZERO) }
    }

    pub(crate) fn refuse(kind: ErrorKind) -> Self {
        Self::error(Error::new(kind, "refused by the script"))
    }

    pub(crate) fn error(error: Error) -> Self {
        Self { result: Err(error), delay: Some(Duration::ZERO) }
    }

    pub(crate) fn hang() -> Self {
        Self { result: Ok(()), delay: None }
    }

    pub(crate) fn after(mut self, delay: Duration) -> Self {
        self.delay = Some(delay);
        self
    }
}

/// A token of provider `webpush` at a host.
pub(crate) fn token(host: &str, name: usize) -> Token {
    token_of("webpush", host, name)
}

/// A token of a provider at a host.
pub(crate) fn token_of(provider: &str, host: &str, name: usize) -> Token {
    format!(
        r#"{{"provider":"{provider}","endpoint":"https://{host}/p/{name}","keys":{{"p256dh":"{P256DH}","auth":"{AUTH}"}}}}"#
    )
    .parse()
    .unwrap()
}

const P256DH: &str =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

struct UnderWay<'a>(&'a AtomicUsize);

impl<'a> UnderWay<'a> {
    fn enter(provider: &'a Scripted) -> Self {
        let now = provider.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        provider.most_under_way.fetch_max(now, Ordering::SeqCst);
        Self(&provider.under_way)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
