use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use super::{Client, Inner, Limits, Route};
use crate::error::{Error, ErrorKind, Result};
use crate::pace::{Proof, Retrier, RetryPolicy};
use crate::provider::PushProvider;

/// Configures a [`Client`].
#[must_use]
pub struct ClientBuilder {
    providers: Vec<Arc<dyn PushProvider>>,
    retry: Option<RetryPolicy>,
    limits: Limits,
    trace: bool,
}

impl ClientBuilder {
    /// Adds a provider, bare or in [`layers`](crate::layers). It gets the tokens that carry its
    /// [`id`](PushProvider::id).
    pub fn provider(mut self, provider: impl PushProvider) -> Self {
        self.providers.push(Arc::new(provider));
        self
    }

    /// Repeats attempts that may succeed later. Default: one call is one attempt.
    ///
    /// Use it in place of the layer [`Retry`](crate::layers::Retry), not beside it: attempts
    /// multiply. Budgets are kept for each provider and origin.
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = Some(policy);
        self
    }

    /// Reports every message with `tracing`, as the layer [`Trace`](crate::layers::Trace) does, but
    /// outside the retries: what the application gets. Around a provider, the layer reports every
    /// attempt.
    ///
    /// In [`Client::send_many`], the time runs from a message's first attempt to its outcome, and
    /// what is refused before there was one is not reported.
    pub fn trace(mut self) -> Self {
        self.trace = true;
        self
    }

    /// Most requests under way in one [`Client::send_many`]. Default: 400.
    pub fn in_flight(mut self, requests: NonZeroUsize) -> Self {
        self.limits.in_flight = requests.get();
        self
    }

    /// Most of them to one origin. Default: 100, the number of streams that every HTTP/2 server
    /// is asked to allow on a connection (RFC 9113 §6.5.2); raise it together with the connections
    /// of the transport.
    ///
    /// Below [`in_flight`](Self::in_flight), it keeps an origin that hangs from taking every place.
    pub fn in_flight_per_origin(mut self, requests: NonZeroUsize) -> Self {
        self.limits.in_flight_per_origin = requests.get();
        self
    }

    /// Most jobs that one [`Client::send_many`] holds while they wait for their origin or for their
    /// next attempt. Default: 4096, about 8 MiB of long tokens, and what the messages take: one that
    /// is to be tried again keeps its sealed body, 4096 octets at most.
    ///
    /// When so many wait, no more are taken in. One origin's jobs take an eighth at most, those of
    /// all newcomers a quarter: see [`SendMany`](super::SendMany).
    pub fn queue(mut self, jobs: NonZeroUsize) -> Self {
        self.limits.queue = jobs.get();
        self
    }

    /// Builds the client.
    ///
    /// # Errors
    ///
    /// `Configuration` when there is no provider, or two of one name:
    /// [`Failover`](crate::layers::Failover) makes one of several accounts.
    pub fn build(self) -> Result<Client> {
        let mut routes = HashMap::new();
        for provider in self.providers {
            let Entry::Vacant(place) = routes.entry(provider.id()) else {
                return Err(Error::new(
                    ErrorKind::Configuration,
                    format!("two providers are named '{}'", provider.id()),
                ));
            };
            let retrier = self.retry.clone().map(|p| Retrier::new(p, provider.capabilities()));
            place.insert(Arc::new(Route { provider, retrier }));
        }
        if routes.is_empty() {
            return Err(Error::new(ErrorKind::Configuration, "the client has no provider"));
        }
        let Self { limits, trace, .. } = self;
        Ok(Client(Arc::new(Inner { routes, limits, trace, proof: Proof::new() })))
    }
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            providers: Vec::new(),
            retry: None,
            limits: Limits { in_flight: 400, in_flight_per_origin: 100, queue: 4096 },
            trace: false,
        }
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("providers", &self.providers)
            .field("retry", &self.retry)
            .field("limits", &self.limits)
            .field("trace", &self.trace)
            .finish()
    }
}
