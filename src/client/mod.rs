//! Many providers behind one door, one message or a million.
//!
//! A [`Client`] finds the provider of a token, seals, sends, and, when it is asked to, retries. It
//! keeps no token and no message: what is to be delivered later belongs into an outbox.

mod builder;
mod fan_out;
mod first;
mod job;
mod lanes;
mod state;
mod summary;
mod worker;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use futures_util::{Stream, stream};

pub use self::builder::ClientBuilder;
pub use self::fan_out::SendMany;
pub use self::first::SendFirst;
pub use self::job::{Drained, Job, Payload};
pub use self::summary::Summary;
use crate::error::{Error, ErrorKind, Result};
use crate::layers::Call;
use crate::message::{Message, SealedMessage};
use crate::pace::{Origin, Proof, Retrier};
use crate::provider::{Accepted, Capabilities, ProviderId, PushProvider};
use crate::token::Token;

/// Sends to the provider that a token belongs to.
///
/// Cloning is cheap; the clones share the providers and the retry budgets.
///
/// Every call may be dropped at any await and leaves the client whole. A request that was under way
/// then may have been accepted.
///
/// ```
/// # #[cfg(feature = "mock")]
/// # async fn example(token: sealpush::Token) -> sealpush::Result<()> {
/// use sealpush::layers::RetryPolicy;
/// use sealpush::{Client, Message, providers::Mock};
///
/// let client = Client::builder().provider(Mock::new()).retry(RetryPolicy::default()).build()?;
/// let accepted = client.send_encrypted(&token, &Message::new("hello")).await?;
/// assert_eq!(accepted.provider, Mock::ID);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Client(Arc<Inner>);

impl Client {
    /// Starts with no provider and no retries.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Sends a message that was sealed elsewhere.
    ///
    /// # Errors
    ///
    /// `TokenMismatch` when no provider has the token's name; otherwise what the provider answers
    /// to the last attempt.
    pub async fn send(&self, token: &Token, message: &SealedMessage) -> Result<Accepted> {
        let route = self.route(token)?;
        let send = async {
            match &route.retrier {
                Some(retrier) => retrier.send(&*route.provider, token, message).await,
                None => route.provider.as_ref().send(token, message).await,
            }
        };
        let result = if self.0.trace {
            let call = Call::begin(token, message);
            let result = call.watch(send).await;
            call.end(&result);
            result
        } else {
            send.await
        };
        if result.is_ok() {
            self.0.proof.give(&Origin::of(token));
        }
        result
    }

    /// Seals a message for the user agent of the token, once, and sends it.
    ///
    /// # Errors
    ///
    /// `TokenMismatch` when no provider has the token's name, `PayloadTooLarge` when the message
    /// does not fit, both before anything is sent; otherwise what the provider answers to the last
    /// attempt.
    pub async fn send_encrypted(&self, token: &Token, message: &Message) -> Result<Accepted> {
        let sealed = self.seal(token, message)?;
        self.send(token, &sealed).await
    }

    /// Seals a message for the user agent of the token, as large as its provider allows, to be sent
    /// later.
    ///
    /// # Errors
    ///
    /// `TokenMismatch` when no provider has the token's name, `PayloadTooLarge` when the message
    /// does not fit, `Unavailable` when the operating system has no randomness.
    pub fn seal(&self, token: &Token, message: &Message) -> Result<SealedMessage> {
        self.route(token)?.seal(token, message)
    }

    /// Sends many messages: a stream of [jobs](Job) in, a stream of outcomes out, each with the key
    /// that the caller gave it, as they finish. See [`SendMany`].
    ///
    /// What is at hand as a list goes to [`send_all`](Self::send_all).
    ///
    /// ```
    /// # #[cfg(feature = "mock")]
    /// # async fn example(client: sealpush::Client, users: Vec<(u64, sealpush::Token)>) {
    /// use futures_util::{StreamExt, stream};
    /// use sealpush::Message;
    ///
    /// let message = Message::new("hello");
    /// let jobs = stream::iter(users).map(|(user, token)| (user, token, message.clone()));
    /// let mut outcomes = client.send_many(jobs);
    /// while let Some((user, outcome)) = outcomes.next().await {
    ///     if outcome.is_err_and(|error| error.is_token_dead()) {
    ///         println!("forget the token of user {user}");
    ///     }
    /// }
    /// # }
    /// ```
    pub fn send_many<K, S>(&self, jobs: S) -> SendMany<K, S>
    where
        K: Send + 'static,
        S: Stream<Item: Into<Job<K>>>,
    {
        SendMany::new(self.clone(), jobs)
    }

