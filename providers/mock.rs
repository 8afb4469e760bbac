//! A provider that sends nothing: it records what it was given and answers from a script.
//!
//! For the tests of applications. What it records is sealed, as for every provider; a test that
//! wants to read it opens it with the user agent's secret.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::seal::MAX_BODY;
use crate::{
    Accepted, Capabilities, Error, MessageId, ProviderId, PushProvider, Result, SealedMessage,
    Token,
};

/// Records every attempt and answers from a script; accepts when the script is at its end.
///
/// Clones share the record and the script.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use sealpush::providers::Mock;
/// use sealpush::{Error, ErrorKind, Message, PushProviderExt, UserAgentSecret, open};
///
/// let user_agent = UserAgentSecret::generate()?;
/// let token = Mock::token("alice", user_agent.keys().clone());
/// let mock = Mock::new();
/// mock.answer(Err(Error::new(ErrorKind::Unavailable, "try again")));
///
/// let message = Message::new("hello");
/// assert!(mock.send_encrypted(&token, &message).await.unwrap_err().is_retryable());
/// assert!(mock.send_encrypted(&token, &message).await.is_ok());
///
/// let sent = mock.sent();
/// assert_eq!(sent.len(), 2);
/// assert_eq!(open(&user_agent, sent[1].message.body())?, b"hello");
/// # Ok(()) }) }
/// ```
#[derive(Clone)]
pub struct Mock {
    id: ProviderId,
    capabilities: Capabilities,
    state: Arc<Mutex<State>>,
}

impl Mock {
    /// The provider's name in tokens, unless [`with_id`](Self::with_id) sets another.
    pub const ID: ProviderId = ProviderId::from_static("mock");

    /// A mock that can do everything a provider can and takes bodies of 4096 octets.
    #[must_use]
    pub fn new() -> Self {
        Self {
            id: Self::ID,
            capabilities: Capabilities::new(MAX_BODY).with_ttl().with_urgency().with_topic(),
            state: Arc::default(),
        }
    }

    /// Answers to another name, to stand in for a provider.
    #[must_use]
    pub fn with_id(mut self, id: ProviderId) -> Self {
        self.id = id;
        self
    }

    /// Claims other capabilities, and refuses what they do not cover.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// A token of this provider: any name, and the keys of the user agent.
    #[must_use]
    pub fn token(name: &str, keys: crate::UserAgentKeys) -> Token {
        let address = std::collections::BTreeMap::from([("name", name)]);
        Token::new(Self::ID, &address, keys).expect("a map with text keys is an address")
    }

    /// Adds an answer to the end of the script. `Ok(())` accepts.
    pub fn answer(&self, answer: Result<()>) {
        self.state().script.push_back(answer);
    }

    /// Everything that reached [`send`](PushProvider::send), refused or accepted, oldest first.
    #[must_use]
    pub fn sent(&self) -> Vec<Sent> {
        self.state().sent.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is whole after every statement, so a panic elsewhere does not spoil it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Mock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Mock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mock")
            .field("id", &self.id)
            .field("sent", &self.state().sent.len())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl PushProvider for Mock {
    fn id(&self) -> ProviderId {
        self.id.clone()
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    async fn send(&self, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        let refuse = |error: Error| error.with_provider(self.id.clone());
        token.require(&self.id).map_err(refuse)?;
        self.capabilities.check(message).map_err(refuse)?;

        let mut state = self.state();
        state.sent.push(Sent { token: token.clone(), message: message.clone() });
        let id = format!("mock-{}", state.sent.len());
        state.script.pop_front().unwrap_or(Ok(())).map_err(refuse)?;
        Ok(Accepted::new(self.id.clone()).with_message_id(MessageId::from(id)))
    }
}

/// One attempt that a [`Mock`] recorded.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Sent {
    /// The token it went to.
    pub token: Token,
    /// The sealed message.
    pub message: SealedMessage,
}

#[derive(Default)]
struct State {
    script: VecDeque<Result<()>>,
    sent: Vec<Sent>,
}
