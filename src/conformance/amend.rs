//! A harness with some of its methods replaced.

use std::fmt;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};

use super::harness::{Credentials, Harness};
use super::scenario::{Failure, Scenario};
use super::secret::Secret;
use super::vendor::Vendor;
use super::wire::Wire;
use crate::{PushProvider, Token, Ttl, Urgency, UserAgentKeys};

/// Puts a layer around the provider of a harness, so that the kit proves both together.
///
/// ```
/// # fn example(harness: impl sealpush::conformance::Harness) {
/// use std::sync::Arc;
/// use std::time::Duration;
/// use sealpush::conformance::{behind, run};
/// use sealpush::layers::Timeout;
///
/// let timeout = |provider| Arc::new(Timeout::new(provider, Duration::from_secs(30))) as _;
/// let report = run(behind(harness, timeout));
/// # }
/// ```
pub fn behind<H, W>(harness: H, wrap: W) -> Amended<H>
where
    H: Harness,
    W: Fn(Arc<dyn PushProvider>) -> Arc<dyn PushProvider> + Send + Sync + 'static,
{
    amend(harness).with_provider(move |harness, vendor| wrap(harness.provider(vendor)))
}

/// Starts from a harness whose methods can be replaced one by one.
///
/// ```
/// # fn example(harness: impl sealpush::conformance::Harness) {
/// use sealpush::conformance::{Harness, Scenario, amend, run};
///
/// // A deployment whose push service also closes with 404.
/// let report = run(amend(harness).with_dead_statuses(|_| &[404, 410]));
/// # }
/// ```
pub fn amend<H: Harness>(harness: H) -> Amended<H> {
    Amended::new(harness)
}

macro_rules! amended {
    ($($name:ident, $with:ident($($argument:ident: $type:ty),*) -> $answer:ty;)+) => {
        /// A harness with some of its methods replaced; see [`amend`] and [`behind`].
        ///
        /// Each replacement gets the harness as it was first, and then what the method gets.
        pub struct Amended<H> {
            harness: H,
            $($name: Option<Replacement<dyn Fn(&H $(, $type)*) -> $answer + Send + Sync>>,)+
        }

        impl<H: Harness> Amended<H> {
            fn new(harness: H) -> Self {
                Self { harness, $($name: None,)+ }
            }

            $(
                #[doc = concat!("Replaces [`Harness::", stringify!($name), "`].")]
                #[must_use]
                pub fn $with(
                    mut self,
                    replacement: impl Fn(&H $(, $type)*) -> $answer + Send + Sync + 'static,
                ) -> Self {
                    self.$name = Some(Box::new(replacement));
                    self
                }
            )+
        }

        // A method that is left out here would answer for the harness instead of it.
        #[deny(clippy::missing_trait_methods)]
        impl<H: Harness> Harness for Amended<H> {
            $(
                fn $name(&self $(, $argument: $type)*) -> $answer {
                    match &self.$name {
                        Some(replacement) => replacement(&self.harness $(, $argument)*),
                        None => self.harness.$name($($argument),*),
                    }
                }
            )+
        }
    };
}

amended! {
    provider, with_provider(vendor: &Vendor) -> Arc<dyn PushProvider>;
    token, with_token(vendor: &Vendor, name: &str, keys: UserAgentKeys) -> Token;
    answers, with_answers(scenario: Scenario) -> Vec<Response<Bytes>>;
    body, with_body(request: &Request<Bytes>) -> Option<Bytes>;
    wire, with_wire() -> Wire;
    dead_statuses, with_dead_statuses() -> &[u16];
    credentials, with_credentials() -> Credentials;
    credential, with_credential(request: &Request<Bytes>) -> Option<Bytes>;
    takes, with_takes(vendor: &Vendor, credential: &[u8]) -> bool;
    mint, with_mint(request: &Request<Bytes>, nth: usize) -> Option<Response<Bytes>>;
    secrets, with_secrets() -> Vec<Secret>;
    malformed, with_malformed(vendor: &Vendor, keys: UserAgentKeys) -> Vec<Token>;
    checks_addresses, with_checks_addresses() -> bool;
    idempotency_key, with_idempotency_key(request: &Request<Bytes>) -> Option<String>;
    repeats, with_repeats() -> bool;
    origin, with_origin() -> &str;
    real_time, with_real_time() -> bool;
    least_age, with_least_age() -> Duration;
    provoke, with_provoke(vendor: &Vendor, failure: Failure) -> bool;
    refusal, with_refusal(vendor: &Vendor, request: &Request<Bytes>) -> Option<String>;
    reaches, with_reaches(vendor: &Vendor, request: &Request<Bytes>, token: &Token) -> Option<bool>;
    ttl, with_ttl(vendor: &Vendor, request: &Request<Bytes>) -> Option<Ttl>;
    urgency, with_urgency(request: &Request<Bytes>) -> Option<Urgency>;
    urgencies, with_urgencies() -> &[Urgency];
    topic, with_topic(request: &Request<Bytes>) -> Option<String>;
    message_id, with_message_id(response: &Response<Bytes>) -> Option<String>;
    unpack, with_unpack(request: &Request<Bytes>) -> Vec<Request<Bytes>>;
    pack, with_pack(answers: Vec<Response<Bytes>>) -> Option<Response<Bytes>>;
    patience, with_patience() -> Duration;
    again, with_again() -> Option<Command>;
    arrived, with_arrived(vendor: &Vendor) -> Vec<Bytes>;
}

impl<H: Harness> Amended<H> {
    /// Says that the layer repeats attempts, as `Retry` does.
    #[must_use]
    pub fn repeating(self) -> Self {
        self.with_repeats(|_| true)
    }
}

impl<H> fmt::Debug for Amended<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Amended").finish_non_exhaustive()
    }
}

type Replacement<F> = Box<F>;