    /// As [`send_many`](Self::send_many), with jobs from a list or any other iterator.
    ///
    /// ```
    /// # #[cfg(feature = "mock")]
    /// # async fn example(client: sealpush::Client, tokens: Vec<sealpush::Token>) {
    /// use sealpush::Message;
    ///
    /// let message = Message::new("hello");
    /// let jobs = tokens.into_iter().enumerate().map(|(n, token)| (n, token, message.clone()));
    /// println!("{}", client.send_all(jobs).summary().await);
    /// # }
    /// ```
    pub fn send_all<K, I>(&self, jobs: I) -> SendMany<K, stream::Iter<I::IntoIter>>
    where
        K: Send + 'static,
        I: IntoIterator<Item: Into<Job<K>>>,
    {
        self.send_many(stream::iter(jobs))
    }

    /// Sends to the first of a person's tokens that takes the message. See [`SendFirst`].
    pub async fn send_first(&self, tokens: &[Token], message: &Message) -> SendFirst {
        first::send(self, tokens, message).await
    }

    /// What the push service of this token can do; `None` when no provider has the token's name.
    #[must_use]
    pub fn capabilities(&self, token: &Token) -> Option<Capabilities> {
        Some(self.0.routes.get(token.provider())?.provider.capabilities())
    }

    /// How many parcels a worker of the outbox holds in all, and in one lane: enough that requests
    /// do not wait for the store, and no more, because all of them are in doubt when it dies.
    #[cfg(feature = "outbox")]
    pub(crate) fn parcels_in_hand(&self) -> (usize, usize) {
        let Limits { in_flight, in_flight_per_origin, queue } = self.0.limits;
        let all = in_flight.saturating_mul(8).min(queue / 2).max(1);
        (all, (all / 4).min(in_flight_per_origin.saturating_mul(4)).max(1))
    }

    fn route(&self, token: &Token) -> Result<&Arc<Route>> {
        self.0.routes.get(token.provider()).ok_or_else(|| {
            Error::new(
                ErrorKind::TokenMismatch,
                format!("this client has no provider '{}'", token.provider()),
            )
        })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("providers", &self.0.routes.values().map(|r| &r.provider).collect::<Vec<_>>())
            .field("limits", &self.0.limits)
            .field("trace", &self.0.trace)
            .finish_non_exhaustive()
    }
}

struct Inner {
    routes: HashMap<ProviderId, Arc<Route>>,
    limits: Limits,
    trace: bool,
    proof: Proof,
}

struct Route {
    provider: Arc<dyn PushProvider>,
    retrier: Option<Retrier>,
}

impl Route {
    fn seal(&self, token: &Token, message: &Message) -> Result<SealedMessage> {
        message
            .seal(token.keys(), self.provider.capabilities().max_body)
            .map_err(|error| error.with_provider(token.provider().clone()))
    }
}

/// Bounds of [`Client::send_many`]; see [`ClientBuilder`].
#[derive(Clone, Copy, Debug)]
struct Limits {
    in_flight: usize,
    in_flight_per_origin: usize,
    queue: usize,
}

impl Limits {
    /// Most jobs of one origin that wait. Below the whole, so that an origin that hangs leaves room
    /// for others.
    fn queue_per_origin(&self) -> usize {
        (self.queue / 8).max(1)
    }

    /// Most jobs of newcomers that wait, all together.
    fn newcomers_queue(&self) -> usize {
        (self.queue / 4).max(1)
    }

    /// Most requests to newcomers under way, all together.
    fn newcomers(&self) -> usize {
        (self.in_flight / 4).max(1)
    }

    /// Those of them that are given out in turn.
    fn newcomers_in_turn(&self) -> usize {
        self.newcomers().div_ceil(2)
    }
}
